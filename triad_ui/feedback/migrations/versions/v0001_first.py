"""The first schema: images, processes, cases with maps and regions, turns, corrections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "images",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_images"),
        sa.UniqueConstraint(
            "sha256", "page", "width", "height", "mode", "pages", name="uq_images_sha256"
        ),
    )
    op.create_table(
        "process_versions",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("saved", sa.Boolean(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("plural", sa.String(), nullable=False),
        sa.Column("steps", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_process_versions"),
        sa.UniqueConstraint("digest", name="uq_process_versions_digest"),
    )
    op.create_index(
        "uq_process_versions_saved",
        "process_versions",
        ["name", "version"],
        unique=True,
        sqlite_where=sa.text("saved"),
        postgresql_where=sa.text("saved"),
    )
    op.create_table(
        "cases",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("process_number", sa.Integer(), nullable=True),
        sa.Column("expert", sa.String(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("calibrated", sa.Boolean(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("timings", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["process_number"], ["process_versions.number"], name="fk_cases_process_number"
        ),
        sa.PrimaryKeyConstraint("number", name="pk_cases"),
        sa.UniqueConstraint("id", name="uq_cases_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "anomaly_maps",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_anomaly_maps_case_id"),
        sa.PrimaryKeyConstraint("case_id", name="pk_anomaly_maps"),
    )
    op.create_table(
        "case_images",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("image_number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("window_low", sa.Double(), nullable=True),
        sa.Column("window_high", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_images_case_id"),
        sa.ForeignKeyConstraint(
            ["image_number"], ["images.number"], name="fk_case_images_image_number"
        ),
        sa.PrimaryKeyConstraint("case_id", "position", name="pk_case_images"),
    )
    op.create_table(
        "case_regions",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("rois", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("verdict_label", sa.String(), nullable=True),
        sa.Column("p_defective", sa.Double(), nullable=True),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_regions_case_id"),
        sa.PrimaryKeyConstraint("case_id", "revision", name="pk_case_regions"),
    )
    op.create_table(
        "turns",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("verdict", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("rois", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("prompt", sa.String(), nullable=False),
        sa.Column("engine", sa.String(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("visual_tokens", sa.Integer(), nullable=False),
        sa.Column("timings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_turns_case_id"),
        sa.PrimaryKeyConstraint("number", name="pk_turns"),
        sa.UniqueConstraint("case_id", "id", name="uq_turns_case_id"),
        sa.UniqueConstraint("id", name="uq_turns_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_turns_state",
        "turns",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state = 'streaming'"),
    )
    op.create_table(
        "corrections",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("turn_id", sa.String(), nullable=True),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("rois", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id", "turn_id"], ["turns.case_id", "turns.id"], name="fk_corrections_turn"
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_corrections_case_id"),
        sa.PrimaryKeyConstraint("number", name="pk_corrections"),
        sa.UniqueConstraint("case_id", "key", name="uq_corrections_case_id"),
        sa.UniqueConstraint("id", name="uq_corrections_id"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    raise NotImplementedError("Older schemas are restored from the backup made before upgrading.")
