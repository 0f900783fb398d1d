"""Drawn parts whose steps are to be read: what each has, and its scene; computed once and kept.

No expert, no references and no regions: half a second of `examples.py` is a twentieth here, so that
there can be many more. Knows nothing of texts or of training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from triad_ui.model.embedded import views
from triad_ui.model.embedded.paint import SIDE as PAINT_SIDE
from triad_ui.model.embedded.scene import Scene, see
from triad_ui.rounds.tower_rows import tower_rows
from triad_ui.synthesis.assembly import Assembly
from triad_ui.synthesis.camera import Station, draw_station, plain, shoot
from triad_ui.synthesis.families import FAMILIES
from triad_ui.synthesis.families.palette import METALS, NAMED
from triad_ui.synthesis.product import Family, Rendering, Spec
from triad_ui.synthesis.surface import SURFACE_KINDS, damage

SHARD = 250
SIZE = 384
DISOBEYED, DAMAGED = 0.45, 0.2
"""Shares of parts that are not what was first ordered, and of parts with a fault of the surface."""
PAINTS = np.array([*NAMED.values(), *METALS.values()], np.float32)
"""`paint.COLOURS` as they are painted, 0..255."""
ALMOST = 40.0
"""How far from one of them a shade of it may be."""
DRAWN: Mapping[str, Family] = {**FAMILIES, Assembly.name: Assembly()}


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A drawn part: what it has (`spec`), and its picture, float16. ordered: what was ordered of
    it, the same or what `spec` disobeys. grey: the camera sees no colours. paint: which of COLOURS
    each place has, uint8 (SIDE, SIDE) of `Paint`, len(COLOURS) of what is none."""

    family: str
    spec: Spec
    ordered: Spec
    grey: bool
    scene: Scene
    paint: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """What a camera saw. fault: the kind of fault on its surface, "" without one. rgb: uint8
    (H, H, 3). mask: bool (H, H), of the fault."""

    family: str
    fault: str
    rgb: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Drawing(Shot):
    """A part of SIZE x SIZE pixels; spec, ordered, grey, paint see `Shown`."""

    spec: Spec
    ordered: Spec
    grey: bool
    paint: np.ndarray


def draw_part(
    seed: int, families: Sequence[str], damaged: float = DAMAGED, *, painted: bool = False
) -> Drawing:
    """The part of a seed. damaged: share of parts with a fault of the surface. painted: its paint
    is told too, else (0, 0) of it."""

    def stream(number: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([seed, 31, number]))

    choice = stream(0)
    family = DRAWN[families[int(choice.integers(len(families)))]]
    spec = ordered = family.draw_spec(stream(1))
    if choice.random() < DISOBEYED:
        spec = family.logical_defect(ordered, stream(2)).spec
    made = family.render(spec, stream(3), SIZE)
    kind = drawn_kind(choice, damaged)
    station = draw_station(stream(5), made.rgb, made.foreground, aligned=family.aligned)
    fault, worn = damaged_of(made, kind, stream(4))
    shot = shoot(station, *worn, stream(6))
    paint = np.zeros((0, 0), np.uint8)
    if painted:
        flat = family.paint(spec, stream(3), SIZE).rgb
        paint = paint_of(shoot(plain(station), flat, *worn[1:], stream(6)).rgb)
    return Drawing(family.name, fault, shot.rgb, shot.mask, spec, ordered, station.grey, paint)


def drawn_kind(choice: np.random.Generator, damaged: float) -> str:
    """A kind of fault of the surface, of a share of `damaged`, else ""."""
    if choice.random() >= damaged:
        return ""
    return SURFACE_KINDS[int(choice.integers(len(SURFACE_KINDS)))]


def photographed(
    made: Rendering, kind: str, station: Station, rng: np.random.Generator,
    camera: np.random.Generator,
) -> tuple[str, np.ndarray, np.ndarray]:  # fmt: skip
    """What is drawn, with a fault of that kind, at a station: the fault that there is ("" if it
    found nothing to lie on), rgb, and mask, as of `Shot`."""
    fault, worn = damaged_of(made, kind, rng)
    shot = shoot(station, *worn, camera)
    return fault, shot.rgb, shot.mask


def damaged_of(
    made: Rendering, kind: str, rng: np.random.Generator
) -> tuple[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The fault that there is, and the part's rgb, foreground and mask with it."""
    if kind:
        with suppress(ValueError):  # nothing to lie on
            done = damage(kind, made.rgb, made.foreground, rng)
            return kind, (done.rgb, done.foreground, done.mask)
    return "", (made.rgb, made.foreground, np.zeros_like(made.foreground))


def paint_of(flat: np.ndarray) -> np.ndarray:
    """A picture of nothing but paint, uint8 (H, H, 3) -> which of `paint.COLOURS` each place has,
    uint8 (SIDE, SIDE), len(COLOURS) of what is none of them."""
    few = cv2.resize(flat, (PAINT_SIDE, PAINT_SIDE), interpolation=cv2.INTER_NEAREST)
    apart = ((few[:, :, None].astype(np.float32) - PAINTS) ** 2).sum(-1)
    found = apart.argmin(-1)
    found[apart.min(-1) > ALMOST**2] = len(PAINTS)
    return found.astype(np.uint8)


def step_pictures(
    folder: Path, weights: Path, first_seed: int, count: int, jobs: int,
    on_progress: Callable[[int, int], None], families: Sequence[str],
) -> list[Shown]:  # fmt: skip
    """Parts of `count` seeds from first_seed on, read from `folder` or drawn and written there."""
    rows = tower_rows(
        _rows, folder, ".fine.pickle", SHARD, weights, first_seed, count, jobs, on_progress,
        families,
    )  # fmt: skip
    read = []
    for family, spec, ordered, grey, *pictures in rows:
        paint, *scene = (torch.from_numpy(kept) for kept in pictures)
        read.append(Shown(family, spec, ordered, grey, Scene(*scene), paint))
    return read


def _rows(seed: int, families: tuple[str, ...], tower: views.Tower) -> list[tuple]:
    part = draw_part(seed, families, DAMAGED, painted=True)
    with torch.inference_mode():
        scene = see(part.rgb, tower).half()
    pictures = [part.paint, *(kept.numpy() for kept in scene.parts())]
    return [(part.family, part.spec, part.ordered, part.grey, *pictures)]
