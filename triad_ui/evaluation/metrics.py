"""Curves over all thresholds and the numbers read off them; the project's only AUROC.

One curve serves images and pixels alike: what is found and what is falsely called as the threshold
falls. Equal scores are taken together, so that no order among them counts. Pure NumPy; it does not
know images, experts or data sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What is called defective at each threshold, from the highest threshold to the lowest.

    thresholds: (n,) falling, each once; called is what scores at least as much. found, false:
    float64 (n,), how many of the defective and of the good (or what weight) are called so far.
    """

    thresholds: np.ndarray
    found: np.ndarray
    false: np.ndarray

    @property
    def both(self) -> bool:
        """Whether there is anything defective and anything good; without, all numbers are nan."""
        return len(self.found) > 0 and self.found[-1] > 0 and self.false[-1] > 0

    @property
    def recall(self) -> np.ndarray:
        """Share of the defective that is called, (n,) 0..1."""
        return self.found / self.found[-1]

    @property
    def fall_out(self) -> np.ndarray:
        """Share of the good that is called (false positive rate), (n,) 0..1."""
        return self.false / self.false[-1]

    @property
    def auroc(self) -> float:
        """Area under the ROC curve: the share of pairs in order, ties counting half."""
        return self.area(1.0)

    def area(self, limit: float) -> float:
        """Area under recall over fall-out from 0 to `limit` (0..1), divided by `limit`.

        With the defective weighted by region and limit 0.3 it is AUPRO (P. Bergmann et al., The
        MVTec Anomaly Detection Dataset, IJCV 2021, section 5.2). Lines between points are straight.
        """
        if not self.both:
            return float("nan")
        across = np.concatenate(([0.0], self.fall_out))
        up = np.concatenate(([0.0], self.recall))
        last = int(np.searchsorted(across, limit, side="right"))
        at_limit = np.interp(limit, across, up)
        return float(
            np.trapezoid(np.append(up[:last], at_limit), np.append(across[:last], limit)) / limit
        )

    @property
    def average_precision(self) -> float:
        """Sum of precision times the gain in recall, point by point; no lines are drawn between."""
        if not self.both:
            return float("nan")
        precision = self.found / (self.found + self.false)
        return float(np.sum(np.diff(self.recall, prepend=0.0) * precision))

    @property
    def f1_max(self) -> tuple[float, float]:
        """The largest F1 (harmonic mean of precision and recall) and its threshold."""
        if not self.both:
            return float("nan"), float("nan")
        f1 = 2 * self.found / (self.found[-1] + self.found + self.false)
        best = int(np.argmax(f1))
        return float(f1[best]), float(self.thresholds[best])


def curve(scores: np.ndarray, defective: np.ndarray) -> Curve:
    """The curve of scores (n,) and truth, bool (n,). ValueError for nan or unequal lengths."""
    scores = np.asarray(scores, dtype=np.float64)
    defective = np.asarray(defective, dtype=bool)
    if scores.shape != defective.shape or scores.ndim != 1:
        raise ValueError(f"one truth a score expected, not {defective.shape} for {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError("a score is not a number")
    thresholds, places = np.unique(-scores, return_inverse=True)
    found = np.bincount(places, weights=defective, minlength=len(thresholds))
    false = np.bincount(places, weights=~defective, minlength=len(thresholds))
    return Curve(-thresholds, np.cumsum(found), np.cumsum(false))


def auroc(scores: np.ndarray, defective: np.ndarray) -> float:
    """Area under the ROC curve of scores (n,) and their truth, bool (n,); nan with one class."""
    return curve(scores, defective).auroc
