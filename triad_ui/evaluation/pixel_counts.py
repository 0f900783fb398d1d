"""Pixel truth against anomaly maps, image by image, in memory that does not grow.

Values are counted in fixed bins of equal relative width (the leading bits of the float32), so the
curves are those of all pixels up to ties within 6e-5 of the value itself. It does not know where
maps or masks come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from triad_ui.evaluation.metrics import Curve
from triad_ui.expert.anomaly_map import resize

PRO_LIMIT = 0.3
MAX_PIXELS = 4_000_000
"""A larger truth is shrunk to this many pixels; a cell that holds any defect counts as defect."""
_DROPPED_BITS = 9
_ONE = int(np.float32(1).view(np.uint32))
_BINS = (_ONE >> _DROPPED_BITS) + 1


@dataclass(frozen=True, slots=True)
class PixelScores:
    """Numbers of one choice of pixels; each 0..1, nan where there is no annotated defect."""

    auroc: float
    aupro: float
    average_precision: float
    f1_max: float


class PixelCounts:
    """Adds up images; 67 MB whatever their number and size."""

    def __init__(self) -> None:
        self._bad = np.zeros(_BINS)
        self._regions = np.zeros(_BINS)
        self._beside = np.zeros(_BINS)
        self._good = np.zeros(_BINS)
        self.annotated = 0
        self.good_images = 0

    def add_defective(self, values: np.ndarray, mask: np.ndarray) -> None:
        """Counts a defective image. values: float32 (h, w), 0..1. mask: bool (H, W), any size.

        The map is enlarged to the mask. A mask without a defect counts as not annotated: nothing
        is added.
        """
        if not mask.any():
            return
        mask = _shrunk(mask)
        bins = _bins(values, mask.shape)
        number, regions, stats, _ = cv2.connectedComponentsWithStats(
            mask.astype(np.uint8), connectivity=8
        )
        share = np.zeros(number)
        share[1:] = 1 / stats[1:, cv2.CC_STAT_AREA]
        np.add.at(self._bad, bins[mask], 1.0)
        np.add.at(self._regions, bins[mask], share[regions[mask]])
        np.add.at(self._beside, bins[~mask], 1.0)
        self.annotated += 1

    def add_good(self, values: np.ndarray, shape: tuple[int, int]) -> None:
        """Counts a good image of `shape` (height, width): every pixel is good."""
        np.add.at(self._good, _bins(values, _fitting(shape)).ravel(), 1.0)
        self.good_images += 1

    def inside_defective(self) -> PixelScores:
        """Among the pixels of annotated defective images alone: the fair comparison of places."""
        return self._scores(self._beside)

    def over_all(self) -> PixelScores:
        """Among the pixels of good images too, as the published tables have it."""
        return self._scores(self._beside + self._good)

    def _scores(self, good: np.ndarray) -> PixelScores:
        used = np.flatnonzero((self._bad > 0) | (good > 0))[::-1]
        thresholds = (used.astype(np.uint32) << _DROPPED_BITS).view(np.float32)
        false = np.cumsum(good[used])
        pixels = Curve(thresholds, np.cumsum(self._bad[used]), false)
        regions = Curve(thresholds, np.cumsum(self._regions[used]), false)
        return PixelScores(
            pixels.auroc, regions.area(PRO_LIMIT), pixels.average_precision, pixels.f1_max[0]
        )


def _bins(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    # adding 0 makes -0 a plain 0, whose bits come first
    enlarged = np.clip(resize(values, shape), 0, 1) + np.float32(0)
    return enlarged.view(np.uint32) >> _DROPPED_BITS


def _fitting(shape: tuple[int, int]) -> tuple[int, int]:
    height, width = shape
    scale = min(1.0, (MAX_PIXELS / (height * width)) ** 0.5)
    return max(1, int(height * scale)), max(1, int(width * scale))


def _shrunk(mask: np.ndarray) -> np.ndarray:
    shape = _fitting(mask.shape)
    if shape == mask.shape:
        return mask
    share = cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA)
    return share > 0
