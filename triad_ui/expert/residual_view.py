"""One look at a picture: frozen features at one size, and what they say beside those of good parts.

The distance of a patch is 1 - cosine to the nearest good patch, averaged over three depths; the
trained head tells differences that look like faults (`residual_head`). An image's score weighs
together how its worst place stands out from its surroundings, the head's word, and how far the
whole texture is from that of the good parts: a product of powers, as they have no common unit.

It does not know how many looks are taken, scales, thresholds or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from torch.nn import functional

from triad_ui.errors import ExpertError
from triad_ui.expert.anomaly_map import combine, resize, smooth, top_mean
from triad_ui.expert.backbone import (
    BLOCK_STRIDES,
    MULTIPLE,
    EfficientNetLite0,
    normalise,
    resized,
)
from triad_ui.expert.patch_bank import Features, PatchBank, own_distances

BLOCKS = (4, 4, 7, 10)
"""Depths whose distances are averaged; block 4 twice, as its fine cells say best where."""
FINE_BLOCK = 2
"""Depth that only the head reads; it is pooled to the cells of block 4."""
TEXTURE_BLOCK = 10
LONGEST = 4
"""Longest side, in multiples of the side of a square picture."""
CELL = 4
"""Input pixels per cell of the anomaly map."""
SIGMA = 1.0
"""Smoothing of the map, in its cells."""
AROUND = 3.0
"""How wide, in cells of the map, the surroundings are that a place stands out from."""
RIM = 0.6
"""Weight of distances at the very border, rising to 1 within one cell of 16 input pixels.

Patches there see padding, so that any two parts differ more at the rim than inside.
"""
FAULT_SHARE = 1 / 3
"""Weight of the head's probability in a place of the map, the distance having the rest."""
STANDING_OUT, FAULTY, TEXTURE = 0.4, 0.1, 0.4
"""Weights in the product that is an image's score: of two distances, and of a fault's odds, which
run over more powers of ten."""
WORST = 0.003
"""Share of the head's cells whose odds count for the image: the likeliest."""
SUREST = 1e-6
"""Least probability of a fault, and of none."""
LEAST = 1e-4
SINGLE_RADIUS = {4: 4, 7: 2, 10: 2}
"""Cells about a patch that do not count when a picture is compared with itself."""


@dataclass(frozen=True, slots=True, eq=False)
class GoodParts:
    """What good pictures look like: their patches, and their textures float32 (N, D)."""

    bank: PatchBank
    textures: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """A picture beside good ones.

    distances: float32 (h, w), cells of CELL pixels. nearest: see `PatchBank.nearest`. stands_out,
    texture: 0.., how the worst place stands out, and how far the whole texture is from theirs.
    """

    distances: np.ndarray
    nearest: dict[int, tuple[np.ndarray, np.ndarray]]
    stands_out: float
    texture: float


class View:
    """Pictures seen at about side * side pixels, whatever their aspect."""

    def __init__(self, network: EfficientNetLite0, side: int, *, fine: bool) -> None:
        """fine: whether FINE_BLOCK is seen as well, as the head needs it."""
        self.side = side
        self._network = network
        self._blocks = ((FINE_BLOCK,) if fine else ()) + tuple(sorted(set(BLOCKS)))

    def sized(self, rgb: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) at the size at which it is seen. ExpertError below 8 pixels a side."""
        if min(rgb.shape[:2]) < 8:
            raise ExpertError(
                f"The picture has {rgb.shape[1]} x {rgb.shape[0]} pixels; the expert needs 8 or "
                "more a side. Take a larger picture of the part."
            )
        return resized(rgb, seen_size(rgb.shape[0], rgb.shape[1], self.side))

    def again(self, rgb: np.ndarray) -> np.ndarray:
        """The same of what a view of less than twice this side was shown.

        Bilinear: its two taps leave no pixel out then, in a sixth of the time.
        """
        shape = seen_size(rgb.shape[0], rgb.shape[1], self.side)
        return cv2.resize(rgb, shape[::-1], interpolation=cv2.INTER_LINEAR)

    def look(self, rgb: np.ndarray) -> dict[int, np.ndarray]:
        """Unit vectors of patches by block, float32 (h, w, C), of uint8 (H, W, 3) from `sized`.

        Blocks 4, 7 and 10, and FINE_BLOCK where it is seen; h and w are H and W over 8, 16, 16
        and 8.
        """
        with torch.inference_mode():
            pixels = normalise(rgb, rgb.shape[:2])
            found = {}
            for block, values in self._network.features(pixels, self._blocks).items():
                mean = functional.avg_pool2d(values, 3, 1, 1, count_include_pad=False)
                if block == FINE_BLOCK:
                    mean = functional.avg_pool2d(mean, 2)
                unit = functional.normalize(mean[0].permute(1, 2, 0), dim=-1)
                found[block] = unit.contiguous().numpy()
        return found

    def known(self, features: Sequence[Features]) -> GoodParts:
        """At least one good picture's features, to compare with."""
        return GoodParts(PatchBank(features), np.stack([_texture(found) for found in features]))

    def beside(self, features: Features, good: GoodParts) -> Beside:
        """What a picture's features are beside those of good ones."""
        nearest = good.bank.nearest(features)
        distances = fuse({block: found for block, (found, _) in nearest.items()})
        return Beside(
            distances,
            nearest,
            top_mean(distances - smooth(distances, AROUND)),
            float(np.linalg.norm(good.textures - _texture(features), axis=1).min()),
        )

    def alone(self, features: Features) -> tuple[np.ndarray, float]:
        """The same of a picture beside itself: patches that are like no other of it."""
        judged = {block: features[block] for block in set(BLOCKS)}
        distances = fuse(own_distances(judged, SINGLE_RADIUS))
        return distances, top_mean(distances)


