"""What an evaluation found: frozen values, and the numbers that follow from them.

It does not know how they are shown or written (`summary.py`, `plots.py`, `report.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triad_ui.evaluation import metrics, threshold
from triad_ui.evaluation.pixel_counts import PixelScores
from triad_ui.evaluation.trivial_cues import Cue
from triad_ui.records import Verdict


@dataclass(frozen=True, slots=True)
class ImageResult:
    """One scored photograph.

    score: 0..1, 0.5 = the expert's threshold. hot: a pixel of the map is above 0.5. peak_inside:
    the map's highest pixel lies in what is annotated; region_inside: the centre of the highest
    region does; None where nothing is annotated or nothing was chosen. seconds: of the expert.
    verdict, verdict_seconds: the language model's, None where it was not asked.
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


@dataclass(frozen=True, slots=True)
class Judgement:
    """How often a yes/no was right; shares of all good or all defective images, 0..1, nan without
    any. One that is undecided is right for neither. recall: of defective. tnr: of good."""

    right_defective: int
    defective: int
    right_good: int
    good: int
    undecided: int = 0

    @property
    def recall(self) -> float:
        return self.right_defective / self.defective if self.defective else float("nan")

    @property
    def tnr(self) -> float:
        return self.right_good / self.good if self.good else float("nan")

    @property
    def accuracy(self) -> float:
        every = self.defective + self.good
        return (self.right_defective + self.right_good) / every if every else float("nan")

    @property
    def balanced_accuracy(self) -> float:
        return (self.recall + self.tnr) / 2


@dataclass(frozen=True, slots=True, eq=False)
class ProductResult:
    """All that was found on one product.

    references: the photographs it was compared with, paired: images compared with their own one
    instead. pool: how many unlabelled pictures the expert was given. pixels, pixels_over_all: nan
    throughout where nothing is annotated; annotated: on how many defective images. truth: "masks",
    "boxes", "masks and boxes" or "none". prepare_seconds: of the first look, at references and
    pool. worst: good ones by falling, then defective ones by rising score.
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
        called = [image.score > threshold.DEFAULT for image in self.images]
        return _judgement(self.images, called)

    @property
    def by_model(self) -> Judgement | None:
        """The language model's decision; None where it was not asked."""
        judged = [image for image in self.images if image.verdict is not None]
        if not judged:
            return None
        words = {"defective": True, "normal": False, "undecided": None}
        return _judgement(judged, [words[i.verdict.label] for i in judged if i.verdict])

    @property
    def seconds_per_image(self) -> float:
        return float(np.mean([image.seconds for image in self.images])) if self.images else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A whole run. expert: its name. made_by: name@version. engine: of the model, "" without.
    stopped: it was cancelled; the products here are complete, the others are missing."""

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


def _judgement(images: Sequence[ImageResult], called: Sequence[bool | None]) -> Judgement:
    pairs = [(image.defective, call) for image, call in zip(images, called, strict=True)]
    return Judgement(
        right_defective=sum(truth and call is True for truth, call in pairs),
        defective=sum(truth for truth, _ in pairs),
        right_good=sum(not truth and call is False for truth, call in pairs),
        good=sum(not truth for truth, _ in pairs),
        undecided=sum(call is None for _, call in pairs),
    )
