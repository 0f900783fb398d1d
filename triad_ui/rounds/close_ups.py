"""Close looks at drawn parts, on a fault and beside it; computed once and kept.

Frames are as loose around a fault, and as large elsewhere, as those that an expert's map gives, but
no expert is asked: so there can be thirty times as many as of `examples.py`. Knows nothing of
training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from triad_ui.model.embedded import views
from triad_ui.model.embedded.scene import CLOSE_GRID, Scene, close_look
from triad_ui.rounds.examples import square
from triad_ui.rounds.step_pictures import (
    SIZE,
    Shot,
    draw_part,
    drawn_kind,
    photographed,
)
from triad_ui.rounds.tower_rows import tower_rows
from triad_ui.synthesis.camera import draw_station
from triad_ui.synthesis.texture import draw_spectrum, render_texture

SHARD = 250
DAMAGED = 0.85
TEXTURE = "random texture"
"""Named among families: a texture without end, for what is woven, ground or cast. Its good pieces
are what faults of the surface are most easily seen in."""
TEXTURES_DAMAGED = 0.6
SMALLEST, LARGEST = 1 / 8, 0.6
"""Sides of frames where nothing was found, as shares of the picture's."""
CLEAR = 0.002
"""Share of a frame under the fault up to which it shows none."""


@dataclass(frozen=True, slots=True, eq=False)
class CloseUp:
    """scene: of the frame, float16. fault: its kind, "" where it shows none. masked: share of each
    cell under it, float16 (CLOSE_GRID, CLOSE_GRID)."""

    family: str
    scene: Scene
    fault: str
    masked: Tensor


def close_ups(
    folder: Path, weights: Path, first_seed: int, count: int, jobs: int,
    on_progress: Callable[[int, int], None], families: Sequence[str],
) -> list[CloseUp]:  # fmt: skip
    """Frames of `count` parts from first_seed on, read from `folder` or drawn and written there.

    families: of parts, or TEXTURE alone.
    """
    rows = tower_rows(
        _rows, folder, ".pickle", SHARD, weights, first_seed, count, jobs, on_progress, families
    )
    read = []
    for family, fault, pictures in rows:
        near, far, masked = (torch.from_numpy(each) for each in pictures)
        read.append(CloseUp(family, Scene(near, far), fault, masked))
    return read


def draw_texture(seed: int) -> Shot:
    """The piece of texture of a seed; TEXTURES_DAMAGED of them have a fault of the surface."""

    def stream(number: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([seed, 33, number]))

    made = render_texture(draw_spectrum(stream(1)), stream(2), SIZE)
    kind = drawn_kind(stream(0), TEXTURES_DAMAGED)
    station = draw_station(stream(4), made.rgb, made.foreground, aligned=False)
    return Shot(TEXTURE, *photographed(made, kind, station, stream(3), stream(5)))


def frames_of(part: Shot, rng: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """Squares x0, y0, x1, y1: one around the fault if there is one, and one that is clear of it;
    either is left out where it can't be had."""
    size = len(part.rgb)
    found = []
    if part.mask.any():
        found.append(around_fault(part.mask, rng))
    for _ in range(8):
        x0, y0, x1, y1 = box = at_random(size, rng)
        if part.mask[y0:y1, x0:x1].mean() <= CLEAR:
            return [*found, box]
    return found


def around_fault(mask: np.ndarray, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A square x0, y0, x1, y1 about a fault bool (S, S), as loose as an expert's map gives it."""
    size = len(mask)
    ys, xs = np.nonzero(mask)
    extent = max(np.ptp(xs), np.ptp(ys)) + 1
    side = min(max(extent * rng.uniform(1.0, 2.4), size * SMALLEST), size)
    centre = np.array([xs.min() + xs.max(), ys.min() + ys.max()]) / 2
    return square(centre + rng.normal(0, 0.1 * side, 2), round(side), size)


def at_random(size: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A square of a picture, of any size, rather about the middle, where parts stand."""
    side = any_side(size, rng)
    return square(size * rng.normal(0.5, 0.2, 2), round(side), size)


def any_side(size: int, rng: np.random.Generator) -> float:
    """A side of a frame of a picture, SMALLEST to LARGEST of its own."""
    return size * SMALLEST * (LARGEST / SMALLEST) ** rng.random()


def shown_close(part: Shot, box: tuple[int, int, int, int], tower: views.Tower) -> CloseUp:
    """What the tower sees in one frame of a part."""
    x0, y0, x1, y1 = box
    mask = part.mask[y0:y1, x0:x1].astype(np.float32)
    grid = (CLOSE_GRID, CLOSE_GRID)
    masked = cv2.resize(mask, grid, interpolation=cv2.INTER_AREA)
    ill = bool(mask.mean() > CLEAR)
    with torch.inference_mode():
        scene = close_look(views.cut(part.rgb, box), tower).half()
    return CloseUp(
        part.family,
        scene,
        part.fault if ill else "",
        torch.from_numpy(masked * ill).half(),
    )


def _rows(seed: int, families: tuple[str, ...], tower: views.Tower) -> list[tuple]:
    textured = families == (TEXTURE,)
    part = draw_texture(seed) if textured else draw_part(seed, families, DAMAGED)
    made = []
    for box in frames_of(part, np.random.Generator(np.random.PCG64([seed, 32]))):
        close = shown_close(part, box, tower)
        pictures = (close.scene.near.numpy(), close.scene.far.numpy(), close.masked.numpy())
        made.append((close.family, close.fault, pictures))
    return made
