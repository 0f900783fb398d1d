"""PatchCore's numbers: the recorded ones, and the rules where the recording has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.expert.recorded_patch_core import equals_recorded
from triad_ui.expert import patch_memory
from triad_ui.expert.patch_memory import PatchMemory, distance_map, embed

RECORDED = sorted((Path(__file__).parent / "recorded").glob("patchcore*.npz"))


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_the_recorded_case(file: Path) -> None:
    equals_recorded(file)


def _rows(seed: int, count: int, channels: int = 8) -> torch.Tensor:
    return torch.from_numpy(
        np.random.default_rng(seed).normal(9, 1, (count, channels)).astype(np.float32)
    )


def test_nearest_in_parts_is_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, patches = _rows(0, 50), _rows(1, 33)
    expected = torch.cdist(patches, vectors, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1)
    for held in (2**26, 4 * 50 * 7, 1):
        monkeypatch.setattr(patch_memory, "COMPARED_BYTES", held)
        distances, positions = PatchMemory(vectors).nearest(patches)
        assert torch.equal(positions, expected.indices)
        assert torch.allclose(distances, expected.values, atol=1e-5)
    distances, positions = PatchMemory(vectors).nearest(vectors)
    assert (distances == 0).all() and positions.tolist() == list(range(50))


def test_the_score_by_its_formula() -> None:
    vectors, patches = _rows(0, 50), _rows(1, 33)
    memory = PatchMemory(vectors)
    found = memory.nearest(patches)
    worst = int(found[0].argmax())
    nearest = vectors[found[1][worst]]
    support = vectors[(vectors - nearest).norm(dim=1).argsort()[:5]]
    apart = (support - patches[worst]).norm(dim=1).double().numpy()
    weight = 1 - np.exp(apart[0]) / np.exp(apart).sum()
    score = memory.image_score(patches, *found, neighbours=5)
    assert score == pytest.approx(weight * float(found[0].max()), abs=1e-5)


def test_few_vectors_and_one_neighbour_leave_the_distance_as_it_is() -> None:
    patches = _rows(1, 12)
    for memory, neighbours in ((PatchMemory(_rows(0, 1)), 9), (PatchMemory(_rows(0, 20)), 1)):
        found = memory.nearest(patches)
        assert memory.image_score(patches, *found, neighbours=neighbours) == found[0].max()
    few = PatchMemory(_rows(0, 3))
    found = few.nearest(patches)
    assert 0 < few.image_score(patches, *found, neighbours=9) < found[0].max()


def test_patches_join_the_layers_at_the_finest() -> None:
    fine, coarse = torch.rand(1, 3, 8, 6), torch.rand(1, 5, 4, 3)
    found = embed([fine, coarse])
    assert found.shape == (48, 8)
    padded = functional.pad(fine, (1, 1, 1, 1))[0]
    assert torch.allclose(found[6 * 2 + 5, :3], padded[:, 2:5, 5:8].mean(dim=(1, 2)))
    # the corner of an enlarged layer is its corner's mean, of which zeros are a part
    assert torch.allclose(found[0, 3:], coarse[0, :, :2, :2].sum(dim=(1, 2)) / 9)


def test_a_map_peaks_where_the_distance_does() -> None:
    distances = np.zeros((7, 14), np.float32)
    distances[5, 2] = 1
    found = distance_map(distances, (112, 224))
    assert found.shape == (112, 224) and found.dtype == np.float32
    assert np.unravel_index(found.argmax(), found.shape) in ((87, 39), (87, 40), (88, 39), (88, 40))
