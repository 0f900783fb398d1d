"""Small pictures whose every pixel is known, and how they become files."""

from __future__ import annotations

import io

import numpy as np
import tifffile
from PIL import Image

GREY = np.arange(0, 240, dtype=np.uint8).reshape(12, 20)
RGB = np.stack([GREY, GREY[::-1], 255 - GREY], axis=2)
ALPHA = np.tile(np.array([0, 64, 128, 255], np.uint8), 60).reshape(12, 20)
DEEP = (np.arange(240, dtype=np.uint32) * 65535 // 239).astype(np.uint16).reshape(12, 20)


def pillow(array: np.ndarray | Image.Image, kind: str, **options: object) -> bytes:
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def tiff(array: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def blended(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255.0
    return np.rint(rgb * share + 128 * (1 - share)).astype(np.uint8)


def three(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)
