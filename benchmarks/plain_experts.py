"""What `experts.py` compares with: the plain ways, written for it, and anomalib's where it is.

The plain ways do what the published methods say, directly: MuSc by one distance matrix a picture,
a memory bank that keeps every patch, and a greedy coreset by one column of distances a pick.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

SIDE = 224
BLOCKS = (4, 7, 10)


def cdist_musc(vectors: Tensor, share: float = 0.3) -> Tensor:
    """Mutual scores, float64 (N, P), of unit vectors (N, P, C), by torch.cdist as published."""
    count, patches, channels = vectors.shape
    every = vectors.reshape(-1, channels)
    scores = torch.empty(count, patches, dtype=torch.float64)
    for index in range(count):
        distances = torch.cdist(vectors[index], every).reshape(patches, count, patches)
        nearest = distances.amin(dim=2)
        others = torch.cat([nearest[:, :index], nearest[:, index + 1 :]], dim=1)
        keep = max(1, int((count - 1) * share))
        scores[index] = others.topk(keep, dim=1, largest=False).values.double().mean(dim=1)
    return scores


class PlainBank:
    """Block outputs 4, 7, 10 at 224 px, 3 x 3 mean, 1 - max cosine to all reference patches."""

    def __init__(self, network: torch.nn.Module, normalise) -> None:
        self._network, self._normalise = network, normalise
        self._patches: dict[int, Tensor] = {}

    def look(self, rgb: np.ndarray) -> dict[int, Tensor]:
        """Unit vectors (h * w, C) by block."""
        with torch.inference_mode():
            found = self._network.features(self._normalise(rgb, SIDE), BLOCKS)
            return {
                block: functional.normalize(
                    functional.avg_pool2d(values, 3, 1, 1)[0].flatten(1).T.contiguous(), dim=1
                )
                for block, values in found.items()
            }

    def fill(self, looks: Sequence[dict[int, Tensor]]) -> None:
        self._patches = {block: torch.cat([look[block] for look in looks]) for block in BLOCKS}

    def score(self, look: dict[int, Tensor]) -> float:
        """The mean of the top 1 % of the map."""
        grids = []
        for block, patches in self._patches.items():
            distances = 1 - (look[block] @ patches.T).amax(dim=1)
            side = round(len(distances) ** 0.5)
            grid = distances.reshape(1, 1, side, side)
            grids.append(functional.interpolate(grid, size=(56, 56), mode="bilinear"))
        flat = torch.stack(grids).mean(dim=0).flatten()
        return float(flat.topk(max(1, len(flat) // 100)).values.mean())


def joined(look: dict[int, Tensor]) -> Tensor:
    """A picture's patches with all blocks' channels, (h * w, C), on the finest grid."""
    finest = round(len(look[BLOCKS[0]]) ** 0.5)
    grids = []
    for patches in look.values():
        side = round(len(patches) ** 0.5)
        grid = patches.T.reshape(1, -1, side, side)
        grids.append(functional.interpolate(grid, size=(finest, finest), mode="bilinear"))
    return torch.cat(grids, dim=1)[0].flatten(1).T.contiguous()


def plain_coreset(vectors: Tensor, count: int) -> Tensor:
    """Greedy k-centre as published, but for the first pick: one column of distances a pick."""
    nearest = torch.linalg.norm(vectors - vectors.mean(dim=0), dim=1)
    picked = []
    for place in range(count):
        picked.append(int(nearest.argmax()))
        column = torch.linalg.norm(vectors - vectors[picked[-1]], dim=1)
        nearest = column if place == 0 else torch.minimum(nearest, column)
    return torch.tensor(picked)


class Anomalib:
    """anomalib's PatchCore model on its own EfficientNet-Lite0 (random weights: it tells time)."""

    def __init__(self) -> None:
        from anomalib.models.image.patchcore.torch_model import PatchcoreModel

        self._model = PatchcoreModel(
            layers=["blocks.2", "blocks.3", "blocks.4"],
            backbone="efficientnet_lite0",
            pre_trained=False,
        )

    def look(self, pixels: Sequence[Tensor]) -> None:
        """Keeps the patches of pixels (1, 3, H, W) each."""
        self._model.train()
        self._model.feature_extractor.eval()
        for each in pixels:
            self._model(each)

    def thin(self, fraction: float) -> None:
        """Its coreset of what it looked at."""
        self._model.subsample_embedding(fraction)
        self._model.eval()

    def score(self, pixels: Tensor) -> float:
        with torch.inference_mode():
            return float(self._model(pixels).pred_score)

    def only_look(self, pixels: Tensor) -> None:
        """The network's part in `score`."""
        with torch.inference_mode():
            self._model.feature_extractor(pixels)
