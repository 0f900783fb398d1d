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
GRID_BLOCK = 4
"""Block whose cells are the head's; coarser ones are interpolated to them."""
INNER = 32
HIDDEN = 0.35
"""Share of the differences' channels hidden while training: more holds better on photographs."""
WEIGHTS, CARD = "residual_head.safetensors", "card.json"

Nearest = Mapping[int, tuple[np.ndarray, np.ndarray]]
"""By block: distances (h, w) and the nearest good patches (h, w, C); see `PatchBank.nearest`."""


def told(query: Features, nearest: Nearest) -> dict[int, Tensor]:
    """What the head reads, by block on its own grid: float32 (h, w, C + 3).

    query: unit vectors (h, w, C) of the blocks of WIDTHS. For each block: the absolute difference
    to the nearest good patch by channel, and its distance as it is, as deviations from the
    picture's mean, and over it, so that a picture that differs everywhere a little is not
    suspicious.
    """
    return {block: _told(torch.from_numpy(query[block]), *nearest[block]) for block in WIDTHS}


def _told(query: Tensor, distances: np.ndarray, patches: np.ndarray) -> Tensor:
    differs = (query - torch.from_numpy(patches)).abs_().mul_(2 * query.shape[-1] ** 0.5)
    away = torch.from_numpy(distances)
    mean, spread = away.mean(), away.std(correction=0)
    ways = 10 * away, (away - mean) * (0.5 / (spread + 1e-4)), away * (0.3 / (mean + 1e-3))
    return torch.cat([differs, torch.stack(ways, dim=-1)], dim=-1)


class ResidualHead(nn.Module):
    """What `told` gives, by block (B, h, w, C + 3) -> logits of a fault (B, h, w) of GRID_BLOCK.

    digest: SHA-256 of the file that it was loaded from, "" for one that was not.
    """

    def __init__(self, inner: int = INNER) -> None:
        super().__init__()
        self.digest = ""
        self.hide = nn.Dropout2d(HIDDEN)
        self.read = nn.ModuleDict(
            {
                str(block): nn.Linear(width + 3, inner, bias=block == GRID_BLOCK)
                for block, width in WIDTHS.items()
            }
        )
        self.near = nn.Conv2d(inner, inner, 3, padding=1, padding_mode="replicate")
        self.far = nn.Conv2d(inner, inner, 3, padding=1, padding_mode="replicate")
        self.tell = nn.Conv2d(inner, 1, 1)
        nn.init.constant_(self.tell.bias, -3.0)  # most cells are good

    def forward(self, seen: Mapping[int, Tensor]) -> Tensor:
        """Blocks are read on their own grids and brought to the head's then: few channels left."""
        planes: dict[torch.Size, Tensor] = {}
        for block, read in self.read.items():
            shown = self.hide(seen[int(block)].permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            plane = read(shown).permute(0, 3, 1, 2)
            shape = plane.shape[2:]
            planes[shape] = planes[shape] + plane if shape in planes else plane
        shape = seen[GRID_BLOCK].shape[1:3]
        cells = planes.pop(shape)
        for plane in planes.values():
            cells = cells + functional.interpolate(
                plane, shape, mode="bilinear", align_corners=False
            )
        cells = functional.relu(cells)
        cells = cells + functional.relu(self.near(cells))
        cells = cells + functional.relu(self.far(cells))
        return self.tell(cells)[:, 0]

    @torch.inference_mode()
    def probabilities(self, query: Features, nearest: Nearest) -> np.ndarray:
        """Probability of a fault in each cell, float32 (h, w) in 0..1; arguments of `told`."""
        seen = {block: cells[None] for block, cells in told(query, nearest).items()}
        return torch.sigmoid(self(seen))[0].numpy()


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
