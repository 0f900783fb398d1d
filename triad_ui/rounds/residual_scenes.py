"""Scenes to train the residual head on: pictures of good parts, and of good and bad ones to judge.

A scene is one product at one station: references and good queries differ as good parts do (pose,
light, lens, file, grain), bad queries have a painted, pasted or logical fault with a mask. Only our
own procedural pictures; no photograph of any data set is used. Knows nothing of networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from triad_ui.synthesis.camera import draw_station, shoot
from triad_ui.synthesis.families import FAMILIES
from triad_ui.synthesis.product import Rendering
from triad_ui.synthesis.surface import SURFACE_KINDS, damage
from triad_ui.synthesis.texture import draw_spectrum, render_texture

REFERENCES, GOOD, BAD = 4, 3, 4
"""Pictures of a scene: references, good queries, bad queries."""
SIZE = 256
"""Pixels a side at which products are drawn."""
SEEN = 224
"""Pixels a side of the finished pictures."""
TEXTURES = 0.15
"""Share of scenes that show a random texture instead of a product."""
LOGICAL = 0.15
"""Share of bad queries whose spec is disobeyed, the rest having a surface defect."""
_TRIES = 14


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A finished picture: rgb uint8 (SEEN, SEEN, 3); mask float32 (SEEN, SEEN), 1 on a fault."""

    rgb: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A product at a station. kinds: of the bad queries, in order."""

    seed: int
    family: str
    references: tuple[Shown, ...]
    good: tuple[Shown, ...]
    bad: tuple[Shown, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _View:
    """What the camera makes of all of a scene's pictures.

    side: of the window seen. corner: where it lies; free: anywhere, anew for each picture, and
    turned by quarter turns where `turned`. loose: pixels by which it moves. order: of the channels,
    None for grey. drift, bend: sigma of exposure and of its curve. soft: focus varies.
    """

    side: int
    corner: tuple[int, int]
    loose: float
    free: bool
    turned: bool
    order: tuple[int, ...] | None
    negative: bool
    drift: float
    bend: float
    soft: bool


def make_scene(seed: int, families: Sequence[str]) -> Scene | None:
    """The scene of a seed, of one of `families`; None where no fault could be shown (rare)."""

    def stream(*numbers: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([seed, *numbers]))

    choice = stream(0)
    texture = choice.random() < TEXTURES
    family = FAMILIES[families[int(choice.integers(len(families)))]]
    spec = draw_spectrum(stream(1)) if texture else family.draw_spec(stream(1))
    draw = render_texture if texture else family.render
    first = draw(spec, stream(2, 0), SIZE)
    station = draw_station(
        stream(3), first.rgb, first.foreground, aligned=not texture and family.aligned
    )
    view = _draw_view(choice, full=bool(first.foreground.all()))

    def shown(made: Rendering, mask: np.ndarray, shot: int, number: int) -> Shown | None:
        taken = shoot(station, made.rgb, made.foreground, mask, stream(shot, number))
        return _seen(taken.rgb, taken.mask, view, stream(shot + 1, number))

    nothing = np.zeros((SIZE, SIZE), bool)
    good = [shown(draw(spec, stream(4, n), SIZE), nothing, 5, n) for n in range(REFERENCES + GOOD)]
    bad: list[Shown] = []
    kinds: list[str] = []
    for number in range(_TRIES):
        if len(bad) == BAD:
            break
        rng = stream(8, number)
        made = draw(spec, stream(7, number), SIZE)
        if not texture and rng.random() < LOGICAL:
            other = family.logical_defect(spec, rng).spec
            kind, fault = "logical", _disobeyed(made, family.render(other, stream(7, number), SIZE))
        else:
            kind = SURFACE_KINDS[int(rng.integers(len(SURFACE_KINDS)))]
            fault = _damaged(made, kind, rng)
        picture = fault and shown(*fault, 9, number)
        if picture and picture.mask.mean() > 2e-4:
            bad.append(picture)
            kinds.append(kind)
    if len(bad) < BAD:
        return None
    name = "random texture" if texture else family.name
    return Scene(
        seed, name, tuple(good[:REFERENCES]), tuple(good[REFERENCES:]), tuple(bad), tuple(kinds)
    )


def _damaged(made: Rendering, kind: str, rng: np.random.Generator) -> tuple[Rendering, np.ndarray]:
    """A surface defect, one in three of them fainter than painted."""
    done = damage(kind, made.rgb, made.foreground, rng)
    rgb = done.rgb
    if rng.random() < 0.3:
        rgb = cv2.addWeighted(rgb, weight := float(rng.uniform(0.35, 0.9)), made.rgb, 1 - weight, 0)
    return Rendering(rgb, done.foreground), done.mask


def _disobeyed(made: Rendering, other: Rendering) -> tuple[Rendering, np.ndarray] | None:
    """The other rendering and where it differs, None if that is next to nowhere."""
    differs = cv2.absdiff(made.rgb, other.rgb).max(axis=2) > 14
    differs |= made.foreground != other.foreground
    solid = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return (other, solid > 0) if solid.mean() > 6e-4 else None


def _draw_view(rng: np.random.Generator, *, full: bool) -> _View:
    side = int(rng.uniform(0.45, 1) * SIZE) if rng.random() < 0.5 else SIZE
    free = full and rng.random() < 0.6
    if free:
        side = min(side, int(0.8 * SIZE))
    row, column = rng.integers(0, SIZE - side + 1, 2)
    order = tuple(int(n) for n in rng.permutation(3))
    return _View(
        side=side,
        corner=(int(row), int(column)),
        loose=float(rng.choice([0, 0.01, 0.03])) * SIZE,
        free=free,
        turned=free and rng.random() < 0.3,
        order=None if rng.random() < 0.3 else order,
        negative=rng.random() < 0.1,
        drift=float(rng.choice([0.0, 0.05, 0.2], p=[0.5, 0.3, 0.2])),
        bend=float(rng.choice([0.0, 0.15], p=[0.7, 0.3])),
        soft=rng.random() < 0.2,
    )


def _seen(rgb: np.ndarray, mask: np.ndarray, view: _View, rng: np.random.Generator) -> Shown | None:
    """The picture through the view; None when most of its fault lies outside."""
    corner = _corner(mask, view, rng)
    window = np.s_[corner[0] : corner[0] + view.side, corner[1] : corner[1] + view.side]
    if mask.any() and mask[window].sum() < 0.5 * mask.sum():
        return None
    seen = rgb[window].astype(np.float32)
    if view.order is None:
        seen = np.repeat(seen.mean(axis=2, keepdims=True), 3, axis=2)
    else:
        seen = seen[..., list(view.order)]
    if view.negative:
        seen = 255 - seen
    if view.bend:
        seen = 255 * (seen / 255) ** np.exp(rng.normal(0, view.bend))
    if view.drift:
        seen = seen * np.exp(rng.normal(0, view.drift))
    if view.soft and (sigma := rng.uniform(0, 1.2)) > 0.3:
        seen = cv2.GaussianBlur(seen, (0, 0), sigma)
    turns = int(rng.integers(4)) if view.turned else 0
    finished = _sized(np.clip(seen, 0, 255).astype(np.uint8), turns)
    return Shown(finished, _sized(mask[window].astype(np.float32), turns))


def _corner(mask: np.ndarray, view: _View, rng: np.random.Generator) -> np.ndarray:
    last = SIZE - view.side
    if not view.free:
        moved = np.array(view.corner) + rng.uniform(-view.loose, view.loose, 2)
        return np.clip(moved, 0, last).astype(int)
    if not mask.any():
        return rng.integers(0, last + 1, 2)
    places = np.argwhere(mask)
    place = places[int(rng.integers(len(places)))]
    margin = view.side // 6
    return np.clip(place - rng.integers(margin, view.side - margin, 2), 0, last)


def _sized(values: np.ndarray, turns: int) -> np.ndarray:
    turned = np.ascontiguousarray(np.rot90(values, turns))
    way = cv2.INTER_AREA if len(turned) >= SEEN else cv2.INTER_LINEAR
    return cv2.resize(turned, (SEEN, SEEN), interpolation=way)
