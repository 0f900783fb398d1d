"""A picture as a whole, finer than the cells that the language model reads.

A pin of a connector or a wire of a ribbon is smaller than such a cell, and a process speaks of it.
From the same frozen tower; knows no maps, regions or references.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.model.embedded.views import (
    BASE_SIDE,
    BLOCK_WIDTHS,
    BLOCKS,
    Tower,
    pixels_of,
    quarters,
)

GRID = 20
"""Cells a side; a quarter of that many stand in one place of `StepReader`."""
NEAR_PARTS = (BLOCK_WIDTHS[0], BLOCK_WIDTHS[0], BLOCK_WIDTHS[1], 12)
"""Channels of a cell: mean and maximum of the fine block, mean of the middle one, and the mean
colours of its quarters, -1..1."""
FAR = BLOCK_WIDTHS[2]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """near: (sum(NEAR_PARTS), GRID, GRID). far: (FAR, GRID / 2, GRID / 2). float32, or float16
    where it is kept."""

    near: Tensor
    far: Tensor


def see(rgb: np.ndarray, tower: Tower) -> Scene:
    """The scene of a picture uint8 (H, W, 3), stretched to a square."""
    blocks = tower(rgb, BASE_SIDE)
    fine, middle, coarse = (blocks[block].float() for block in BLOCKS)
    near = [
        functional.adaptive_avg_pool2d(fine, GRID),
        functional.adaptive_max_pool2d(fine, GRID),
        functional.adaptive_avg_pool2d(middle, GRID),
        quarters(pixels_of(rgb, GRID)),
    ]
    far = functional.adaptive_avg_pool2d(coarse, GRID // 2)
    return Scene(torch.cat(near, 1)[0], far[0])
