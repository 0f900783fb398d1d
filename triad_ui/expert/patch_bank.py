"""Nearest normal patches: unit vectors of reference patches, and how far a query's are from them.

It does not know which network the vectors come from, nor what distance is suspicious.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch

Features = Mapping[int, np.ndarray]
"""Unit vectors by network block: float32 (h, w, C) each, as `feature_maps` gives them."""

MOST_PATCHES = 20_000
"""Patches kept for a block; more are thinned out at random (seeded)."""
ROWS = 64
"""Query patches compared at a time: few, so that what is compared stays in the cache."""


class PatchBank:
    """The patches of several references, block by block."""

    def __init__(self, references: Sequence[Features]) -> None:
        """Collects the patches of at least one reference; all must have the same blocks."""
        if not references:
            raise ValueError("a bank needs at least one reference")
        self._vectors: dict[int, torch.Tensor] = {}
        self._owners: dict[int, torch.Tensor] = {}
        for block in references[0]:
            flat = [f[block].reshape(-1, f[block].shape[-1]) for f in references]
            owners = np.repeat(np.arange(len(flat)), [len(f) for f in flat])
            vectors = np.concatenate(flat)
            if len(vectors) > MOST_PATCHES:
                rng = np.random.default_rng(block)
                kept = np.sort(rng.choice(len(vectors), MOST_PATCHES, replace=False))
                vectors, owners = vectors[kept], owners[kept]
            self._vectors[block] = torch.from_numpy(vectors)
            self._owners[block] = torch.from_numpy(owners)

    def distances(
        self, query: Features, *, without: int | None = None, blocks: Collection[int] | None = None
    ) -> dict[int, np.ndarray]:
        """1 - cosine to the nearest patch, float32 (h, w) in 0..2 by block.

        without: index of a reference whose patches do not count (leave-one-out); it must not be
        the only one. blocks: those asked for, all if None.
        """
        found = self.nearest(query, without=without, blocks=blocks)
        return {block: distances for block, (distances, _) in found.items()}

    def nearest(
        self, query: Features, *, without: int | None = None, blocks: Collection[int] | None = None
    ) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """By block: `distances`, and the nearest patches themselves, float32 (h, w, C)."""
        found = {}
        for block, vectors in self._vectors.items():
            if blocks is not None and block not in blocks:
                continue
            if without is not None:
                vectors = vectors[self._owners[block] != without]
            shape = query[block].shape
            flat = torch.from_numpy(query[block]).reshape(-1, shape[-1])
            # NumPy finds the largest of a row five times as fast as torch does
            best = [(rows @ vectors.T).numpy().argmax(axis=1) for rows in flat.split(ROWS)]
            patches = vectors[torch.from_numpy(np.concatenate(best))]
            alike = (flat * patches).sum(dim=1)
            distances = (1 - alike).clamp_(min=0).reshape(shape[:2])
            found[block] = distances.numpy(), patches.reshape(shape).numpy()
        return found


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
