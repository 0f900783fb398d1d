"""What a picture shows of each colour: a map of its share in each place, and what sums it up.

It knows the colours as they are painted, and learns how light and camera change them. It does not
know what is ordered.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.scene import GRID

COLOURS = (
    "red", "green", "blue", "yellow", "orange", "purple", "white", "black", "grey", "brown",
    "steel", "brass", "copper", "oxide",
)  # fmt: skip
"""Words for colours; the last METALS are bare metals, "oxide" the black one."""
METALS = 4
SIDE = 2 * GRID
"""Pixels a side of the picture that is read."""
CELLS, SHAPE = 10, 13
"""Cells a side of a colour's map, and how many numbers sum it up."""


def colours_of(near: Tensor) -> Tensor:
    """The picture of scenes: `Scene.near` of each (N, C, GRID, GRID) -> (N, 3, SIDE, SIDE),
    -1..1."""
    return functional.pixel_shuffle(near[:, -12:].float(), 2)


class Sight(nn.Module):
    """Pictures (N, 3, SIDE, SIDE) of `colours_of` -> what is seen of each colour, float32
    (N, len(COLOURS), SHAPE + CELLS**2): numbers that sum up its map, then its map."""

    def __init__(self, inner: int = 32) -> None:
        super().__init__()
        self.register_buffer("colours", torch.zeros(len(COLOURS), 3))
        self.sharp = nn.Parameter(torch.tensor(8.0))
        # a pixel beside the picture's mean and spread, as light and camera differ
        self.name = nn.Sequential(
            nn.Linear(9, inner), nn.GELU(), nn.Linear(inner, len(COLOURS) + 2)
        )

    def maps(self, pixels: Tensor) -> Tensor:
        """Share of each colour in each pixel, (N, len(COLOURS), SIDE, SIDE); two more shares are
        left for what is none of them."""
        rows = pixels.permute(0, 2, 3, 1)
        mean, spread = rows.mean((1, 2), keepdim=True), rows.std((1, 2), keepdim=True)
        told = self.name(torch.cat([rows, mean.expand_as(rows), spread.expand_as(rows)], -1))
        far = ((rows[..., None, :] - self.colours) ** 2).sum(-1) * self.sharp
        named = (told + functional.pad(-far, (0, 2), value=-2.0)).softmax(-1)
        return named.permute(0, 3, 1, 2)[:, : len(COLOURS)]

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.maps(pixels)
        flat = maps.flatten(2)
        rim = torch.ones(SIDE, SIDE)
        rim[4:-4, 4:-4] = 0
        near = functional.avg_pool2d(maps, 3, 1, 1)
        around = functional.avg_pool2d(maps, 9, 1, 4, count_include_pad=False)
        most = flat.topk(60).values
        along = torch.linspace(-1, 1, SIDE)
        total = flat.sum(-1) + 0.5
        across, down = maps.sum(2) / total[..., None], maps.sum(3) / total[..., None]
        shape = torch.stack(
            [
                (flat.mean(-1) + 1e-3).log() / 3,
                ((maps * rim).flatten(2).sum(-1) / rim.sum() + 1e-3).log() / 3,
                most[..., :2].mean(-1), most[..., :10].mean(-1), most.mean(-1),
                near.flatten(2).amax(-1),
                (functional.relu(near - around).flatten(2).sum(-1) / 20 + 0.05).log(),
                ((near.flatten(2) > 0.4).float().mean(-1) + 0.05).log(),
                across @ along, down @ along, across @ along**2, down @ along**2,
                (maps * (1 - rim)).flatten(2).sum(-1) / total,
            ],
            -1,
        )  # fmt: skip
        cells = functional.adaptive_avg_pool2d(maps, CELLS).flatten(2)
        return torch.cat([shape, cells.clamp_min(1e-4).sqrt() * 2], -1)
