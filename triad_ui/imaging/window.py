"""Window and level: which grey levels of a deep picture are black and which are white.

It does not know files or formats; it gets samples as an array and gives 8-bit pixels.
"""

from __future__ import annotations

import math

import numpy as np

from triad_ui.errors import ImageError
from triad_ui.imaging.samples import BAND_ROWS
from triad_ui.records import Window

LOW_PERCENT, HIGH_PERCENT = 0.1, 99.9
ENOUGH = 0.25
"""Share of the full range that a picture must span to be shown over the full range."""

_MOST_VALUES = 2_000_000
_CAMERA_BITS = (8, 10, 12, 14, 16)


def value_range(values: np.ndarray) -> tuple[float, float]:
    """Return the lowest and highest finite sample; ImageError when none is finite."""
    low, high = math.inf, -math.inf
    for top in range(0, len(values), BAND_ROWS):
        band = values[top : top + BAND_ROWS]
        if band.dtype.kind == "f":
            band = band[np.isfinite(band)]
        if band.size:
            low, high = min(low, float(band.min())), max(high, float(band.max()))
    if low > high:
        raise ImageError("The picture has no readable value (all NaN or infinite). Export it again")
    return low, high


def default_window(
    values: np.ndarray, bits: int | None = None, alpha: np.ndarray | None = None
) -> Window:
    """Return the window that shows a deep picture readably, always the same for the same pixels.

    1. Unsigned samples of up to 16 bits: the full range is 0..2^n-1 with n the smallest of 8, 10,
       12, 14, 16 that holds the brightest sample (12 bits often come in 16-bit files); floats
       within 0..1: 0..1. If the picture spans a quarter of that range, the range is its window,
       so nothing is clipped and a part and its reference are rendered alike.
    2. Otherwise, and for every other type, the 0.1 and 99.9 percentiles of the finite samples;
       where they are equal, the extremes.

    values: (h, w) or (h, w, 3). Fully transparent pixels (alpha 0) do not count. The limits are
    rounded to six digits where that moves them by less than 0.1 % of the window.
    """
    step = max(1, math.isqrt(max(values.shape[0] * values.shape[1] // _MOST_VALUES, 1)))
    some = values[::step, ::step]
    if alpha is not None:
        some = some[alpha[::step, ::step] > 0]
    if some.dtype.kind == "f":
        some = some[np.isfinite(some)]
    least, most = value_range(values)
    if some.size == 0:
        some = np.array([least, most])
    with np.errstate(all="ignore"):  # floats near the end of their range
        low, high = (float(x) for x in np.percentile(some, (LOW_PERCENT, HIGH_PERCENT)))
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = least, most
    full = _full_range(least, most, values.dtype, bits)
    if full and high - low >= ENOUGH * full:
        return Window(0.0, full)
    if low >= high:
        low, high = least, most
    tidy = _six_digits(low), _six_digits(high)
    # Levels far from zero and close together need all their digits.
    if max(abs(tidy[0] - low), abs(tidy[1] - high)) <= 1e-3 * (high - low):
        low, high = tidy
    return Window(low, high) if high > low else Window(low, low + max(1.0, abs(low) * 1e-3))


def check_window(window: Window) -> Window:
    """Return `window` if white lies above black and both are finite; else ImageError."""
    if not (math.isfinite(window.low) and math.isfinite(window.high) and window.low < window.high):
        raise ImageError("The window's white level must lie above its black level. Change one.")
    return window


def render(values: np.ndarray, window: Window) -> np.ndarray:
    """Return uint8 (h, w, 3): window.low and below 0, window.high and above 255, NaN black.

    values: (h, w) or (h, w, 3) of any real type. It works in bands of rows; besides the result it
    needs memory for a few rows only.
    """
    out = np.empty((*values.shape[:2], 3), np.uint8)
    table = None
    if values.dtype == np.uint16:
        table = _scale(np.arange(65536), window)
    for top in range(0, len(out), BAND_ROWS):
        band = values[top : top + BAND_ROWS]
        shown = table[band] if table is not None else _scale(band, window)
        out[top : top + BAND_ROWS] = shown if shown.ndim == 3 else shown[..., None]
    return out


def _scale(values: np.ndarray, window: Window) -> np.ndarray:
    wide = values.astype(np.float64)
    np.clip(wide, window.low, window.high, out=wide)
    with np.errstate(all="ignore"):  # NaN stays NaN; floats near the end of their range overflow
        share = (wide - window.low) / (window.high - window.low)
    return np.rint(np.nan_to_num(share, nan=0.0) * 255.0).astype(np.uint8)


def _full_range(least: float, most: float, dtype: np.dtype, bits: int | None) -> float | None:
    if dtype.kind == "u" and (bits or 64) <= 16:
        exact = bits if bits and bits not in (8, 16) else None
        n = exact or next(n for n in _CAMERA_BITS if most < (1 << n))
        return float((1 << n) - 1)
    if dtype.kind == "f" and least >= 0.0 and most <= 1.0:
        return 1.0
    return None


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}")
