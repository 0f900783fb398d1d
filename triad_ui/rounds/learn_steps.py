"""The stage in which a process is learned to be read against a picture, and then to be weighed:
its steps word by word, and the colours that it orders.

Families that stage (a) keeps for later are kept from the reader of steps too: on them and on new
parts of the others it is measured what a doubt is worth, of a product that was never read of and of
one that was. The reader of colours learns from all of them; another that does not know these is
weighed in its place, as it is to be trusted as far as it is right on products that it never met.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from triad_ui.model.embedded.encoder import Lexicon
from triad_ui.model.embedded.projector import Projector
from triad_ui.records import ManufacturingProcess
from triad_ui.rounds.colour_reading import lessons, train_colours
from triad_ui.rounds.examples import TRAINED
from triad_ui.rounds.measuring import weigh_measures
from triad_ui.rounds.naming import faults, train_naming
from triad_ui.rounds.painting import train_paint
from triad_ui.rounds.step_pictures import DRAWN, Shown, step_pictures
from triad_ui.rounds.step_reading import train_reading, weigh
from triad_ui.synthesis.assembly import Assembly

LOOKED_AT_LATER = TRAINED[2::3]
"""Families that stage (a) does not see, and stage (b) twice as often: so that the language model
learns how far to trust what the tokens of a product say that they were not trained on."""
READ_AT_FIRST = (*(name for name in TRAINED if name not in LOOKED_AT_LATER), Assembly.name)
ASSEMBLIES = 0.4
"""Share of the parts that are assemblies."""
LATER = 0.3
"""As many parts again of the families kept for later, which the reader of colours learns from."""
WEIGHED = 0.1
"""Of these and of new ones of the other families, to weigh what is doubted."""
PLACED = 4000
"""Of the parts that are read, about so many are drawn again to see where faults lie."""
SEEDS = 300_000_000


class Amounts(Protocol):
    """What of a budget is spent here."""

    parts: int
    readings: int
    paints: int
    orders: int
    names: int


def learn_steps(
    projector: Projector, lexicon: Lexicon, weights: Path, work: Path, budget: Amounts, *,
    seed: int, jobs: int, say: Callable[[str], None],
    note: Callable[[str, int, int, dict[str, float]], None], kinds: Sequence[str],
    processes: Sequence[ManufacturingProcess] = (),
) -> None:  # fmt: skip
    """Train the projector's `steps` and `orders`, weigh their doubts; or read all from `work`.

    kinds: names of the faults against a process, in the reader's order.
    """
    kept = work / "steps.pt"
    state = torch.load(kept, weights_only=True) if kept.exists() else {}
    known = state.get("orders", {})
    if "measured.grids.weight" in known:  # an older version's are learned again
        projector.steps.load_state_dict(state["steps"])
        projector.orders.load_state_dict(known)
        projector.findings.against.load_state_dict(state["against"])
        return

    def parts(name: str, first: int, count: int, families: Sequence[str]) -> list[Shown]:
        return step_pictures(
            work / name.replace(" ", "_"), weights, first + seed * 100_000, count, jobs,
            lambda done, total: say(f"{name}: {done} of {total}"), families,
        )  # fmt: skip

    assemblies = round(budget.parts * ASSEMBLIES)
    read = parts("parts", SEEDS, budget.parts - assemblies, READ_AT_FIRST[:-1])
    read += parts("assemblies", 2 * SEEDS, assemblies, READ_AT_FIRST[-1:])
    later = parts("later parts", 3 * SEEDS, round(budget.parts * LATER), LOOKED_AT_LATER)
    some = round(budget.parts * WEIGHED)
    weighed = [*later[:some], *parts("fresh parts", 4 * SEEDS, some, READ_AT_FIRST[:-1])]
    train_reading(
        projector.steps, read, DRAWN, lexicon.table, lexicon.tokenizer.encode, any_words(lexicon),
        steps=budget.readings, seconds=1e9, seed=seed, processes=processes,
        on_step=lambda *told: note("steps", *told),
    )  # fmt: skip
    orders = projector.orders
    train_paint(
        orders.sight.paint, [*read, *later], steps=budget.paints, seconds=1e9, seed=seed,
        on_step=lambda *told: note("paints", *told),
    )  # fmt: skip
    given = lessons(orders.sight, [*read, *later], DRAWN, seed)
    losses = [f"{x:.3f}" for x in weigh_measures(orders.measured, orders.sight, given)]
    say(f"weighed lists, rings and grids: cross-entropy {', '.join(losses)} (0.693 says nothing)")
    blind = deepcopy(orders)
    train_colours(
        blind, given, aside=LOOKED_AT_LATER, steps=max(1, budget.orders // 2), seconds=1e9,
        seed=seed, on_step=lambda *told: note("orders, to weigh", *told),
    )  # fmt: skip
    train_colours(
        orders, given, steps=budget.orders, seconds=1e9, seed=seed,
        on_step=lambda *told: note("orders", *told),
    )  # fmt: skip
    told = faults(
        [*weighed, *read[:: max(1, len(read) // PLACED)]], DRAWN, kinds,
        np.random.default_rng([seed, 8]),
    )  # fmt: skip
    train_naming(
        orders, told, steps=budget.names, seed=seed,
        on_step=lambda *told: note("names", *told),
    )  # fmt: skip
    readers = dict.fromkeys(LOOKED_AT_LATER, blind)
    loss = weigh(projector, weighed, DRAWN, lexicon, seed, readers)
    say(f"weighed doubts: cross-entropy {loss:.3f} (0.562 says nothing)")
    state = {"steps": projector.steps.state_dict(),
             "orders": orders.state_dict(),
             "against": projector.findings.against.state_dict()}  # fmt: skip
    torch.save(state, kept)


def any_words(lexicon: Lexicon) -> list[str]:
    """Words of 4 to 9 small letters that are one token each, to call things by; in their order."""
    words = [lexicon.tokenizer.decode([number]) for number in range(len(lexicon.table))]
    return sorted({word[1:] for word in words if re.fullmatch(r" [a-z]{4,9}", word)})
