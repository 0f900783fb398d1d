"""Each value of a process by itself, beside what is seen of just that.

It knows of the others only what is measured beside those of its list and step, and so errs less on
products that are told of in other ways than those it learned from; but what only the whole process
says, it can't tell.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.colour_beside import IN_HOLE, IN_NUMBER, IN_ORDER, IN_ROUND
from triad_ui.model.embedded.colour_orders import PLACES, SORT, SORTS_READ
from triad_ui.model.embedded.colour_rows import IN_ROW
from triad_ui.model.embedded.colour_sight import SHAPE

IN_PLACE = len(PLACES) + 2
IN_ALONE = SHAPE + IN_NUMBER + IN_ORDER + IN_ROW + IN_ROUND + IN_HOLE + IN_PLACE
"""Numbers told of a value: what is seen of its colour, then what `colour_beside` and `colour_rows`
say of it, then its place and where its colour lies."""
INNER = 48


class Alone(nn.Module):
    """What is told of each value -> log-odds that any of them is contradicted."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.each = nn.Sequential(
            nn.Linear(IN_ALONE + SORTS_READ, INNER), nn.GELU(), nn.Dropout(dropout),
            nn.Linear(INNER, INNER), nn.GELU(), nn.Linear(INNER, 1),
        )  # fmt: skip
        nn.init.constant_(self.each[-1].bias, -3.0)

    def forward(self, told: Tensor, values: Tensor) -> Tensor:
        """told: (N, L, IN_ALONE). values: int64 (N, L, 9) of `ordered`, -1 beyond an end. (N,)."""
        sort = values[..., SORT]
        sorts = functional.one_hot(sort.clamp_min(0), SORTS_READ).float()
        odds = self.each(torch.cat([told, sorts], -1))[..., 0]
        return odds.masked_fill(sort < 0, -1e4).logsumexp(1)
