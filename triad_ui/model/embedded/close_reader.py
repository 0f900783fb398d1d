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

from triad_ui.model.embedded.scene import FAR, NEAR_PARTS, Scene

WIDTH, LAYERS = 128, 3
USUAL = -4.0
"""How faulty a good part is taken to look where there is none, as log-odds."""


@dataclass(frozen=True, slots=True, eq=False)
class Close:
    """What regions of a picture show. frames: x0, y0, x1, y1 of each as shares of the picture's
    sides, (R, 4). cells: log-odds of a fault in each cell, float32 (R, g, g). kinds: logits (R, 1 +
    kinds) of the whole region, "no fault" first. good: the same of a good part, None without one.
    """

    frames: Tensor
    cells: Tensor
    kinds: Tensor
    good: Tensor | None = None

    @property
    def odds(self) -> Tensor:
        """Log-odds that each region shows a fault, (R,)."""
        return _odds(self.kinds)

    @property
    def usual(self) -> float:
        """How faulty a good part looks there, at the most: log-odds. Some surfaces always do."""
        return USUAL if self.good is None else float(_odds(self.good).max())

    def centres(self) -> Tensor:
        """Where the faults' middles lie, x and y as shares of the picture's sides, (R, 2)."""
        grid = self.cells.shape[-1]
        at = (torch.arange(grid) + 0.5) / grid
        share = self.cells.sigmoid()
        share = share / share.sum((1, 2), keepdim=True)
        inside = torch.stack([share.sum(1) @ at, share.sum(2) @ at], 1)
        return self.frames[:, :2] + inside * (self.frames[:, 2:] - self.frames[:, :2])


class CloseReader(nn.Module):
    """Scenes of regions -> what they show. kinds: of fault that are told apart."""

    def __init__(self, kinds: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(1, part) for part in NEAR_PARTS[:3])
        self.far_norm = nn.GroupNorm(1, FAR)
        self.colour_norm = nn.GroupNorm(1, NEAR_PARTS[3])
        self.read = nn.Conv2d(sum(NEAR_PARTS) + NEAR_PARTS[3] + FAR, WIDTH, 1)
        self.layers = nn.ModuleList(_Layer(dropout) for _ in range(LAYERS))
        self.out = nn.GroupNorm(1, WIDTH)
        self.fault = nn.Conv2d(WIDTH, 1, 1)
        self.tell = nn.Sequential(
            nn.Linear(3 * WIDTH, WIDTH), nn.GELU(), nn.Dropout(2 * dropout),
            nn.Linear(WIDTH, 1 + kinds),
        )  # fmt: skip
        self.hide = nn.Dropout2d(dropout)

    def forward(self, near: Tensor, far: Tensor) -> tuple[Tensor, Tensor]:
        """near, far: as of `Scene`, float32 (N, ...). `cells` and `kinds` as of `Close`."""
        parts = near.split(NEAR_PARTS, 1)
        normed = [norm(part) for norm, part in zip(self.norms, parts[:3], strict=True)]
        wide = functional.interpolate(self.far_norm(far), near.shape[-2:], mode="bilinear")
        told = torch.cat([*normed, parts[3] * 2, self.colour_norm(parts[3]), wide], 1)
        rows = self.read(self.hide(told))
        for layer in self.layers:
            rows = layer(rows)
        rows = self.out(rows)
        cells = self.fault(rows)[:, 0]
        flat = rows.flatten(2)
        share = cells.flatten(1).softmax(1)[:, :, None]
        pooled = torch.cat([(flat @ share)[:, :, 0], flat.mean(2), flat.amax(2)], 1)
        return cells, self.tell(pooled)

    @torch.no_grad()
    def look(self, scenes: Sequence[Scene], frames: Tensor, good: Sequence[Scene] = ()) -> Close:
        """What the regions of a picture show; frames: as of `Close`. good: the same regions of a
        good part."""
        both = [*scenes, *good]
        near = torch.stack([scene.near for scene in both]).float()
        cells, kinds = self(near, torch.stack([scene.far for scene in both]).float())
        count = len(scenes)
        return Close(frames, cells[:count], kinds[:count], kinds[count:] if good else None)


def _odds(kinds: Tensor) -> Tensor:
    return torch.logsumexp(kinds[:, 1:], 1) - kinds[:, 0]


class _Layer(nn.Module):
    """Cells look at those around them."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, WIDTH)
        self.near = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.mix = nn.Conv2d(WIDTH, WIDTH, 1)
        self.drop = nn.Dropout(dropout)

    def forward(self, rows: Tensor) -> Tensor:
        return rows + self.drop(self.mix(functional.gelu(self.near(self.norm(rows)))))
