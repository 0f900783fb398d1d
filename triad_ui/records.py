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

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Policy = Literal["ranked", "faithful", "user", "null", "anyres"]
"""Who chose the regions: the expert's map (two ways), a person, chance, or nobody (none)."""
Label = Literal["defective", "normal", "undecided"]
TurnState = Literal["streaming", "complete", "stopped", "failed"]

LOCATIONS = (
    "top left", "top", "top right",
    "left", "center", "right",
    "bottom left", "bottom", "bottom right",
)  # fmt: skip
"""The 3x3 names of a place in an image, row by row (EIAD, section on DDQA)."""


@dataclass(frozen=True, slots=True)
class Window:
    """Grey levels of a deep image that are shown as black (`low`) and as white (`high`)."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """What is known of a stored original: enough to find and render it again.

    sha256: of the file's bytes. name: as uploaded, for display only. width, height: upright pixels.
    mode: human-readable pixel format, e.g. "RGB 8-bit", "grey 16-bit", "grey float".
    page: 0-based page of a multi-page file, of `pages`. window: None for 8-bit files.
    """

    sha256: str
    name: str
    width: int
    height: int
    mode: str
    page: int = 0
    pages: int = 1
    window: Window | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded image: its record and 8-bit rendering, uint8 (height, width, 3) RGB, upright."""

    record: ImageRecord
    rgb: np.ndarray

    @property
    def key(self) -> str:
        """Identity of these very pixels: file hash, page and window. Used as a cache key."""
        window = self.record.window
        shown = f"{window.low!r}-{window.high!r}" if window else "8bit"
        return f"{self.record.sha256}-p{self.record.page}-{shown}"


@dataclass(frozen=True, slots=True)
class Roi:
    """A region of interest. score: 0..1 from the map, None when drawn by a person or at random."""

    x0: int
    y0: int
    x1: int
    y1: int
    score: float | None = None
    source: Literal["expert", "user", "random"] = "expert"

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.x0, self.y0, self.x1, self.y1


@dataclass(frozen=True, slots=True, eq=False)
class AnomalyMap:
    """Where an expert finds an image suspicious.

    values: float32 (h, w), 0..1, 0.5 = threshold. score: the image's own 0..1, 0.5 = threshold.
    calibrated: True when the scale comes from references (leave-one-out) or from a stored scale,
    False when it was fixed beforehand for want of them. expert: name@version of what made it.
    basis: "references" or "single image" (the image was compared with itself).
    """

    values: np.ndarray
    score: float
    calibrated: bool
    expert: str
    basis: Literal["references", "single image"] = "references"


@dataclass(frozen=True, slots=True)
class ProcessStep:
    """One numbered step of a process (1-based) and the attributes that it gives the part."""

    number: int
    text: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ManufacturingProcess:
    """How a product is made: numbered steps with checkable attributes.

    name: key in the library ("cable"). product, plural: as written in a question ("cable",
    "cables"). version: 1, 2, ... of that name. source: "library" (assets/), "saved", "pasted".
    """

    name: str
    product: str
    plural: str
    steps: tuple[ProcessStep, ...]
    version: int = 1
    source: Literal["library", "saved", "pasted"] = "library"

    @property
    def text(self) -> str:
        """The steps as the model reads them and as a person edits them: one numbered line each."""
        return "\n".join(
            f"{step.number}. {step.text}"
            + (f" ({'; '.join(step.attributes)})" if step.attributes else "")
            for step in self.steps
        )


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
    key: identity of the pixels, for caches. is_reference: a known-good part.
    """

    rgb: np.ndarray
    rois: tuple[Roi, ...]
    anomaly_map: AnomalyMap | None
    key: str
    is_reference: bool = False


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
