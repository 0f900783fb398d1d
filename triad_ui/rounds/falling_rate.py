"""The steps of a training whose rate warms up and falls to nothing. Knows no model and no data."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from torch.optim import Optimizer

WARM = 100
"""Steps until the rate is whole, unless fewer are asked for."""
LEAST = 0.02
"""Share of the rate that is left at the end."""


def falling_rate(
    optimizer: Optimizer, rate: float, steps: int, seconds: float = math.inf, warm: int = WARM
) -> Iterator[int]:
    """1 to `steps`, fewer where `seconds` are over first, the optimizer's rate set for each.

    The rate is whole after `warm` steps and falls by half a cosine over whichever ends first, to
    LEAST of `rate`.
    """
    started = time.monotonic()
    for step in range(1, steps + 1):
        done = max(step / steps, (time.monotonic() - started) / seconds)
        if done > 1:
            return
        falling = LEAST + (1 - LEAST) * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, step / warm) * falling
        yield step
