"""The network of our own equals the published one as far as its weights can tell."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from triad_ui.errors import WeightsError
from triad_ui.expert.backbone import (
    BLOCK_CHANNELS,
    BLOCK_STRIDES,
    load_efficientnet_lite0,
    normalise,
)


def _noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_normalise_scales_and_resizes() -> None:
    grey = np.full((50, 70, 3), 127, dtype=np.uint8)
    pixels = normalise(grey, (64, 96))
    assert pixels.shape == (1, 3, 64, 96) and pixels.dtype == torch.float32
    assert pixels[0, 0, 5, 5].item() == pytest.approx((127 / 255 - 0.485) / 0.229, abs=1e-5)
    assert pixels.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("size", [33, (64, 50), 0])
def test_normalise_refuses_odd_sizes(size: int | tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="multiples"):
        normalise(_noise(64, 64), size)


def test_normalise_refuses_other_arrays() -> None:
    with pytest.raises(ValueError, match="uint8"):
        normalise(np.zeros((8, 8), dtype=np.uint8), 32)


def test_a_broken_file_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="Delete the file"):
        load_efficientnet_lite0(path)
    with pytest.raises(WeightsError):
        load_efficientnet_lite0(tmp_path / "missing.pth")


@pytest.mark.weights
def test_shapes_and_folding(efficientnet_weights: Path) -> None:
    folded = load_efficientnet_lite0(efficientnet_weights)
    plain = load_efficientnet_lite0(efficientnet_weights, fold=False)
    pixels = normalise(_noise(100, 130), (64, 96))
    with torch.inference_mode():
        ours, theirs = (net.features(pixels, range(16)) for net in (folded, plain))
    for block, values in ours.items():
        stride = BLOCK_STRIDES[block]
        assert values.shape == (1, BLOCK_CHANNELS[block], 64 // stride, 96 // stride)
        limit = 1e-4 * theirs[block].abs().max()
        assert (values - theirs[block]).abs().max() < limit
    assert not any(p.requires_grad for p in folded.parameters()) and not folded.training


@pytest.mark.weights
def test_blocks_are_checked(efficientnet_weights: Path) -> None:
    network = load_efficientnet_lite0(efficientnet_weights)
    with pytest.raises(ValueError, match="blocks"):
        network.features(normalise(_noise(32, 32), 32), (16,))


@pytest.mark.weights
def test_it_knows_a_traffic_light(efficientnet_weights: Path) -> None:
    """Drawn shapes that ImageNet names: wrong padding, epsilon or order would not find them."""
    picture = np.full((224, 224, 3), (120, 160, 220), dtype=np.uint8)
    cv2.rectangle(picture, (78, 20), (146, 204), (25, 25, 25), -1)
    for row, colour in ((55, (255, 40, 30)), (112, (90, 70, 10)), (169, (10, 70, 20))):
        cv2.circle(picture, (112, row), 24, colour, -1)
    network = load_efficientnet_lite0(efficientnet_weights)
    with torch.inference_mode():
        shares = network(normalise(picture, 224)).softmax(1)[0]
    assert shares.argmax().item() == 920  # "traffic light"
    assert shares.max().item() > 0.5
