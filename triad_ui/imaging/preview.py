"""Smaller pictures and cut-outs for the page, and the arithmetic between the two frames.

It does not know files or records but `Roi`. Coordinates are pixel edges: x = 0 is the left edge of
the first column, x = width the right edge of the last, so a half-open box maps edge to edge.
"""

from __future__ import annotations

import io
import math

import numpy as np

from triad_ui.errors import ImageError
from triad_ui.records import Roi

Size = tuple[int, int]
"""(width, height) in pixels."""


def preview_size(size: Size, longest: int) -> Size:
    """Return the (width, height) of a preview whose longer side is at most `longest` (>= 1)."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def preview(rgb: np.ndarray, longest: int) -> np.ndarray:
    """Return a copy with the longer side at most `longest`, never enlarged, by area means.

    rgb: uint8 (h, w, 3). Every original pixel weighs in, so a small defect fades but stays.
    """
    import cv2

    size = preview_size((rgb.shape[1], rgb.shape[0]), longest)
    if size == (rgb.shape[1], rgb.shape[0]):
        return rgb.copy()
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def to_preview(x: float, y: float, original: Size, shown: Size) -> tuple[float, float]:
    """Map a point of the original, in pixel edges, to the frame of size `shown`; not rounded."""
    return x * shown[0] / original[0], y * shown[1] / original[1]


def to_original(x: float, y: float, original: Size, shown: Size) -> tuple[float, float]:
    """Map a point of the frame of size `shown` back to the original; inverse of `to_preview`."""
    return x * original[0] / shown[0], y * original[1] / shown[1]


def box_to_preview(
    box: tuple[int, int, int, int], original: Size, shown: Size
) -> tuple[float, float, float, float]:
    """Map a half-open box of the original to the frame of size `shown`, as floats."""
    return *to_preview(box[0], box[1], original, shown), *to_preview(
        box[2], box[3], original, shown
    )


def box_to_original(
    box: tuple[float, float, float, float], original: Size, shown: Size
) -> tuple[int, int, int, int]:
    """Map a box drawn on a frame of size `shown` to whole pixels of the original.

    The corners may be in any order and outside; the result is half-open, inside the picture and at
    least one pixel large. `box_to_original(box_to_preview(b))` is b.
    """
    x0, y0 = to_original(min(box[0], box[2]), min(box[1], box[3]), original, shown)
    x1, y1 = to_original(max(box[0], box[2]), max(box[1], box[3]), original, shown)
    left, right = _inside(x0, x1, original[0])
    top, bottom = _inside(y0, y1, original[1])
    return left, top, right, bottom


def _inside(low: float, high: float, length: int) -> tuple[int, int]:
    start = min(max(math.floor(low + 0.5), 0), length - 1)
    return start, min(max(math.floor(high + 0.5), start + 1), length)


def crop(rgb: np.ndarray, roi: Roi) -> np.ndarray:
    """Return a copy of the region at full resolution, cut at the picture's edges.

    rgb: (h, w, ...). Raises ImageError when the region holds no pixel of it.
    """
    height, width = rgb.shape[:2]
    x0, y0 = max(roi.x0, 0), max(roi.y0, 0)
    x1, y1 = min(roi.x1, width), min(roi.y1, height)
    if x0 >= x1 or y0 >= y1:
        raise ImageError("The region lies outside the picture. Draw it again.")
    return rgb[y0:y1, x0:x1].copy()


def png_bytes(pixels: np.ndarray) -> bytes:
    """Return a PNG of uint8 (h, w), (h, w, 3) RGB or (h, w, 4) RGBA pixels, without metadata."""
    from PIL import Image

    if pixels.dtype != np.uint8:
        raise TypeError(f"uint8 pixels are needed, not {pixels.dtype}")
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=3)
    return file.getvalue()
