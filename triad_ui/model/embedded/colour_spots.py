"""Connected spots of a map: how many there are, how large, and where a row or a grid lacks one.

Counted, not learned, so that it holds for products that were never met. Knows no colours.
"""

from __future__ import annotations

import cv2
import numpy as np

SPOTS, ALIKE, WORTH, LARGE, MEDIAN, LARGEST, GAPS, HOLES = range(8)
TOLD = 8
"""What is told of a map: numbers of spots, of those about as large as most, how many such would
cover as much, and of those half as large as the largest; area of the middle and of the largest one,
shares; places that miss in a row of spots, and those that miss in rows of two directions."""
LEAST, MOST = 14, 64
"""Pixels of the least spot; spots that are looked at."""


def spots_of(mask: np.ndarray) -> np.ndarray:
    """bool (H, W) -> float32 (TOLD,)."""
    told = np.zeros(TOLD, np.float32)
    areas, centres = connected(mask, LEAST)
    if not len(areas):
        return told
    kept = np.argsort(-areas, kind="stable")[:MOST]
    areas, centres = areas[kept], centres[kept]
    middle, alike = float(np.median(areas)), as_most(areas)
    told[SPOTS], told[ALIKE], told[WORTH] = len(areas), alike.sum(), areas.sum() / middle
    told[LARGE] = (areas > areas[0] / 2).sum()
    told[MEDIAN], told[LARGEST] = middle / mask.size, areas[0] / mask.size
    told[GAPS], told[HOLES] = _gaps(centres[alike], centres)
    return told


def connected(mask: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Spots of at least so many pixels of a mask, bool (H, W): their areas (n,) and middles (n, 2),
    across and down."""
    _, _, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8), None, 8)
    kept = stats[:, cv2.CC_STAT_AREA] >= least
    kept[0] = False  # what is around them
    return stats[kept, cv2.CC_STAT_AREA], centres[kept]


def as_most(areas: np.ndarray) -> np.ndarray:
    """Which spots are about as large as most, bool (n,)."""
    middle = np.median(areas)
    return (areas > middle / 2) & (areas < middle * 2)


def apart(centres: np.ndarray) -> tuple[np.ndarray, float]:
    """How far spots (n, 2) lie from each other (n, n), and how far the next one usually is."""
    far = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    np.fill_diagonal(far, np.inf)
    return far, float(np.median(far.min(1)))


def _gaps(alike: np.ndarray, centres: np.ndarray) -> tuple[int, int]:
    """Places halfway between two of the alike spots (n, 2), twice the usual distance apart, where
    none of all spots lies; and those of them that are so in two directions."""
    if len(alike) < 3:
        return 0, 0
    far, usual = apart(alike)
    one, two = np.nonzero(np.triu((far > 1.6 * usual) & (far < 2.4 * usual)))
    between = (alike[one] + alike[two]) / 2
    way = (alike[two] - alike[one]) / (2 * usual)
    if not len(between):
        return 0, 0
    empty = np.linalg.norm(between[:, None] - centres[None], axis=2).min(1) > 0.6 * usual
    between, way = between[empty], way[empty]
    gaps = holes = 0
    while len(between):
        near = np.linalg.norm(between - between[0], axis=1) < 0.4 * usual
        turned = np.abs(way[near, 0] * way[0, 1] - way[near, 1] * way[0, 0])
        gaps, holes = gaps + 1, holes + int((turned > 0.5).any())
        between, way = between[~near], way[~near]
    return gaps, holes
