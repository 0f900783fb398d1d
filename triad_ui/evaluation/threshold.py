"""Escape and overkill of a threshold, with what few parts leave uncertain, and which to take.

Called defective is what scores above the threshold. It does not know where scores come from, nor
where a threshold is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DEFAULT = 0.5
"""Every expert's own threshold, see `records.AnomalyMap`."""
Z = 1.959964
"""Half the width of a 95 % interval in standard deviations."""
OVERKILL = 0.05
"""Overkill that the suggested threshold may have where only good parts are known."""
POINTS = 101


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of` parts. low, high: 95 % interval of the true share (E. B. Wilson, 1927), which
    stays within 0..1 and is wide for few parts, also where none was seen."""

    count: int
    of: int

    @property
    def value(self) -> float:
        return self.count / self.of

    @property
    def low(self) -> float:
        return self._wilson(-1)

    @property
    def high(self) -> float:
        return self._wilson(1)

    def _wilson(self, sign: int) -> float:
        n, p = self.of, self.value
        middle = p + Z**2 / (2 * n)
        half = Z * (p * (1 - p) / n + Z**2 / (4 * n**2)) ** 0.5
        return min(1.0, max(0.0, (middle + sign * half) / (1 + Z**2 / n)))

    def __str__(self) -> str:
        return f"{self.value:.0%} ({self.count} of {self.of}; {self.low:.0%} to {self.high:.0%})"


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold (0..1) does. escape: defects called good, None without defective parts.
    overkill: good parts called defective, None without good parts."""

    threshold: float
    escape: Share | None
    overkill: Share | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A threshold to take, what it does, and why in a sentence."""

    point: Point
    reason: str


def at(threshold: float, good: Sequence[float], bad: Sequence[float]) -> Point:
    """What `threshold` does to scores 0..1 of good and of defective parts."""
    good, bad = np.asarray(good), np.asarray(bad)
    return Point(
        float(threshold),
        Share(int((bad <= threshold).sum()), len(bad)) if len(bad) else None,
        Share(int((good > threshold).sum()), len(good)) if len(good) else None,
    )


def curve(
    good: Sequence[float], bad: Sequence[float], thresholds: Sequence[float] | None = None
) -> tuple[Point, ...]:
    """`at` for rising thresholds; by default 101 of them, evenly from 0 to 1."""
    chosen = np.linspace(0, 1, POINTS) if thresholds is None else thresholds
    return tuple(at(threshold, good, bad) for threshold in chosen)


def suggest(
    good: Sequence[float], bad: Sequence[float], *, escape_weight: float = 1.0
) -> Suggestion | None:
    """The threshold to take for these scores 0..1, or None without a good part.

    With both: least escape_weight * escape + overkill (shares), and among equals the one nearest
    the default. Escape and overkill are then those of the very parts that chose it: expect worse
    on new ones. With good parts only: the lowest that calls at most 5 % of them, nothing being
    known of escape. Thresholds lie midway between neighbouring scores, never on one.
    """
    if not len(good):
        return None
    scores = np.unique(np.concatenate([np.asarray(good, float), np.asarray(bad, float)]))
    between = (scores[1:] + scores[:-1]) / 2
    candidates = np.unique([0.0, *between, min(1.0, (scores[-1] + 1) / 2), DEFAULT])
    points = curve(good, bad, candidates)
    if not len(bad):
        calm = [p for p in points if p.overkill and p.overkill.value <= OVERKILL]
        chosen = min(calm, key=lambda p: p.threshold)
        return Suggestion(
            chosen,
            f"the lowest that calls at most {OVERKILL:.0%} of the {len(good)} good parts "
            "defective; without defective parts nothing is known of escape",
        )

    def cost(point: Point) -> tuple[float, float]:
        assert point.escape and point.overkill
        lost = escape_weight * point.escape.value + point.overkill.value
        return round(lost, 9), abs(point.threshold - DEFAULT)

    weight = "" if escape_weight == 1 else f", an escape counting {escape_weight:g} times"
    return Suggestion(
        min(points, key=cost),
        f"least escape and overkill together{weight} on {len(good)} good and {len(bad)} defective "
        "parts; expect somewhat worse on parts that did not choose it",
    )
