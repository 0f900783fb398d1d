"""A tiny data set laid out as MVTec AD: grey plates, some with a dark spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 48


def plate(file: Path, spot: int = 0, level: int = 190, dark: int = 20) -> None:
    """A picture of SIDE pixels. spot: side of its square of grey level `dark`, 0 without."""
    pixels = np.full((SIDE, SIDE, 3), level, np.uint8)
    pixels[30 : 30 + spot, 20 : 20 + spot] = dark
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


def draw_product(folder: Path, good: int = 3, bad: int = 3) -> None:
    """PRODUCT/train/good, test/good, test/spot, ground_truth/spot; the last good one is grimy."""
    for number in range(2):
        plate(folder / f"train/good/{number}.png")
    for number in range(good):
        grime = 3 if number == good - 1 else 0
        plate(folder / f"test/good/{number}.png", grime, level=188 + number, dark=130)
    for number in range(bad):
        plate(folder / f"test/spot/{number}.png", 6 + 2 * number)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[30 : 36 + 2 * number, 20 : 26 + 2 * number] = 255
        file = folder / f"ground_truth/spot/{number}_mask.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(file)


def draw_data_set(root: Path, products: tuple[str, ...] = ("plate", "round_plate")) -> Path:
    """ROOT/parts with so many products; returns ROOT."""
    for name in products:
        draw_product(root / "parts" / name)
    return root
