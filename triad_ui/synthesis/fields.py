"""Random shapes to paint with: smooth noise, ragged blobs, soft strokes, contrasting colours.

A `Site` is the window of a product in which one defect is painted. Knows nothing of what kinds of
defect there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_SUPER = 3  # strokes are drawn this much larger, so that their widths may be fractions of a pixel


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """Where a defect is painted.

    rgb: float32 (h, w, 3), 0..255, the window before. inside: bool (h, w), the product.
    centre: x, y in the window. radius: half the defect's extent in pixels. unit: one pixel of a
    384 px picture. strength: 1 at first, more when a weaker try could not be seen. whole, product:
    the entire picture uint8 (S, S, 3) and its foreground, for patches taken from elsewhere.
    outward: unit vector away from the product at an edge site, else None.
    """

    rgb: np.ndarray
    inside: np.ndarray
    centre: tuple[float, float]
    radius: float
    unit: float
    strength: float
    whole: np.ndarray
    product: np.ndarray
    outward: tuple[float, float] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.rgb.shape[:2]

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Offsets from the centre in pixels, x as (1, w) and y as (h, 1), float32."""
        height, width = self.shape
        x = np.arange(width, dtype=np.float32)[None] - np.float32(self.centre[0])
        y = np.arange(height, dtype=np.float32)[:, None] - np.float32(self.centre[1])
        return x, y

    def local_colour(self) -> np.ndarray:
        """Mean colour of the product near the centre, float (3,)."""
        x, y = (int(c) for c in self.centre)
        reach = max(2, int(self.radius))
        box = np.s_[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        inside = self.inside[box]
        pixels = self.rgb[box][inside] if inside.any() else self.rgb.reshape(-1, 3)
        return pixels.mean(axis=0)


def smooth_noise(height: int, width: int, rng: np.random.Generator, cells: int) -> np.ndarray:
    """Smooth noise of about unit variance, float32 (height, width), `cells` bumps across."""
    coarse = rng.standard_normal((cells + 2, cells + 2), dtype=np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def blob(
    site: Site, rng: np.random.Generator, roughness: float = 0.2, stretch: float = 1.6
) -> np.ndarray:
    """A ragged blob round the centre: float32 (h, w), > 0 inside, about 1 in the middle."""
    x, y = site.grid()
    angle = rng.uniform(0, np.pi)
    long = np.sqrt(rng.uniform(1.0, stretch))
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u = (cos * x + sin * y) / np.float32(site.radius * 0.85 * long)
    v = (cos * y - sin * x) / np.float32(site.radius * 0.85 / long)
    field = 1.0 - np.sqrt(u * u + v * v)
    if roughness > 0:
        height, width = site.shape
        bumps = max(3, round(3.0 * max(height, width) / max(4.0, 2 * site.radius)))
        field += roughness * smooth_noise(height, width, rng, bumps)
        fine = smooth_noise(height, width, rng, 3 * bumps)
        field += 0.35 * roughness * fine
    return field


def soft(field: np.ndarray, width: float) -> np.ndarray:
    """0 where the field is <= 0, 1 from `width` on, smooth between: float32, same shape."""
    t = np.clip(field / max(width, 1e-3), 0.0, 1.0).astype(np.float32)
    return t * t * (3.0 - 2.0 * t)


def curve(
    start: np.ndarray, angle: float, length: float, bend: float, jitter: float, rng, steps: int = 16
) -> np.ndarray:
    """A bent line as points float (steps + 1, 2).

    bend: total turning in radians. jitter: extra turning per step in radians (a crack's zigzag).
    """
    turns = bend / steps + jitter * rng.standard_normal(steps)
    headings = angle - bend / 2 + np.cumsum(turns)
    moves = np.stack([np.cos(headings), np.sin(headings)], axis=1) * (length / steps)
    return np.concatenate([start[None], start[None] + np.cumsum(moves, axis=0)])


def stroke(shape: tuple[int, int], points: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Coverage 0..1 of a line of varying width: float32 `shape`; points (n, 2), widths (n,) px."""
    height, width = shape
    canvas = np.zeros((height * _SUPER, width * _SUPER), np.uint8)
    scaled = np.round((points + 0.5) * _SUPER).astype(np.int32)
    for a, b, thick in zip(scaled[:-1], scaled[1:], widths[:-1]):
        cv2.line(canvas, a.tolist(), b.tolist(), 255, max(1, round(float(thick) * _SUPER)))
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255.0


def mix(rgb: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Paint a colour ((3,) or (h, w, 3)) over rgb (h, w, 3) with alpha (h, w) in 0..1."""
    return rgb + (np.asarray(colour, np.float32) - rgb) * alpha[..., None]


def contrasting(local: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """A mostly dull colour that stands out from `local`, float (3,) in 0..255."""
    light = float(local @ (0.299, 0.587, 0.114))
    darker = rng.random() < np.clip((light - 60) / 120, 0.05, 0.95)
    step = rng.uniform(40, 110) * strength
    level = light - step if darker else light + step
    if not 5 < level < 250:
        level = light + step if darker else light - step
    tint = rng.normal(0, rng.choice([4.0, 22.0]), 3)
    return np.clip(level + tint - tint.mean(), 0, 255)
