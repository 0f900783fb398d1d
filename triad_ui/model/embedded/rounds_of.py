"""How evenly a picture repeats itself around its middle, so and so many times: teeth, lugs, holes.

What has no colour of its own is counted so. Small things far apart on a ring make it change not
only so many times but in all multiples of that as well, so these count together. Searched over
rings, not learned. Knows no colours.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.model.embedded.colour_orders import MOST_COUNT

CENTRES, ASIDE, RINGS, ROUND = 5, 0.1, 20, 72
"""Middles across and down, how far from the picture's, rings about each, and places on a ring."""
LEAST = 0.002
"""Light that comes and goes along a ring by chance."""
ITSELF = 0.05
"""Share of a ring's changes at which a number, not only its multiples, is told half as loudly."""


@torch.no_grad()
def rounds_of(pictures: Tensor, at_once: int = 32) -> Tensor:
    """(N, 3, H, W), -1..1 -> float32 (N, 1 + MOST_COUNT), how evenly some ring repeats itself just
    so many times, 0 as much as by chance, 1 in all that changes along it; of none 0."""
    multiples = _multiples()
    chance = multiples.mean(0)
    found = []
    for some in pictures.split(at_once):
        rings = _rings().expand(len(some), -1, -1, -1)
        along = functional.grid_sample(some, rings, padding_mode="border", align_corners=False)
        power = (torch.fft.rfft(along, dim=-1)[..., 1:].abs() ** 2).sum(1) / ROUND**2
        share = power / (power.sum(-1, keepdim=True) + LEAST)
        own = share[..., :MOST_COUNT]
        beyond = (share @ multiples - chance).clamp_min(0) / (1 - chance).clamp_min(LEAST)
        told = beyond * own / (own + ITSELF)
        found.append(functional.pad(told.amax(1), (1, 0)))
    return torch.cat(found)


@lru_cache(maxsize=1)
def _multiples() -> Tensor:
    """Which frequencies are multiples of each number, float32 (ROUND // 2, MOST_COUNT), 0 or 1."""
    frequency = torch.arange(1, 1 + ROUND // 2)
    return (frequency[:, None] % torch.arange(1, 1 + MOST_COUNT) == 0).float()


@lru_cache(maxsize=1)
def _rings() -> Tensor:
    """Where the rings lie, float32 (1, rings, ROUND, 2), -1..1."""
    aside = np.linspace(-ASIDE, ASIDE, CENTRES)
    way = 2 * np.pi * np.arange(ROUND) / ROUND
    x, y, far = (
        axis.reshape(-1, 1)
        for axis in np.meshgrid(aside, aside, np.linspace(0.2, 0.98, RINGS), indexing="ij")
    )
    places = np.stack([x + far * np.cos(way), y + far * np.sin(way)], -1)
    return torch.from_numpy(places.astype(np.float32))[None]
