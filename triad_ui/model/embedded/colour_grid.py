"""A grid of like spots: whether one of its places is empty or another colour's, though all are told
to be alike, or none is though one is told to differ.

Spots are those of one paint where it is likelier than any other that the process orders: which of
two like paints it is then matters less. Searched, not learned.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from triad_ui.model.embedded.colour_orders import (
    ATTRIBUTE,
    COLOUR,
    COUNT,
    NAME,
    PLACE,
    PLACES,
    SORT,
    VALUE,
)
from triad_ui.model.embedded.colour_spots import apart, as_most, connected

IN_GRID = 4
"""Numbers told of a value: whether it is of a grid that is seen; whether that lacks a spot though
all are told to be alike; whether it lacks none though one is told to differ; whether one is."""
FAINT, SURE = 0.1, 0.4
"""Least share of a paint in a spot, and in what lies on one."""
SMALL = 0.03
"""Share of the picture below which a colour may be that of a mark."""
LEAST, FEWEST, MOST = 9, 6, 120
"""Pixels of the least spot, of 120 x 120; spots of a grid."""
TURNS = np.linspace(-np.pi / 4, np.pi / 4, 31)
"""Ways in which a row may run."""
NO_GRID = -1


@torch.no_grad()
def by_grid(shares: Tensor, values: Tensor) -> Tensor:
    """float32 (N, L, IN_GRID); zeros of what is in no grid. shares: (N, 1 + len(COLOURS), H, W), of
    each paint. values: int64 (N, L, 9) of `ordered`."""
    told = torch.zeros(*values.shape[:2], IN_GRID)
    for row, each in enumerate(values):
        colours = each[each[:, SORT] == COLOUR, VALUE].unique()
        for mine, main, differs in _asked_for(each):
            others = colours[colours != main]
            rest = shares[row, others].amax(0) if len(others) else torch.zeros(())
            own = shares[row, main]
            mask = ((own > rest) & (own > FAINT)).numpy()
            # a mark of another colour may lie on a spot
            over = shares[row, [] if differs else others] > SURE
            over = over[over.float().mean((1, 2)) < SMALL].any(0)
            lacks = lacking(mask, over.numpy())
            if lacks != NO_GRID:
                amiss = (lacks > 0 and not differs, differs and not lacks)
                told[row, mine] = torch.tensor((True, *amiss, differs)).float()
    return told


def asks(values: Tensor) -> bool:
    """Whether a process, int64 (L, 9) of `ordered`, -1 beyond its end, orders anything of which a
    grid may tell."""
    return next(_asked_for(values), None) is not None


def _asked_for(values: Tensor) -> Iterator[tuple[Tensor, int, bool]]:
    """Of each such attribute of a process (L, 9) which values are its own, bool (L,), and what
    `_asked` says of it."""
    on = values[:, SORT] >= 0
    for number in values[on, ATTRIBUTE].unique():
        mine = on & (values[:, ATTRIBUTE] == number)
        asked = _asked(values[mine])
        if asked is not None:
            yield mine, *asked


def _asked(values: Tensor) -> tuple[int, bool] | None:
    """Of an attribute (L, 9) that tells what all are ("all dots: red") or all but one ("dots: red,
    one black"): the colour, and whether one differs. None of any other."""
    own = values[values[:, NAME] == 0]
    if not len(own) or int(own[0, SORT]) != COLOUR:
        return None
    one = bool(((own[1:, SORT] == COUNT) & (own[1:, VALUE] == 1)).any())
    named = values[values[:, NAME] == 1]
    every = ((named[:, SORT] == PLACE) & (named[:, VALUE] == PLACES.index("all"))).any()
    if not one and not (bool(every) and len(own) == 1):
        return None
    return int(own[0, VALUE]), one


def lacking(mask: np.ndarray, over: np.ndarray) -> int:
    """Places of the rectangle of a grid of spots where none lies, NO_GRID where the spots are in
    none. mask: bool (H, W). over: bool (H, W), what may hide a spot."""
    areas, centres = connected(mask, LEAST)
    if not FEWEST <= len(areas) <= MOST:
        return NO_GRID
    alike = centres[as_most(areas)]
    if len(alike) < max(FEWEST, 0.7 * len(centres)):
        return NO_GRID
    far, usual = apart(alike)
    steps = _steps(alike, far < 1.7 * usual)
    if steps is None:
        return NO_GRID
    places = _numbered(alike, steps)
    numbers = np.array(list(places.values()))
    size = np.ptp(numbers, axis=0) + 1
    if len(places) < 0.8 * len(alike) or size.min() < 2 or len(places) < 0.75 * size.prod():
        return NO_GRID
    # where each place of the rectangle lies, from those that have a spot
    known = np.c_[numbers, np.ones(len(numbers))]
    way, *_ = np.linalg.lstsq(known, alike[list(places)], rcond=None)
    every = np.argwhere(np.ones(size)) + numbers.min(0)
    there = np.c_[every, np.ones(len(every))] @ way
    near = np.linalg.norm(there[:, None] - centres[None], axis=2).min(1)
    column, row = np.clip(there.round().astype(int), 0, np.array(mask.shape[::-1]) - 1).T
    return int(((near > 0.45 * usual) & ~over[row, column]).sum())


def _steps(spots: np.ndarray, beside: np.ndarray) -> np.ndarray | None:
    """Along a row and along a column, the rows of (2, 2), from spots (n, 2) and which of them are
    neighbours (n, n); None where these do not stand in two directions."""
    one, two = np.nonzero(beside)
    ways = spots[two] - spots[one]
    best, most = None, 0
    for turn in TURNS:
        along = ways @ np.array([np.cos(turn), np.sin(turn)])
        across = ways @ np.array([-np.sin(turn), np.cos(turn)])
        row = (np.abs(across) < 0.22 * np.abs(along)) & (along > 0)
        column = (np.abs(along) < 0.22 * np.abs(across)) & (across > 0)
        if min(row.sum(), column.sum()) >= 3 and row.sum() + column.sum() > most:
            most = row.sum() + column.sum()
            best = np.stack([np.median(ways[row], 0), np.median(ways[column], 0)])
    return best


def _numbered(spots: np.ndarray, steps: np.ndarray) -> dict[int, tuple[int, int]]:
    """Column and row of each spot that is reached step by step from the one in the middle."""
    back = np.linalg.inv(steps)
    first = int(np.linalg.norm(spots - spots.mean(0), axis=1).argmin())
    places, todo = {first: (0, 0)}, [first]
    while todo:
        here = todo.pop()
        gone = (spots - spots[here]) @ back
        whole = np.round(gone)
        next_to = (np.abs(gone - whole).max(1) < 0.3) & (np.abs(whole).sum(1) == 1)
        for other in np.flatnonzero(next_to):
            if int(other) not in places:
                column, row = places[here]
                places[int(other)] = (column + int(whole[other, 0]), row + int(whole[other, 1]))
                todo.append(int(other))
    return places
