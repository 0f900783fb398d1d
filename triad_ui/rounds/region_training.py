"""How networks that look at regions are trained, whatever they are shown. Knows no files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.region_reader import RegionReader
from triad_ui.rounds.falling_rate import falling_rate
from triad_ui.rounds.looking import FAULTY

SMOOTHED = 0.05
"""How much of the truth is spread over all kinds: some can hardly be told apart."""
ILL_WEIGHT = 2.0
"""Weight of a cell under a fault; they are fewer."""

Shown = TypeVar("Shown")
Reader = TypeVar("Reader", bound=RegionReader)
Losses = dict[str, Tensor]


def train_regions(
    reader: Reader, shown: Sequence[Shown], losses_of: Callable[[Reader, Sequence[Shown]], Losses],
    *, steps: int, rng: np.random.Generator, batch_size: int, rate: float,
    on_step: Callable[[int, int, dict[str, float]], None],
) -> None:  # fmt: skip
    """Train in place; the rate warms up and falls to nothing. on_step: (step, steps, losses)."""
    optimizer = torch.optim.AdamW(reader.parameters(), lr=rate, weight_decay=0.05)
    reader.train()
    for step in falling_rate(optimizer, rate, steps):
        chosen = [shown[int(k)] for k in rng.integers(len(shown), size=batch_size)]
        losses = losses_of(reader, chosen)
        optimizer.zero_grad()
        sum(losses.values(), torch.zeros(())).backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        on_step(step, steps, {name: value.item() for name, value in losses.items()})
    reader.eval()


def region_losses(
    told: tuple[Tensor, Tensor], truth: Sequence[int], masked: Sequence[Tensor]
) -> Losses:
    """ "close": which kind of fault each region shows, or none. "cell": which cells lie under it.

    told: as of `RegionReader.told`. truth: number of each region's kind, 0 for none. masked: share
    of each cell under the fault, (g, g) each.
    """
    cells, kinds = told
    ill = (torch.stack(list(masked)).float() > FAULTY).float()
    weight = torch.where(ill > 0, ILL_WEIGHT, 1.0)
    return {
        "close": functional.cross_entropy(kinds, torch.tensor(truth), label_smoothing=SMOOTHED),
        "cell": functional.binary_cross_entropy_with_logits(cells, ill, weight),
    }
