"""The stage in which it is learned what faults look like from close by.

Families that stage (a) keeps for later are kept from it too, so that what a close look is worth can
be weighed on them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch

from triad_ui.model.embedded.projector import Projector
from triad_ui.rounds.close_reading import train_close
from triad_ui.rounds.close_ups import TEXTURE, CloseUp, close_ups
from triad_ui.rounds.learn_steps import READ_AT_FIRST

ASSEMBLIES, TEXTURES = 0.2, 0.2
"""Shares of the parts that are assemblies, and pieces of random texture."""
SEEDS = 700_000_000


class Amounts(Protocol):
    """What of a budget is spent here."""

    close: int
    looks: int


def learn_close(
    projector: Projector, weights: Path, work: Path, budget: Amounts, *, seed: int, jobs: int,
    say: Callable[[str], None], note: Callable[[str, int, int, dict[str, float]], None],
) -> None:  # fmt: skip
    """Train the projector's `close`, or read it from `work`."""
    kept = work / "close.pt"
    if kept.exists():
        projector.close.load_state_dict(torch.load(kept, weights_only=True))
        return
    assemblies, textures = (round(budget.close * share) for share in (ASSEMBLIES, TEXTURES))
    frames: list[CloseUp] = []
    for first, count, families, name in (
        (SEEDS, budget.close - assemblies - textures, READ_AT_FIRST[:-1], "looked at"),
        (SEEDS + 50_000_000, assemblies, READ_AT_FIRST[-1:], "assemblies looked at"),
        (SEEDS + 70_000_000, textures, (TEXTURE,), "textures looked at"),
    ):
        frames += close_ups(
            work / name.replace(" ", "_"), weights, first + seed * 100_000, count, jobs,
            lambda done, total, name=name: say(f"{name}: {done} of {total}"), families,
        )  # fmt: skip
    train_close(
        projector.close, frames, steps=budget.looks, seed=seed,
        on_step=lambda *told: note("close", *told),
    )  # fmt: skip
    torch.save(projector.close.state_dict(), kept)
