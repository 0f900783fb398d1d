"""Nearest patches against a loop written out."""

from __future__ import annotations

import numpy as np
import pytest

from triad_ui.expert.patch_bank import (
    CELLS_A_CHANNEL,
    DIMS,
    MOST_CELLS,
    MOST_PATCHES,
    PatchBank,
    own_distances,
)


def _features(
    seed: int, shape: tuple[int, int] = (5, 7), channels: int = 6
) -> dict[int, np.ndarray]:
    values = np.random.default_rng(seed).normal(size=(*shape, channels)).astype(np.float32)
    return {4: values / np.linalg.norm(values, axis=-1, keepdims=True)}


def test_distances_are_those_to_the_nearest() -> None:
    query, reference = _features(0), _features(1, (3, 4))
    found = PatchBank([reference]).distances(query)[4]
    assert found.shape == (5, 7)
    assert np.allclose(found, 1 - (query[4] @ reference[4].reshape(-1, 6).T).max(-1), atol=1e-6)
    assert np.allclose(PatchBank([query]).distances(query)[4], 0, atol=1e-6)
    with pytest.raises(ValueError, match="at least one"):
        PatchBank([])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_references_share_the_cells_between_them(count: int) -> None:
    query = _features(0, (8, 16), 7)
    owner = np.full((8, 16), -1)  # of each cell of alike references, who keeps it
    for index in range(count):
        others = {4: np.tile(np.float32([1, 0, 0, 0, 0, 0, 0]), (8, 16, 1))}
        bank = PatchBank([query if index == i else others for i in range(count)])
        kept = bank.distances(query)[4] < 1e-5
        assert abs(kept.sum() - 128 / min(count, 4)) < 3
        for half in (np.s_[:4], np.s_[4:]):  # evenly: above and below
            assert abs(kept[half].sum() - kept.sum() / 2) < 3
        assert index >= 4 or (owner[kept] == -1).all()
        owner[kept] = index
    assert (owner >= 0).all()
    alike = PatchBank([query] * count).distances(query)[4]
    assert np.allclose(alike, 0, atol=1e-6)


@pytest.mark.parametrize(("channels", "cells"), [(40, MOST_CELLS), (20, 20 * CELLS_A_CHANNEL)])
def test_of_a_fine_grid_so_many_cells_are_kept_as_of_a_coarse_one(
    channels: int, cells: int
) -> None:
    query = _features(0, (48, 48), channels)
    kept = PatchBank([query]).distances(query)[4] < 1e-6
    assert abs(kept.sum() - cells) < 40
    quarters = kept.reshape(2, 24, 2, 24).sum(axis=(1, 3))
    assert np.allclose(quarters, cells / 4, atol=15)


def test_the_nearest_is_sought_in_the_main_directions_and_measured_in_all() -> None:
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(2 * DIMS, 2 * DIMS)))[0].astype(np.float32)
    strong, weak = basis[:, :DIMS], basis[:, DIMS:]
    reference = {4: (_features(1, (9, 9), DIMS)[4] @ strong.T)}
    query = {4: 0.8 * _features(2, (5, 5), DIMS)[4] @ strong.T}
    query[4] += 0.6 * _features(3, (5, 5), DIMS)[4] @ weak.T
    distances, patches = PatchBank([reference]).nearest(query)[4]
    every = query[4] @ reference[4].reshape(-1, 2 * DIMS).T
    assert np.allclose(distances, 1 - every.max(axis=-1), atol=1e-5)
    assert np.allclose(1 - (patches * query[4]).sum(-1), distances, atol=1e-5)


def test_many_references_are_thinned_the_same_way_each_time() -> None:
    many = [_features(seed, (30, 30), 40) for seed in range(120)]
    kept = [(PatchBank([one]).distances(one)[4] < 1e-6).sum() for one in many[:2]]
    assert sum(kept) / 2 / 4 * len(many) > MOST_PATCHES
    query = _features(9, (5, 7), 40)
    found = [PatchBank(many).distances(query)[4] for _ in range(2)]
    assert np.array_equal(*found)
    # of what the references share between them, some is left out
    own = [(PatchBank(many).distances(one)[4] < 1e-6).sum() for one in many[:4]]
    assert 0 < sum(own) < sum(kept) / 2


def test_own_distances_ignore_the_neighbourhood() -> None:
    features = _features(3, (9, 9))
    features[4][:] = features[4][0, 0]
    features[4][4, 4] = -features[4][0, 0]
    found = own_distances(features, {4: 1})[4]
    assert found[4, 4] == pytest.approx(2, abs=1e-5)
    assert np.delete(found.ravel(), 40).max() < 1e-5
    assert (own_distances(_features(1, (2, 2)), {4: 3})[4] == 0).all()
