"""What is kept of products: how experts are set for them, how defects look, unlabelled pools.

A method is one transaction. Settings are added and never changed; descriptions and pool pictures
that are taken away stay in the database and can be brought back.
Knows nothing of what a threshold does, nor of pixels.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session as DbSession

from triad_ui.errors import NotFound
from triad_ui.feedback import rows
from triad_ui.feedback.case_rows import image_row
from triad_ui.feedback.database import Database
from triad_ui.feedback.product_rows import (
    defect_record,
    settings_columns,
    settings_record,
)
from triad_ui.feedback.schema import (
    CaseRow,
    DefectDescriptionRow,
    PoolImageRow,
    ProductExpertRow,
)
from triad_ui.feedback.told_cases import told_cases
from triad_ui.records import (
    DefectDescription,
    ImageRecord,
    KnownDefect,
    ProductSettings,
    ToldCase,
)


class ProductStore:
    """The products of one database. Names of products are taken as they are given."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def products(self) -> tuple[str, ...]:
        """Every product that was inspected or that anything is kept of, by name."""

        def work(db: DbSession) -> tuple[str, ...]:
            tables = (CaseRow, ProductExpertRow, DefectDescriptionRow, PoolImageRow)
            found = {name for table in tables for name in db.scalars(select(table.product))}
            return tuple(sorted(found))

        return self._database.read(work)

    # -- how experts are set --------------------------------------------------------------------

    def settings(self, product: str, expert: str) -> ProductSettings | None:
        """The newest settings, None when nobody has set any. Raises StoreError."""
        history = self.settings_history(product, expert, limit=1)
        return history[0] if history else None

    def settings_history(
        self, product: str, expert: str, limit: int = 50
    ) -> tuple[ProductSettings, ...]:
        """Every setting there has been, newest first."""
        query = (
            select(ProductExpertRow)
            .where(ProductExpertRow.product == product, ProductExpertRow.expert == expert)
            .order_by(ProductExpertRow.number.desc())
            .limit(max(0, limit))
        )
        return self._database.read(lambda db: tuple(map(settings_record, db.scalars(query))))

    def add_settings(self, settings: ProductSettings) -> ProductSettings:
        """Store settings, which count from now on; returns them as stored. Raises NotSaved."""
        columns, now = settings_columns(settings), time.time()

        def work(db: DbSession) -> ProductSettings:
            row = ProductExpertRow(**columns, created=now)
            db.add(row)
            return settings_record(row)

        return self._database.write(work)

    # -- how defects look -----------------------------------------------------------------------

    def defects(self, product: str, *, removed: bool = False) -> tuple[KnownDefect, ...]:
        """The descriptions of a product, oldest first; the removed ones instead if `removed`."""
        row = DefectDescriptionRow
        gone = row.removed.is_not(None) if removed else row.removed.is_(None)
        query = select(row).where(row.product == product, gone).order_by(row.number)
        return self._database.read(lambda db: tuple(map(defect_record, db.scalars(query))))

    def add_defects(
        self, product: str, descriptions: Sequence[DefectDescription], *, author: str = ""
    ) -> tuple[KnownDefect, ...]:
        """Store descriptions; one that is there in the same words is not stored again.

        Returns them as they are stored now. Raises NotSaved.
        """
        now, ids = time.time(), [uuid.uuid4().hex for _ in descriptions]

        def work(db: DbSession) -> tuple[KnownDefect, ...]:
            return tuple(
                defect_record(_described(db, product, each, new_id, author, now))
                for each, new_id in zip(descriptions, ids, strict=True)
            )

        return self._database.write(work)

    def edit_defect(
        self, defect_id: str, description: DefectDescription, *, author: str = ""
    ) -> KnownDefect:
        """Put another description in the place of one, which is kept as removed.

        Raises NotFound, NotSaved.
        """
        now, new_id = time.time(), uuid.uuid4().hex

        def work(db: DbSession) -> KnownDefect:
            old = _defect(db, defect_id)
            found = _described(db, old.product, description, new_id, author, now)
            if found is not old:
                old.removed = now
            return defect_record(found)

        return self._database.write(work)

    def set_removed(self, defect_id: str, removed: bool) -> KnownDefect:
        """Take a description away, or bring it back. Raises NotFound, NotSaved."""
        now = time.time()

        def work(db: DbSession) -> KnownDefect:
            row = _defect(db, defect_id)
            row.removed = (row.removed or now) if removed else None
            return defect_record(row)

        return self._database.write(work)

    # -- pools ----------------------------------------------------------------------------------

    def pool(self, product: str) -> tuple[ImageRecord, ...]:
        """The pictures of a product's pool in the order in which they came. Raises StoreError."""
        query = (
            select(PoolImageRow)
            .where(PoolImageRow.product == product, PoolImageRow.removed.is_(None))
            .order_by(PoolImageRow.number)
        )
        return self._database.read(
            lambda db: tuple(rows.image_record(row.image, row) for row in db.scalars(query))
        )

    def add_to_pool(self, product: str, records: Sequence[ImageRecord]) -> int:
        """Put pictures into a pool; how many were not in it. Raises NotSaved."""
        now = time.time()

        def work(db: DbSession) -> int:
            return sum(_pooled(db, product, record, now) for record in records)

        return self._database.write(work)

    def empty_pool(self, product: str) -> int:
        """Take all pictures out of a pool; how many there were. They stay in the image store."""
        now = time.time()

        def work(db: DbSession) -> int:
            row = PoolImageRow
            inside = db.scalars(select(row).where(row.product == product, row.removed.is_(None)))
            found = inside.all()
            for each in found:
                each.removed = now
            return len(found)

        return self._database.write(work)

    def take_from_pool(self, product: str, records: Sequence[ImageRecord]) -> int:
        """Take pictures out of a pool; how many were in it. They stay in the image store."""
        now, gone = time.time(), {(record.sha256, record.page) for record in records}
        row = PoolImageRow
        query = select(row).where(row.product == product, row.removed.is_(None))

        def work(db: DbSession) -> int:
            found = [
                each for each in db.scalars(query) if (each.image.sha256, each.image.page) in gone
            ]
            for each in found:
                each.removed = now
            return len(found)

        return self._database.write(work)

    # -- what people told -----------------------------------------------------------------------

    def told_cases(self, expert: str) -> tuple[ToldCase, ...]:
        """Cases of any product that this expert scored and whose truth a person told, in order."""
        return self._database.read(lambda db: told_cases(db, expert))


