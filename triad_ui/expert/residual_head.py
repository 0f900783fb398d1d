"""What of a difference to good parts is a fault: a small network over patch residuals.

A distance says how far a patch is from the nearest good one, not whether such a difference matters:
grain, pose and light differ from part to part as well. The head reads in which channels of the
frozen network a patch differs, and how much against the rest of the picture, and gives a fault's
probability. It was trained on drawn scenes alone (`rounds/train_expert.py`), and as it sees
differences only, never features, it holds for products that it has not met.

It does not know where references come from, nor what scale a map is shown on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.errors import WeightsError
from triad_ui.expert.patch_bank import Features

WIDTHS = {2: 24, 4: 40, 7: 80, 10: 112}
"""Channels of the frozen network's blocks that are read."""
CHANNELS = sum(width + 3 for width in WIDTHS.values())
GRID_BLOCK = 4
"""Block whose cells are the head's; coarser ones are interpolated to them."""
INNER = 48
WEIGHTS, CARD = "residual_head.safetensors", "card.json"

Nearest = Mapping[int, tuple[np.ndarray, np.ndarray]]
"""By block: distances (h, w) and the nearest good patches (h, w, C); see `PatchBank.nearest`."""


def residuals(query: Features, nearest: Nearest) -> Tensor:
    """What the head reads, float32 (CHANNELS, h, w) on the grid of GRID_BLOCK.

    query: unit vectors (h, w, C) of blocks 2, 4, 7, 10. For each block: the absolute difference to
    the nearest good patch by channel, and its distance as it is, over the picture's mean, and as
    deviations from it, so that a picture that differs everywhere a little is not suspicious.
    """
    shape = query[GRID_BLOCK].shape[:2]
    return torch.cat([_on_grid(_told(query, nearest, block), shape) for block in WIDTHS], dim=1)[0]


def _told(query: Features, nearest: Nearest, block: int) -> Tensor:
    """One block's part of `residuals` on its own grid, float32 (h, w, C + 3)."""
    distances, patches = (torch.from_numpy(values) for values in nearest[block])
    differs = (torch.from_numpy(query[block]) - patches).abs_().mul_(2 * WIDTHS[block] ** 0.5)
    mean, spread = distances.mean(), distances.std(correction=0)
    told = torch.stack(
        [
            10 * distances,
            (distances - mean) * (0.5 / (spread + 1e-4)),
            distances * (0.3 / (mean + 1e-3)),
        ],
        dim=-1,
    )
    return torch.cat([differs, told], dim=-1)


def _on_grid(cells: Tensor, shape: tuple[int, int]) -> Tensor:
    """(h, w, C) -> (1, C, *shape), bilinear."""
    planes = cells.permute(2, 0, 1)[None]
    if planes.shape[2:] == shape:
        return planes
    planes = planes.contiguous(memory_format=torch.channels_last)
    return functional.interpolate(planes, shape, mode="bilinear", align_corners=False)


class ResidualHead(nn.Module):
    """(B, CHANNELS, h, w) from `residuals` -> logits of a fault (B, h, w).

    digest: SHA-256 of the file that it was loaded from, "" for one that was not.
    """

    def __init__(self, inner: int = INNER, hidden: float = 0.1) -> None:
        """hidden: share of input channels hidden while training."""
        super().__init__()
        self.digest = ""
        self.drop = nn.Dropout2d(hidden)
        self.read = nn.Conv2d(CHANNELS, inner, 1)
        self.near = nn.Conv2d(inner, inner, 3, padding=1, padding_mode="replicate")
        self.far = nn.Conv2d(inner, inner, 3, padding=1, padding_mode="replicate")
        self.tell = nn.Conv2d(inner, 1, 1)
        nn.init.constant_(self.tell.bias, -3.0)  # most cells are good

    def forward(self, inputs: Tensor) -> Tensor:
        return self._judge(self.read(self.drop(inputs)))

    @torch.inference_mode()
    def probabilities(self, query: Features, nearest: Nearest) -> np.ndarray:
        """Probability of a fault in each cell, float32 (h, w) in 0..1; arguments of `residuals`.

        Each block is read on its own grid, and what was read then brought to the head's: the same
        as `forward` of `residuals`, as both steps are linear, with far fewer channels to bring.
        """
        shape = query[GRID_BLOCK].shape[:2]
        weights = self.read.weight[:, :, 0, 0].split([width + 3 for width in WIDTHS.values()], 1)
        read: dict[tuple[int, int], Tensor] = {shape: self.read.bias}
        for block, weight in zip(WIDTHS, weights):
            cells = functional.linear(_told(query, nearest, block), weight)
            grid = query[block].shape[:2]
            read[grid] = cells.add_(read.get(grid, 0))
        whole = sum(_on_grid(cells, shape) for cells in read.values())
        return torch.sigmoid(self._judge(whole))[0].numpy()

    def _judge(self, read: Tensor) -> Tensor:
        cells = functional.gelu(read)
        cells = cells + functional.gelu(self.near(cells))
        cells = cells + functional.gelu(self.far(cells))
        return self.tell(cells)[:, 0]


def load_residual_head(folder: Path) -> ResidualHead:
    """The trained head in `folder`, frozen, in eval mode.

    WeightsError when a file is missing, not the one that the card names, or does not fit.
    """
    head = ResidualHead()
    try:
        card = json.loads((folder / CARD).read_text("utf-8"))
        data = (folder / WEIGHTS).read_bytes()
        head.digest = hashlib.sha256(data).hexdigest()
        if head.digest != card["files"][WEIGHTS]:
            raise ValueError("its SHA-256 is not the one in card.json")
        head.load_state_dict(load_file(folder / WEIGHTS), strict=True)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(
            f"The expert's trained head {folder / WEIGHTS} cannot be used: {error}. Restore it "
            "with 'git checkout', or train it again with 'train-expert'."
        ) from error
    return head.eval().requires_grad_(False)
