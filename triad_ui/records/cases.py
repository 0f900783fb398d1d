"""Inspections: before they are stored, as they are stored, and as History lists them."""

from __future__ import annotations

from dataclasses import dataclass, field

from triad_ui.records.evidence import AnomalyMap, Policy, Roi
from triad_ui.records.images import ImageRecord, Picture
from triad_ui.records.parts import ManufacturingProcess
from triad_ui.records.talk import Correction, Label, Timings, Turn, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """One query with its references, process, anomaly map and regions: all that asking needs."""

    query: Picture
    references: tuple[Picture, ...]
    process: ManufacturingProcess | None
    anomaly_map: AnomalyMap
    rois: tuple[Roi, ...]
    product: str = "part"
    policy: Policy = "ranked"
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A stored inspection with all that was said of it: what History opens and a reload restores.

    id: opaque. created: seconds since the epoch, UTC. verdict: the model's, None before it judged.
    """

    id: str
    created: float
    product: str
    query: ImageRecord
    references: tuple[ImageRecord, ...]
    process: ManufacturingProcess | None
    anomaly_map: AnomalyMap
    rois: tuple[Roi, ...]
    policy: Policy = "ranked"
    verdict: Verdict | None = None
    timings: Timings = field(default_factory=Timings)
    turns: tuple[Turn, ...] = ()
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """One line of History. corrected: the label a person gave last, None when nobody did."""

    id: str
    created: float
    product: str
    query: ImageRecord
    score: float
    verdict: Verdict | None
    corrected: Label | None
    turns: int
