"""The cases whose truth a person told, as the scores that a threshold is chosen from.

Narrow columns only, never a map. Knows nothing of thresholds.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session as DbSession

from triad_ui.feedback.schema import (
    CaseImageRow,
    CaseRow,
    CorrectionRow,
    ImageRow,
    RegionsRow,
)
from triad_ui.records import ToldCase


def told_cases(db: DbSession, expert: str) -> tuple[ToldCase, ...]:
    """Cases that the expert of this name scored, oldest first, each with the last word on it.

    Who agreed and named no label confirmed the model's; undecided is no truth.
    """
    labels: dict[str, str] = {}
    words = (
        select(
            CorrectionRow.case_id, CorrectionRow.label, CorrectionRow.agrees,
            RegionsRow.verdict_label,
        )
        .join(CaseRow, CaseRow.id == CorrectionRow.case_id)
        .join(
            RegionsRow,
            (RegionsRow.case_id == CaseRow.id) & (RegionsRow.revision == CaseRow.revision),
        )
        .where(CaseRow.expert.startswith(f"{expert}@", autoescape=True))
        .order_by(CorrectionRow.number)
    )  # fmt: skip
    for case_id, label, agrees, verdict in db.execute(words):
        told = label or (verdict if agrees else None)
        if told:
            labels[case_id] = told
    cases = (
        select(
            CaseRow.id, CaseRow.product, CaseRow.expert, CaseRow.score, CaseRow.threshold,
            ImageRow.sha256, ImageRow.page, CaseImageRow.name,
        )
        .join(CaseImageRow, (CaseImageRow.case_id == CaseRow.id) & (CaseImageRow.position == 0))
        .join(ImageRow, ImageRow.number == CaseImageRow.image_number)
        .where(CaseRow.expert.startswith(f"{expert}@", autoescape=True))
        .where(CaseRow.id.in_(select(CorrectionRow.case_id)))
        .order_by(CaseRow.number)
    )  # fmt: skip
    return tuple(
        ToldCase(
            product=line.product,
            expert=line.expert,
            score=line.score,
            threshold=line.threshold,
            label=labels[line.id],  # type: ignore[arg-type]
            image=(line.sha256, line.page),
            name=line.name,
        )
        for line in db.execute(cases)
        if labels.get(line.id) in ("normal", "defective")
    )
