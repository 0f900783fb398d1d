"""`colour_reader.Naming` learns what a contradicted process says is wrong with a part, and where.

Each drawn part stands beside a process that orders something else; the kind is what would have to
happen to a part as ordered to look like it, the place is where drawings of both differ. The reader
itself stays as it is. Knows no files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.errors import TrainingError
from triad_ui.model.embedded.colour_orders import MOST, longest, ordered
from triad_ui.model.embedded.colour_reader import ColourReader
from triad_ui.model.embedded.colour_sight import joined, shades
from triad_ui.records import LOCATIONS
from triad_ui.rounds.falling_rate import falling_rate
from triad_ui.rounds.step_pictures import SIZE, Shown
from triad_ui.synthesis.product import Family
from triad_ui.synthesis.sample import difference, location_of

BACKWARDS = {"missing part": "extra part", "extra part": "missing part"}
"""What a fault is called when ordered and shown change places; others keep their name."""


@dataclass(frozen=True, slots=True, eq=False)
class Faults:
    """pixels: uint8 (N, 3, FINE, FINE), of scenes. values: int64 (N, MOST, 9), of a process
    that each contradicts; see `ordered`. kinds: int64 (N,), places: int64 (N,), of the 3x3."""

    pixels: Tensor
    values: Tensor
    kinds: Tensor
    places: Tensor


def faults(
    pictures: Sequence[Shown], families: Mapping[str, Family], kinds: Sequence[str],
    rng: np.random.Generator,
) -> Faults:  # fmt: skip
    """One process for each part that it contradicts, where colours, values and a difference are
    there to be seen. kinds: names of faults, in the reader's order. TrainingError when none is."""
    rows = []
    for shown in pictures:
        if shown.grey:
            continue
        family = families[shown.family]
        other = family.logical_defect(shown.spec, rng)
        told = ordered(family.process(other.spec, rng))
        kind = BACKWARDS.get(other.kind, other.kind)
        seed = int(rng.integers(2**32))
        one, two = (
            family.render(spec, np.random.default_rng(seed), SIZE)
            for spec in (shown.spec, other.spec)
        )
        mask, _ = difference(one.rgb, one.foreground, two.rgb, two.foreground)
        place = location_of(mask)
        if not len(told) or place is None or kind not in kinds:
            continue
        values = torch.full((MOST, 9), -1)
        values[: len(told)] = told
        rows.append((shown.scene.picture, values, kinds.index(kind), LOCATIONS.index(place)))
    if not rows:
        raise TrainingError("No part contradicts a process of its colours; draw more parts.")
    pixels, values, named, placed = zip(*rows)
    return Faults(
        torch.stack(pixels), torch.stack(values), torch.tensor(named), torch.tensor(placed)
    )


def train_naming(
    reader: ColourReader, told: Faults, *, steps: int, seed: int,
    on_step: Callable[[int, int, dict[str, float]], None], batch_size: int = 96, rate: float = 2e-3,
) -> None:  # fmt: skip
    """Train the reader's `naming` in place for `steps` batches. on_step: (step, steps, {"kind":
    loss, "place": loss})."""
    rng = np.random.default_rng([seed, 7])
    optimizer = torch.optim.AdamW(reader.naming.parameters(), lr=rate, weight_decay=0.1)
    reader.eval()
    reader.naming.train()
    with torch.no_grad():
        seen = joined([reader.sight(shades(some)) for some in told.pixels.split(batch_size)])
    for step in falling_rate(optimizer, rate, steps):
        chosen = rng.integers(len(told.values), size=batch_size)
        values = told.values[chosen]
        *_, kinds, places = reader.named(seen[chosen], values[:, : longest(values)])
        kind = functional.cross_entropy(kinds, told.kinds[chosen])
        place = functional.cross_entropy(places, told.places[chosen])
        (kind + place).backward()
        optimizer.step()
        optimizer.zero_grad()
        on_step(step, steps, {"kind": kind.item(), "place": place.item()})
    reader.zero_grad()
    reader.eval()
