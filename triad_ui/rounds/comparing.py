"""`CloseComparer` learns how faults differ from good parts. Knows no files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from triad_ui.errors import TrainingError
from triad_ui.model.embedded.close_comparer import CloseComparer
from triad_ui.rounds.close_pairs import NOT_OF_THE_SURFACE, ClosePair
from triad_ui.rounds.region_training import region_losses, train_regions
from triad_ui.synthesis.surface import SURFACE_KINDS

KINDS = (*SURFACE_KINDS, NOT_OF_THE_SURFACE)


def train_comparing(
    comparer: CloseComparer,
    pairs: Sequence[ClosePair],
    *,
    steps: int,
    seed: int,
    on_step: Callable[[int, int, dict[str, float]], None],
    batch_size: int = 64,
    rate: float = 2e-3,
) -> None:
    """Train in place; the rate warms up and falls to nothing. on_step: (step, steps, losses).
    TrainingError without pairs."""
    if not pairs:
        raise TrainingError("There is nothing to compare with good parts; draw some first.")
    train_regions(
        comparer, pairs, comparing_losses, steps=steps, rng=np.random.default_rng([seed, 10]),
        batch_size=batch_size, rate=rate, on_step=on_step,
    )  # fmt: skip


def comparing_losses(comparer: CloseComparer, pairs: Sequence[ClosePair]) -> dict[str, Tensor]:
    """As `region_losses`."""
    near, good = (torch.stack(each).float() for each in zip(*((p.near, p.good) for p in pairs)))
    truth = [1 + KINDS.index(pair.fault) if pair.fault else 0 for pair in pairs]
    return region_losses(comparer(near, good), truth, [pair.masked for pair in pairs])
