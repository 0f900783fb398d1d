"""What is set and known of a product: thresholds and scales, defect descriptions, pools.

Cases also keep the kinds of defect that their map named and the threshold that it was put to.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Rebuilt, since a column added to a table in place would stand behind its constraints.
    with op.batch_alter_table(
        "cases", recreate="always", table_kwargs={"sqlite_autoincrement": True}
    ) as cases:
        kinds = sa.Column(
            "kinds",
            sa.JSON(none_as_null=True),
            nullable=False,
            server_default=sa.text("'[]'"),
        )
        cases.add_column(kinds)
        threshold = sa.Column(
            "threshold", sa.Double(), nullable=False, server_default=sa.text("0.5")
        )
        cases.add_column(threshold)
    op.create_table(
        "product_experts",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("expert", sa.String(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("scale_place", sa.Double(), nullable=True),
        sa.Column("scale_image", sa.Double(), nullable=True),
        sa.Column("escape", sa.Double(), nullable=True),
        sa.Column("overkill", sa.Double(), nullable=True),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("scores", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("measured_with", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_product_experts"),
    )
    op.create_index("ix_product_experts_product", "product_experts", ["product", "expert"])
    op.create_table(
        "defect_descriptions",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("removed", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_defect_descriptions"),
        sa.UniqueConstraint("id", name="uq_defect_descriptions_id"),
    )
    op.create_index("ix_defect_descriptions_product", "defect_descriptions", ["product"])
    op.create_table(
        "pool_images",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("image_number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("window_low", sa.Double(), nullable=True),
        sa.Column("window_high", sa.Double(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("removed", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["image_number"], ["images.number"], name="fk_pool_images_image_number"
        ),
        sa.PrimaryKeyConstraint("number", name="pk_pool_images"),
        sa.UniqueConstraint("product", "image_number", name="uq_pool_images_product"),
    )


def downgrade() -> None:
    raise NotImplementedError("Older schemas are restored from the backup made before upgrading.")
