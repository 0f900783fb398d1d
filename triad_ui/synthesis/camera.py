"""A camera station on a line: pose, background, light, lens, sensor, file format.

A `Station` is drawn once per sample; each shot of it varies a little, as on a real line. Knows
nothing of defects: a mask is warped with the picture, no more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from triad_ui.synthesis.background import draw_background, grain

Framing = Literal["object", "through", "full"]
"""object: the part lies whole inside the frame; through: it runs out of it; full: it fills it."""

BARE = (255, 0, 255)
"""What no part is painted in."""
_LIGHT = 24  # cells of the light field across the picture; light is smooth


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """Background, camera and rough lighting of one place on a line.

    background: uint8 (S, S, 3). light: float32 (24, 24), 1 = neutral. white: gains (3,). drift,
    mottle: sigmas of the exposure and of the light's evenness from shot to shot. colours: float32
    (3, 3), how vividly the sensor sees. curve: uint8 (256,), its tone curve. blur: sigma in px.
    noise: sigma in grey levels. quality: of the JPEG file, None when lossless. grey: a monochrome
    sensor. turn, zoom, shift: spread of the pose (degrees, share, share of the side). shadow: 0..1.
    base: mean turn, zoom and shift.
    """

    background: np.ndarray
    light: np.ndarray
    white: np.ndarray
    drift: float
    mottle: float
    colours: np.ndarray
    curve: np.ndarray
    blur: float
    noise: float
    quality: int | None
    grey: bool
    framing: Framing
    turn: float
    zoom: float
    shift: float
    shadow: float
    base: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A photograph uint8 (S, S, 3) and the mask bool (S, S) as it lies in it."""

    rgb: np.ndarray
    mask: np.ndarray


def framing_of(foreground: np.ndarray) -> Framing:
    """How a product bool (S, S) sits in the frame."""
    rim = np.concatenate(
        [foreground[0], foreground[-1], foreground[:, 0], foreground[:, -1]]
    ).mean()
    return "full" if rim > 0.9 else "through" if rim > 0.01 else "object"


def draw_station(
    rng: np.random.Generator, rgb: np.ndarray, foreground: np.ndarray, *, aligned: bool
) -> Station:
    """Set up a station for a product uint8 (S, S, 3) with its foreground bool (S, S)."""
    size = rgb.shape[0]
    framing = framing_of(foreground)
    unit = size / 384
    seen = rgb[::4, ::4][foreground[::4, ::4]]
    avoid = seen.mean(axis=0) if len(seen) else None
    background = draw_background(size, rng, avoid)  # also seen through a hole in cloth
    y, x = np.mgrid[-1 : 1 : _LIGHT * 1j, -1 : 1 : _LIGHT * 1j].astype(np.float32)
    way, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.16)
    light = 1 + slope * (np.cos(way) * x + np.sin(way) * y)
    light -= rng.uniform(0, 0.14) * (x * x + y * y)
    if rng.random() < 0.3:  # a lamp too near
        px, py = rng.uniform(-1, 1, 2)
        near = np.exp(-((x - px) ** 2 + (y - py) ** 2) / rng.uniform(0.2, 0.8))
        light += rng.uniform(0.05, 0.22) * near
    exposure = rng.uniform(0.78, 1.14)
    white = exposure * (1 + rng.normal(0, 0.025, 3))
    careless = rng.random(2) < 0.15  # hand-set exposure, hand-laid parts
    if aligned or framing != "object":
        free = not aligned
        turn, zoom, shift = (
            rng.uniform(0.2, 1.6),
            rng.uniform(0.002, 0.01),
            rng.uniform(0.002, 0.01),
        )
        if free:
            turn, shift = rng.uniform(2, 6), 0.03
        base = (rng.normal(0, 0.5), 1.0, 0.0, 0.0)
        if framing == "full" or framing == "through":
            base = (rng.normal(0, 0.7), rng.uniform(1.02, 1.10), 0.0, 0.0)
        elif careless[1]:
            turn, zoom, shift = 3.0, 0.04, 0.02
            base = (base[0], 0.94, 0.0, 0.0)
    else:
        turn, zoom, shift = 180.0, 0.03, 0.04
        base = (0.0, rng.uniform(0.86, 1.0), 0.0, 0.0)
    vivid = rng.uniform(0.6, 1.05)
    grey_of = np.array([0.299, 0.587, 0.114])
    tones = np.linspace(0, 1, 256) ** rng.uniform(0.82, 1.2)
    tones = rng.uniform(0, 14) + tones * rng.uniform(236, 255)
    return Station(
        background=background,
        light=light.astype(np.float32),
        white=white.astype(np.float32),
        drift=0.09 if careless[0] else 0.025,
        mottle=float(rng.uniform(0.004, 0.022)),
        colours=(vivid * np.eye(3) + (1 - vivid) * grey_of[None]).astype(np.float32),
        curve=np.clip(tones, 0, 255).astype(np.uint8),
        blur=float(rng.choice([0.0, rng.uniform(0.3, 0.7), rng.uniform(0.5, 1.0)])) * unit,
        noise=float(np.exp(rng.uniform(np.log(0.6), np.log(5.0)))),
        quality=int(rng.integers(72, 97)) if rng.random() < 0.6 else None,
        grey=bool(rng.random() < 0.12),
        framing=framing,
        turn=float(turn),
        zoom=float(zoom),
        shift=float(shift),
        shadow=float(rng.uniform(0.1, 0.65)),
        base=base,
    )


