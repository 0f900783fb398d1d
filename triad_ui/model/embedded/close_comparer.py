"""How a region differs from the same region of a good part.

A close look alone knows what faults look like, but a grain, an edge or a print may look like one
where a good part has it, too. So each cell of a region is held against the good part's: what is
left beside the most alike cell anywhere in the region, and beside the most alike one at about the
same place, as a part may lie otherwise, and a thing may be where it should not. The network sees
what is left and nothing of the cells themselves, so it can't learn how the products look that it
was trained on, and tells about as much of others. It was trained on drawn pairs
(`rounds/close_pairs.py`); knows no expert and no words.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.model.embedded.region_reader import WIDTH, RegionReader
from triad_ui.model.embedded.scene import CLOSE_GRID, NEAR_PARTS, Scene

AROUND = 1
"""How many cells off a place is about the same."""
LEFT_PARTS = (NEAR_PARTS[0], NEAR_PARTS[2], NEAR_PARTS[3])
"""Channels of what is left: of the fine block's means, the middle block, the colours."""
UNLIKE = 2
"""Channels that say how unlike the two cells are, in the fine and in the middle block, 0..2."""
LEAST_UNLIKE = 1e-3
_FINE = slice(0, NEAR_PARTS[0])
_MIDDLE = slice(sum(NEAR_PARTS[:2]), sum(NEAR_PARTS[:3]))
_COLOURS = slice(sum(NEAR_PARTS[:3]), sum(NEAR_PARTS))


class CloseComparer(RegionReader):
    """Regions and a good part's same regions -> how they differ. kinds: of fault that are told
    apart; one more stands for what is not of the surface."""

    def __init__(self, kinds: int, dropout: float = 0.1) -> None:
        super().__init__(1 + kinds, dropout)
        self.norms = nn.ModuleList(nn.GroupNorm(1, part) for _ in range(2) for part in LEFT_PARTS)
        each = sum(LEFT_PARTS) + LEFT_PARTS[-1] + 2 * UNLIKE
        self.read = nn.Conv2d(2 * each, WIDTH, 1)
        self.scale = nn.Parameter(torch.full((UNLIKE,), 6.0))
        self.register_buffer("nearby", _nearby(), persistent=False)

    def forward(self, near: Tensor, good: Tensor) -> tuple[Tensor, Tensor]:
        """near, good: as of `Scene`, float32 (N, ..., CLOSE_GRID, CLOSE_GRID). As of
        `RegionReader.told`: the last kind is what is not of the surface."""
        told = []
        for number, (left, unlike) in enumerate(left_over(near, good, self.nearby)):
            parts = left.split(LEFT_PARTS, 1)
            norms = self.norms[number * len(parts) : (number + 1) * len(parts)]
            usual = unlike.flatten(2).median(2).values[:, :, None, None].clamp_min(LEAST_UNLIKE)
            told += [norm(part) for norm, part in zip(norms, parts, strict=True)]
            told += [parts[-1] * 2, unlike * self.scale[:, None, None], (unlike / usual).log1p()]
        return self.told(self.read(torch.cat(told, 1)))

    @torch.no_grad()
    def compare(self, scenes: Sequence[Scene], good: Sequence[Scene]) -> tuple[Tensor, Tensor]:
        """The same of scenes, one of a good part for each."""
        near, beside = (torch.stack([s.near for s in each]).float() for each in (scenes, good))
        return self(near, beside)


def left_over(near: Tensor, good: Tensor, nearby: Tensor) -> list[tuple[Tensor, Tensor]]:
    """What is left of each cell beside the most alike one of a good part, (N, sum(LEFT_PARTS), g,
    g), and how unlike the two are, (N, UNLIKE, g, g); first anywhere, then among those `nearby`
    says 0 of, not -inf, (g * g, g * g)."""
    cells, others = _rows(near), _rows(good)
    alike, found = alikeness(near, good), []
    for allowed in (torch.zeros_like(nearby), nearby):
        best = (sum(alike) + allowed).argmax(2, keepdim=True)
        beside = others.gather(1, best.expand(-1, -1, others.shape[2]))
        left = torch.cat([(cells - beside)[..., p] for p in (_FINE, _MIDDLE, _COLOURS)], -1)
        unlike = 1 - torch.cat([each.gather(2, best) for each in alike], -1)
        found.append(tuple(
            rows.transpose(1, 2).contiguous().unflatten(2, near.shape[2:])
            for rows in (left, unlike)
        ))  # fmt: skip
    return found


def alikeness(near: Tensor, good: Tensor) -> list[Tensor]:
    """How alike each cell is to each of a good part, in the fine and in the middle block: cosines
    (N, cells, cells of the good part). near, good: (N, sum(NEAR_PARTS), ..., ...)."""
    cells, others = _rows(near), _rows(good)
    return [
        functional.normalize(cells[..., part], dim=-1)
        @ functional.normalize(others[..., part], dim=-1).transpose(1, 2)
        for part in (_FINE, _MIDDLE)
    ]


def _rows(cells: Tensor) -> Tensor:
    """(N, C, g, g) -> (N, g * g, C)."""
    return cells.flatten(2).transpose(1, 2)


def _nearby() -> Tensor:
    steps = torch.arange(CLOSE_GRID)
    places = torch.cartesian_prod(steps, steps)
    far = (places[:, None] - places[None]).abs().amax(-1) > AROUND
    return torch.zeros(far.shape).masked_fill(far, -torch.inf)
