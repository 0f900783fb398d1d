"""Everything that is kept of inspections: cases, their regions, turns and corrections; processes.

A method is one transaction; when it returns, what it wrote is on the disk. Case.created and all
order come from here. What is stored is enough to replay a case once its originals are at hand.
Knows nothing of pixels (the image store has them) nor of how a model answers.
"""

from __future__ import annotations

import time
import uuid

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session as DbSession

from triad_ui.feedback import rows
from triad_ui.feedback.case_rows import (
    case_row,
    current_regions,
    new_case,
    regions_row,
    turn_row,
)
from triad_ui.feedback.database import Database
from triad_ui.feedback.history import summaries
from triad_ui.feedback.process_versions import next_version
from triad_ui.feedback.products import ProductStore
from triad_ui.feedback.schema import (
    CorrectionRow,
    ProcessRow,
    TurnRow,
)
from triad_ui.records import (
    Case,
    CaseSummary,
    Correction,
    Inspection,
    ManufacturingProcess,
    Roi,
    Turn,
    Verdict,
)


class FeedbackStore:
    """The database behind the page and the shell. Safe to use from many threads and programs."""

    def __init__(self, url: str) -> None:
        """Open or create, e.g. sqlite:///sessions.db. Raises StoreError, which says what to do.

        Turns that a crash left streaming are marked stopped. Should another program be answering
        one just now, its last word still counts: a final answer replaces a stopped one.
        """
        self._database = Database(url)
        self.products = ProductStore(self._database)
        broken = select(TurnRow.id).where(TurnRow.state == "streaming").limit(1)
        if self._database.read(lambda db: db.scalar(broken)) is not None:
            stopped = update(TurnRow).where(TurnRow.state == "streaming").values(state="stopped")
            self._database.write(lambda db: db.execute(stopped))

    def close(self) -> None:
        """Move the write-ahead log into the file and let go of it. Raises StoreError."""
        self._database.close()

    # -- cases ----------------------------------------------------------------------------------

    def add_case(self, inspection: Inspection) -> str:
        """Store an inspection as a new case; returns its opaque id. Raises NotSaved."""
        case_id, created = uuid.uuid4().hex, time.time()
        # Packed before the transaction, so that other writers do not wait for it.
        map_columns = rows.map_columns(inspection.anomaly_map.values)

        def work(db: DbSession) -> None:
            db.add(new_case(db, inspection, case_id, created, map_columns))

        self._database.write(work)
        return case_id

    def case(self, case_id: str) -> Case:
        """A case with all its turns and corrections. Raises NotFound, StoreError."""

        def work(db: DbSession) -> Case:
            row = case_row(db, case_id)
            return rows.case_record(row, current_regions(db, row))

        return self._database.read(work)

    def cases(
        self, *, search: str = "", label: str = "", limit: int = 50, offset: int = 0
    ) -> tuple[CaseSummary, ...]:
        """Cases, newest first.

        search: words, each of which must occur in the product, a file name, a question or an
        answer, in whatever case. label: "defective", "normal" or "undecided" as the model or a
        person said, "corrected" when a person said anything, "" for all. Raises StoreError.
        """
        return self._database.read(lambda db: summaries(db, search, label, limit, offset))

    def set_rois(self, case_id: str, rois: tuple[Roi, ...], policy: str) -> None:
        """Give a case new regions; the verdict on the earlier ones no longer holds.

        Both stay in the database. Raises NotFound, NotSaved.
        """

        def work(db: DbSession) -> None:
            row = case_row(db, case_id)
            row.revision += 1
            row.regions.append(regions_row(row.revision, rois, policy, time.time()))

        self._database.write(work)

    def last_rois(self, case_id: str, policy: str) -> tuple[Roi, ...] | None:
        """The newest regions that a case ever had under a policy, None without any.

        Raises NotFound, StoreError.
        """

        def work(db: DbSession) -> tuple[Roi, ...] | None:
            earlier = [row for row in case_row(db, case_id).regions if row.policy == policy]
            return rows.rois_from_json(earlier[-1].rois) if earlier else None

        return self._database.read(work)

    def set_verdict(self, case_id: str, verdict: Verdict, *, of: Case | None = None) -> bool:
        """Store the model's judgement of the case's current regions. Raises NotFound, NotSaved.

        of: the case as it was judged; should it have other regions by now, nothing is stored.
        Returns whether it was.
        """

        def work(db: DbSession) -> bool:
            regions = current_regions(db, case_row(db, case_id))
            if of is not None and (
                regions.policy != of.policy or rows.rois_from_json(regions.rois) != of.rois
            ):
                return False
            for name, value in rows.verdict_columns(verdict).items():
                setattr(regions, name, value)
            return True

        return self._database.write(work)

    # -- turns and corrections ------------------------------------------------------------------

    def save_turn(self, case_id: str, turn: Turn) -> str:
        """Add a turn (id "") or bring it up to date; returns its id. Raises NotFound, NotSaved.

        A turn that has ended is not made streaming again by a late saving of its growing answer.
        """
        columns, turn_id, now = rows.turn_columns(turn), turn.id or uuid.uuid4().hex, time.time()

        def work(db: DbSession) -> None:
            case_row(db, case_id)
            if not turn.id:
                db.add(TurnRow(id=turn_id, case_id=case_id, created=now, updated=now, **columns))
                return
            row = turn_row(db, case_id, turn.id)
            if turn.state == "streaming" and row.state != "streaming":
                return
            for name, value in columns.items():
                setattr(row, name, value)
            row.updated = now

        self._database.write(work)
        return turn_id

    def add_correction(self, case_id: str, correction: Correction, *, key: str = "") -> str:
        """Store what a person says; returns its id. Raises NotFound, NotSaved.

        key: of one submission to one case; sent again, it stores nothing and returns the first id.
        """
        columns, new_id, now = rows.correction_columns(correction), uuid.uuid4().hex, time.time()

        def work(db: DbSession) -> str:
            case_row(db, case_id)
            if key:
                known = select(CorrectionRow.id).where(
                    CorrectionRow.case_id == case_id, CorrectionRow.key == key
                )
                if (first := db.scalar(known)) is not None:
                    return first
            if correction.turn_id is not None:
                turn_row(db, case_id, correction.turn_id)
            db.add(
                CorrectionRow(id=new_id, case_id=case_id, key=key or None, created=now, **columns)
            )
            return new_id

        return self._database.write(work)

    # -- processes ------------------------------------------------------------------------------

    def processes(self) -> tuple[ManufacturingProcess, ...]:
        """The newest saved version of each name, by name. Raises StoreError."""
        newest = (
            select(ProcessRow.name, func.max(ProcessRow.version).label("version"))
            .where(ProcessRow.saved)
            .group_by(ProcessRow.name)
            .subquery()
        )
        query = (
            select(ProcessRow)
            .join(
                newest,
                (ProcessRow.name == newest.c.name) & (ProcessRow.version == newest.c.version),
            )
            .where(ProcessRow.saved)
            .order_by(ProcessRow.name)
        )
        return self._database.read(lambda db: tuple(map(rows.process_record, db.scalars(query))))

    def process_versions(self, name: str) -> tuple[ManufacturingProcess, ...]:
        """Every saved version of a name, oldest first; empty for an unknown name."""
        query = (
            select(ProcessRow)
            .where(ProcessRow.saved, ProcessRow.name == name)
            .order_by(ProcessRow.version)
        )
        return self._database.read(lambda db: tuple(map(rows.process_record, db.scalars(query))))

    def save_process(
        self, process: ManufacturingProcess, *, at_least: int = 1
    ) -> ManufacturingProcess:
        """Store the next version of a name, numbered `at_least` or more; returns it as stored.

        What equals the newest saved version is not stored again. Raises NotSaved.
        """

        def work(db: DbSession) -> ManufacturingProcess:
            return rows.process_record(next_version(db, process, at_least, time.time()))

        return self._database.write(work)
