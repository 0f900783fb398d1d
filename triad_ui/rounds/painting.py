"""`Paint` learns which paint each place of a drawn part shows. Knows no files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.errors import TrainingError
from triad_ui.model.embedded.colour_sight import shades
from triad_ui.model.embedded.paint import Paint
from triad_ui.rounds.falling_rate import falling_rate
from triad_ui.rounds.step_pictures import Shown

CONTRAST, TINT, LIFT, NOISE = 0.12, 0.04, 0.06, 0.03
"""Spread of a picture's contrast, of each channel's, of what is added, and of noise at the most."""


def train_paint(
    paint: Paint, pictures: Sequence[Shown], *, steps: int, seconds: float, seed: int,
    on_step: Callable[[int, int, dict[str, float]], None], batch_size: int = 24, rate: float = 3e-3,
) -> None:  # fmt: skip
    """Train in place for `steps` batches or `seconds`; the rate falls to nothing by then.

    Pictures of grey cameras are left out. on_step: (step, steps, {"paint": loss}). TrainingError
    without pictures.
    """
    pictures = [shown for shown in pictures if not shown.grey]
    if not pictures:
        raise TrainingError("There is no coloured picture to learn from; draw some first.")
    rng = np.random.default_rng([seed, 9])
    seen = torch.stack([shown.scene.picture for shown in pictures])
    truth = torch.stack([shown.paint for shown in pictures])
    optimizer = torch.optim.AdamW(paint.parameters(), lr=rate, weight_decay=0.02)
    paint.train()
    for step in falling_rate(optimizer, rate, steps, seconds):
        chosen = rng.integers(len(pictures), size=batch_size)
        pixels, names = shades(seen[chosen]), truth[chosen].long()
        if rng.random() < 0.5:
            pixels, names = pixels.flip(3), names.flip(2)
        if rng.random() < 0.5:
            pixels, names = pixels.transpose(2, 3), names.transpose(1, 2)
        loss = functional.cross_entropy(paint(_lit(pixels)), names)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        on_step(step, steps, {"paint": loss.item()})
    paint.eval()


def _lit(pixels: Tensor) -> Tensor:
    """In another light."""
    count = len(pixels)
    pixels = pixels * (1 + CONTRAST * torch.randn(count, 1, 1, 1))
    pixels = pixels * (1 + TINT * torch.randn(count, 3, 1, 1)) + LIFT * torch.randn(count, 1, 1, 1)
    return pixels + NOISE * torch.rand(count, 1, 1, 1) * torch.randn_like(pixels)