def _described(
    db: DbSession,
    product: str,
    description: DefectDescription,
    new_id: str,
    author: str,
    now: float,
) -> DefectDescriptionRow:
    """The row of this kind and text: the one that is there, brought back if removed, or a new."""
    table = DefectDescriptionRow
    same = (
        select(table)
        .where(
            table.product == product,
            func.lower(table.kind) == func.lower(description.kind),
            table.text == description.text,
        )
        .order_by(table.removed.is_not(None), table.number.desc())
        .limit(1)
    )
    row = db.scalar(same)
    if row is None:
        row = table(
            id=new_id,
            product=product,
            kind=description.kind,
            text=description.text,
            source=description.source,
            author=author,
            created=now,
            removed=None,
        )
        db.add(row)
        db.flush()
    row.removed = None
    return row


def _defect(db: DbSession, defect_id: str) -> DefectDescriptionRow:
    row = db.scalar(select(DefectDescriptionRow).where(DefectDescriptionRow.id == defect_id))
    if row is None:
        raise NotFound("There is no such defect description. Load the list again.")
    return row


def _pooled(db: DbSession, product: str, record: ImageRecord, now: float) -> bool:
    image = image_row(db, record, now)
    row = db.scalar(
        select(PoolImageRow).where(
            PoolImageRow.product == product, PoolImageRow.image_number == image.number
        )
    )
    if row is not None and row.removed is None:
        return False
    if row is None:
        row = PoolImageRow(product=product, image_number=image.number, created=now)
        db.add(row)
    window = record.window
    row.name = record.name
    row.window_low = None if window is None else float(window.low)
    row.window_high = None if window is None else float(window.high)
    row.removed = None
    return True
