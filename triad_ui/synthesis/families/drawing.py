"""Anti-aliased shapes with light on them, and textures.

All lengths are parts of the picture's side (0..1, x to the right, y down); the light comes from
the top left. Knows nothing of products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor

import cv2
import numpy as np

_SHIFT = 4
_ROOM = 160  # the noise bank is this much wider than a picture
_FONT = cv2.FONT_HERSHEY_DUPLEX


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A soft shape: alpha float32 (h, w) 0..1, whose first pixel is at (x, y) of the picture."""

    alpha: np.ndarray
    x: int
    y: int

    @property
    def window(self) -> tuple[slice, slice]:
        height, width = self.alpha.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)

    def part(self, keep: np.ndarray) -> Mask:
        """The part of this mask where `keep`, a 0..1 field of the whole picture, is 1."""
        return Mask(self.alpha * keep[self.window], self.x, self.y)


def ellipse(x: float, y: float, a: float, b: float, turn: float = 0.0) -> np.ndarray:
    """Outline of an ellipse with half axes a, b, turned by `turn` radians: (N, 2)."""
    t = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    return turned(np.stack((x + a * np.cos(t), y + b * np.sin(t)), 1), x, y, turn)


def disc(x: float, y: float, r: float) -> np.ndarray:
    """Outline of a disc: (N, 2)."""
    return ellipse(x, y, r, r)


def box(x0: float, y0: float, x1: float, y1: float, r: float = 0.0) -> np.ndarray:
    """Outline of a box with corners rounded by r: (N, 2)."""
    r = min(r, (x1 - x0) / 2, (y1 - y0) / 2)
    if r <= 0:
        return np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), float)
    t = np.linspace(0, np.pi / 2, 9)
    arc = np.stack((np.cos(t), np.sin(t)), 1) * r
    corners = ((x1 - r, y1 - r), (x0 + r, y1 - r), (x0 + r, y0 + r), (x1 - r, y0 + r))
    quarters = (arc, arc[:, ::-1] * (-1, 1), -arc, arc[:, ::-1] * (1, -1))
    return np.concatenate([quarter + corner for quarter, corner in zip(quarters, corners)])


def regular(x: float, y: float, r: float, sides: int, turn: float = 0.0) -> np.ndarray:
    """Outline of a regular polygon with corners at distance r: (sides, 2)."""
    t = turn + np.arange(sides) * 2 * np.pi / sides
    return np.stack((x + r * np.cos(t), y + r * np.sin(t)), 1)


def turned(points: np.ndarray, x: float, y: float, angle: float) -> np.ndarray:
    """Turn points about (x, y) by radians, clockwise on the picture."""
    cos, sin = np.cos(angle), np.sin(angle)
    return (points - (x, y)) @ np.array(((cos, sin), (-sin, cos))) + (x, y)


