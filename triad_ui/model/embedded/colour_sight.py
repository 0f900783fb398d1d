"""What a picture shows of each colour: how much, where, and in how many spots.

It does not know what is ordered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.colour_spots import TOLD, spots_of
from triad_ui.model.embedded.paint import COLOURS, Paint

SIDE = 40
"""Pixels a side of the maps that sum up a colour."""
CELLS, SHAPE = 10, 13
"""Cells a side of a colour's map, and how many numbers sum it up."""
ACROSS, DOWN = 8, 9
"""Of these: where its middle lies, -1..1."""
SURE = 0.5
"""Share of a pixel from which on it belongs to a spot of a colour."""
TINT = 2.0
"""By how many levels of 255 the channels of a monochrome sensor's file differ at the most."""
REACH, UNEVEN = 11, 0.5
"""Pixels of what is around a place, and how much darker or lighter than that a spot is, in spreads
of the picture's light."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """colours: (N, len(COLOURS), SHAPE + CELLS**2), numbers that sum up each one's map, then its
    map. spots: (N, len(COLOURS) + 2, TOLD) of `spots_of`, of each colour, then of what is darker
    and what is lighter than around it."""

    colours: Tensor
    spots: Tensor

    def each(self, times: int) -> Seen:
        """Each picture so many times, one after the other."""
        return Seen(*(part.repeat_interleave(times, 0) for part in (self.colours, self.spots)))

    def __getitem__(self, chosen: Tensor) -> Seen:
        return Seen(self.colours[chosen], self.spots[chosen])


def joined(some: Sequence[Seen]) -> Seen:
    """All their pictures, in their order."""
    return Seen(
        torch.cat([each.colours for each in some]), torch.cat([each.spots for each in some])
    )


def is_grey(picture: Tensor) -> bool:
    """Whether a picture of a scene, uint8 (3, H, W), is a monochrome sensor's, on which every
    colour is missing. A grey part before a colour camera is tinted a little."""
    red, green, blue = picture.float()
    apart = torch.maximum((red - green).abs(), (green - blue).abs())
    return float(torch.quantile(apart.flatten(), 0.99)) <= TINT


def shades(pictures: Tensor) -> Tensor:
    """Pictures of scenes, uint8 -> float32 -1..1."""
    return pictures.float() / 127.5 - 1


class Sight(nn.Module):
    """Pictures -1..1 (N, 3, FINE, FINE), of scenes -> `Seen`. Its paint is learned for itself."""

    def __init__(self) -> None:
        super().__init__()
        self.paint = Paint()

    @torch.no_grad()
    def forward(self, pictures: Tensor) -> Seen:
        shares = self.paint(pictures).softmax(1)[:, : len(COLOURS)]
        masks = torch.cat([shares > SURE, _uneven(pictures, shares.shape[-1])], 1)
        spots = [[spots_of(mask) for mask in picture] for picture in masks.numpy()]
        told = torch.from_numpy(np.array(spots, np.float32)).view(*masks.shape[:2], TOLD)
        return Seen(_summed(functional.avg_pool2d(shares, shares.shape[-1] // SIDE)), told)


def _uneven(pictures: Tensor, side: int) -> Tensor:
    """What is darker and what is lighter than around it, bool (N, 2, side, side)."""
    light = functional.adaptive_avg_pool2d(pictures.mean(1, keepdim=True), side)
    around = functional.avg_pool2d(light, REACH, 1, REACH // 2, count_include_pad=False)
    least = UNEVEN * light.std((2, 3), keepdim=True)
    return torch.cat([around - light > least, light - around > least], 1)


def _summed(maps: Tensor) -> Tensor:
    """Shares (N, len(COLOURS), SIDE, SIDE) -> (N, len(COLOURS), SHAPE + CELLS**2)."""
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
