"""Two networks behind one face: unit vectors on the right grids, versions that tell them apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch.nn.functional import normalize

from tests.expert.drawn_parts import plate
from tests.expert.tiny_anomaly_clip import save_clip
from triad_ui.expert.clip import ClipVision, clip_pixels, load_clip
from triad_ui.expert.patch_features import ClipPatches, EfficientNetPatches


@pytest.fixture(scope="module")
def vision(tmp_path_factory: pytest.TempPathFactory) -> ClipVision:
    return load_clip(save_clip(tmp_path_factory.mktemp("clip"), blocks=4), device="cpu")


def test_tokens_of_clip_row_by_row_without_the_class(vision: ClipVision) -> None:
    found = ClipPatches(vision, layers=(2, 4), side=35).patches(plate(1).rgb)
    assert {layer: f.shape for layer, f in found.items()} == {2: (5, 5, 16), 4: (5, 5, 16)}
    tokens = vision.tokens(clip_pixels(plate(1).rgb, 35), (4,))[4]
    expected = normalize(tokens[0, 1 + 5 * 3 + 1], dim=-1).numpy()  # row 3, column 1
    np.testing.assert_allclose(found[4][3, 1].astype(np.float32), expected, atol=1e-3)
    assert found[4].dtype == np.float16


@pytest.mark.weights
def test_cells_of_efficientnet(efficientnet_weights: Path) -> None:
    found = EfficientNetPatches(efficientnet_weights).patches(plate(1, size=(300, 200)).rgb)
    shapes = {4: (28, 28, 40), 7: (14, 14, 80), 10: (14, 14, 112)}
    assert {layer: f.shape for layer, f in found.items()} == shapes
    assert all(np.allclose(np.linalg.norm(f, axis=-1), 1, atol=1e-4) for f in found.values())


def test_versions_tell_layers_sides_and_weights_apart(vision: ClipVision, tmp_path: Path) -> None:
    other = load_clip(save_clip(tmp_path, blocks=4, seed=1), device="cpu")
    versions = {
        ClipPatches(vision, layers=(2, 4), side=35).version,
        ClipPatches(vision, layers=(4,), side=35).version,
        ClipPatches(vision, layers=(2, 4), side=28).version,
        ClipPatches(other, layers=(2, 4), side=35).version,
    }
    assert len(versions) == 4
