"""One page of History: the query behind the list, its search and its filter.

It reads narrow columns only, never a map, a prompt or an answer that is not searched.
Knows nothing of transactions.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session as DbSession
from sqlalchemy.orm import aliased

from triad_ui.feedback.rows import image_record, verdict_record
from triad_ui.feedback.schema import (
    CaseImageRow,
    CaseRow,
    CorrectionRow,
    ImageRow,
    RegionsRow,
    TurnRow,
)
from triad_ui.records import CaseSummary

LABELS = ("", "defective", "normal", "undecided", "corrected")
"""What the list can be narrowed to. "corrected": a person said something of the case."""


def summaries(
    db: DbSession, search: str, label: str, limit: int, offset: int
) -> tuple[CaseSummary, ...]:
    """Cases, newest first. Each word of `search` must occur; a label is the model's or a person's.

    Raises ValueError for a label that is not in LABELS.
    """
    if label not in LABELS:
        raise ValueError(f"label is {label!r}, not one of {LABELS}")
    query = _lines()
    for word in search.split():
        query = query.where(_contains(word))
    if label == "corrected":
        query = query.where(exists().where(CorrectionRow.case_id == CaseRow.id))
    elif label:
        query = query.where(or_(RegionsRow.verdict_label == label, _corrected() == label))
    query = query.order_by(CaseRow.number.desc()).limit(max(0, limit)).offset(max(0, offset))
    return tuple(
        CaseSummary(
            id=line.id,
            created=line.created,
            product=line.product,
            query=image_record(line, line),
            score=line.score,
            verdict=verdict_record(line),
            corrected=line.corrected,
            turns=line.turns,
        )
        for line in db.execute(query)
    )


def _lines() -> Select[Any]:
    turns = (
        select(func.count())
        .where(TurnRow.case_id == CaseRow.id)
        .correlate(CaseRow)
        .scalar_subquery()
    )
    return (
        select(
            CaseRow.id,
            CaseRow.created,
            CaseRow.product,
            CaseRow.score,
            CaseImageRow.name,
            CaseImageRow.window_low,
            CaseImageRow.window_high,
            ImageRow.sha256,
            ImageRow.page,
            ImageRow.pages,
            ImageRow.width,
            ImageRow.height,
            ImageRow.mode,
            RegionsRow.verdict_label,
            RegionsRow.p_defective,
            RegionsRow.location,
            RegionsRow.step,
            RegionsRow.kind,
            _corrected().label("corrected"),
            turns.label("turns"),
        )
        .join(CaseImageRow, (CaseImageRow.case_id == CaseRow.id) & (CaseImageRow.position == 0))
        .join(ImageRow, ImageRow.number == CaseImageRow.image_number)
        .join(
            RegionsRow,
            (RegionsRow.case_id == CaseRow.id) & (RegionsRow.revision == CaseRow.revision),
        )
    )


def _corrected() -> Any:
    """The label that a person gave last; one who only agreed gave none."""
    return (
        select(CorrectionRow.label)
        .where(CorrectionRow.case_id == CaseRow.id, CorrectionRow.label.is_not(None))
        .order_by(CorrectionRow.number.desc())
        .limit(1)
        .correlate(CaseRow)
        .scalar_subquery()
    )


def _contains(word: str) -> ColumnElement[bool]:
    image, turn = aliased(CaseImageRow), aliased(TurnRow)
    return or_(
        CaseRow.product.icontains(word, autoescape=True),
        exists().where(image.case_id == CaseRow.id, image.name.icontains(word, autoescape=True)),
        exists().where(
            turn.case_id == CaseRow.id,
            or_(
                turn.question.icontains(word, autoescape=True),
                turn.answer.icontains(word, autoescape=True),
            ),
        ),
    )
