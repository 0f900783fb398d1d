"""Distances to an anomaly map: resize, combine, smooth, and put on the common 0..1 scale.

Pure NumPy and OpenCV. It does not know where distances come from, which expert asks, or what the
map will be shown as.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

TOP = 0.01
"""Share of a map's cells whose mean is the image's score."""


def resize(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A map on another grid: float32 (h, w) -> float32 `shape` (height, width), bilinear."""
    if values.shape == shape:
        return values.astype(np.float32, copy=False)
    return cv2.resize(
        values.astype(np.float32, copy=False), shape[::-1], interpolation=cv2.INTER_LINEAR
    )


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur of `sigma` cells; sigma 0 leaves the map alone."""
    if sigma <= 0:
        return values
    return cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def combine(maps: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """The mean of maps of any grids on the grid `shape` (height, width); float32.

    ValueError without a map.
    """
    if not maps:
        raise ValueError("at least one map is needed")
    return np.mean([resize(values, shape) for values in maps], axis=0, dtype=np.float32)


def squash(distances: np.ndarray, threshold: float, steepness: float) -> np.ndarray:
    """Distances 0.. on the common scale 0..1, monotone, with `threshold` at exactly 0.5.

    d^k / (d^k + t^k): half the threshold gives 0.06 at k = 4, twice gives 0.94. float32, any
    shape. ValueError for a threshold that is not positive.
    """
    if threshold <= 0:
        raise ValueError(f"the threshold must be above 0, not {threshold}")
    ratio = np.maximum(np.asarray(distances, dtype=np.float32), 0) / np.float32(threshold)
    powered = np.minimum(ratio, 1e3) ** np.float32(steepness)
    return (powered / (powered + 1)).astype(np.float32)


def top_mean(values: np.ndarray, share: float = TOP) -> float:
    """The mean of the largest `share` of the cells (at least one): an image's score."""
    count = max(1, round(values.size * share))
    return float(np.partition(values.ravel(), values.size - count)[-count:].mean())
