"""The few-shot bank: each patch against the nearest patch of a few good parts, nothing else.

M = upsample(mean over layers of (1 - max cosine to the references' patches)), as in Z. Gu et al.,
AnomalyGPT, AAAI 2024, and Z. Li et al., IAD-GPT, eq. 2. The equation writes a sum over layers; the
mean, as in AnomalyGPT's released program, keeps the range at 0..2 whatever the network. The papers
look through ImageBind-huge; here it is CLIP, or the embedded EfficientNet where nothing is fetched.

It does not know how patches are made, nor where the weights come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.errors import ExpertError
from triad_ui.expert.calibration import Scales, calibrated
from triad_ui.expert.clip import load_clip, source_in
from triad_ui.expert.feature_cache import FeatureCache
from triad_ui.expert.patch_features import ClipPatches, EfficientNetPatches, Patches, PatchFeatures
from triad_ui.records import AnomalyMap, Picture, Scale, Subject

CODE_VERSION = "1"
FIXED = Scale(0.35, 0.35)
"""Asked for by `Scales`; not reached, as a lone reference gives a scale by changed copies."""
LEAST_SIDE = 8
"""Pixels."""


def nearest_distances(query: Tensor, references: Iterable[Tensor]) -> Tensor:
    """1 - cosine to the nearest reference patch: (P,) in 0..2.

    query: unit vectors (P, C). references: unit vectors (P', C) of one picture each, at least one;
    they are gone through one by one, so that memory is bounded by a picture's P * P' products.
    ValueError without one.
    """
    best: Tensor | None = None
    for vectors in references:
        alike = (query @ vectors.T).amax(dim=1)
        best = alike if best is None else torch.maximum(best, alike)
    if best is None:
        raise ValueError("at least one reference is needed")
    return (1 - best).clamp_(min=0)


def few_shot_map(distances: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """The mean of maps (h, w) of several layers, on the grid `size`: float32, in their range.

    Grids may differ. Bilinear, align_corners=True. ValueError without a map.
    """
    if not distances:
        raise ValueError("at least one layer is needed")
    grids = [
        functional.interpolate(values[None, None], size, mode="bilinear", align_corners=True)
        for values in distances
    ]
    return torch.cat(grids)[:, 0].mean(dim=0)


class FewShotBankExpert:
    """Needs one reference or more; the image's score is the map's largest value."""

    def __init__(self, features: PatchFeatures, *, name: str, cache: Path | None = None) -> None:
        """features: what sees the patches. name: key in the registry. cache: folder, or None."""
        self.name = name
        self.version = f"{CODE_VERSION}.{features.version}"
        self._features = features
        self._cache = FeatureCache(cache)
        self._scales = Scales(FIXED)

    def score(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> AnomalyMap:
        """The query's anomaly map, (side, side) of the network's input. `pool` is not used.

        The scale: leave-one-out over two or more references, else the subject's stored one, else
        changed copies of the lone reference. ExpertError without references.
        """
        raw_map, raw_score = self.raw(query, references)
        scale, known = self._scales.of(self.raw, references, subject, copies=True)
        return calibrated(
            raw_map, raw_score, scale, expert=f"{self.name}@{self.version}", known=known
        )

    def raw(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> tuple[np.ndarray, float]:
        """The published map, float32 (side, side) in 0..2, and its maximum. ExpertError: above."""
        if not references:
            raise ExpertError(
                f"The expert {self.name} compares with known-good parts and was given none. Add a "
                "reference, or choose an expert that works without, such as the default one."
            )
        looked = self._patches(query)
        banks = [self._patches(each) for each in {p.key: p for p in references}.values()]
        with torch.inference_mode():
            distances = [_distances(layer, looked, banks) for layer in looked]
            values = few_shot_map(distances, (self._features.side, self._features.side)).numpy()
        return values, float(values.max())

    def _patches(self, picture: Picture) -> Patches:
        key = f"{self._features.version}:{picture.key}"
        patches = self._cache.get(key)
        if patches is None:
            height, width = picture.rgb.shape[:2]
            if min(height, width) < LEAST_SIDE:
                raise ExpertError(
                    f"The picture has {width} x {height} pixels; the expert needs {LEAST_SIDE} or "
                    "more a side. Take a larger picture of the part."
                )
            patches = self._features.patches(picture.rgb)
            self._cache.put(key, patches)
        return patches


def load_few_shot_bank(
    weights: Path, cache: Path | None = None, *, source: str | Path | None = None
) -> FewShotBankExpert:
    """The bank on CLIP ViT-L/14-336 at 518 pixels, its activation quick GELU as it was trained.

    weights: Settings.expert_weights. source: CLIP's folder or repository, by default
    `source_in(weights)`. WeightsError, with the way out, when it is not here.
    """
    vision = load_clip(source or source_in(weights), activation="quick_gelu")
    return FewShotBankExpert(ClipPatches(vision), name="few-shot-bank", cache=cache)


def load_few_shot_bank_embedded(weights: Path, cache: Path | None = None) -> FewShotBankExpert:
    """The bank on EfficientNet-Lite0 at 224 pixels. WeightsError when `weights` cannot be read."""
    features = EfficientNetPatches(weights)
    return FewShotBankExpert(features, name="few-shot-bank-embedded", cache=cache)


def _distances(layer: int, query: Patches, banks: Sequence[Mapping[int, np.ndarray]]) -> Tensor:
    """The map (h, w) of one layer."""
    flat = (torch.from_numpy(bank[layer]).flatten(0, 1).float() for bank in banks)
    looked = torch.from_numpy(query[layer]).float()
    return nearest_distances(looked.flatten(0, 1), flat).unflatten(0, looked.shape[:2])
