"""What a region of a picture shows: a fault of which kind, or none.

The cells that the language model reads are too coarse to tell a scratch from a crack, and the
expert tells what is strange from what is usual, not a fault from a harmless mark. A small
convolutional network looks at a region closely, through the same frozen tower, and was trained on
drawn faults (`rounds/close_reading.py`). It knows no expert, no reference and no words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.region_reader import WIDTH, RegionReader, odds_of
from triad_ui.model.embedded.scene import FAR, NEAR_PARTS, Scene

USUAL = -4.0
"""How faulty a good part is taken to look where there is none, as log-odds."""


@dataclass(frozen=True, slots=True, eq=False)
class Close:
    """What regions of a picture show. frames: x0, y0, x1, y1 of each as shares of the picture's
    sides, (R, 4). cells: log-odds of a fault in each cell, float32 (R, g, g). kinds: logits (R, 1 +
    kinds) of the whole region, "no fault" first. good: the same of a good part, None without one.
    differ: log-odds that each region differs from a good part's as a fault does, (R,), by
    `CloseComparer`, None without one."""

    frames: Tensor
    cells: Tensor
    kinds: Tensor
    good: Tensor | None = None
    differ: Tensor | None = None

    @property
    def odds(self) -> Tensor:
        """Log-odds that each region shows a fault, (R,)."""
        return odds_of(self.kinds)

    @property
    def usual(self) -> float:
        """How faulty a good part looks there, at the most: log-odds. Some surfaces always do."""
        return USUAL if self.good is None else float(odds_of(self.good).max())

    def centres(self) -> Tensor:
        """Where the faults' middles lie, x and y as shares of the picture's sides, (R, 2)."""
        grid = self.cells.shape[-1]
        at = (torch.arange(grid) + 0.5) / grid
        share = self.cells.sigmoid()
        share = share / share.sum((1, 2), keepdim=True)
        inside = torch.stack([share.sum(1) @ at, share.sum(2) @ at], 1)
        return self.frames[:, :2] + inside * (self.frames[:, 2:] - self.frames[:, :2])


class CloseReader(RegionReader):
    """Scenes of regions -> what they show. kinds: of fault that are told apart."""

    def __init__(self, kinds: int, dropout: float = 0.1) -> None:
        super().__init__(kinds, dropout)
        self.norms = nn.ModuleList(nn.GroupNorm(1, part) for part in NEAR_PARTS[:3])
        self.far_norm = nn.GroupNorm(1, FAR)
        self.colour_norm = nn.GroupNorm(1, NEAR_PARTS[3])
        self.read = nn.Conv2d(sum(NEAR_PARTS) + NEAR_PARTS[3] + FAR, WIDTH, 1)
        self.hide = nn.Dropout2d(dropout)

    def forward(self, near: Tensor, far: Tensor) -> tuple[Tensor, Tensor]:
        """near, far: as of `Scene`, float32 (N, ...). `cells` and `kinds` as of `Close`."""
        parts = near.split(NEAR_PARTS, 1)
        normed = [norm(part) for norm, part in zip(self.norms, parts[:3], strict=True)]
        wide = functional.interpolate(self.far_norm(far), near.shape[-2:], mode="bilinear")
        told = torch.cat([*normed, parts[3] * 2, self.colour_norm(parts[3]), wide], 1)
        return self.told(self.read(self.hide(told)))

    @torch.no_grad()
    def look(self, scenes: Sequence[Scene], frames: Tensor, good: Sequence[Scene] = ()) -> Close:
        """What the regions of a picture show; frames: as of `Close`. good: the same regions of a
        good part."""
        both = [*scenes, *good]
        near = torch.stack([scene.near for scene in both]).float()
        cells, kinds = self(near, torch.stack([scene.far for scene in both]).float())
        count = len(scenes)
        return Close(frames, cells[:count], kinds[:count], kinds[count:] if good else None)
