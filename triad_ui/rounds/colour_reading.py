"""`ColourReader` learns to tell a process that a picture obeys from one that it contradicts.

Each drawn part stands beside the process that orders what is seen, beside some that order
something else in one step, of which it is known which values differ, and beside that of another
part of its family. The pictures are moved, turned a little and lit anew, as what was seen once is
soon known by heart. Knows no files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.errors import TrainingError
from triad_ui.model.embedded.colour_orders import ATTRIBUTE, MOST, SORT, STEP, longest, ordered
from triad_ui.model.embedded.colour_reader import ColourReader
from triad_ui.model.embedded.colour_sight import Seen, Sight, joined, shades
from triad_ui.records import ManufacturingProcess
from triad_ui.rounds.falling_rate import falling_rate
from triad_ui.rounds.step_pictures import Shown
from triad_ui.rounds.step_reading import pair_of
from triad_ui.synthesis.product import Family

WRONG = 4
"""Processes drawn for a part that it contradicts."""
AT_ONCE = 2
"""Of them in a batch."""
LOOKS = 2
"""Looks at a picture: as it is, and from another place in another light."""
BLAME, OF_ANOTHER = 0.7, 0.5
"""Weights of the loss of single values, and of another part's process."""
LIGHT, TINT, NOISE = 0.1, 0.05, 0.03
"""Spread of a picture's contrast, of what is added to each channel and to each pixel, at most."""
SCALE, STRETCH, TURN, MOVE = 0.15, 0.07, 0.06, 0.08
"""How far a picture is moved: shares of its size, TURN in radians."""


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """values: int64 (N, 1 + WRONG, MOST, 9), of the process that each part obeys, then of others;
    see `ordered`. differs: bool (N, 1 + WRONG, MOST), values that are not as shown."""

    values: Tensor
    differs: Tensor


def orders(
    pictures: Sequence[Shown], families: Mapping[str, Family], rng: np.random.Generator
) -> Orders:
    """What is ordered of these parts, rightly and wrongly."""
    values = torch.full((len(pictures), 1 + WRONG, MOST, 9), -1)
    differs = torch.zeros(len(pictures), 1 + WRONG, MOST, dtype=torch.bool)
    for row, shown in enumerate(pictures):
        right, wrong = pair_of(shown, families[shown.family], rng)
        others = [_other(shown, families[shown.family], rng) for _ in range(WRONG - 1)]
        obeyed = ordered(right)
        for nth, process in enumerate((right, wrong, *others)):
            told = ordered(process)
            values[row, nth, : len(told)] = told
            differs[row, nth, : len(told)] = differing(told, obeyed)
    return Orders(values, differs)


def _other(shown: Shown, family: Family, rng: np.random.Generator) -> ManufacturingProcess:
    return family.process(family.logical_defect(shown.spec, rng).spec, rng)


