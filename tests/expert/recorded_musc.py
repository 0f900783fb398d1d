"""A recorded MuSc batch and what our own code makes of it; layout: the conformance README."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from triad_ui.expert.mutual_scoring import (
    aggregated,
    layer_normed,
    mutual_scores,
    on_batch_scale,
    pixel_map,
    scores_against,
    smoothed,
    smoothed_over_alike,
    unit,
)

FEATURES, MAPS, SMOOTHED = 1e-4, 5e-5, 1e-4
"""The README's tolerances, absolute."""
ROOMY = 2**30


class RecordedMusc:
    """One musc_*.npz: its inputs, and the outputs of the published code."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as stored:
            self.held = {name: stored[name] for name in stored.files}
        self.grid = int(self.held["grid"])
        self.size = int(self.held["map_size"])
        self.reaches = [int(reach) for reach in self.held["r_list"]]
        self.windows = [int(window) for window in self.held["k_list"]]
        self.share = float(self.held["topmin_max"]) if "topmin_max" in self.held else 0.3
        names = [name for name in self.held if name.startswith("tokens_")]
        self.layers = sorted(int(name.removeprefix("tokens_")) for name in names)
        self.count = len(self.held[f"tokens_{self.layers[0]}"])

    def expected(self, name: str) -> np.ndarray:
        return self.held[name]

    def neighbourhoods(self, layer: int, reach: int) -> Tensor:
        """LNAMD before unit length: (N, HW, C)."""
        tokens = torch.from_numpy(self.held[f"tokens_{layer}"])[:, 1:]
        patches = tokens.unflatten(1, (self.grid, self.grid))
        return aggregated(layer_normed(patches), reach).flatten(1, 2)

    def scores(self, layer: int, reach: int, memory_bytes: int = ROOMY) -> Tensor:
        """MSM of the whole batch: (N, HW)."""
        vectors = unit(self.neighbourhoods(layer, reach))
        return mutual_scores(
            vectors.__getitem__, self.count, share=self.share, memory_bytes=memory_bytes
        )

    def scores_of_one(self, layer: int, reach: int, number: int) -> Tensor:
        """MSM of one picture alone against all others: (HW,)."""
        vectors = unit(self.neighbourhoods(layer, reach))
        others = torch.cat([vectors[:number], vectors[number + 1 :]])
        return scores_against(vectors[number], others.__getitem__, self.count - 1, share=self.share)

    def least_memory(self, layer: int) -> int:
        """Bytes with which a batch of this size is divided into bands of one picture or two."""
        channels = self.held[f"tokens_{layer}"].shape[-1]
        row, vectors = self.count * self.grid**2 * 4, self.grid**2 * channels * 4
        return 2 * (3 * row + 3 * vectors + self.grid**2 * 4)

    def check(self) -> None:
        """Every recorded number, step by step; AssertionError names the first that is off."""
        by_reach = []
        for reach in self.reaches:
            by_layer = []
            for place, layer in enumerate(self.layers):
                _near(
                    self.neighbourhoods(layer, reach),
                    self.expected(f"lnamd_raw_r{reach}")[:, :, place],
                    FEATURES,
                )
                scores = self.scores(layer, reach)
                _near(scores, self.expected(f"msm_r{reach}_l{layer}"), MAPS)
                by_layer.append(scores)
            by_reach.append(torch.stack(by_layer).mean(dim=0))
            _near(by_reach[-1], self.expected(f"patch_map_r{reach}"), MAPS)
        patch_map = torch.stack(by_reach).mean(dim=0)
        _near(patch_map, self.expected("patch_map"), MAPS)
        square = patch_map.unflatten(1, (self.grid, self.grid))
        pixels = pixel_map(square, (self.size, self.size))
        _near(pixels, self.expected("pixel_map"), MAPS)
        before = pixels.amax(dim=(1, 2))
        _near(before, self.expected("score_before"), MAPS)
        self.check_smoothing(before)

    def check_smoothing(self, before: Tensor) -> None:
        image_vectors = torch.from_numpy(self.held["class_tokens"])
        scaled = on_batch_scale(before)
        _near(scaled, self.expected("score_minmax"), SMOOTHED)
        for window in self.windows:
            found = smoothed_over_alike(scaled, image_vectors, window)
            _near(found, self.expected(f"score_after_k{window}"), SMOOTHED)
        _near(smoothed(before, image_vectors, self.windows), self.expected("score_after"), SMOOTHED)


def near_maps(found: Tensor, expected: np.ndarray) -> None:
    """Scores of patches, within the README's tolerance."""
    _near(found, expected, MAPS)


def _near(found: Tensor, expected: np.ndarray, tolerance: float) -> None:
    """Equal where the published code gives a number; where it gives NaN, for want of pictures or
    of differences, ours gives a number all the same."""
    values = found.numpy()
    assert np.isfinite(values).all()
    told = ~np.isnan(expected)
    np.testing.assert_allclose(values[told], expected[told], atol=tolerance, rtol=0)