def weigh(views: Sequence[Beside], fault: np.ndarray) -> tuple[np.ndarray, float]:
    """Map float32 (h, w) of the first view's cells, and the image's score; both 0.., unscaled.

    fault: the head's probabilities in the first view, (h', w'). The map is a geometric mean of
    distances, and of these and the probability; the score see STANDING_OUT.
    """
    shape = views[0].distances.shape
    distances = np.prod([resize(seen.distances, shape) for seen in views], axis=0)
    distances = np.maximum(distances, 0) ** np.float32((1 - FAULT_SHARE) / len(views))
    place = distances * np.maximum(resize(fault, shape), 0) ** np.float32(FAULT_SHARE)
    told = [
        STANDING_OUT * np.mean([np.log(max(seen.stands_out, LEAST)) for seen in views]),
        TEXTURE * np.mean([np.log(max(seen.texture, LEAST)) for seen in views]),
        FAULTY * _log_odds(fault),
    ]
    return place, float(np.exp(np.sum(told)))


def _log_odds(fault: np.ndarray) -> float:
    """Of the likeliest cells, their mean."""
    count = max(1, round(WORST * fault.size))
    likeliest = np.partition(fault.ravel(), -count)[-count:]
    sure = np.clip(likeliest.astype(np.float64), SUREST, 1 - SUREST)
    return float(np.mean(np.log(sure) - np.log1p(-sure)))


def fuse(distances: dict[int, np.ndarray]) -> np.ndarray:
    """Maps of the blocks to one: rim weighted down, averaged, smoothed; float32 (h, w)."""
    fine = min(BLOCKS)
    height, width = (n * BLOCK_STRIDES[fine] // CELL for n in distances[fine].shape)
    weighted = [
        distances[block] * _rim(distances[block].shape, 16 // BLOCK_STRIDES[block])
        for block in BLOCKS
    ]
    return smooth(combine(weighted, (height, width)), SIGMA)


def seen_size(height: int, width: int, side: int) -> tuple[int, int]:
    """(height, width) at which a picture is seen: its aspect, about side * side pixels.

    Area, not the longer side, is kept constant: crops of one surface then keep a like scale.
    Sides are multiples of 32; very long pictures are cut off at LONGEST by squeezing.
    """
    scale = side / (height * width) ** 0.5

    def fit(length: int) -> int:
        return min(LONGEST * side, max(2 * MULTIPLE, round(length * scale / MULTIPLE) * MULTIPLE))

    return fit(height), fit(width)


def _texture(features: Features) -> np.ndarray:
    """What the whole picture is made of: means and spreads of the channels, float32 (2 C,)."""
    cells = features[TEXTURE_BLOCK].reshape(-1, features[TEXTURE_BLOCK].shape[-1])
    parts = cells.mean(axis=0), cells.std(axis=0)
    return np.concatenate([part / max(float(np.linalg.norm(part)), LEAST) for part in parts])


@lru_cache(maxsize=32)
def _rim(shape: tuple[int, int], cells: int) -> np.ndarray:
    """Weights (h, w): RIM on the border, 1 from `cells` cells inwards."""
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in shape)
    inwards = np.minimum(rows[:, None], columns[None])
    return (RIM + (1 - RIM) * np.clip(inwards / cells, 0, 1)).astype(np.float32)
