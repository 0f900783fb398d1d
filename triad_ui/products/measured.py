"""What pictures of known truth score by an expert, and the threshold that divides them.

It does not know where pictures, references and pools are kept, nor where a threshold goes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from triad_ui.errors import ExpertError, ImageError, StoreError
from triad_ui.evaluation.threshold import Point, Suggestion, at, curve, suggest
from triad_ui.expert import watched
from triad_ui.expert.expert import Expert
from triad_ui.expert.progress import Stopped
from triad_ui.expert.threshold import LEAST, MOST
from triad_ui.products.pools import Report, Skipped
from triad_ui.records import Picture, Scale, Subject

T = TypeVar("T")
USUAL = 0.95
"""Share of the good parts whose values lie at or below a scale that is taken from them."""
FLOOR = 1e-6
"""Least scale: it must be above 0, also where an expert finds no difference at all."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Scores 0..1 of known good and defective parts, on the expert's own scale, without the
    product's threshold.

    scale: raw distances that the good parts usually stay below, to be kept for inspections with
    fewer than two references; None where references gave the scale, or there is no good part.
    measured_with: name@version of the expert. skipped: pictures that were left out, and why.
    """

    product: str
    expert: str
    good_scores: tuple[float, ...]
    bad_scores: tuple[float, ...]
    scale: Scale | None = None
    measured_with: str = ""
    skipped: tuple[Skipped, ...] = ()

    @property
    def suggestion(self) -> Suggestion | None:
        """The threshold to take, with escape and overkill at it; None without a good part."""
        found = suggest(self.good_scores, self.bad_scores)
        if found is None or LEAST <= found.point.threshold <= MOST:
            return found
        return replace(found, point=self.at(min(MOST, max(LEAST, found.point.threshold))))

    def at(self, threshold: float) -> Point:
        """Escape and overkill of these parts at a threshold 0..1."""
        return at(threshold, self.good_scores, self.bad_scores)

    def curve(self) -> tuple[Point, ...]:
        """`at` for 101 thresholds from 0 to 1."""
        return curve(self.good_scores, self.bad_scores)


class Measuring:
    """Scores pictures one by one; each is opened when its turn comes."""

    def __init__(
        self,
        expert: Expert,
        subject: Subject,
        references: Sequence[Picture],
        pool: Callable[[Picture], Sequence[Picture]],
        *,
        report: Report | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """pool: what a picture is compared with beside the references."""
        self._expert = expert
        self._subject = subject
        self._references = references
        self._pool = pool
        self._report = report
        self._stop = stop
        self._done = self._total = 0

    def measure(self, product: str, good: Sequence[Picture], bad: Sequence[Picture]) -> Measured:
        """Score all pictures; one that is among the references is compared with the others.

        A picture that cannot be read or scored is skipped. Raises Stopped; ExpertError when none
        could be scored.
        """
        few = len({picture.key for picture in self._references}) < 2
        scaled = few and bool(good)
        self._total = len(good) * (1 + scaled) + len(bad)
        skipped: dict[str, Skipped] = {}
        subject, scale = self._subject, None
        if scaled:
            found = [self._one(each, skipped, watched.raw, subject) for each in good]
            scale = scale_of([each for each in found if each is not None])
            subject = replace(subject, scale=scale)
        scores = []
        for group in (good, bad):
            maps = [self._one(each, skipped, watched.score, subject) for each in group]
            scores.append(tuple(float(amap.score) for amap in maps if amap is not None))
        if not any(scores):
            told = next(iter(skipped.values()), ("", "Name pictures of good parts."))
            raise ExpertError(f"No picture could be scored. {told[0]} {told[1]}".replace("  ", " "))
        return Measured(
            product,
            self._expert.name,
            *scores,
            scale=scale,
            measured_with=f"{self._expert.name}@{self._expert.version}",
            skipped=tuple(skipped.values()),
        )

    def _one(
        self,
        picture: Picture,
        skipped: dict[str, Skipped],
        work: Callable[..., T],
        subject: Subject,
    ) -> T | None:
        """What `work` gives of one picture, or None for one that is skipped."""
        self._done += 1
        if picture.key in skipped:
            return None

        def report(done: int, total: int) -> None:
            if self._report is not None:
                share = (self._done - 1 + done / max(1, total)) / self._total
                self._report(share, f"Scoring picture {self._done} of {self._total}")

        report(0, 1)
        others = [each for each in self._references if each.key != picture.key]
        try:
            found = work(
                self._expert, picture, others, self._pool(picture), subject,
                report=report, stop=self._stop,
            )  # fmt: skip
        except Stopped:
            raise
        except (ExpertError, ImageError, StoreError) as error:
            skipped[picture.key] = (picture.record.name, str(error))
            return None
        report(1, 1)
        return found


def scale_of(found: Sequence[tuple[np.ndarray, float]]) -> Scale | None:
    """The scale below which USUAL of the raw maps' largest values and raw scores lie, or None."""
    if not found:
        return None
    places = [float(values.max()) for values, _ in found]
    images = [score for _, score in found]
    place, image = (float(np.quantile(each, USUAL, method="higher")) for each in (places, images))
    return Scale(max(FLOOR, place), max(FLOOR, image))
