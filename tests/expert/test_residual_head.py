"""What the head reads of a picture beside good ones, and how its file is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from triad_ui.errors import WeightsError
from triad_ui.expert.patch_bank import PatchBank
from triad_ui.expert.reference import HEAD
from triad_ui.expert.residual_head import (
    CARD,
    WEIGHTS,
    WIDTHS,
    ResidualHead,
    load_residual_head,
    told,
)

STRIDES = {2: 8, 4: 8, 7: 16, 10: 16}


def _features(seed: int, height: int = 64, width: int = 96) -> dict[int, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {}
    for block, channels in WIDTHS.items():
        stride = STRIDES[block]
        values = rng.normal(size=(height // stride, width // stride, channels))
        values /= np.linalg.norm(values, axis=-1, keepdims=True)
        found[block] = values.astype(np.float32)
    return found


def test_a_picture_beside_itself_differs_nowhere() -> None:
    query = _features(0)
    read = told(query, PatchBank([query]).nearest(query))
    for block, channels in WIDTHS.items():
        stride = STRIDES[block]
        assert read[block].shape == (64 // stride, 96 // stride, channels + 3)
        assert read[block][..., :channels].abs().max() < 1e-3


def test_each_block_tells_difference_and_distance() -> None:
    query, reference = _features(0), _features(1)
    bank = PatchBank([reference])
    nearest = bank.nearest(query)
    read = told(query, nearest)[4].numpy()
    distances, patches = nearest[4]
    differs = np.abs(query[4] - patches) * 2 * 40**0.5
    assert np.allclose(read[..., :40], differs, atol=1e-5)
    assert np.allclose(read[..., 40], 10 * distances, atol=1e-5)
    deviation = (distances - distances.mean()) / (distances.std() + 1e-4) / 2
    assert np.allclose(read[..., 41], deviation, atol=1e-4)
    assert np.allclose(read[..., 42], 0.3 * distances / distances.mean(), rtol=5e-3)
    assert np.allclose(distances, bank.distances(query)[4])
    assert np.allclose(1 - (query[4] * patches).sum(-1), distances, atol=1e-6)


def test_it_reads_every_block_at_every_place() -> None:
    torch.manual_seed(0)
    head = ResidualHead().eval()
    query, bank = _features(2), PatchBank([_features(3)])
    nearest = bank.nearest(query)
    found = head.probabilities(query, nearest)
    shown = {block: cells[None] for block, cells in told(query, nearest).items()}
    with torch.inference_mode():
        assert np.allclose(found, torch.sigmoid(head(shown))[0].numpy())
        assert found.shape == (8, 12)
        for block in WIDTHS:
            changed = shown | {block: shown[block].clone()}
            changed[block][0, -1, -1] += 1
            moved = (torch.sigmoid(head(changed))[0].numpy() != found).nonzero()
            # seen from the corner's cell on, as far as two 3 x 3 and one bilinear reach
            assert len(moved[0]) and min(moved[0]) >= 3 and min(moved[1]) >= 7
    assert not np.allclose(head.train()(shown).detach(), head(shown).detach())  # channels hidden


def test_the_shipped_head_loads_and_is_the_one_that_its_card_names() -> None:
    head = load_residual_head(HEAD)
    card = json.loads((HEAD / CARD).read_text("utf-8"))
    assert head.digest == card["files"][WEIGHTS] and not head.training
    assert not any(parameter.requires_grad for parameter in head.parameters())


@pytest.mark.parametrize("spoil", ["missing", "changed", "no card"])
def test_a_spoiled_head_is_refused_with_the_remedy(tmp_path: Path, spoil: str) -> None:
    for name in (WEIGHTS, CARD):
        (tmp_path / name).write_bytes((HEAD / name).read_bytes())
    if spoil == "missing":
        (tmp_path / WEIGHTS).unlink()
    elif spoil == "changed":
        data = bytearray((tmp_path / WEIGHTS).read_bytes())
        data[-1] ^= 1
        (tmp_path / WEIGHTS).write_bytes(data)
    else:
        (tmp_path / CARD).unlink()
    with pytest.raises(WeightsError, match="train-expert"):
        load_residual_head(tmp_path)
