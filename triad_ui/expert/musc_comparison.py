"""One picture against others, or all against all: raw MuSc maps and image scores.

Every depth and reach is scored alone, and their maps are averaged (MuSc, equation 6). It does not
know what is suspicious, nor how a scale is found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from triad_ui.expert.musc_pool import Looks, Member
from triad_ui.expert.musc_sight import Sight
from triad_ui.expert.mutual_scoring import mutual_scores, pixel_map, scores_against
from triad_ui.expert.patch_bank import own_distances
from triad_ui.expert.progress import Progress

CELLS = 4
"""Cells of a map per patch of the finest depth."""
APART = 2
"""Patches of a picture further apart than its reach, and this much more, count as different."""

Raw = tuple[np.ndarray, float]
"""Distances 0..2 of each place, float32 (h, w), and the largest of the map at the picture's size
as the network sees it."""


class Comparison:
    """Compares pictures through one network within a limit of memory."""

    def __init__(self, sight: Sight, looks: Looks, memory_bytes: int) -> None:
        self._sight = sight
        self._looks = looks
        self._memory_bytes = memory_bytes
        self.ways = [(layer, reach) for layer in sight.layers for reach in sight.reaches]
        """Depth and reach of every map that is averaged."""

    def against(self, query: Member, others: Sequence[Member], progress: Progress) -> Raw:
        """A query against one other or more; len(ways) * len(others) steps."""
        self._looks.keep_only({member.key for member in others})
        found = {}
        for layer, reach in self.ways:
            found[layer, reach] = scores_against(
                self._looks.vectors(query, layer, reach),
                lambda number, way=(layer, reach): self._looks.vectors(
                    others[number], *way, keep=True
                ),
                len(others),
                memory_bytes=self._memory_bytes,
                progress=progress,
            )[None]
        return self._combined(query, found)[0]

    def mutual(self, everyone: Sequence[Member], progress: Progress) -> list[Raw]:
        """Each of two or more against all others; len(ways) * N * (N - 1) steps."""
        found = {}
        for layer, reach in self.ways:
            found[layer, reach] = mutual_scores(
                lambda number, way=(layer, reach): self._looks.vectors(everyone[number], *way),
                len(everyone),
                memory_bytes=self._memory_bytes,
                progress=progress,
            )
        return self._combined(everyone[0], found)

    def alone(self, picture: Member) -> Raw:
        """A picture against its own other places: what is unlike all the rest of it."""
        found = {}
        for layer, reach in self.ways:
            height, width, _ = self._looks.of(picture)[layer].shape
            vectors = self._looks.vectors(picture, layer, reach).float().cpu()
            features = {layer: vectors.reshape(height, width, -1).numpy()}
            distances = own_distances(features, {layer: reach - 1 + APART})[layer]
            found[layer, reach] = torch.from_numpy(np.sqrt(2 * distances)).flatten()[None]
        return self._combined(picture, found)[0]

    def _combined(self, like: Member, found: dict[tuple[int, int], Tensor]) -> list[Raw]:
        """Patch scores (N, P) by way -> N maps and scores; the pictures' grids are all alike."""
        features = self._looks.of(like)
        finest = max(features[layer].shape[:2] for layer in self._sight.layers)
        cells = (finest[0] * CELLS, finest[1] * CELLS)
        side = self._sight.side
        grids: dict[tuple[int, int], Tensor] = {}
        for (layer, _), scores in found.items():
            grid = features[layer].shape[:2]
            summed = scores.double().unflatten(1, grid) / len(found)
            grids[grid] = grids[grid] + summed if grid in grids else summed
        made = []
        for number in range(len(next(iter(found.values())))):
            parts = [maps[number : number + 1] for maps in grids.values()]
            corners = self._sight.corners
            seen = sum(pixel_map(part, (side, side), corners=corners) for part in parts)
            shown = sum(pixel_map(part, cells, corners=corners) for part in parts)
            made.append((shown[0].float().numpy(), float(seen.max())))
        return made
