"""Lists of colours laid over a picture: how well each fits where it fits best.

"wires, left to right: red, blue, white" is held against every row of three places; of a circle, a
column or two rows likewise, as the words of its step say. Where no row shows its colours in their
order, two have changed places, one is missing or another. Searched, not learned, so that it holds
for every product; the paint is what was named at each place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from triad_ui.model.embedded.colour_orders import (
    ABSENT,
    ATTRIBUTE,
    BEFORE,
    COLOUR,
    NAME,
    NTH,
    PLACES,
    SORT,
    WAYS,
    colours_in,
)
from triad_ui.model.embedded.colour_sight import SIDE, Seen

IN_ROW = 4
"""Numbers told of a value: whether it stands in a list that was laid over the picture, how badly
that fits on average and at the worst place, and how badly this value does."""
SHORTEST, LONGEST_LAID = 3, 12
"""Places of a list that is laid over a picture."""
FLOOR, WORST = 0.02, 4.0
"""Least share of a paint, and by how much (a logarithm) another can be likelier at a place."""
ROW, COLUMN, CIRCLE, RACK = range(4)
NAMED_BY = (
    (ROW, ("left", "right", "row")),
    (COLUMN, ("top", "bottom")),
    (CIRCLE, ("clockwise", "around")),
    (RACK, ("row", "rows", "cups")),
)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """Where a list fits best. values: places of its values in the process, in the list's order.
    cells: int64 (count,), of SIDE x SIDE, where each lies. gaps: float32 (count,), how badly each
    fits there, 0..WORST."""

    values: list[int]
    cells: Tensor
    gaps: Tensor


def by_row(seen: Seen, values: Tensor) -> Tensor:
    """float32 (N, L, IN_ROW). values: int64 (N, L, 9) of `ordered`; zeros of what is in no list."""
    told = torch.zeros(*values.shape[:2], IN_ROW)
    for row, fits in laid(seen, values).items():
        for fit in fits:
            told[row, fit.values, 0] = 1.0
            told[row, fit.values, 1] = fit.gaps.mean() / 2
            told[row, fit.values, 2] = fit.gaps.max() / 2
            told[row, fit.values, 3] = fit.gaps / 2
    return told


@torch.no_grad()
def laid(seen: Seen, values: Tensor) -> dict[int, list[Laid]]:
    """Of each of N processes that has lists, by its number, where each fits its picture best."""
    table = values.numpy()
    lists = _listed(table)
    alike: dict[tuple[int, int], list[int]] = {}
    for number, (row, places) in enumerate(lists):
        for layout in _layouts(int(table[row, places[0], WAYS]), len(places)):
            alike.setdefault((layout, len(places)), []).append(number)
    best: dict[int, Laid] = {}
    for (layout, count), numbers in alike.items():
        cells = _cells(layout, count)
        some = [lists[number] for number in numbers]
        gaps = torch.stack([_gaps(seen.maps[row], values[row, places]) for row, places in some])
        found = gaps.gather(2, cells.T.expand(len(some), -1, -1))  # (lists, count, layouts)
        nth = found.mean(1).argmin(1)
        fits = found[torch.arange(len(some)), :, nth]
        for number, fit, at in zip(numbers, fits, nth, strict=True):
            if number not in best or fit.mean() < best[number].gaps.mean():
                best[number] = Laid(lists[number][1], cells[at], fit)
    told: dict[int, list[Laid]] = {}
    for number, (row, _) in enumerate(lists):
        told.setdefault(row, []).append(best[number])
    return told


def _listed(values: np.ndarray) -> list[tuple[int, list[int]]]:
    """The lists of single colours: the number of the process, and the places in it, in order."""
    sort = values[..., SORT]
    own = (values[..., NAME] == 0) & (sort >= 0)
    single = ((sort == COLOUR) & (values[..., BEFORE] == 0)) | (sort == ABSENT)
    found = []
    for row in np.flatnonzero((own & single).sum(1) >= SHORTEST):
        lists: dict[int, list[int]] = {}
        for place in np.flatnonzero(own[row]):
            lists.setdefault(values[row, place, ATTRIBUTE], []).append(place)
        for each in lists.values():
            if SHORTEST <= len(each) <= LONGEST_LAID and single[row, each].all():
                found.append((row, sorted(each, key=lambda place: values[row, place, NTH])))
    return found


def _layouts(ways: int, count: int) -> list[int]:
    """Those that the words of its step name; any of them if none does."""
    said = {word for k, word in enumerate(PLACES) if ways >> k & 1}
    named = [layout for layout, words in NAMED_BY if said & set(words)]
    if COLUMN in named and (CIRCLE in named or "row" in said):  # clockwise from the top, top row
        named.remove(COLUMN)
    named = named or [ROW, COLUMN, CIRCLE, RACK]
    return [layout for layout in named if layout != RACK or count % 2 == 0] or [ROW]


def _gaps(maps: Tensor, values: Tensor) -> Tensor:
    """How much likelier another paint is than that of each value, at each place of a picture:
    float32 (values, SIDE**2), 0..WORST; 0 for what is told to be absent."""
    shares = (maps.float().flatten(1) / 255).clamp_min(FLOOR).log()
    colour, which = colours_in(values)
    return (shares.amax(0) - shares[which]).clamp(0, WORST) * colour[:, None]


@lru_cache(maxsize=64)
def _cells(layout: int, count: int) -> Tensor:
    """Where the places of a list may lie, cells of SIDE x SIDE, int64 (layouts, count)."""
    along = np.arange(count) - (count - 1) / 2
    if layout == CIRCLE:
        x, y, far, turn = _grid(
            np.linspace(0.38, 0.62, 5), np.linspace(0.38, 0.62, 5), np.linspace(0.1, 0.4, 9),
            np.radians((-9, 0, 9)),
        )  # fmt: skip
        way = 2 * np.pi * np.arange(count) / count - np.pi / 2 + turn
        return _numbered(x + far * np.cos(way), y + far * np.sin(way))
    if layout == RACK:
        across = count // 2
        x, y, pitch, high = _grid(
            np.linspace(0.35, 0.65, 7), np.linspace(0.35, 0.65, 7),
            np.linspace(0.1, 0.8, 9) / max(across - 1, 1), np.array((0.7, 1.0, 1.25, 1.6)),
        )  # fmt: skip
        column = np.arange(count) % across - (across - 1) / 2
        return _numbered(x + pitch * column, y + pitch * high * (np.arange(count) // across - 0.5))
    middle, beside, span = _grid(
        np.linspace(0.3, 0.7, 11), np.linspace(0.2, 0.8, 11), np.linspace(0.12, 0.84, 13)
    )
    first, second = middle + span * along / (count - 1), beside + 0 * along
    return _numbered(first, second) if layout == ROW else _numbered(second, first)


def _grid(*axes: np.ndarray) -> list[np.ndarray]:
    """Every combination, each (combinations, 1)."""
    return [axis.reshape(-1, 1) for axis in np.meshgrid(*axes, indexing="ij")]


def _numbered(x: np.ndarray, y: np.ndarray) -> Tensor:
    """Places, shares of a picture's sides (layouts, count), as numbers of cells; those that reach
    beyond it are left out."""
    inside = ((x > 0) & (x < 1) & (y > 0) & (y < 1)).all(1)
    cell = (y[inside] * SIDE).astype(int) * SIDE + (x[inside] * SIDE).astype(int)
    return torch.from_numpy(cell)
