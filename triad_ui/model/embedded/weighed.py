"""What the expert, a close look and the readers of a process say, as numbers that are weighed.

`Findings` judges by weights of these, which are fitted on drawn parts
(`rounds/close_reading.py`, `rounds/step_reading.py`). Knows no weights.
"""

from __future__ import annotations

import torch
from torch import Tensor

from triad_ui.model.embedded.close_reader import Close
from triad_ui.model.embedded.colour_reader import WAYS_READ
from triad_ui.model.embedded.step_reader import LEAST, SORTS, Reading
from triad_ui.model.embedded.views import CALIBRATED, HAS_REFERENCE, ODDS

DOUBTS = 4 * (SORTS + WAYS_READ)
"""Width of `doubts`."""
STRANGE = 6
"""Width of `strange`."""
CLOSE = 2
"""Width of `found`."""
SUREST = 8.0
"""Log-odds of a close look beyond which it is as sure as it can be."""


def strange(evidence: Tensor, close: Close | None = None) -> Tensor:
    """How strange a part looks, float32 (STRANGE,).

    Of the expert's score its log-odds if it is calibrated, else if it is not, and whether it is
    not; nothing else of a calibrated one: good and faulty are as likely at its threshold, which
    drawn parts can't tell better. What the map's peaks say beside it holds on drawn parts only.
    Then how surely the first region and any region differs from a good part's as a fault does, as
    shares of SUREST, -1..1, and whether that was looked at; zeros without.
    """
    odds, known = evidence[ODDS], evidence[CALIBRATED]
    score = torch.stack([odds * known, odds * (1 - known), 1 - known])
    if close is None or close.differ is None:
        return torch.cat([score, torch.zeros(3)])
    most = torch.stack([close.differ[0], close.differ.max()]).clamp(-SUREST, SUREST)
    return torch.cat([score, most / SUREST, torch.ones(1)])


def beside(told: Tensor, evidence: Tensor) -> Tensor:
    """What is told (N,), and again where there is a reference, as it counts otherwise there:
    (2 * N,)."""
    return torch.cat([told, told * evidence[HAS_REFERENCE]])


def found(close: Close) -> Tensor:
    """How much more surely than a good part's the first region, which is the most suspicious, and
    any region shows a fault of the surface: float32 (CLOSE,), -2..2."""
    usual = max(-SUREST, min(close.usual, SUREST))
    seen = torch.stack([close.odds[0], close.odds.max()]).clamp(-SUREST, SUREST)
    return (seen - usual) / SUREST


def doubts(reading: Reading) -> Tensor:
    """What speaks against a process, float32 (DOUBTS,), 0.. each, as shares of -LEAST: for each
    sort of words the one that is borne out least, then what all of them lose, and the log-odds of
    `ColourReader`, 0 without, as shares of SUREST, -1..1, and as far as the values of the process
    are such that it can read them; and the same again as far as the product is known, as doubts of
    strange products are worth less."""
    told = torch.cat([reading.lowest.min(0).values, reading.losses.sum(0)]) / LEAST
    odds, readable = torch.zeros(WAYS_READ), 0.0
    if reading.colours is not None:
        odds, readable = reading.colours.odds.clamp(-SUREST, SUREST), reading.colours.readable
    told = torch.cat([told, odds / SUREST, odds / SUREST * readable])
    return torch.cat([told, told * reading.known])
