"""Nearest normal patches: unit vectors of reference patches, and how far a query's are from them.

It does not know which network the vectors come from, nor what distance is suspicious.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

Features = Mapping[int, np.ndarray]
"""Unit vectors by network block: float32 (h, w, C) each, as `feature_maps` gives them."""

MOST_PATCHES = 20_000
"""Patches kept for a block; more are thinned out at random (seeded)."""
DIMS, STEP = 32, 16
"""Main directions of a block's good patches in which the nearest is sought, at most, and by what
they go down with fewer channels: 16 of 24, 32 of 40.

Distances, and what a patch differs in, are then taken in all channels.
"""
ROWS = 800
"""Query patches compared at a time: few, so that what is compared stays in the cache."""
MOST_CELLS, CELLS_A_CHANNEL = 800, 20
"""Cells of a block that one to four references keep between them, spread evenly; and at most, for
each of its channels: what few channels tell is soon told.

As many as a picture has at 224 px. Patches of finer grids overlap so far that every second one
does: nothing was lost (`docs/log.md`).
"""


@dataclass(frozen=True, slots=True, eq=False)
class _Patches:
    """A block's good patches (N, C), the main directions (C, D), and the patches in them (D, N)."""

    whole: torch.Tensor
    directions: torch.Tensor
    sought: torch.Tensor


class PatchBank:
    """The patches of several references, block by block.

    References share the work: each keeps cells that the others leave out, so that a query is
    compared with MOST_CELLS patches at most up to four references, whatever their number.
    """

    def __init__(self, references: Sequence[Features]) -> None:
        """Collects the patches of at least one reference; all must have the same blocks."""
        if not references:
            raise ValueError("a bank needs at least one reference")
        self._patches: dict[int, _Patches] = {}
        for block in references[0]:
            kept = [
                features[block][_share(features[block].shape, index, len(references))]
                for index, features in enumerate(references)
            ]
            vectors = np.concatenate(kept)
            if len(vectors) > MOST_PATCHES:
                rng = np.random.default_rng(block)
                some = rng.choice(len(vectors), MOST_PATCHES, replace=False)
                vectors = vectors[np.sort(some)]
            whole = torch.from_numpy(vectors)
            channels = whole.shape[1]
            dims = min(DIMS, channels // STEP * STEP or channels)
            directions = torch.linalg.eigh(whole.T @ whole).eigenvectors[:, -dims:].contiguous()
            self._patches[block] = _Patches(whole, directions, (whole @ directions).T.contiguous())

    def distances(self, query: Features) -> dict[int, np.ndarray]:
        """1 - cosine to the nearest patch, float32 (h, w) in 0..2 by block."""
        return {block: distances for block, (distances, _) in self.nearest(query).items()}

    def nearest(self, query: Features) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """By block: `distances`, and the nearest patches themselves, float32 (h, w, C)."""
        found = {}
        for block, patches in self._patches.items():
            shape = query[block].shape
            flat = torch.from_numpy(query[block]).reshape(-1, shape[-1])
            alike = torch.empty(ROWS, len(patches.whole))
            # NumPy finds the largest of a row five times as fast as torch does
            best = [
                torch.mm(rows, patches.sought, out=alike[: len(rows)]).numpy().argmax(axis=1)
                for rows in (flat @ patches.directions).split(ROWS)
            ]
            near = patches.whole.index_select(0, torch.from_numpy(np.concatenate(best)))
            distances = (1 - (flat * near).sum(dim=1)).clamp_(min=0)
            found[block] = distances.reshape(shape[:2]).numpy(), near.reshape(shape).numpy()
        return found


def _share(shape: tuple[int, int, int], index: int, count: int) -> np.ndarray:
    """Cells (h, w) of (h, w, C) that one of `count` references keeps: its part of those that all
    keep together, a quarter at the most.

    Good parts are alike, so that references which leave different cells out make up for each other.
    """
    rows, columns = (np.arange(length) % len(_ORDER) for length in shape[:2])
    order = _ORDER[rows[:, None], columns]
    shared = min(count, 4)
    share = min(1.0, MOST_CELLS / order.size, CELLS_A_CHANNEL * shape[2] / order.size) / shared
    return (order >= index % shared * share) & (order < (index % shared + 1) * share)


def _dither(size: int) -> np.ndarray:
    """Ordered dither (size, size), a power of two: below any x lie cells spread evenly.

    Values in 0..1, evenly apart. After B. E. Bayer, ICC 1973.
    """
    ranks = np.zeros((1, 1))
    while len(ranks) < size:
        ranks = np.block([[4 * ranks, 4 * ranks + 2], [4 * ranks + 3, 4 * ranks + 1]])
    return (ranks + 0.5) / ranks.size


_ORDER = _dither(8)


def own_distances(features: Features, radius: Mapping[int, int]) -> dict[int, np.ndarray]:
    """1 - cosine of each patch to the nearest other patch of the same picture, by block.

    radius: cells around a patch, by block, that do not count as other; a picture too small to
    have any other patch gives distance 0. float32 (h, w) in 0..2.
    """
    found = {}
    for block, values in features.items():
        height, width, channels = values.shape
        flat = torch.from_numpy(values).reshape(-1, channels)
        rows = torch.arange(height).repeat_interleave(width)
        columns = torch.arange(width).repeat(height)
        best = []
        for part in torch.arange(height * width).split(ROWS):
            alike = flat[part] @ flat.T
            near = (rows[part, None] - rows).abs_() <= radius[block]
            near &= (columns[part, None] - columns).abs_() <= radius[block]
            best.append(alike.masked_fill_(near, -2.0).amax(dim=1))
        nearest = torch.cat(best)
        distance = torch.where(nearest < -1.5, torch.zeros_like(nearest), 1 - nearest)
        found[block] = distance.clamp_(min=0).reshape(height, width).numpy()
    return found
