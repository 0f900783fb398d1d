"""What a part lies on: plain, brushed metal, wood, conveyor, cloth, cutting mat, granite.

Knows nothing of products or cameras.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from triad_ui.synthesis.fields import smooth_noise


@lru_cache(maxsize=4)
def noise_bank(side: int) -> np.ndarray:
    """Unit noise float32 (side, side, 3), mostly common to the channels; the same in every process.

    Cut windows from it: fresh normal numbers for every picture would cost more than all else.
    """
    rng = np.random.Generator(np.random.PCG64(20_240))
    common = rng.standard_normal((side, side, 1), dtype=np.float32)
    own = rng.standard_normal((side, side, 3), dtype=np.float32)
    bank = (0.85 * common + 0.53 * own).astype(np.float32)
    bank.setflags(write=False)
    return bank


def grain(size: int, rng: np.random.Generator) -> np.ndarray:
    """A random window of the bank: float32 (size, size, 3), not to be written to."""
    room = max(96, size // 2)
    y, x = rng.integers(0, room, 2)
    return noise_bank(size + room)[y : y + size, x : x + size]


def draw_background(
    size: int, rng: np.random.Generator, avoid: np.ndarray | None = None
) -> np.ndarray:
    """A background uint8 (size, size, 3); avoid: a colour (3,) that it should differ from."""
    kinds: tuple[Callable[[int, np.ndarray, np.random.Generator], np.ndarray], ...]
    kinds = (_plain, _plain, _brushed, _wood, _conveyor, _cloth, _mat, _granite)
    paint = kinds[int(rng.integers(len(kinds)))]
    for _ in range(8):
        tone = _tone(paint, rng)
        if avoid is None or np.abs(tone - avoid).mean() > 45:
            break
    image = paint(size, tone.astype(np.float32), rng)
    return np.clip(image, 0, 255).astype(np.uint8)


def _tone(paint: Callable[..., np.ndarray], rng: np.random.Generator) -> np.ndarray:
    if paint is _wood:
        return np.array([168, 128, 88]) * rng.uniform(0.5, 1.25) + rng.normal(0, 8, 3)
    if paint is _mat:
        return rng.choice(np.array([[38, 92, 78], [44, 62, 96], [70, 72, 76]])) * rng.uniform(
            0.8, 1.2
        )
    if paint is _conveyor:
        green = np.array([52, 100, 74])
        return (green if rng.random() < 0.3 else np.full(3, 52.0)) * rng.uniform(0.6, 1.5)
    level = rng.choice([rng.uniform(12, 50), rng.uniform(60, 190), rng.uniform(200, 240)])
    tint = rng.normal(0, 1, 3) * rng.choice([2.0, 4.0, 16.0 if level < 120 else 6.0])
    return np.clip(level + tint - tint.mean(), 5, 245)


def _plain(size: int, tone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cloud = smooth_noise(size, size, rng, 3)[..., None]
    return tone + cloud * rng.uniform(0.5, 3.5) + grain(size, rng) * rng.uniform(0.3, 1.5)


def _brushed(size: int, tone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    lines = cv2.blur(grain(size, rng)[..., 0], (int(size * rng.uniform(0.1, 0.4)), 1))
    lines = lines / (lines.std() + 1e-6) * rng.uniform(3, 8)
    lines = lines + 6 * smooth_noise(size, size, rng, 2)
    return tone + (lines if rng.random() < 0.6 else lines.T)[..., None]


def _wood(size: int, tone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    y = np.linspace(0, 1, size, dtype=np.float32)[:, None]
    warp = cv2.resize(smooth_noise(size, 8, rng, 4), (size, size))
    rings = np.sin(2 * np.pi * (y * rng.uniform(4, 12) + 0.35 * warp)).astype(np.float32)
    fibre = cv2.blur(grain(size, rng)[..., 0], (max(3, size // 6), 1))
    value = 0.06 * rings + 0.07 * fibre / (fibre.std() + 1e-6)
    return tone * (1 + (value if rng.random() < 0.6 else value.T)[..., None])


def _conveyor(size: int, tone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    x = np.arange(size, dtype=np.float32)
    period = size * rng.uniform(0.02, 0.14)
    wave = np.sin(2 * np.pi * x / period + rng.uniform(0, 6.28))
    ribs = np.clip(wave * rng.uniform(1.0, 3.0), -1, 1) * rng.uniform(2, 9)
    value = np.broadcast_to(ribs[None], (size, size)) + 3 * smooth_noise(size, size, rng, 5)
    value = value if rng.random() < 0.5 else value.T
    return tone + value[..., None] + grain(size, rng) * rng.uniform(1, 3)


def _cloth(size: int, tone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    period = max(3.0, size * rng.uniform(0.008, 0.02))
    x = np.sin(2 * np.pi * np.arange(size, dtype=np.float32) / period)
    weave = x[None] * x[:, None] * rng.uniform(3, 9)
    folds = smooth_noise(size, size, rng, int(rng.integers(2, 5))) * rng.uniform(2, 7)
    return tone + (weave + folds)[..., None] + grain(size, rng) * 2


def _mat(size: int, tone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    image = np.empty((size, size, 3), np.float32)
    image[:] = tone
    step = size * rng.uniform(0.07, 0.16)
    phase = rng.uniform(0, step, 2)
    for k in range(int(size / step) + 1):
        x, y = int(phase[0] + k * step), int(phase[1] + k * step)
        cv2.line(image, (x, 0), (x, size), (tone * 0.8 + 50).tolist(), max(1, size // 384))
        cv2.line(image, (0, y), (size, y), (tone * 0.8 + 50).tolist(), max(1, size // 384))
    return image + grain(size, rng) * 2


def _granite(size: int, tone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    speck = cv2.GaussianBlur(grain(size, rng), (0, 0), size / 384 * rng.uniform(0.8, 2.0))
    speck = speck / (speck.std() + 1e-6) * rng.uniform(4, 14)
    return tone + speck + 3 * smooth_noise(size, size, rng, 8)[..., None]
