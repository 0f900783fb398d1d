"""The stage in which it is learned what faults look like from close by, alone and beside a good
part.

Families that stage (a) keeps for later are kept from it too, so that what a close look is worth can
be weighed on them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch

from triad_ui.model.embedded.projector import Projector
from triad_ui.rounds.close_pairs import close_pairs
from triad_ui.rounds.close_reading import train_close
from triad_ui.rounds.close_ups import TEXTURE, CloseUp, close_ups
from triad_ui.rounds.comparing import train_comparing
from triad_ui.rounds.learn_steps import READ_AT_FIRST

ASSEMBLIES, TEXTURES = 0.2, 0.2
"""Shares of the parts that are assemblies, and pieces of random texture."""
BESIDE = (*READ_AT_FIRST[:-1], *READ_AT_FIRST[-1:] * 3, *(TEXTURE,) * 4)
"""Of what other and good parts are drawn beside each other."""
SEEDS = 700_000_000


class Amounts(Protocol):
    """What of a budget is spent here."""

    close: int
    looks: int
    pairs: int
    compared: int


def learn_close(
    projector: Projector, weights: Path, work: Path, budget: Amounts, *, seed: int, jobs: int,
    say: Callable[[str], None], note: Callable[[str, int, int, dict[str, float]], None],
) -> None:  # fmt: skip
    """Train the projector's `close` and `comparer`, or read them from `work`."""
    kept = work / "close.pt"
    learned = {"close": projector.close, "comparer": projector.comparer}
    state = torch.load(kept, weights_only=True) if kept.exists() else {}
    if state.keys() == learned.keys():  # an older version's are learned again
        for name, module in learned.items():
            module.load_state_dict(state[name])
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
    beside = close_pairs(
        work / "compared", weights, SEEDS + 90_000_000 + seed * 100_000, budget.pairs, jobs,
        lambda done, total: say(f"compared: {done} of {total}"), BESIDE,
    )  # fmt: skip
    train_comparing(
        projector.comparer, beside, steps=budget.compared, seed=seed,
        on_step=lambda *told: note("compared", *told),
    )  # fmt: skip
    torch.save({name: module.state_dict() for name, module in learned.items()}, kept)
