"""What is measured of lists, rings and grids is weighed: how far a misfit speaks against a process.

Knows no files.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from triad_ui.model.embedded.colour_beside import alike, by_round
from triad_ui.model.embedded.colour_grid import asks, by_grid
from triad_ui.model.embedded.colour_measured import (
    Measured,
    counted_around,
    met,
    misfits,
    shortfalls,
)
from triad_ui.model.embedded.colour_orders import ATTRIBUTE
from triad_ui.model.embedded.colour_rows import by_row
from triad_ui.model.embedded.colour_sight import Sight, shades
from triad_ui.rounds import logistic
from triad_ui.rounds.colour_reading import Lessons

PROCESSES = 3
"""Of each part: the one it obeys, and two others."""


def weigh_measures(measured: Measured, sight: Sight, given: Lessons) -> list[float]:
    """Fit in place, as if right and wrong were as likely, of grids in either way of telling them.
    Returns the cross-entropy of lists, rings and grids, nan of what no process differs in; that is
    left as it was."""
    losses = []
    layers = (measured.lists, measured.rings, measured.grids)
    for layer, parts in zip(layers, _told(sight, given), strict=True):
        told, other, share, way = torch.cat(parts).split([2, 1, 1, 1], 1)
        other, weight = other[:, 0], torch.zeros(len(told))
        for those in (way[:, 0] == 0, way[:, 0] == 1):
            wrong, right = those & (other > 0), those & (other == 0)
            if wrong.any() and right.any():
                for some in (wrong, right):
                    weight[some] = share[some, 0] / share[some].sum()
        if not weight.any():
            losses.append(math.nan)
            continue
        weight *= len(weight) / weight.sum()
        losses.append(logistic.fit([layer], [told], other, weight=weight, nonnegative=True))
    return losses


@torch.no_grad()
def _told(sight: Sight, given: Lessons) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Of lists, of numbers all around and of grids: rows of what is measured of each value, whether
    the process has another than the part, how much the row counts, and 1 of a grid of which one is
    told to differ."""
    lists, rings, grids = [], [], []
    seen = given.seen[torch.arange(len(given.families))]
    for nth in range(min(PROCESSES, given.told.values.shape[1])):
        values, differs = given.told.values[:, nth], given.told.differs[:, nth].bool()
        rows = by_row(seen, values)
        lists.append(_together(rows, torch.zeros(rows.shape[:2]), values, differs))
        ring = counted_around(values)
        told = shortfalls(by_round(seen, values))
        rings.append(_rows(told, differs, torch.ones(ring.shape), torch.zeros(ring.shape), ring))
        some = torch.tensor([asks(each) for each in values]).nonzero()[:, 0]
        found = [
            by_grid(sight.shares(shades(given.pictures[few])), values[few])
            for few in some.split(64)
            if len(few)
        ]
        if found:
            grid = torch.cat(found)
            grids.append(_together(grid, grid[..., -1], values[some], differs[some]))
    return lists, rings, grids or [torch.zeros(0, 5)]


def _together(told: Tensor, way: Tensor, values: Tensor, differs: Tensor) -> Tensor:
    """Rows of values that stand together in a list or a grid: all differ if one does, and together
    they count as one."""
    those = met(told)
    same = alike(values, ATTRIBUTE) & those[:, None]
    other = (same & differs[:, None]).any(-1)
    return _rows(misfits(told), other, 1 / same.sum(-1).clamp_min(1), way, those)


def _rows(told: Tensor, other: Tensor, share: Tensor, way: Tensor, those: Tensor) -> Tensor:
    return torch.cat([told, torch.stack([other.float(), share, way], -1)], -1)[those].float()
