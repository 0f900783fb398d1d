"""What is measured of a process's lists, of what stands all around and of grids, as log-odds that
the picture contradicts it.

Nine numbers weigh it, so that it holds for products that were never met. Where nothing is measured
it says nothing, and what fits does not speak for the rest of the process.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from triad_ui.model.embedded.colour_beside import FEWEST
from triad_ui.model.embedded.colour_orders import COUNT, NAME, PLACES, SORT, VALUE, WAYS

NEVER = -20.0
"""Log-odds of what is not asked."""
UNWEIGHED = -3.0
"""The same before anything was learned."""
ALL_AROUND = ("around", "clockwise")
"""Words of a step that say that its things are to be counted around the middle."""


class Measured(nn.Module):
    """Log-odds that a list of colours does not lie in the picture, that not so many things stand
    around its middle as a number says, and that a grid does not lack what it is to lack. Right and
    wrong are as likely before."""

    def __init__(self) -> None:
        super().__init__()
        self.lists, self.rings, self.grids = (nn.Linear(2, 1) for _ in range(3))
        for layer in (self.lists, self.rings, self.grids):
            nn.init.zeros_(layer.weight)
            nn.init.constant_(layer.bias, UNWEIGHED)

    def forward(self, rows: Tensor, rounds: Tensor, grids: Tensor, values: Tensor) -> Tensor:
        """Of each value, (N, L); NEVER of one that is in no list or grid and is no such number.

        rows: (N, L, IN_ROW) of `by_row`. rounds: (N, L, IN_ROUND) of `by_round`. grids: (N, L,
        IN_GRID) of `by_grid`. values: int64 (N, L, 9) of `ordered`, -1 beyond an end.
        """
        counted = counted_around(values)
        by_list = self.lists(misfits(rows))[..., 0].masked_fill(~met(rows), NEVER)
        by_ring = self.rings(shortfalls(rounds))[..., 0].masked_fill(~counted, NEVER)
        by_grid = self.grids(misfits(grids))[..., 0].masked_fill(~met(grids), NEVER)
        return torch.maximum(torch.maximum(by_list, by_ring), by_grid)


def met(told: Tensor) -> Tensor:
    """Which values stand in a list that was laid over the picture, or in a grid, bool (N, L)."""
    return told[..., 0] > 0


def misfits(told: Tensor) -> Tensor:
    """How badly the list of each value fits, on average and at the worst place; of a grid whether
    it lacks what it is not to lack, and the other way round: (N, L, 2)."""
    return told[..., 1:3]


def counted_around(values: Tensor) -> Tensor:
    """Which values are a number of things all around, bool (N, L)."""
    ways = values[..., WAYS].clamp_min(0)
    said = sum(ways >> PLACES.index(word) & 1 for word in ALL_AROUND) > 0
    number = (values[..., SORT] == COUNT) & (values[..., NAME] == 0)
    return number & (values[..., VALUE] >= FEWEST) & said


def shortfalls(rounds: Tensor) -> Tensor:
    """By how much each number fails to come back around the middle, and others exceed it,
    (N, L, 2)."""
    return -rounds[..., :2]
