"""CLIP's vision tower: a recorded small case, what differs between experts, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from tests.expert.tiny_clip import save_tiny_clip
from triad_ui.errors import WeightsError
from triad_ui.expert.clip import ClipVision, clip_pixels, load_clip
from triad_ui.expert.clip_names import vision_from_openai

RECORDED = Path(__file__).parent / "recorded" / "clip_tokens_small.safetensors"
TOLERANCE = 1e-4
ACTIVATIONS = {"gelu": "gelu", "quickgelu": "quick_gelu"}


def _recorded() -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(RECORDED, "pt") as stored:
        return {name: stored.get_tensor(name) for name in stored.keys()}, stored.metadata()  # noqa: SIM118


def _vision(held: dict[str, Tensor], facts: dict[str, str], **ways: str) -> ClipVision:
    state = {name[3:]: value for name, value in held.items() if name.startswith("sd.")}
    return ClipVision(vision_from_openai(state, heads=int(facts["heads"])), **ways)


@pytest.mark.parametrize("case", ACTIVATIONS)
def test_tokens_equal_the_recorded_ones(case: str) -> None:
    held, facts = _recorded()
    vision = _vision(held, facts, activation=ACTIVATIONS[case])
    grid = int(facts["input_grid"])
    layers = [int(layer) for layer in facts["feature_layers"].split(",")]
    expected = held["pos_embed_resized"]
    torch.testing.assert_close(vision.positions(grid, grid), expected, atol=TOLERANCE, rtol=0)
    tokens, image = vision.look(held["pixels"], layers)
    for layer in layers:
        expected = held[f"{case}.tokens_{layer}"]
        torch.testing.assert_close(tokens[layer], expected, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(image, held[f"{case}.image_features"], atol=TOLERANCE, rtol=0)


def test_the_two_activations_and_resizings_are_different_towers() -> None:
    held, facts = _recorded()
    for ways in ({"activation": "quick_gelu"}, {"resize": "bilinear"}):
        tokens = _vision(held, facts, **ways).tokens(held["pixels"], (3,))[3]
        assert (tokens - held["gelu.tokens_3"]).abs().max() > 10 * TOLERANCE


def test_wrong_sizes_and_blocks_are_refused() -> None:
    held, facts = _recorded()
    vision = _vision(held, facts)
    with pytest.raises(ValueError, match="multiples of 4"):
        vision.tokens(torch.zeros(1, 3, 21, 20), (1,))
    with pytest.raises(ValueError, match=r"1\.\.3"):
        vision.tokens(held["pixels"], (4,))


def test_pixels_are_normalised_as_in_training() -> None:
    pixels = clip_pixels(np.zeros((20, 30, 3), np.uint8), 28)
    assert pixels.shape == (1, 3, 28, 28) and pixels.dtype == torch.float32
    expected = torch.tensor([-1.7923, -1.7521, -1.4802])
    torch.testing.assert_close(pixels[0, :, 5, 5], expected, atol=1e-3, rtol=0)


def test_a_saved_folder_is_read_and_a_missing_one_is_told(tmp_path: Path) -> None:
    model = save_tiny_clip(tmp_path / "clip")
    pixels = torch.randn(1, 3, 42, 42, generator=torch.Generator().manual_seed(2))
    read = load_clip(tmp_path / "clip", activation="quick_gelu", device="cpu")
    expected = model.get_image_features(pixels)
    expected = getattr(expected, "pooler_output", expected)
    torch.testing.assert_close(read.image_features(pixels), expected, atol=1e-5, rtol=0)
    with pytest.raises(WeightsError, match="hf download openai/clip-vit-large-patch14-336"):
        load_clip(tmp_path / "nothing")
