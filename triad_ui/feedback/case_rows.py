"""The rows of one case within a transaction: made, found, or NotFound.

Knows nothing of when a transaction begins or ends.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session as DbSession

from triad_ui.errors import NotFound
from triad_ui.feedback import rows
from triad_ui.feedback.process_versions import snapshot
from triad_ui.feedback.schema import AnomalyMapRow, CaseRow, ImageRow, RegionsRow, TurnRow
from triad_ui.records import ImageRecord, Inspection, Roi


def new_case(
    db: DbSession,
    inspection: Inspection,
    case_id: str,
    created: float,
    map_columns: dict[str, Any],
) -> CaseRow:
    """A case row with its images, map, regions and process snapshot, not yet added."""
    found = inspection.anomaly_map
    process = inspection.process
    pictures = (inspection.query, *inspection.references)
    return CaseRow(
        id=case_id,
        created=created,
        product=inspection.product,
        process=None if process is None else snapshot(db, process, created),
        expert=found.expert,
        score=float(found.score),
        calibrated=bool(found.calibrated),
        basis=found.basis,
        revision=1,
        timings=rows.timings_to_json(inspection.timings),
        kinds=rows.kinds_to_json(found.kinds),
        threshold=float(found.threshold),
        images=[
            rows.case_image_row(picture.record, position, image_row(db, picture.record, created))
            for position, picture in enumerate(pictures)
        ],
        anomaly_map=AnomalyMapRow(**map_columns),
        regions=[regions_row(1, inspection.rois, inspection.policy, created)],
    )


def case_row(db: DbSession, case_id: str) -> CaseRow:
    row = db.scalar(select(CaseRow).where(CaseRow.id == case_id))
    if row is None:
        raise NotFound("There is no such inspection. Choose one from History.")
    return row


def current_regions(db: DbSession, row: CaseRow) -> RegionsRow:
    return db.get_one(RegionsRow, (row.id, row.revision))


def turn_row(db: DbSession, case_id: str, turn_id: str) -> TurnRow:
    row = db.scalar(select(TurnRow).where(TurnRow.id == turn_id, TurnRow.case_id == case_id))
    if row is None:
        raise NotFound("This inspection has no such question. Open it again from History.")
    return row


def regions_row(revision: int, rois: tuple[Roi, ...], policy: str, created: float) -> RegionsRow:
    return RegionsRow(
        revision=revision, created=created, policy=policy, rois=rows.rois_to_json(rois)
    )


def image_row(db: DbSession, record: ImageRecord, created: float) -> ImageRow:
    columns = rows.image_columns(record)
    row = db.scalar(select(ImageRow).filter_by(**columns))
    if row is None:
        row = ImageRow(**columns, created=created)
        db.add(row)
        db.flush()
    return row
