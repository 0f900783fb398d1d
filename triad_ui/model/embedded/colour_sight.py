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
from triad_ui.model.embedded.rounds_of import rounds_of

SIDE = 40
"""Pixels a side of the maps that sum up a colour."""
CELLS, SHAPE = 10, 15
"""Cells a side of a colour's map, and how many numbers sum it up."""
ACROSS, DOWN = 13, 14
"""Of these: where its middle lies from that of the whole part, as shares of that one's spread."""
SURE = 0.5
"""Share of a pixel from which on it belongs to a spot of a colour."""
TINT = 2.0
"""By how many levels of 255 the channels of a monochrome sensor's file differ at the most."""
REACH, UNEVEN = 17, 0.5
"""Pixels of what is around a place, and how much darker or lighter than that a spot is, in spreads
of the picture's light."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """colours: (N, len(COLOURS), SHAPE + CELLS**2), numbers that sum up each one's map, then its
    map. spots: (N, len(COLOURS) + 2, TOLD) of `spots_of`, of each colour, then of what is darker
    and what is lighter than around it. maps: uint8 (N, 1 + len(COLOURS), SIDE, SIDE), the share of
    each paint, 0..255, the last of what is none. rounds: (N, 1 + MOST_COUNT) of `rounds_of`."""

    colours: Tensor
    spots: Tensor
    maps: Tensor
    rounds: Tensor

    def parts(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What it is made of: `Seen(*parts)` is the same."""
        return self.colours, self.spots, self.maps, self.rounds

    def each(self, times: int) -> Seen:
        """Each picture so many times, one after the other."""
        return Seen(*(part.repeat_interleave(times, 0) for part in self.parts()))

    def __getitem__(self, chosen: Tensor) -> Seen:
        return Seen(*(part[chosen] for part in self.parts()))


def joined(some: Sequence[Seen]) -> Seen:
    """All their pictures, in their order."""
    return Seen(*(torch.cat(parts) for parts in zip(*(each.parts() for each in some), strict=True)))


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
    def shares(self, pictures: Tensor) -> Tensor:
        """Of each paint at each place, the last of none: (N, 1 + len(COLOURS), SIDE, SIDE) of
        `paint.SIDE`."""
        return self.paint(pictures).softmax(1)

    def forward(self, pictures: Tensor) -> Seen:
        return self.seen(pictures, self.shares(pictures))

    @torch.no_grad()
    def seen(self, pictures: Tensor, every: Tensor) -> Seen:
        """The same, of pictures whose `shares` are known."""
        shares = every[:, : len(COLOURS)]
        masks = torch.cat([shares > SURE, _uneven(pictures, shares.shape[-1])], 1)
        spots = [[spots_of(mask) for mask in picture] for picture in masks.numpy()]
        told = torch.from_numpy(np.array(spots, np.float32)).view(*masks.shape[:2], TOLD)
        maps = functional.avg_pool2d(every, every.shape[-1] // SIDE)
        summed = _summed(maps[:, : len(COLOURS)])
        return Seen(summed, told, (maps * 255).round().byte(), rounds_of(pictures))


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
    lines = (maps.sum(2), maps.sum(3))
    across, down = (line / total[..., None] for line in lines)
    middles = [_from_whole(line, along) for line in lines]
    shape = torch.stack(
        [
            (flat.mean(-1) + 1e-3).log() / 3,
            ((maps * rim).flatten(2).sum(-1) / rim.sum() + 1e-3).log() / 3,
            most[..., :2].mean(-1), most[..., :10].mean(-1), most.mean(-1),
            near.flatten(2).amax(-1),
            (functional.relu(near - around).flatten(2).sum(-1) / 20 + 0.05).log(),
            ((near.flatten(2) > 0.4).float().mean(-1) + 0.05).log(),
            across @ along, down @ along, across @ along**2, down @ along**2,
            (maps * (1 - rim)).flatten(2).sum(-1) / total, *middles,
        ],
        -1,
    )  # fmt: skip
    cells = functional.adaptive_avg_pool2d(maps, CELLS).flatten(2)
    return torch.cat([shape, cells.clamp_min(1e-4).sqrt() * 2], -1)


def _from_whole(lines: Tensor, along: Tensor) -> Tensor:
    """How far the middles of colours lie from that of all of them, as shares of twice its spread,
    (N, C). lines: their maps, summed up the other way, (N, C, SIDE)."""
    whole, share = lines.sum(1, keepdim=True), lines.sum(-1) + 0.5
    much = whole.sum(-1) + 0.5
    centre = whole @ along / much
    spread = (whole @ along**2 / much - centre**2).clamp_min(0.01).sqrt()
    return (lines @ along - centre * (share - 0.5)) / share / (2 * spread)
