"""Distances to a few references, and the map of eq. 2, equal the recorded ones.

The authors' recordings lie outside the repository, a small one of `record_small_cases` inside.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from tests.conformance.expert_cases import files
from triad_ui.expert.few_shot_bank import few_shot_map, nearest_distances

TOLERANCE = 1e-4
TOLERANCE_SUM = 2e-4


def _cases() -> list:
    """One case for each file and each recorded dist_k{k}_q{b} in it."""
    found = []
    for param in files("few shot"):
        (file,) = param.values
        with np.load(file) as held:
            names = [re.fullmatch(r"dist_k(\d+)_q(\d+)", name) for name in held.files]
        found += [
            pytest.param(file, int(n[1]), int(n[2]), id=f"{param.id}-k{n[1]}-q{n[2]}")
            for n in names
            if n
        ]
    return found


def _unit(held: np.lib.npyio.NpzFile, name: str) -> torch.Tensor:
    """The patches of pictures as unit vectors, (N, H * W, C); the class token dropped."""
    return normalize(torch.from_numpy(held[name]).float()[:, 1:], dim=-1)


@pytest.mark.parametrize(("file", "shots", "image"), _cases())
def test_distances_and_maps_equal_the_recorded_ones(file: Path, shots: int, image: int) -> None:
    with np.load(file) as held:
        grid, side, case = int(held["grid"]), int(held["map_size"]), f"k{shots}_q{image}"
        layers = sorted(int(name[6:]) for name in held.files if re.fullmatch(r"query_\d+", name))
        found = [
            nearest_distances(
                _unit(held, f"query_{layer}")[image], _unit(held, f"refs_{layer}")[:shots]
            )
            for layer in layers
        ]
        np.testing.assert_allclose(torch.stack(found), held[f"dist_{case}"], atol=TOLERANCE, rtol=0)
        mean = few_shot_map([each.reshape(grid, grid) for each in found], (side, side)).numpy()
        np.testing.assert_allclose(mean, held[f"map_mean_{case}"], atol=TOLERANCE, rtol=0)
        summed = mean * len(layers)
        np.testing.assert_allclose(summed, held[f"map_sum_{case}"], atol=TOLERANCE_SUM, rtol=0)
        assert abs(float(mean.max()) - float(held[f"score_max_{case}"])) <= TOLERANCE