class Canvas:
    """A picture in the making: rgb float32 (S, S, 3) 0..255 and cover (S, S) of the product."""

    plain = False
    """Whether nothing but paint is to be seen, each in the one shade that it is told by."""

    def __init__(self, size: int, ground: float = 118.0) -> None:
        self.size = size
        self.rgb = np.full((size, size, 3), ground, np.float32)
        self.cover = np.zeros((size, size), np.float32)

    def pixels(self) -> np.ndarray:
        """The picture as uint8 (S, S, 3)."""
        return np.clip(self.rgb + 0.5, 0, 255).astype(np.uint8)

    def shape(self, *outlines: np.ndarray) -> Mask:
        """Fill outlines by the even-odd rule: a second outline inside the first is a hole."""
        points = [np.asarray(outline) * self.size - 0.5 for outline in outlines]
        low = np.min([p.min(0) for p in points], 0)
        high = np.max([p.max(0) for p in points], 0)
        x, y, alpha = self._blank(low, high, 2)
        fixed = [np.round((p - (x, y)) * 2**_SHIFT).astype(np.int32) for p in points]
        cv2.fillPoly(alpha, fixed, 255, cv2.LINE_AA, _SHIFT)
        return Mask(alpha.astype(np.float32) / 255, x, y)

    def stroke(self, points: np.ndarray, width: float, closed: bool = False) -> Mask:
        """A line of that width through points (N, 2)."""
        pixel = np.asarray(points, float) * self.size - 0.5
        thick = max(1, round(width * self.size))
        x, y, alpha = self._blank(pixel.min(0), pixel.max(0), thick + 2)
        fixed = np.round((pixel - (x, y)) * 2**_SHIFT).astype(np.int32)
        cv2.polylines(alpha, [fixed], closed, 255, thick, cv2.LINE_AA, _SHIFT)
        return Mask(alpha.astype(np.float32) / 255, x, y)

    def lettering(
        self, text: str, x: float, y: float, height: float, turn: float = 0.0, bold: float = 1.0
    ) -> Mask:
        """Text centred on (x, y), capitals `height` high, turned by `turn` radians."""
        scale = height * self.size / 21.0
        thick = max(1, round(bold * scale * 2.2))
        (width, tall), _ = cv2.getTextSize(text, _FONT, scale, thick)
        pad = int(width / 2 + tall + 4)
        sheet = np.zeros((2 * pad, 2 * pad), np.uint8)
        place = (pad - width // 2, pad + tall // 2)
        cv2.putText(sheet, text, place, _FONT, scale, 255, thick, cv2.LINE_AA)
        matrix = cv2.getRotationMatrix2D((pad, pad), -np.degrees(turn), 1.0)
        matrix[:, 2] += (x * self.size % 1, y * self.size % 1)
        sheet = cv2.warpAffine(sheet, matrix, sheet.shape)
        left, top = int(x * self.size) - pad, int(y * self.size) - pad
        cut_x, cut_y = max(0, -left), max(0, -top)
        alpha = sheet[cut_y : self.size - top, cut_x : self.size - left]
        return Mask(alpha.astype(np.float32) / 255, left + cut_x, top + cut_y)

    def _blank(self, low: np.ndarray, high: np.ndarray, margin: int) -> tuple[int, int, np.ndarray]:
        # plain numbers: there are thousands of shapes in a picture, and numpy is slow with two
        x0, y0 = (min(max(floor(v) - margin, 0), self.size - 1) for v in low.tolist())
        x1, y1 = (min(max(ceil(v) + margin + 1, 1), self.size) for v in high.tolist())
        return x0, y0, np.zeros((max(1, y1 - y0), max(1, x1 - x0)), np.uint8)

    def paint(
        self,
        mask: Mask,
        colour: np.ndarray | tuple[float, float, float],
        *,
        bevel: float = 0.0,
        depth: float = 1.0,
        gloss: float = 0.0,
        texture: np.ndarray | None = None,
        shadow: float = 0.0,
        opacity: float = 1.0,
        form: Mask | None = None,
    ) -> None:
        """Lay a shape on the picture.

        colour: (3,) or a whole field (S, S, 3). bevel: width of the rounded edge (0: flat), depth:
        its strength, negative for a hollow. gloss: 0..1 highlight. texture: (S, S), relative
        brightness about 0. shadow: length of the shadow cast on what lies below.
        form: a mask with the same window whose edge is rounded instead of this mask's own.
        """
        if shadow:
            self._cast(mask, shadow)
        window = mask.window
        light, shine = np.ones_like(mask.alpha), None
        if texture is not None:
            light += texture[window]
        if bevel:
            edge = relief((form or mask).alpha, bevel * self.size) * np.float32(depth)
            light *= 1 + np.float32(0.42) * edge
            if gloss:
                shine = np.float32(150 * gloss) * np.maximum(edge, 0) ** 2
        # by planes and in place: several times as fast as broadcasting over the channels
        colour = np.asarray(colour, np.float32)
        planes = cv2.split(colour[window]) if colour.ndim == 3 else colour
        tint = cv2.merge([light * plane for plane in planes])
        if shine is not None:
            tint += cv2.merge([shine] * 3)
        below = self.rgb[window]
        tint -= below
        tint *= cv2.merge([mask.alpha * np.float32(opacity)] * 3)
        below += tint
        np.maximum(self.cover[window], mask.alpha, out=self.cover[window])

    def fill(
        self, planes: Sequence[np.ndarray], light: np.ndarray, lift: np.ndarray | float = 0.0
    ) -> None:
        """Cover the whole picture: colour planes ((S, S) or numbers) x light (S, S) + lift."""
        added = np.asarray(lift, np.float32)
        self.rgb[:] = cv2.merge([plane * light + added for plane in planes])
        self.cover[:] = 1

    def _cast(self, mask: Mask, length: float) -> None:
        """Darken what lies below and to the right of a shape; only on the product itself."""
        step = max(1, round(length * self.size))
        reach = 3 * step
        x0, y0 = max(0, mask.x - reach), max(0, mask.y - reach)
        height, width = mask.alpha.shape
        x1, y1 = min(self.size, mask.x + width + reach), min(self.size, mask.y + height + reach)
        dark = np.zeros((y1 - y0, x1 - x0), np.float32)
        at_y, at_x = mask.y - y0 + step, mask.x - x0 + step
        part = mask.alpha[: dark.shape[0] - at_y, : dark.shape[1] - at_x]
        dark[at_y : at_y + part.shape[0], at_x : at_x + part.shape[1]] = part
        dark = cv2.blur(dark, (2 * step + 1, 2 * step + 1)) * 0.45
        dark *= self.cover[y0:y1, x0:x1]
        self.rgb[y0:y1, x0:x1] *= cv2.merge([1 - dark] * 3)

    def glow(self, x: float, y: float, r: float, strength: float) -> None:
        """Add a soft round highlight of `strength` grey levels (negative: a shade)."""
        low, high = np.array((x - 2 * r, y - 2 * r)), np.array((x + 2 * r, y + 2 * r))
        x0, y0, blank = self._blank(low * self.size, high * self.size, 0)
        rows = (np.arange(blank.shape[0], dtype=np.float32) + y0) / self.size - y
        columns = (np.arange(blank.shape[1], dtype=np.float32) + x0) / self.size - x
        bell = np.exp(-(rows[:, None] ** 2 + columns[None] ** 2) / (0.72 * r) ** 2) * strength
        window = Mask(bell, x0, y0).window
        self.rgb[window] += cv2.merge([(bell * self.cover[window]).astype(np.float32)] * 3)


class FlatCanvas(Canvas):
    """What is painted, without light, relief and texture: each place has the colour of its paint.

    What a part is drawn with is drawn up front, so that it lies where it does on a `Canvas`."""

    plain = True

    def paint(
        self, mask: Mask, colour: np.ndarray | tuple[float, float, float], *,
        opacity: float = 1.0, **light: object,
    ) -> None:  # fmt: skip
        """Lay a shape on the picture, of its colour alone. light: what else a `Canvas` takes."""
        super().paint(mask, colour, opacity=opacity)

    def fill(
        self, planes: Sequence[np.ndarray], light: np.ndarray, lift: np.ndarray | float = 0.0
    ) -> None:
        """Cover the whole picture with the colour planes alone."""
        super().fill(planes, np.ones_like(light))

    def glow(self, x: float, y: float, r: float, strength: float) -> None:
        """No light."""


@lru_cache(maxsize=4)
def _noise_bank(side: int) -> np.ndarray:
    """Normal noise float32 (side, side), the same in every process: drawing it anew is costly."""
    bank = np.random.Generator(np.random.PCG64(20_241)).standard_normal((side, side), np.float32)
    bank.setflags(write=False)
    return bank


def relief(alpha: np.ndarray, width: float) -> np.ndarray:
    """Light on the rounded edge of a shape, `width` pixels wide: float32 (h, w), -1..1."""
    inside = (alpha > 0.5).astype(np.uint8)
    reach = np.minimum(
        cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / max(width, 1.0), 1.0
    )
    soft = 2 * max(1, round(width / 9)) + 1
    height = cv2.blur(np.sqrt(1 - (1 - reach) ** 2), (soft, soft))
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0) + 1.3 * cv2.Sobel(height, cv2.CV_32F, 0, 1)
    slope *= np.float32(width / 10.0)
    return np.minimum(np.maximum(slope, -1), 1) * inside


