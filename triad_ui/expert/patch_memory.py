"""PatchCore's memory: patches of good parts, the distance to the nearest, and an image's score.

After K. Roth et al., "Towards Total Recall in Industrial Anomaly Detection", CVPR 2022, sections
3.2 and 3.3, with the weights of the score as anomalib computes them.

It does not know which network the patches come from, or what distance is suspicious.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.expert.anomaly_map import resize, smooth

NEIGHBOURS = 9
SIGMA = 4.0
"""Smoothing of the map in its pixels."""
COMPARED_BYTES = 64 * 2**20
"""Memory for distances that are compared at a time."""


def embed(layers: Sequence[Tensor]) -> Tensor:
    """Patch vectors of network layers, finest first: (h * w, C) with h, w and order of the first.

    layers: (1, C_l, h_l, w_l) each. Every cell is the mean of its 3 x 3 neighbourhood (zeros
    beyond the border count), coarser layers are enlarged bilinearly, channels are joined.
    """
    finest = layers[0].shape[-2:]
    means = [functional.avg_pool2d(layer, 3, 1, 1) for layer in layers]
    joined = [means[0]] + [
        functional.interpolate(mean, size=finest, mode="bilinear", align_corners=False)
        for mean in means[1:]
    ]
    return torch.cat(joined, dim=1)[0].flatten(1).T.contiguous()


class PatchMemory:
    """Vectors of good patches, (M, C), in the order in which a coreset picked them."""

    def __init__(self, vectors: Tensor) -> None:
        self._mean = vectors.mean(dim=0, dtype=torch.float32)
        self._vectors = vectors - self._mean  # around their mean, rounding errors are least
        self._squares = self._vectors.square().sum(dim=1)

    def __len__(self) -> int:
        return len(self._vectors)

    def nearest(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Euclidean distances to the nearest vector, float32 (P,), and its position, int64 (P,).

        patches: (P, C), where the vectors are. Of the distances compared, never more than
        COMPARED_BYTES are held.
        """
        patches = patches - self._mean
        rows = max(1, COMPARED_BYTES // (4 * len(self)))
        found = [
            torch.addmm(self._squares, part, self._vectors.T, alpha=-2).argmin(dim=1)
            for part in patches.split(rows)
        ]
        positions = torch.cat(found)
        # anew from the pair itself: small differences of large squares would be lost
        return (patches - self._vectors[positions]).norm(dim=1), positions

    def image_score(
        self, patches: Tensor, distances: Tensor, positions: Tensor, neighbours: int = NEIGHBOURS
    ) -> float:
        """The distance of the worst patch, less where its nearest vector lies in a sparse place.

        distances, positions: from `nearest(patches)`. The weight is 1 - softmax of the distances
        from the worst patch to the `neighbours` vectors around its nearest one, at that one
        (equation 7). With one neighbour, or one vector in all, the weight is 1.
        """
        worst = int(distances.argmax())
        neighbours = min(neighbours, len(self))
        if neighbours <= 1:
            return float(distances[worst])
        nearest = positions[worst]
        around = (self._vectors - self._vectors[nearest]).norm(dim=1)
        around[nearest] = -1.0  # it comes first, also where another equals it
        support = self._vectors[around.topk(neighbours, largest=False).indices]
        apart = (support - (patches[worst] - self._mean)).norm(dim=1)
        return float((1 - apart.softmax(dim=0)[0]) * distances[worst])


def distance_map(distances: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Distances (h, w) as a map `shape` (height, width): enlarged bilinearly, smoothed by SIGMA."""
    return smooth(resize(distances, shape), SIGMA)
