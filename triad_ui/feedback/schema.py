"""The tables of sessions.db as SQLAlchemy models, and the name of each schema version.

Times are seconds since the epoch, UTC. `number` orders rows as they were written, so a clock that
jumps cannot reorder a history; `id` is opaque and the only thing that leaves this room.
Knows nothing of the records that the rows are made from; see rows.py. A change here needs a new
file in migrations/versions and a new last entry in REVISIONS (tests/feedback/test_migrate.py).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

REVISIONS = ("0001", "0002")
"""Every schema version there has been, oldest first; the last one is what this program writes."""


class Row(DeclarativeBase):
    """What all tables share: named constraints, which SQLite's table rebuilds need."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it off the class
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        bytes: LargeBinary,
    }


class ImageRow(Row):
    """One page of a stored original as it was decoded. Its bytes are in the image store."""

    __tablename__ = "images"
    __table_args__ = (UniqueConstraint("sha256", "page", "width", "height", "mode", "pages"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    page: Mapped[int]
    pages: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    mode: Mapped[str]
    created: Mapped[float]


class ProcessRow(Row):
    """A manufacturing process as it was read or saved. digest: SHA-256 of all of its content.

    saved: True for what a person saved here, which alone makes up the library of saved versions;
    False for a snapshot of a shipped or pasted process that some case was inspected with.
    """

    __tablename__ = "process_versions"
    __table_args__ = (
        Index(
            "uq_process_versions_saved",
            "name",
            "version",
            unique=True,
            sqlite_where=text("saved"),
            postgresql_where=text("saved"),
        ),
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    version: Mapped[int]
    source: Mapped[str]
    saved: Mapped[bool]
    product: Mapped[str]
    plural: Mapped[str]
    steps: Mapped[list[Any]]
    created: Mapped[float]


class CaseRow(Row):
    """An inspection. revision: the number of its current regions in case_regions.

    kinds: [kind, similarity] of its anomaly map. threshold: the product's that the map was put to.
    """

    __tablename__ = "cases"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    created: Mapped[float]
    product: Mapped[str]
    process_number: Mapped[int | None] = mapped_column(ForeignKey("process_versions.number"))
    expert: Mapped[str]
    score: Mapped[float]
    calibrated: Mapped[bool]
    basis: Mapped[str]
    revision: Mapped[int]
    timings: Mapped[dict[str, Any]]
    kinds: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    threshold: Mapped[float] = mapped_column(server_default=text("0.5"))

    process: Mapped[ProcessRow | None] = relationship()
    images: Mapped[list[CaseImageRow]] = relationship(order_by="CaseImageRow.position")
    anomaly_map: Mapped[AnomalyMapRow] = relationship()
    regions: Mapped[list[RegionsRow]] = relationship(order_by="RegionsRow.revision")
    turns: Mapped[list[TurnRow]] = relationship(order_by="TurnRow.number")
    corrections: Mapped[list[CorrectionRow]] = relationship(order_by="CorrectionRow.number")


class CaseImageRow(Row):
    """An image of a case. position: 0 is the query, 1, 2, ... are its references in order."""

    __tablename__ = "case_images"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    image_number: Mapped[int] = mapped_column(ForeignKey("images.number"))
    name: Mapped[str]
    window_low: Mapped[float | None]
    window_high: Mapped[float | None]

    image: Mapped[ImageRow] = relationship()


class AnomalyMapRow(Row):
    """The map of a case, apart from it so that listing cases never reads it.

    data: zlib of little-endian float32, row by row.
    """

    __tablename__ = "anomaly_maps"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    height: Mapped[int]
    width: Mapped[int]
    data: Mapped[bytes]


class RegionsRow(Row):
    """The regions of a case as they stood from one edit to the next, with the verdict on them.

    Rows are added, never changed but for the verdict: earlier regions and verdicts stay.
    """

    __tablename__ = "case_regions"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    created: Mapped[float]
    policy: Mapped[str]
    rois: Mapped[list[Any]]
    verdict_label: Mapped[str | None]
    p_defective: Mapped[float | None]
    location: Mapped[str | None]
    step: Mapped[int | None]
    kind: Mapped[str | None]


class TurnRow(Row):
    """A question, its answer so far, and all that is needed to ask it again."""

    __tablename__ = "turns"
    __table_args__ = (
        UniqueConstraint("case_id", "id"),
        Index("ix_turns_state", "state", sqlite_where=text("state = 'streaming'")),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    created: Mapped[float]
    updated: Mapped[float]
    question: Mapped[str]
    answer: Mapped[str]
    state: Mapped[str]
    verdict: Mapped[dict[str, Any] | None]
    rois: Mapped[list[Any]]
    prompt: Mapped[str]
    engine: Mapped[str]
    seed: Mapped[int] = mapped_column(BigInteger)
    visual_tokens: Mapped[int]
    timings: Mapped[dict[str, Any]]
    error: Mapped[str]


class CorrectionRow(Row):
    """What a person said; added, never changed. key: one submission, however often it arrives."""

    __tablename__ = "corrections"
    __table_args__ = (
        UniqueConstraint("case_id", "key"),
        # Both columns: a correction cannot point to a turn of another case.
        ForeignKeyConstraint(
            ["case_id", "turn_id"], ["turns.case_id", "turns.id"], name="fk_corrections_turn"
        ),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    turn_id: Mapped[str | None]
    key: Mapped[str | None]
    created: Mapped[float]
    author: Mapped[str]
    agrees: Mapped[bool]
    label: Mapped[str | None]
    location: Mapped[str | None]
    step: Mapped[int | None]
    kind: Mapped[str]
    answer: Mapped[str]
    rois: Mapped[list[Any] | None]
    note: Mapped[str]


class ProductExpertRow(Row):
    """How an expert is set for a product; rows are added, never changed, and the newest counts.

    threshold: 0..1 on the expert's own scale. scale_*: raw distances that count as 0.5, or nothing.
    escape, overkill: expected at the threshold when it was chosen, from `good` and `bad` pictures,
    whose scores ({"good": [...], "bad": [...]}) by the expert `measured_with` are kept as well.
    """

    __tablename__ = "product_experts"
    __table_args__ = (Index("ix_product_experts_product", "product", "expert"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    product: Mapped[str]
    expert: Mapped[str]
    threshold: Mapped[float]
    scale_place: Mapped[float | None]
    scale_image: Mapped[float | None]
    escape: Mapped[float | None]
    overkill: Mapped[float | None]
    good: Mapped[int]
    bad: Mapped[int]
    scores: Mapped[dict[str, Any] | None]
    measured_with: Mapped[str]
    author: Mapped[str]
    created: Mapped[float]


class DefectDescriptionRow(Row):
    """How a defect of a product looks, in words. removed: since when it does not count."""

    __tablename__ = "defect_descriptions"
    __table_args__ = (Index("ix_defect_descriptions_product", "product"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    product: Mapped[str]
    kind: Mapped[str]
    text: Mapped[str]
    source: Mapped[str]
    author: Mapped[str]
    created: Mapped[float]
    removed: Mapped[float | None]


class PoolImageRow(Row):
    """An unlabelled picture in a product's pool. removed: since when it is not in it."""

    __tablename__ = "pool_images"
    __table_args__ = (UniqueConstraint("product", "image_number"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    product: Mapped[str]
    image_number: Mapped[int] = mapped_column(ForeignKey("images.number"))
    name: Mapped[str]
    window_low: Mapped[float | None]
    window_high: Mapped[float | None]
    created: Mapped[float]
    removed: Mapped[float | None]

    image: Mapped[ImageRow] = relationship()
