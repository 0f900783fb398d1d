"""What is ordered and what is seen instead, each in a word, of the value that is doubted most; and
of a list where that is.

Read off the picture at the place of the value, so that "red" is said of a wire that is red. It
decides nothing about whether the process is contradicted.
"""

from __future__ import annotations

import torch
from torch import Tensor

from triad_ui.model.embedded.colour_beside import FEWEST
from triad_ui.model.embedded.colour_measured import counted_around
from triad_ui.model.embedded.colour_orders import (
    COLOUR,
    COUNT,
    NAME,
    PLACE,
    PLACES,
    SORT,
    STEP,
    VALUE,
)
from triad_ui.model.embedded.colour_rows import Laid, laid
from triad_ui.model.embedded.colour_sight import SIDE, Seen
from triad_ui.model.embedded.colour_spots import ALIKE
from triad_ui.model.embedded.paint import COLOURS

NOTHING = "no"
MISFIT = 0.7
"""How much likelier (a logarithm) another paint is at a place of a list that is spoken of."""
SOME = 0.01
"""Share of a picture from which on a colour may be what is seen instead."""
LISTED = 0.9
"""Share of a fault's place that is where a list does not fit, the rest is as the reader has it."""
ALL_AROUND = 0.3
"""Share of what changes along a ring from which on its number is believed."""


@torch.no_grad()
def in_words(seen: Seen, values: Tensor, blame: Tensor, places: Tensor) -> tuple[str, str, Tensor]:
    """What is ordered, and what is seen; "" where either can't be told. And where, shares (9,).

    seen: of one picture. values: int64 (1, L, 9) of `ordered`. blame: (L,) log-odds of each.
    places: (9,), shares of where the reader has it.
    """
    told = values[0]
    sort = told[:, SORT]
    tellable = ((sort == COLOUR) | (sort == COUNT) | (sort == PLACE)) & (told[:, NAME] == 0)
    if not tellable.any():
        return "", "", places
    worst = int(blame.masked_fill(~tellable, -torch.inf).argmax())
    fits = laid(seen, values).get(0, [])
    fits = [fit for fit in fits if told[worst, STEP] == told[fit.values[0], STEP]]
    if fits:
        fit = max(fits, key=lambda each: float(each.gaps.max()))
        nth = int(fit.gaps.argmax())
        if float(fit.gaps[nth]) > MISFIT:
            paint = int(seen.maps[0].flatten(1)[:, fit.cells[nth]].argmax())
            there = COLOURS[paint] if paint < len(COLOURS) else NOTHING
            return _word(told[fit.values[nth]]), there, _place(fit, places)
    return *_single(seen, told, told[worst]), places


def _place(fit: Laid, places: Tensor) -> Tensor:
    """Where a list does not fit; between the two where just two places do not, as they may have
    changed. Across a row or a column the reader tells: a wire is as long as the picture."""
    wrong = fit.cells[fit.gaps > MISFIT]
    if len(wrong) != 2:
        wrong = fit.cells[fit.gaps.argmax()][None]
    ways = []
    for way, unit in enumerate((SIDE, 1)):  # down, then across
        all_of, off = fit.cells // unit % SIDE, wrong // unit % SIDE
        third = int((float(off.float().mean()) + 0.5) * 3 / SIDE)
        along = len(all_of.unique()) > 1
        ways.append(torch.eye(3)[third] if along else places.view(3, 3).sum(1 - way))
    return LISTED * torch.outer(*ways).flatten() + (1 - LISTED) * places


def _single(seen: Seen, told: Tensor, value: Tensor) -> tuple[str, str]:
    """The words of a value that stands for itself."""
    if int(value[SORT]) == COLOUR:
        return _word(value), _unordered(seen, told)
    return _word(value), _number(seen, told, value) if int(value[SORT]) == COUNT else ""


def _word(value: Tensor) -> str:
    words = {COLOUR: COLOURS, PLACE: PLACES}.get(int(value[SORT]))
    return str(int(value[VALUE])) if words is None else words[int(value[VALUE])]


def _unordered(seen: Seen, told: Tensor) -> str:
    """The colour that covers most of what is painted in none of the ordered ones."""
    shares = seen.maps[0, : len(COLOURS)].float().flatten(1).mean(1) / 255
    shares[told[told[:, SORT] == COLOUR, VALUE]] = 0
    most = int(shares.argmax())
    return COLOURS[most] if float(shares[most]) > SOME else NOTHING


def _number(seen: Seen, told: Tensor, value: Tensor) -> str:
    """How many there are: all around if the step says so, else of its colours, or all around
    where it has none; "" if as many are ordered."""
    mine = (told[:, STEP] == value[STEP]) & (told[:, SORT] == COLOUR)
    if mine.any() and not counted_around(value[None]).any():
        count = int(seen.spots[0, told[mine, VALUE].unique(), ALIKE].sum())
    else:
        share, at = seen.rounds[0, FEWEST:].max(0)
        count = int(at) + FEWEST if float(share) > ALL_AROUND else 0
    return str(count) if count and count != int(value[VALUE]) else ""
