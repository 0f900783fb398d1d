"""What an evaluation found: frozen values, and the numbers that follow from them.

It does not know how they are shown or written (`summary.py`, `plots.py`, `report.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triad_ui.evaluation import metrics, threshold
from triad_ui.evaluation.defect_size import SizeSplit, split
from triad_ui.evaluation.judgement import Judgement, judge
from triad_ui.evaluation.pixel_counts import PixelScores
from triad_ui.evaluation.trivial_cues import Cue
from triad_ui.records import Verdict

__all__ = ["Evaluation", "ImageResult", "Judgement", "ProductResult", "Skipped", "WorstCase"]
CALLED = {"defective": True, "normal": False, "undecided": None}


@dataclass(frozen=True, slots=True)
class ImageResult:
    """One scored photograph.

    score: 0..1, 0.5 = the expert's threshold. hot: a pixel of the map is above 0.5. peak_inside:
    the map's highest pixel lies in what is annotated; region_inside: the centre of the highest
    region does; None where nothing is annotated or nothing was chosen. seconds: of the expert.
    verdict, verdict_seconds: the language model's, None where it was not asked or failed.
    without_process: its verdict without the product's process, where both were asked. defect_share:
    of the image's area under the mask, 0..1, None without a mask.
    """

    name: str
    defective: bool
    kind: str
    score: float
    hot: bool
    peak_inside: bool | None
    region_inside: bool | None
    seconds: float
    verdict: Verdict | None = None
    verdict_seconds: float = 0.0
    without_process: Verdict | None = None
    defect_share: float | None = None

    @property
    def called_by_expert(self) -> bool:
        """Whether the expert's own threshold calls it defective."""
        return self.score > threshold.DEFAULT


@dataclass(frozen=True, slots=True)
class Skipped:
    """A photograph that was not scored, and why, in words for a person."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class WorstCase:
    """A good part with a high score or a defective one with a low score, in small.

    picture, overlaid: uint8 (h, w, 3) RGB of one size: as photographed, and with its heat map.
    """

    name: str
    defective: bool
    kind: str
    score: float
    picture: np.ndarray
    overlaid: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class ProductResult:
    """All that was found on one product.

    references: the photographs it was compared with, paired: images compared with their own one
    instead. pool: how many unlabelled pictures the expert was given. pixels, pixels_over_all: nan
    throughout where nothing is annotated; annotated: on how many defective images. truth: "masks",
    "boxes", "masks and boxes" or "none". prepare_seconds: of the first look, at references and
    pool. worst: good ones by falling, then defective ones by rising score. process: name of the
    manufacturing process that the model was told, "" without.
    """

    name: str
    images: tuple[ImageResult, ...]
    references: tuple[str, ...]
    paired: int
    pool: int
    skipped: tuple[Skipped, ...]
    pixels: PixelScores
    pixels_over_all: PixelScores
    annotated: int
    truth: str
    cues: tuple[Cue, ...]
    worst: tuple[WorstCase, ...]
    prepare_seconds: float = 0.0
    notes: tuple[str, ...] = ()
    process: str = ""

    def scores(self, *, defective: bool) -> list[float]:
        """The image scores of one class, in the order of the images."""
        return [image.score for image in self.images if image.defective == defective]

    @property
    def curve(self) -> metrics.Curve:
        """ROC and the rest, over images."""
        return metrics.curve(
            np.array([image.score for image in self.images]),
            np.array([image.defective for image in self.images], dtype=bool),
        )

    @property
    def suggestion(self) -> threshold.Suggestion | None:
        """The threshold to take for this product."""
        return threshold.suggest(self.scores(defective=False), self.scores(defective=True))

    @property
    def by_expert(self) -> Judgement:
        """The expert's own decision at its default threshold."""
        return judge((image.defective, image.called_by_expert) for image in self.images)

    @property
    def by_model(self) -> Judgement | None:
        """The language model's decision; None where it was not asked. Undecided is never right."""
        return _by_label(self.verdicts())

    @property
    def by_model_without_process(self) -> Judgement | None:
        """The same without the product's process; None unless both were asked."""
        return _by_label(self.verdicts(with_process=False))

    def verdicts(self, *, with_process: bool = True) -> list[tuple[ImageResult, Verdict]]:
        """The images that have a verdict, with it."""
        pairs = (
            (image, image.verdict if with_process else image.without_process)
            for image in self.images
        )
        return [(image, verdict) for image, verdict in pairs if verdict is not None]

    @property
    def has_masks(self) -> bool:
        """Whether the size of any defect is known."""
        return any(image.defect_share is not None for image in self.images)

    def sizes(self, who: str) -> SizeSplit | None:
        """By size of defect; who: "expert", "model" or "model_without_process". None without."""
        return split(found) if (found := self.sized(who)) else None

    def sized(self, who: str) -> list[tuple[bool, float | None, bool | None]]:
        """(defective, share of area, called) of each image that `who` judged; [] without masks."""
        if not self.has_masks:
            return []
        if who == "expert":
            return [(i.defective, i.defect_share, i.called_by_expert) for i in self.images]
        asked = self.verdicts(with_process=who == "model")
        return [(i.defective, i.defect_share, CALLED[verdict.label]) for i, verdict in asked]

    @property
    def seconds_per_image(self) -> float:
        return float(np.mean([image.seconds for image in self.images])) if self.images else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A whole run. expert: its name. made_by: name@version. engine: of the model, "" without.
    stopped: it was cancelled; the products here are complete, the others are missing. process: how
    the model was asked, "with", "without" or "both". resumed: photographs taken from a record."""

    root: str
    layout: str
    expert: str
    made_by: str
    shots: int
    seed: int
    pool: str
    products: tuple[ProductResult, ...]
    engine: str = ""
    stopped: bool = False
    notes: tuple[str, ...] = ()
    process: str = "with"
    resumed: int = 0


def forced(verdicts: Sequence[tuple[ImageResult, Verdict]]) -> Judgement | None:
    """Verdicts taken at their more likely letter, as the paper's multiple choice is; None of none.

    Nothing is undecided then: 0.5 and above is "A", defective.
    """
    if not verdicts:
        return None
    return judge((image.defective, verdict.p_defective >= 0.5) for image, verdict in verdicts)


def _by_label(verdicts: Sequence[tuple[ImageResult, Verdict]]) -> Judgement | None:
    if not verdicts:
        return None
    return judge((image.defective, CALLED[verdict.label]) for image, verdict in verdicts)
