"""An anomaly map as a picture: colours to lay over the photograph, greys for the browser.

Colour never stands alone: opacity grows with the value, and `contours` draws the threshold as a
line. It does not know how the map was made, nor the photograph under it.
"""

from __future__ import annotations

import cv2
import numpy as np

from triad_ui.expert.anomaly_map import resize
from triad_ui.records import AnomalyMap

THRESHOLD = 0.5

# Knots of the colour table in CIE Lab: lightness climbs evenly from dark to light, hue turns from
# violet over red to yellow, so that the order is also seen without colour and in print.
_KNOTS_LAB = np.array(
    [
        (8, 14, -30),
        (24, 38, -42),
        (40, 58, -8),
        (55, 58, 36),
        (71, 28, 66),
        (86, 0, 74),
        (97, -8, 30),
    ],
    dtype=np.float32,
)


def _table() -> np.ndarray:
    """The 256 colours, uint8 (256, 3) RGB."""
    places = np.linspace(0, len(_KNOTS_LAB) - 1, 256)
    lab = np.stack(
        [np.interp(places, np.arange(len(_KNOTS_LAB)), knot) for knot in _KNOTS_LAB.T], axis=1
    )
    rgb = cv2.cvtColor(lab[None].astype(np.float32), cv2.COLOR_LAB2RGB)[0]
    return np.round(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


COLOURS = _table()
"""Colour of a value v in 0..1: COLOURS[round(255 v)], uint8 RGB."""


def heat_map(anomaly_map: AnomalyMap, size: tuple[int, int]) -> np.ndarray:
    """The map as an overlay for an image of `size` (width, height): uint8 RGBA (height, width, 4).

    Alpha is 0 at 0, a half at the threshold, and opaque at 1.
    """
    grey = _grey(anomaly_map.values, size)
    return np.dstack([COLOURS[grey], grey])


def grey_map(anomaly_map: AnomalyMap, longest: int) -> np.ndarray:
    """The values themselves as 0..255, uint8 (h, w), for the page to colour and threshold.

    longest: pixels of the longer side; a smaller map keeps its own grid.
    """
    height, width = anomaly_map.values.shape
    scale = min(1.0, longest / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return _grey(anomaly_map.values, size)


def contours(
    anomaly_map: AnomalyMap, size: tuple[int, int], threshold: float = THRESHOLD
) -> list[np.ndarray]:
    """Outlines of what is above `threshold`, each int32 (n, 2) of x, y in an image of `size`."""
    mask = (resize(anomaly_map.values, size[::-1]) > threshold).astype(np.uint8)
    found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [contour[:, 0, :] for contour in found]


def _grey(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    resized = resize(values, size[::-1])
    return np.round(np.clip(resized, 0, 1) * 255).astype(np.uint8)