def differing(told: Tensor, obeyed: Tensor) -> Tensor:
    """Which values of one process are not those of the other, bool (L,), of `ordered` (L, 9) each.

    An attribute is held against those of its step with as many values; one that finds none
    differs as a whole.
    """
    found = torch.zeros(len(told), dtype=torch.bool)
    for number in told[:, ATTRIBUTE].unique():
        rows = told[:, ATTRIBUTE] == number
        mine = told[rows, :3]
        step = obeyed[obeyed[:, STEP] == told[rows][0, STEP]]
        beside = [step[step[:, ATTRIBUTE] == other, :3] for other in step[:, ATTRIBUTE].unique()]
        gaps = [(mine != each).any(1) for each in beside if len(each) == len(mine)]
        least = min(gaps, key=lambda gap: int(gap.sum()), default=None)
        found[rows] = True if least is None else least
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Coloured parts beside what is ordered of them. families: (N,), their names. told: see
    `Orders`. seen: of LOOKS * N pictures, all first looks first. pictures: uint8 (N, 3, FINE,
    FINE), of scenes."""

    families: np.ndarray
    told: Orders
    seen: Seen
    pictures: Tensor


def lessons(
    sight: Sight, pictures: Sequence[Shown], families: Mapping[str, Family], seed: int
) -> Lessons:
    """What there is to learn from these parts; those of grey cameras are left out. TrainingError
    without any."""
    pictures = [shown for shown in pictures if not shown.grey]
    if not pictures:
        raise TrainingError("There is no coloured picture to learn from; draw some first.")
    told = orders(pictures, families, np.random.default_rng([seed, 5]))
    shown = torch.stack([shown.scene.picture for shown in pictures])
    seen = joined([looks(sight, shown, moved=look > 0) for look in range(LOOKS)])
    return Lessons(np.array([each.family for each in pictures]), told, seen, shown)


def train_colours(
    reader: ColourReader, given: Lessons, *, steps: int, seconds: float, seed: int,
    on_step: Callable[[int, int, dict[str, float]], None], aside: Collection[str] = (),
    batch_size: int = 96, rate: float = 2e-3,
) -> None:  # fmt: skip
    """Train in place for `steps` batches or `seconds`; the rate falls to nothing by then.

    aside: families that it is not to learn from. on_step: (step, steps, {"order": loss, "value":
    loss}). TrainingError if nothing is left.
    """
    usable = np.flatnonzero(~np.isin(given.families, list(aside)))
    if not len(usable):
        raise TrainingError("Every family is kept aside; nothing is left to learn from.")
    rng = np.random.default_rng([seed, 6])
    alike = {name: usable[given.families[usable] == name] for name in set(given.families[usable])}
    optimizer = torch.optim.AdamW(reader.parameters(), lr=rate, weight_decay=0.1, betas=(0.9, 0.98))
    reader.train()
    for step in falling_rate(optimizer, rate, steps, seconds):
        chosen = usable[rng.integers(len(usable), size=batch_size)]
        some = [0, *(1 + rng.permutation(WRONG)[:AT_ONCE])]
        another = [int(rng.choice(alike[name])) for name in given.families[chosen]]
        told = given.told
        values = torch.cat([told.values[chosen][:, some], told.values[another][:, :1]], 1)
        look = rng.integers(LOOKS, size=batch_size)
        beside = given.seen[torch.from_numpy(chosen + len(given.families) * look)]
        order, value = _losses(reader, beside, values, told.differs[chosen][:, some])
        (order + BLAME * value).backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        on_step(step, steps, {"order": order.item(), "value": value.item()})
    reader.eval()


def looks(sight: Sight, pictures: Tensor, *, moved: bool, at_once: int = 64) -> Seen:
    """What is seen of pictures of scenes, as they are or from another place in another light."""
    found = []
    for some in pictures.split(at_once):
        found.append(sight(_moved(shades(some)) if moved else shades(some)))
    return joined(found)


def _moved(pixels: Tensor) -> Tensor:
    """From another place and in another light."""

    def drawn(most: float, *shape: int) -> Tensor:
        return torch.empty(len(pixels), *shape).uniform_(-most, most)

    way = torch.zeros(len(pixels), 2, 3)
    size = (1 + drawn(SCALE, 1)) * (1 + drawn(STRETCH, 2))
    way[:, 0, 0], way[:, 1, 1] = size[:, 0], size[:, 1]
    turn = drawn(TURN)
    way[:, 0, 1], way[:, 1, 0], way[:, :, 2] = turn, -turn, drawn(MOVE, 2)
    grid = functional.affine_grid(way, list(pixels.shape), align_corners=False)
    pixels = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    pixels = pixels + NOISE * torch.rand(len(pixels), 1, 1, 1) * torch.randn_like(pixels)
    contrast = 1 + LIGHT * torch.randn(len(pixels), 1, 1, 1)
    return pixels * contrast + TINT * torch.randn(len(pixels), 3, 1, 1)


def _losses(
    reader: ColourReader, seen: Seen, values: Tensor, differs: Tensor
) -> tuple[Tensor, Tensor]:
    """Of processes, and of values. values: (N, P, MOST, 9), the first of each obeyed, the last of
    another part; differs: (N, P - 1, MOST), of all but the last. As many obeyed count as
    contradicted; of one picture a contradicted one is to have the higher odds wherever it differs.
    """
    count, processes = values.shape[:2]
    most = longest(values)
    values, differs = values[:, :, :most], differs[:, :, :most]
    *readings, blame = reader(seen.each(processes), values.flatten(0, 1))
    other = (values[:, 1:] != values[:, :1]).flatten(2).any(2).float()
    truth = (torch.arange(processes) > 0).float().expand(count, -1)
    share = torch.tensor([AT_ONCE, *[1.0] * AT_ONCE, OF_ANOTHER])
    weight = share * torch.cat([torch.ones(count, 1), other], 1)
    order = torch.zeros(())
    for reading in readings:
        odds = reading.view(count, processes)
        apart = functional.softplus(odds[:, :1] - odds[:, 1:]) * other
        order = order + functional.binary_cross_entropy_with_logits(odds, truth, weight)
        order = order + apart.sum() / other.sum().clamp_min(1)
    on = values[:, :-1, :, SORT] >= 0
    ill = differs[on].float()
    blamed = blame.view(count, processes, -1)[:, :-1][on]
    value = functional.binary_cross_entropy_with_logits(blamed, ill, torch.where(ill > 0, 4.0, 1.0))
    return order, value
