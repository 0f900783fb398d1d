"""Pictures of round spots, already seen, and processes to hold them against."""

from __future__ import annotations

import numpy as np
import torch

from triad_ui.model.embedded.colour_orders import MOST, MOST_COUNT, ordered
from triad_ui.model.embedded.colour_sight import CELLS, SHAPE, SIDE, Seen
from triad_ui.model.embedded.colour_spots import TOLD
from triad_ui.model.embedded.paint import COLOURS
from triad_ui.records import ManufacturingProcess, ProcessStep

GROUND = len(COLOURS)


def process(*steps: tuple[str, tuple[str, ...]]) -> ManufacturingProcess:
    """Steps, each a text and its attributes."""
    told = tuple(ProcessStep(n, text, attributes) for n, (text, attributes) in enumerate(steps, 1))
    return ManufacturingProcess("thing", "thing", "things", told)


def told(*steps: tuple[str, str]) -> torch.Tensor:
    """Values of steps, each a text and one attribute, (1, MOST, 9)."""
    found = ordered(process(*((text, (one,)) for text, one in steps)))
    values = torch.full((1, MOST, 9), -1)
    values[0, : len(found)] = found
    return values


def shown(names: tuple[str, ...], places: np.ndarray) -> Seen:
    """Round spots of these colours at places, shares of the sides (N, 2), on nothing."""
    down, across = np.mgrid[:SIDE, :SIDE] / SIDE
    which = np.full((SIDE, SIDE), GROUND)
    for name, (x, y) in zip(names, places, strict=True):
        if name:
            which[(across - x) ** 2 + (down - y) ** 2 < 0.07**2] = COLOURS.index(name)
    maps = (which[None] == np.arange(GROUND + 1)[:, None, None]) * np.uint8(255)
    return Seen(
        torch.zeros(1, GROUND, SHAPE + CELLS**2), torch.zeros(1, GROUND + 2, TOLD),
        torch.from_numpy(maps)[None], torch.zeros(1, 1 + MOST_COUNT),
    )  # fmt: skip
