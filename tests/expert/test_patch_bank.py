"""Nearest patches against a loop written out."""

from __future__ import annotations

import numpy as np
import pytest

from triad_ui.expert.patch_bank import MOST_PATCHES, PatchBank, own_distances


def _features(seed: int, shape: tuple[int, int] = (5, 7)) -> dict[int, np.ndarray]:
    values = np.random.default_rng(seed).normal(size=(*shape, 6)).astype(np.float32)
    return {4: values / np.linalg.norm(values, axis=-1, keepdims=True)}


def test_distances_are_those_to_the_nearest() -> None:
    query, first, second = _features(0), _features(1), _features(2, (3, 4))
    found = PatchBank([first, second]).distances(query)[4]
    every = np.concatenate([first[4].reshape(-1, 6), second[4].reshape(-1, 6)])
    assert found.shape == (5, 7)
    assert np.allclose(found, 1 - (query[4] @ every.T).max(axis=-1), atol=1e-6)
    assert np.allclose(PatchBank([query]).distances(query)[4], 0, atol=1e-6)


def test_leaving_one_out() -> None:
    first, second = _features(1), _features(2)
    left = PatchBank([first, second]).distances(first, without=0)[4]
    assert np.allclose(left, PatchBank([second]).distances(first)[4])
    with pytest.raises(ValueError, match="at least one"):
        PatchBank([])


def test_many_references_are_thinned_the_same_way_each_time() -> None:
    many = [_features(seed, (100, 100)) for seed in range(3)]
    found = [PatchBank(many).distances(_features(9))[4] for _ in range(2)]
    assert np.array_equal(*found) and MOST_PATCHES < 3 * 100 * 100
    assert all((PatchBank(many).distances(m, without=i)[4] > 0).any() for i, m in enumerate(many))


def test_own_distances_ignore_the_neighbourhood() -> None:
    features = _features(3, (9, 9))
    features[4][:] = features[4][0, 0]
    features[4][4, 4] = -features[4][0, 0]
    found = own_distances(features, {4: 1})[4]
    assert found[4, 4] == pytest.approx(2, abs=1e-5)
    assert np.delete(found.ravel(), 40).max() < 1e-5
    assert (own_distances(_features(1, (2, 2)), {4: 3})[4] == 0).all()
