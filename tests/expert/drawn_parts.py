"""A brushed plate with four holes, drawn; good or with a scratch at a known place."""

from __future__ import annotations

import cv2
import numpy as np

from triad_ui.records import ImageRecord, Picture

SCRATCH = (190, 190, 240, 225)
"""x0, y0, x1, y1 of the scratch in a plate of 420 x 420 pixels."""


def plate(seed: int, *, scratch: bool = False, size: tuple[int, int] = (420, 420)) -> Picture:
    """Noise, light and place vary with the seed. size: (width, height)."""
    rng = np.random.default_rng(seed)
    drawn = np.full((420, 420, 3), 70, dtype=np.float32)
    grain = cv2.GaussianBlur(rng.normal(0, 40, (420, 420)).astype(np.float32), (0, 0), 6, sigmaY=1)
    dx, dy = (int(v) for v in rng.integers(-3, 4, 2))
    body = (slice(50 + dy, 370 + dy), slice(50 + dx, 370 + dx))
    drawn[body] = 165 + grain[body][..., None]
    for x, y in ((110, 110), (310, 110), (110, 310), (310, 310)):
        cv2.circle(drawn, (x + dx, y + dy), 22, (40, 40, 45), -1)
    if scratch:
        cv2.line(drawn, SCRATCH[:2], SCRATCH[2:], (60, 30, 20), 7)
    noisy = np.clip(drawn * rng.uniform(0.98, 1.02) + rng.normal(0, 2, drawn.shape), 0, 255)
    rgb = cv2.resize(noisy.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    key = f"plate-{seed}-{scratch}-{size}"
    return Picture(ImageRecord(key, "plate", *size, "RGB 8-bit"), rgb)
