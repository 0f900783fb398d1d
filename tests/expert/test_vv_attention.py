"""The second stream: where it begins, what it is made of, and that it leaves the first alone."""

from __future__ import annotations

import pytest
import torch

from tests.expert.tiny_anomaly_clip import save_clip
from triad_ui.expert.clip import ClipVision, load_clip
from triad_ui.expert.vv_attention import look_vv, values_to_values


@pytest.fixture(scope="module")
def vision(tmp_path_factory: pytest.TempPathFactory) -> ClipVision:
    folder = save_clip(tmp_path_factory.mktemp("clip"), blocks=4)
    return load_clip(folder, activation="quick_gelu", resize="bilinear", device="cpu")


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.randn(2, 3, 35, 35, generator=torch.Generator().manual_seed(1))


def test_without_doubled_blocks_it_is_the_ordinary_tower(
    vision: ClipVision, pixels: torch.Tensor
) -> None:
    tokens, image = look_vv(vision, pixels, (1, 4), vv_blocks=0)
    plain = vision.tokens(pixels, (1, 4))
    for layer in (1, 4):
        torch.testing.assert_close(tokens[layer], vision.project(plain[layer]))
    torch.testing.assert_close(image, vision.project(plain[4][:, 0], norm=False))
    assert not torch.allclose(image, vision.image_features(pixels), atol=1e-3)


def test_the_second_stream_begins_where_it_is_told_and_the_image_never_sees_it(
    vision: ClipVision, pixels: torch.Tensor
) -> None:
    plain, image = look_vv(vision, pixels, (1, 2, 3, 4), vv_blocks=0)
    doubled, same = look_vv(vision, pixels, (1, 2, 3, 4), vv_blocks=2)
    assert torch.equal(image, same)
    assert torch.equal(plain[2], doubled[2]) and not torch.allclose(plain[3], doubled[3], atol=1e-3)
    streams = vision.tokens(pixels, (2, 3))
    second = streams[2] + values_to_values(vision.blocks[2], streams[2])
    torch.testing.assert_close(doubled[3], vision.project(second))
    second = second + values_to_values(vision.blocks[3], streams[3])
    torch.testing.assert_close(doubled[4], vision.project(second))


def test_values_look_at_values_head_by_head(vision: ClipVision, pixels: torch.Tensor) -> None:
    block, hidden = vision.blocks[1], vision.embed(pixels)
    values = block.self_attn.v_proj(block.layer_norm1(hidden))
    heads = []
    for part in values.split(8, dim=-1):
        alike = (part @ part.transpose(1, 2) / 8**0.5).softmax(dim=-1)
        heads.append(alike @ part)
    expected = block.self_attn.out_proj(torch.cat(heads, dim=-1))
    torch.testing.assert_close(values_to_values(block, hidden), expected)


def test_blocks_that_are_not_there(vision: ClipVision, pixels: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"blocks are 1\.\.4"):
        look_vv(vision, pixels, (5,), vv_blocks=1)
    with pytest.raises(ValueError, match="0 to 4 blocks"):
        look_vv(vision, pixels, (4,), vv_blocks=5)
