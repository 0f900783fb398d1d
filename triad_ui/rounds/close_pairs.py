"""Regions of drawn parts beside the same regions of good ones; computed once and kept.

Where a pair is looked at is as near to use as can be had without an expert: around the fault, and
where the two pictures are least alike. Knows nothing of training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.model.embedded import views
from triad_ui.model.embedded.close_comparer import alikeness
from triad_ui.model.embedded.scene import GRID, close_look, see
from triad_ui.rounds.close_ups import (
    TEXTURE,
    TEXTURES_DAMAGED,
    any_side,
    around_fault,
    at_random,
    shown_close,
)
from triad_ui.rounds.examples import square
from triad_ui.rounds.step_pictures import (
    DRAWN,
    SIZE,
    Shot,
    drawn_kind,
    photographed,
)
from triad_ui.rounds.tower_rows import tower_rows
from triad_ui.synthesis.camera import draw_station, shoot
from triad_ui.synthesis.sample import disobeyed
from triad_ui.synthesis.texture import draw_spectrum, render_texture

SHARD = 100
DAMAGED, OTHERWISE = 0.42, 0.25
"""Shares of parts with a fault of the surface, and of those that are otherwise than good ones."""
NOT_OF_THE_SURFACE = "otherwise"
"""What stands for every fault of the latter."""
PEAKS, ONE_MORE = 2, 0.3
"""Frames where the two are least alike, and share of the faulty ones that have one at random."""


@dataclass(frozen=True, slots=True, eq=False)
class ClosePair:
    """near, good: cells of the frame of a part and of a good one, as of `Scene`, float16. fault: a
    kind of the surface, NOT_OF_THE_SURFACE, or "" where it shows none. masked: share of each cell
    under it, float16 (CLOSE_GRID, CLOSE_GRID)."""

    family: str
    near: Tensor
    good: Tensor
    fault: str
    masked: Tensor


def close_pairs(
    folder: Path, weights: Path, first_seed: int, count: int, jobs: int,
    on_progress: Callable[[int, int], None], families: Sequence[str],
) -> list[ClosePair]:  # fmt: skip
    """Frames of `count` parts from first_seed on, read from `folder` or drawn and written there.

    families: of parts, TEXTURE among them where it is wanted; a name may stand there repeatedly.
    """
    rows = tower_rows(
        _rows, folder, ".pickle", SHARD, weights, first_seed, count, jobs, on_progress, families
    )
    read = []
    for family, fault, pictures in rows:
        near, good, masked = (torch.from_numpy(each) for each in pictures)
        read.append(ClosePair(family, near, good, fault, masked))
    return read


def draw_pair(seed: int, families: Sequence[str]) -> tuple[Shot, np.ndarray]:
    """The part of a seed, and a good one uint8 (SIZE, SIZE, 3)."""

    def stream(number: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([seed, 44, number]))

    choice = stream(0)
    name = families[int(choice.integers(len(families)))]
    camera = stream(7)
    if name == TEXTURE:
        spectrum, aligned, damaged = draw_spectrum(stream(1)), False, TEXTURES_DAMAGED
        made, another = (render_texture(spectrum, stream(n), SIZE) for n in (3, 4))
    else:
        family, damaged = DRAWN[name], DAMAGED / (1 - OTHERWISE)
        spec, aligned = family.draw_spec(stream(1)), family.aligned
        made, another = (family.render(spec, stream(n), SIZE) for n in (3, 4))
    station = draw_station(stream(6), made.rgb, made.foreground, aligned=aligned)
    if name != TEXTURE and choice.random() < OTHERWISE:
        _, shown, mask = disobeyed(family, spec, made, stream(2), lambda: stream(3))
        seen = shoot(station, shown.rgb, shown.foreground, mask, camera)
        part = Shot(name, NOT_OF_THE_SURFACE if seen.mask.any() else "", seen.rgb, seen.mask)
    else:
        kind = drawn_kind(choice, damaged)
        part = Shot(name, *photographed(made, kind, station, stream(5), camera))
    _, good, _ = photographed(another, "", station, stream(5), stream(8))
    return part, good


def pairs_of(seed: int, families: Sequence[str], tower: views.Tower) -> list[ClosePair]:
    """The frames of a seed's part beside a good one."""
    part, good = draw_pair(seed, families)
    found = []
    for box in frames_of_pair(part, good, tower, np.random.default_rng([seed, 45])):
        mine = shown_close(part, box, tower)
        with torch.inference_mode():
            other = close_look(views.cut(good, box), tower).half()
        found.append(ClosePair(part.family, mine.scene.near, other.near, mine.fault, mine.masked))
    return found


def frames_of_pair(
    part: Shot, good: np.ndarray, tower: views.Tower, rng: np.random.Generator
) -> list[tuple[int, int, int, int]]:
    """Squares x0, y0, x1, y1: around the fault if there is one, then where the two are least
    alike, and of good parts and some others one at random."""
    size = len(part.rgb)
    found = [around_fault(part.mask, rng)] if part.mask.any() else []
    unlike = _unlike(part.rgb, good, tower)
    for _ in range(PEAKS):
        for box in found:
            x0, y0, x1, y1 = (v * len(unlike) // size for v in box)
            unlike[y0 : y1 + 1, x0 : x1 + 1] = -1
        if unlike.max() < 0:
            break
        place = np.unravel_index(int(unlike.argmax()), unlike.shape)[::-1]
        side = size * views.PEAK_SIDE
        if rng.random() < 0.5:
            side = any_side(size, rng)
        middle = (np.array(place) + 0.5) * size / len(unlike)
        found.append(square(middle, round(side), size))
    if not part.mask.any() or rng.random() < ONE_MORE:
        found.append(at_random(size, rng))
    return found


def _unlike(rgb: np.ndarray, good: np.ndarray, tower: views.Tower) -> np.ndarray:
    """How unlike each place is to all of a good part's, float32 (4 * GRID, 4 * GRID), 0..4."""
    with torch.inference_mode():
        alike = sum(alikeness(*(see(picture, tower).near[None] for picture in (rgb, good))))
    unlike = functional.avg_pool2d((2 - alike.amax(2)).view(1, GRID, GRID), 3, 1, 1)[0]
    return cv2.resize(unlike.numpy(), (4 * GRID, 4 * GRID))


def _rows(seed: int, families: tuple[str, ...], tower: views.Tower) -> list[tuple]:
    return [
        (pair.family, pair.fault, tuple(x.numpy() for x in (pair.near, pair.good, pair.masked)))
        for pair in pairs_of(seed, families, tower)
    ]