def value_noise(rng: np.random.Generator, size: int, cells: int, octaves: int = 3) -> np.ndarray:
    """Smooth noise with `cells` blobs a side: float32 (size, size), about -1..1."""
    finest = cells * 2 ** (octaves - 1) + 1
    side = size // 4 if 10 * finest < size else size  # what is smooth needs few pixels
    total = np.zeros((side, side), np.float32)
    for k in range(octaves):
        count = min(size, cells * 2**k + 1)
        coarse = rng.uniform(-1, 1, (count, count)).astype(np.float32)
        total += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC) / 2**k
    return total if side == size else cv2.resize(total, (size, size))


def grain(rng: np.random.Generator, size: int) -> np.ndarray:
    """Fine noise: float32 (size, size), standard normal; a window of the bank, turned at random."""
    y, x = rng.integers(0, _ROOM, 2)
    cut = _noise_bank(size + _ROOM)[y : y + size, x : x + size]
    turn = int(rng.integers(8))
    cut = cut[:: 1 - 2 * (turn & 1), :: 1 - (turn & 2)]
    return np.array(cut.T if turn & 4 else cut, order="C")


def brushed(rng: np.random.Generator, size: int, upright: bool = False) -> np.ndarray:
    """Marks of brushed metal along x (or y): float32 (size, size), about -1..1."""
    streaks = cv2.blur(grain(rng, size), (size // 4 | 1, 1)) * 6
    return np.ascontiguousarray(streaks.T) if upright else streaks
