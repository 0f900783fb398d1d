"""Drawn parts as files of pictures, for what is stored by its bytes."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from triad_ui.records import Picture


def png(pixels: np.ndarray) -> bytes:
    """The bytes of a PNG file. pixels: uint8 (H, W) or (H, W, 3)."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def png_of(picture: Picture) -> bytes:
    """The picture as the bytes of a PNG file."""
    return png(picture.rgb)


def part(mark: int, seed: int = 0) -> bytes:
    """A grey part of 64 x 64 with a square that is `mark` grey levels darker."""
    grey = np.full((64, 64), 150, np.uint8)
    grey[0, 0] = seed
    grey[20:40, 20:40] -= np.uint8(mark)
    return png(grey)
