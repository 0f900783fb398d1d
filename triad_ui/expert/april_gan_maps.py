"""April-GAN's arithmetic: tokens of a picture and features of sentences in, maps and scores out.

X. Chen, Y. Han, J. Zhang, "April-GAN", VAND workshop at CVPR 2023: trained linear layers bring
patch tokens into the space of texts, where each patch is compared with sentences on good and on
faulty parts; in its few-shot form the distance to the nearest reference patch is added. The authors
stretch the image scores of a whole test set to 0..1 (`batch_scores`), which is 0/0 for a single
picture; `picture_score` stands on a fixed scale instead and depends on no other query.

It does not know where tokens, sentences and trained layers come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.expert.text_prompts import TEMPERATURE


def text_vectors(patches: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Raw patch tokens (..., P, C) as unit vectors (..., P, D) of the space shared with texts."""
    return functional.normalize(functional.linear(patches, weight, bias), dim=-1)


def upsample(grid: Tensor, side: int) -> Tensor:
    """(B, N, h, w) -> (B, N, side, side), bilinear, corners on corners as the authors do."""
    return functional.interpolate(grid, size=(side, side), mode="bilinear", align_corners=True)


def text_map(vectors: Tensor, pair: Tensor, side: int) -> Tensor:
    """The share of "faulty" at each place, (B, side, side) in 0..1, of one block.

    vectors: (B, P, D), unit, of a square grid row by row. pair: (D, 2), unit columns good, faulty.
    The logits are enlarged first and made shares afterwards, as the authors do.
    """
    logits = (TEMPERATURE * vectors @ pair).transpose(1, 2)
    return upsample(logits.unflatten(2, square(logits.shape[2])), side).softmax(dim=1)[:, 1]


def distance_map(distances: Tensor, side: int) -> Tensor:
    """Distances (B, P) of a square grid -> (B, side, side)."""
    grid = distances.unflatten(1, square(distances.shape[1]))
    return upsample(grid[:, None], side)[:, 0]


def text_probability(image_features: Tensor, pair: Tensor) -> Tensor:
    """The share of "faulty" for whole images, (B,) in 0..1; image_features (B, D), any length."""
    return (TEMPERATURE * functional.normalize(image_features, dim=-1) @ pair).softmax(dim=-1)[:, 1]


def batch_scores(text_probabilities: Tensor, peaks: Tensor) -> Tensor:
    """The authors' few-shot image scores of a whole test set, (B,) in 0..1.

    peaks: (B,) maxima of the summed maps, stretched to 0..1 over the set. Equal peaks, a single
    picture's among them, count as 0 where the published code gives 0/0.
    """
    spread = peaks.max() - peaks.min()
    stretched = torch.zeros_like(peaks) if spread <= 0 else (peaks - peaks.min()) / spread
    return 0.5 * (text_probabilities + stretched)


def picture_score(text_probability: float, peak: float, blocks: int) -> float:
    """The few-shot image score of one picture on a scale that no other picture moves; above 0.

    peak: maximum of the summed maps. Each of the `blocks` adds at most 1 of text and, of
    distances below a right angle, 1 to it: so 2 * blocks is what 1 is in the authors' stretching.
    """
    return 0.5 * (text_probability + peak / (2 * blocks))


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What speaks against one picture. All raw, higher is worse.

    text, distance: float32 (side, side), summed over the blocks; distance is None without
    references. probability: of the whole picture by text. vectors: (blocks, P, D), unit.
    """

    text: np.ndarray
    distance: np.ndarray | None
    probability: float
    vectors: Tensor

    @property
    def map(self) -> np.ndarray:
        """The published map: text, plus distance where there are references."""
        return self.text if self.distance is None else self.text + self.distance

    @property
    def score(self) -> float:
        """The published zero-shot score (by text alone); with references `picture_score`."""
        if self.distance is None:
            return self.probability
        return picture_score(self.probability, float(self.map.max()), len(self.vectors))


def square(count: int) -> tuple[int, int]:
    """The sides (h, w) of a square grid of `count` patches; ValueError if there is none."""
    side = round(count**0.5)
    if side * side != count:
        raise ValueError(f"{count} patches are no square")
    return side, side
