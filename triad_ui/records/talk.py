"""Questions, answers, judgements, and what a person says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from triad_ui.records.evidence import AnomalyMap, Roi
from triad_ui.records.parts import ManufacturingProcess

Label = Literal["defective", "normal", "undecided"]
TurnState = Literal["streaming", "complete", "stopped", "failed"]

LOCATIONS = (
    "top left", "top", "top right",
    "left", "center", "right",
    "bottom left", "bottom", "bottom right",
)  # fmt: skip
"""The 3x3 names of a place in an image, row by row (EIAD, section on DDQA)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The model's judgement.

    p_defective: 0..1 from the yes/no logits. location: one of LOCATIONS or None. step: number of
    the process step that the fault contradicts or None. kind: the named kind of defect or "".
    """

    label: Label
    p_defective: float
    location: str | None = None
    step: int | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds spent. first_token counts from the question to the first visible text."""

    decode: float = 0.0
    expert: float = 0.0
    prefill: float = 0.0
    first_token: float = 0.0
    total: float = 0.0
    tokens_per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation as the model gets it.

    images: indices of the visual inputs that stand before the text of a user's message.
    """

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class VisualInput:
    """One image as the model sees it: pixels, map and regions in one frame.

    rgb: uint8 (H, W, 3). anomaly_map: of this very image, or None. rois: in pixels of `rgb`.
    key: identity of the pixels, for caches. is_reference: a known-good part. process: by which the
    part was made, for a model that holds it against the picture; it is told in words in any case.
    """

    rgb: np.ndarray
    rois: tuple[Roi, ...]
    anomaly_map: AnomalyMap | None
    key: str
    is_reference: bool = False
    process: ManufacturingProcess | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer, complete or not. Everything needed to ask it again is here.

    prompt: the whole rendered text the model read. rois: those shown to the model. engine: base,
    adapter and precision as one string. error: why a failed turn failed, in words for the user.
    """

    id: str
    question: str
    answer: str = ""
    state: TurnState = "streaming"
    verdict: Verdict | None = None
    rois: tuple[Roi, ...] = ()
    prompt: str = ""
    engine: str = ""
    seed: int = 0
    visual_tokens: int = 0
    timings: Timings = field(default_factory=Timings)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person says of an inspection or of one of its turns.

    agrees: True when the model was right as a whole. label, location, step, kind: the truth where
    it differs or is confirmed. answer: a better answer. rois: the right regions, None when not
    touched. turn_id: the turn that it corrects, None for the inspection as a whole. author: who.
    """

    agrees: bool
    label: Label | None = None
    location: str | None = None
    step: int | None = None
    kind: str = ""
    answer: str = ""
    rois: tuple[Roi, ...] | None = None
    note: str = ""
    turn_id: str | None = None
    author: str = ""
