"""What is ordered beside what is seen, in numbers: how many too few, how far out of their order.

Subtracted, not learned, so that it holds for numbers and orders that were rarely met.
"""

from __future__ import annotations

import torch
from torch import Tensor

from triad_ui.model.embedded.colour_orders import (
    ABSENT,
    ATTRIBUTE,
    BEFORE,
    COUNT,
    NTH,
    SORT,
    STEP,
    VALUE,
    colours_in,
)
from triad_ui.model.embedded.colour_sight import ACROSS, DOWN, Seen
from triad_ui.model.embedded.colour_spots import ALIKE, GAPS, HOLES, LARGE, SPOTS, WORTH
from triad_ui.model.embedded.paint import COLOURS

COUNTED = (SPOTS, ALIKE, WORTH, LARGE)
"""Of what is told of spots: the ways in which they can be counted."""
GAP = 2 * len(COUNTED)
IN_COLOUR, IN_NUMBER, IN_ORDER = GAP, 2 * GAP + 3 * len(COUNTED), 7
"""Numbers told of a colour, of a value and of a colour in a list."""
IN_ROUND, IN_HOLE = 4, 5
"""Of a number all around, and of a colour that may lack one of its spots."""
FEWEST = 3
"""Times that something comes back on a ring: what does so twice is mostly light from one side."""
FAR = 4.0


def spots_told(seen: Seen) -> Tensor:
    """Spots of each colour, float32 (N, len(COLOURS), TOLD): the logarithms of numbers, the roots
    of shares."""
    spots = seen.spots[:, : len(COLOURS)]
    numbers = spots.log1p()
    shares = spots.sqrt() * 4
    counted = torch.zeros(spots.shape[-1], dtype=torch.bool)
    counted[[*COUNTED, GAPS, HOLES]] = True
    return torch.where(counted, numbers, shares)


def by_colour(seen: Seen, pieces: Tensor) -> Tensor:
    """How many more are seen than ordered of each colour, (N, len(COLOURS), IN_COLOUR). pieces:
    (N, len(COLOURS)), ordered of each, 0 of what is not ordered."""
    return _short(pieces, seen.spots[:, : len(COLOURS), COUNTED])


def by_value(seen: Seen, values: Tensor) -> Tensor:
    """The same of each value that is a number, or a colour with one before it, (N, L, IN_NUMBER).

    A number stands beside the spots of its own colour, of those that its step orders, of whichever
    colour comes nearest, and of what is darker and lighter than around it.
    """
    counts = seen.spots[:, :, COUNTED]
    colours, uneven = counts.split([len(COLOURS), 2], 1)
    colour, which = colours_in(values)
    own = colours.gather(1, which[..., None].expand(-1, -1, len(COUNTED)))
    number = _numbers(values)
    together = alike(values, STEP) & colour[:, None]
    mean = _shares(together) @ own
    apart = (colours[:, None] - number[..., None, None]).abs().amin(2).clamp_max(FAR)
    beside = (uneven[:, None] - number[..., None, None]).clamp(-FAR, FAR).flatten(2)
    free = torch.cat([apart, beside], -1) / 2 * (number > 0)[..., None]
    said = torch.where(colour, values[..., BEFORE], 0)
    return torch.cat([_short(said, own), _short(number, mean), free], -1).float()


def by_round(seen: Seen, values: Tensor) -> Tensor:
    """How much of a picture comes back just so many times around its middle as each number says,
    (N, L, IN_ROUND): its share, by how much it exceeds that of any other number, of one less and
    one more; 0 of what is no number."""
    number = _numbers(values)
    on = (number >= FEWEST)[..., None]
    shares = seen.rounds.clone()
    shares[:, :FEWEST] = 0
    own = shares.gather(1, number)
    two, at = shares.topk(2, 1)
    rest = torch.where(at[:, :1] == number, two[:, 1:], two[:, :1])
    less, more = (shares.gather(1, (number + way).clamp(0, shares.shape[1] - 1)) for way in (-1, 1))
    return torch.stack([own, own - rest, own - less, own - more], -1) * on


def by_hole(seen: Seen, values: Tensor) -> Tensor:
    """Whether a grid of spots of each colour lacks one, (N, L, IN_HOLE): whether that is ordered,
    in the colour's attribute; how many are lacking; whether one is though it is not ordered, is not
    though it is, or is as ordered. 0 of what is no colour."""
    colour, which = colours_in(values)
    absent = values[..., SORT] == ABSENT
    told = (alike(values, ATTRIBUTE) & absent[:, None]).any(-1)
    holes = seen.spots[:, : len(COLOURS), HOLES].gather(1, which)
    lacks = holes > 0
    found = [told.float(), holes.clamp_max(FAR) / 2]
    found += [each.float() for each in (lacks & ~told, told & ~lacks, told & lacks)]
    return torch.stack(found, -1) * colour[..., None]


def by_order(seen: Seen, values: Tensor) -> Tensor:
    """How the colours of a list lie in the picture, beside their order in it, (N, L, IN_ORDER):
    place in the list, across and down, how far both go together in either way, and by how much this
    one is out of it."""
    colour, which = colours_in(values)
    listed = alike(values, ATTRIBUTE) & colour[:, None] & colour[..., None]
    same = listed & (which[..., None] == which[:, None])
    told = _shares(same) @ values[..., NTH].float()[..., None]
    both = torch.cat([told, _middles(seen, which)], -1)
    weight = _shares(listed)
    both = (both - weight @ both) * colour[..., None]
    spread = (weight @ both**2).sqrt()
    both = both / (spread + 0.02)
    together = weight @ (both[..., :1] * both[..., 1:])
    out = (both[..., 1:] - together.sign() * both[..., :1]).abs()
    return torch.cat([both, together, out], -1)


def places_at(seen: Seen, values: Tensor) -> Tensor:
    """Where the colours lie that are named beside a value, (N, L, 2), across and down from the
    middle of the part; 0 where none is."""
    colour, which = colours_in(values)
    return _shares(alike(values, ATTRIBUTE) & colour[:, None]) @ _middles(seen, which)


def _numbers(values: Tensor) -> Tensor:
    """The numbers among the values, (N, L), 0 for others."""
    return torch.where(values[..., SORT] == COUNT, values[..., VALUE], 0)


def alike(values: Tensor, column: int) -> Tensor:
    """Which values have the same in a column, bool (N, L, L)."""
    return values[..., column, None] == values[:, None, :, column]


def _middles(seen: Seen, which: Tensor) -> Tensor:
    """Where these colours lie, (N, L, 2), across and down."""
    return seen.colours[..., [ACROSS, DOWN]].gather(1, which[..., None].expand(-1, -1, 2))


def _shares(those: Tensor) -> Tensor:
    """Which values each one is held against, bool (N, L, L) -> what to weigh them by for a mean."""
    return those.float() / those.sum(-1, keepdim=True).clamp_min(1)


def _short(ordered: Tensor, seen: Tensor) -> Tensor:
    """ordered (N, M), seen (N, M, C) -> (N, M, 2 C): by how much they differ, and whether they
    agree; 0 where nothing is ordered."""
    more = seen - ordered[..., None]
    told = torch.cat([more.clamp(-FAR, FAR) / 2, (more.abs() < 0.5).float()], -1)
    return told * (ordered > 0)[..., None]