def plain(station: Station) -> Station:
    """The same pose before nothing: even light, a perfect lens and sensor, background BARE."""
    size = station.background.shape[0]
    return replace(
        station, background=np.full((size, size, 3), BARE, np.uint8),
        light=np.ones_like(station.light), white=np.ones_like(station.white), drift=0.0,
        mottle=0.0, colours=np.eye(3, dtype=np.float32), curve=np.arange(256, dtype=np.uint8),
        blur=0.0, noise=0.0, quality=None, grey=False, shadow=0.0,
    )  # fmt: skip


def shoot(
    station: Station,
    rgb: np.ndarray,
    foreground: np.ndarray,
    mask: np.ndarray,
    rng: np.random.Generator,
) -> Shot:
    """Photograph a product: uint8 (S, S, 3), bool (S, S), mask bool (S, S); S as the station's."""
    size = rgb.shape[0]
    pose = _pose(station, size, rng)
    if mask.any() and not _stays(mask, pose):
        pose = _pose(station, size, rng, loose=0.0)
    picture, warped = _place(station, rgb, foreground, mask, pose, rng)
    light = station.light * np.float32(np.clip(rng.normal(1, station.drift), 0.7, 1.25))
    light = light + np.float32(station.mottle) * rng.standard_normal((_LIGHT, _LIGHT), "f4")
    gains = light[..., None] * (station.white * (1 + rng.normal(0, 0.006, 3).astype(np.float32)))
    field = cv2.resize(gains.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    picture = cv2.transform(cv2.LUT(picture, station.curve), station.colours)
    out = cv2.multiply(picture, field, dtype=cv2.CV_32F)
    blur = station.blur * rng.uniform(0.8, 1.25)
    if blur > 0.25:
        out = cv2.GaussianBlur(out, (0, 0), blur)
    level = np.float32(station.noise * rng.uniform(0.85, 1.15))
    out = cv2.scaleAdd(grain(size, rng), float(level), out)
    out = cv2.add(out, np.zeros_like(out), dtype=cv2.CV_8U)  # saturates to 0..255
    if station.grey:
        out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if station.quality is not None:
        done, data = cv2.imencode(
            ".jpg",
            cv2.cvtColor(out, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, station.quality],
        )
        assert done
        out = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return Shot(out, warped)


def _pose(station: Station, size: int, rng: np.random.Generator, loose: float = 1.0) -> np.ndarray:
    """Matrix (2, 3) that moves the product into the picture; loose 0 is the mean pose."""
    turn, zoom, right, down = station.base
    turn += loose * (rng.uniform(-1, 1) if station.turn > 90 else rng.normal(0, 0.6)) * station.turn
    zoom *= 1 + loose * float(np.clip(rng.normal(), -2, 2)) * station.zoom
    right += loose * rng.uniform(-1, 1) * station.shift
    down += loose * rng.uniform(-1, 1) * station.shift
    matrix = cv2.getRotationMatrix2D((size / 2 - 0.5, size / 2 - 0.5), turn, zoom)
    matrix[:, 2] += (right * size, down * size)
    return matrix.astype(np.float32)


def _stays(mask: np.ndarray, pose: np.ndarray) -> bool:
    ys, xs = np.nonzero(mask[::2, ::2])
    if not len(ys):
        ys, xs = (c // 2 for c in np.nonzero(mask))
    moved = pose[:, :2] @ np.stack([2 * xs, 2 * ys]).astype(np.float32) + pose[:, 2:]
    return bool((((moved >= 0) & (moved < mask.shape[0])).all(axis=0)).mean() > 0.8)


def _place(
    station: Station,
    rgb: np.ndarray,
    foreground: np.ndarray,
    mask: np.ndarray,
    pose: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    size = rgb.shape[0]
    edge = {
        "full": cv2.BORDER_REFLECT_101,
        "through": cv2.BORDER_REPLICATE,
        "object": cv2.BORDER_CONSTANT,
    }[station.framing]
    # four channels are warped at once, and faster than three
    layers = cv2.merge([*cv2.split(rgb), foreground.view(np.uint8) * 255])
    layers = cv2.warpAffine(layers, pose, (size, size), flags=cv2.INTER_LINEAR, borderMode=edge)
    picture = cv2.cvtColor(layers, cv2.COLOR_RGBA2RGB)
    if mask.any():
        soft = cv2.warpAffine(mask.astype(np.uint8) * 255, pose, (size, size))
        warped = soft > min(100, int(soft.max()) - 1)
    else:
        warped = np.zeros((size, size), bool)
    move = np.float32([[1, 0, 0], [0, 1, 0]])
    move[:, 2] = rng.normal(0, 0.004 * size, 2)  # drawn always, so that framing changes no stream
    if foreground.all():
        return picture, warped
    alpha = cv2.extractChannel(layers, 3)
    ground = cv2.cvtColor(station.background, cv2.COLOR_RGB2RGBA)
    ground = cv2.warpAffine(ground, move, (size, size), borderMode=cv2.BORDER_REFLECT_101)
    ground = cv2.cvtColor(ground, cv2.COLOR_RGBA2RGB).astype(np.float32)
    cover = alpha.astype(np.float32) / 255
    # a soft contact shadow, blurred small because nobody sees the difference
    small = cv2.resize(alpha, (size // 4, size // 4), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), size / 160)
    offset = np.float32([[1, 0, size / 240], [0, 1, size / 160]])
    shade = cv2.resize(cv2.warpAffine(small, offset, small.shape[::-1]), (size, size))
    ground *= cv2.merge([1 - np.float32(station.shadow / 255) * shade] * 3)
    part = picture.astype(np.float32)
    part -= ground
    part *= cv2.merge([cover] * 3)
    ground += part
    return ground.astype(np.uint8), warped
