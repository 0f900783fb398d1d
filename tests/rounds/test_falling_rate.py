"""The rate of a training: that it warms up, falls, and ends with its steps or its time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch

from triad_ui.rounds import falling_rate as module
from triad_ui.rounds.falling_rate import LEAST, WARM, falling_rate


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=9.0)


def test_the_rate_warms_up_and_falls_by_half_a_cosine() -> None:
    held = optimizer()
    rates = [(step, held.param_groups[0]["lr"]) for step in falling_rate(held, 2.0, 400)]
    assert [step for step, _ in rates] == list(range(1, 401))
    for step, rate in rates:
        cosine = 0.5 + 0.5 * math.cos(math.pi * step / 400)
        assert rate == pytest.approx(2 * min(1, step / WARM) * (LEAST + (1 - LEAST) * cosine))
    assert rates[-1][1] == pytest.approx(2 * LEAST)


def test_it_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def ticks() -> Iterator[float]:
        yield from map(float, range(100))

    clock = ticks()
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    held = optimizer()
    rates = [held.param_groups[0]["lr"] for _ in falling_rate(held, 2.0, 1000, seconds=5.0)]
    assert len(rates) == 5  # the first second has passed by the first step
    assert rates[-1] == pytest.approx(2 * 5 / WARM * LEAST)
