"""Frozen values that pass between the rooms; no behaviour beyond arithmetic on themselves.

Frames, said here once:
- a *box* is x0, y0, x1, y1 in pixels of the upright original image (EXIF rotation applied),
  half-open: it holds x0 <= x < x1 and y0 <= y < y1;
- an *anomaly map* is float32 (h, w), row 0 at the top, covering the whole image whatever its own
  resolution; the value 0.5 is the decision threshold of its expert, 0 is calm, 1 is certain;
- sizes are (width, height), array shapes are (height, width, ...);
- times are seconds.
"""

from __future__ import annotations

from triad_ui.records.cases import Case, CaseSummary, Inspection
from triad_ui.records.evidence import AnomalyMap, Basis, Policy, Roi, Scale
from triad_ui.records.images import ImageRecord, Picture, Window
from triad_ui.records.parts import DefectDescription, ManufacturingProcess, ProcessStep, Subject
from triad_ui.records.products import KnownDefect, ProductSettings, ToldCase
from triad_ui.records.talk import (
    LOCATIONS,
    Correction,
    Label,
    Message,
    Timings,
    Turn,
    TurnState,
    Verdict,
    VisualInput,
)

__all__ = [
    "LOCATIONS",
    "AnomalyMap",
    "Basis",
    "Case",
    "CaseSummary",
    "Correction",
    "DefectDescription",
    "ImageRecord",
    "Inspection",
    "KnownDefect",
    "Label",
    "ManufacturingProcess",
    "Message",
    "Picture",
    "Policy",
    "ProcessStep",
    "ProductSettings",
    "Roi",
    "Scale",
    "Subject",
    "Timings",
    "ToldCase",
    "Turn",
    "TurnState",
    "Verdict",
    "VisualInput",
    "Window",
]
