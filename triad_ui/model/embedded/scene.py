"""A picture as a whole, or one region of it, finer than the cells that the language model reads.

A pin of a connector or a wire of a ribbon is smaller than such a cell, and a process speaks of it.
From the same frozen tower; knows no maps and no references.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.model.embedded.views import (
    BASE_SIDE,
    BLOCK_WIDTHS,
    BLOCKS,
    ROI_SIDE,
    Tower,
    cut,
    pixels_of,
    quarters,
)
from triad_ui.records import VisualInput

GRID = 20
"""Cells a side; a quarter of that many stand in one place of `StepReader`."""
NEAR_PARTS = (BLOCK_WIDTHS[0], BLOCK_WIDTHS[0], BLOCK_WIDTHS[1], 12)
"""Channels of a cell: mean and maximum of the fine block, mean of the middle one, and the mean
colours of its quarters, -1..1."""
FAR = BLOCK_WIDTHS[2]
CLOSE_GRID = 12
"""Cells a side of a region."""
FINE = 120
"""Pixels a side of the picture that is kept beside the cells of a whole one."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """near: (sum(NEAR_PARTS), g, g). far: (FAR, g / 2, g / 2). g: GRID, or CLOSE_GRID of a region.
    float32, or float16 where it is kept. picture: uint8 (3, FINE, FINE), of a region (3, 0, 0)."""

    near: Tensor
    far: Tensor
    picture: Tensor = field(default_factory=lambda: torch.zeros(3, 0, 0, dtype=torch.uint8))

    def half(self) -> Scene:
        """Its cells as float16."""
        return replace(self, near=self.near.half(), far=self.far.half())

    def parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """What it is made of, to be kept: `Scene(*parts)` is the same."""
        return self.near, self.far, self.picture


def see(rgb: np.ndarray, tower: Tower) -> Scene:
    """The scene of a picture uint8 (H, W, 3), stretched to a square."""
    return replace(_scene(rgb, tower, BASE_SIDE, GRID), picture=picture_of(rgb))


def picture_of(rgb: np.ndarray) -> Tensor:
    """uint8 (H, W, 3) -> uint8 (3, FINE, FINE), stretched to a square."""
    fine = cv2.resize(rgb, (FINE, FINE), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(fine).permute(2, 0, 1).contiguous()


def close_look(rgb: np.ndarray, tower: Tower) -> Scene:
    """The scene of a region, cut out: uint8 (H, W, 3)."""
    return _scene(rgb, tower, ROI_SIDE, CLOSE_GRID)


def closer(image: VisualInput, frames: Tensor, tower: Tower) -> list[Scene]:
    """The scenes of an image's regions. frames: x0, y0, x1, y1 as shares of its sides, (R, 4)."""
    height, width = image.rgb.shape[:2]
    found = []
    for frame in frames.tolist():
        x0, y0, x1, y1 = (round(v * side) for v, side in zip(frame, (width, height) * 2))
        box = (min(x0, width - 1), min(y0, height - 1), max(x1, x0 + 1), max(y1, y0 + 1))
        found.append(close_look(cut(image.rgb, box), tower))
    return found


def _scene(rgb: np.ndarray, tower: Tower, side: int, grid: int) -> Scene:
    blocks = tower(rgb, side)
    fine, middle, coarse = (blocks[block].float() for block in BLOCKS)
    near = [
        functional.adaptive_avg_pool2d(fine, grid),
        functional.adaptive_max_pool2d(fine, grid),
        functional.adaptive_avg_pool2d(middle, grid),
        quarters(pixels_of(rgb, grid)),
    ]
    far = functional.adaptive_avg_pool2d(coarse, grid // 2)
    return Scene(torch.cat(near, 1)[0], far[0])
