"""DINOv2's tokens are stock transformers' hidden states after the final norm; what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Dinov2Config, Dinov2Model

from triad_ui.errors import WeightsError
from triad_ui.expert.dinov2 import DinoVision, dino_pixels, load_dinov2


def _tiny() -> Dinov2Model:
    torch.manual_seed(3)
    config = Dinov2Config(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, image_size=56, patch_size=14
    )
    model = Dinov2Model(config).eval().requires_grad_(False)
    for name, values in model.named_parameters():
        if "layernorm" in name or "lambda" in name:  # fresh ones are 1 and 0: they would hide
            values.data.uniform_(0.5, 1.5)
    return model


@pytest.mark.parametrize("side", [56, 70])
def test_tokens_are_those_of_stock_transformers(side: int) -> None:
    model = _tiny()
    pixels = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    tokens, image = DinoVision(model).look(pixels, (1, 3, 4))
    stock = model(pixels, output_hidden_states=True)
    for layer in (1, 3):
        expected = model.layernorm(stock.hidden_states[layer])
        torch.testing.assert_close(tokens[layer], expected, atol=1e-5, rtol=0)
        assert (tokens[layer] - stock.hidden_states[layer]).abs().max() > 0.1
    torch.testing.assert_close(tokens[4], stock.last_hidden_state, atol=1e-5, rtol=0)
    torch.testing.assert_close(image, stock.pooler_output, atol=1e-5, rtol=0)
    assert tokens[3].shape == (2, 1 + (side // 14) ** 2, 32)


def test_wrong_sizes_and_blocks_are_refused() -> None:
    vision = DinoVision(_tiny())
    with pytest.raises(ValueError, match="multiples of 14"):
        vision.look(torch.zeros(1, 3, 57, 56), (1,))
    with pytest.raises(ValueError, match=r"1\.\.4"):
        vision.look(torch.zeros(1, 3, 56, 56), (5,))


def test_pixels_are_normalised_as_in_training() -> None:
    white = np.full((20, 30, 3), 255, np.uint8)
    pixels = dino_pixels(white, 28)
    assert pixels.shape == (1, 3, 28, 28) and pixels.dtype == torch.float32
    expected = torch.tensor([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    torch.testing.assert_close(pixels[0, :, 5, 5], expected, atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="uint8"):
        dino_pixels(white.astype(np.float32))


def test_a_saved_folder_is_read_and_a_missing_one_is_told(tmp_path: Path) -> None:
    model = _tiny()
    model.save_pretrained(tmp_path / "dino")
    read = load_dinov2(tmp_path / "dino", device="cpu")
    pixels = torch.randn(1, 3, 56, 56, generator=torch.Generator().manual_seed(2))
    tokens, _ = read.look(pixels, (2,))
    torch.testing.assert_close(tokens[2], DinoVision(model).look(pixels, (2,))[0][2])
    with pytest.raises(WeightsError, match="hf download facebook/dinov2-large"):
        load_dinov2(tmp_path / "nothing")
