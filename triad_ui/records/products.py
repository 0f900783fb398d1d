"""What is kept of a product beside its inspections: how experts are set, known defects."""

from __future__ import annotations

from dataclasses import dataclass

from triad_ui.records.evidence import Scale
from triad_ui.records.parts import DefectDescription
from triad_ui.records.talk import Label


@dataclass(frozen=True, slots=True)
class ProductSettings:
    """How an expert is set for a product.

    threshold: 0..1, not its ends, on the expert's own scale; 0.5 leaves that as it is. scale: raw
    distances that count as 0.5 where an inspection has fewer than two references, or None. escape,
    overkill: shares 0..1 of defects called good and good parts called defective to be expected at
    the threshold, None when it was not chosen from pictures. good_scores, bad_scores: what the
    pictures that it was chosen from scored, before it was applied, by the expert `measured_with`
    (name@version). created: seconds since the epoch, 0 when nobody has set anything.
    """

    product: str
    expert: str
    threshold: float = 0.5
    scale: Scale | None = None
    escape: float | None = None
    overkill: float | None = None
    good_scores: tuple[float, ...] = ()
    bad_scores: tuple[float, ...] = ()
    measured_with: str = ""
    author: str = ""
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class KnownDefect:
    """A stored description of a defect of a product. id: opaque. removed: since when, or None."""

    id: str
    product: str
    description: DefectDescription
    author: str = ""
    created: float = 0.0
    removed: float | None = None


@dataclass(frozen=True, slots=True)
class ToldCase:
    """What an expert scored on a case whose truth a person told. expert: name@version.

    score: 0..1 under `threshold`, see `AnomalyMap`. label: the last that a person gave, or the
    model's that was called right. image: the photograph's hash and page. name: as uploaded.
    """

    product: str
    expert: str
    score: float
    threshold: float
    label: Label
    image: tuple[str, int]
    name: str
