"""The coreset against its definition written out, with the whole distance matrix."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from triad_ui.errors import ExpertError
from triad_ui.expert.coreset import greedy_centres, size_of


def _vectors(seed: int, count: int = 400, channels: int = 12) -> torch.Tensor:
    """A few dense groups and stragglers, far from the origin, as features are."""
    rng = np.random.default_rng(seed)
    groups = rng.normal(0, 4, (7, channels))
    noise = rng.normal(0, 1, (count, channels)) * rng.uniform(0.05, 1.5, (count, 1))
    return torch.from_numpy((groups[rng.integers(0, 7, count)] + noise + 5).astype(np.float32))


def _by_definition(vectors: torch.Tensor, count: int) -> list[int]:
    distances = np.linalg.norm(vectors.double()[:, None] - vectors.double()[None], axis=-1)
    nearest = np.linalg.norm(distances, axis=1)
    picked: list[int] = []
    for _ in range(count):
        picked.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, distances[picked[-1]])
    return picked


@pytest.mark.parametrize("ahead_bytes", [1, 20_000, 2**26])
@pytest.mark.parametrize("seed", range(3))
def test_picks_are_those_of_the_definition(seed: int, ahead_bytes: int) -> None:
    vectors = _vectors(seed)
    found = greedy_centres(vectors, 60, ahead_bytes=ahead_bytes)
    assert found.dtype == torch.int64
    assert found.tolist() == _by_definition(vectors, 60)


def test_all_can_be_picked_and_none_twice() -> None:
    vectors = torch.cat([_vectors(1, 20), _vectors(1, 20), _vectors(1, 1).expand(10, -1)])
    assert sorted(greedy_centres(vectors, 50).tolist()) == list(range(50))
    assert greedy_centres(vectors[:1], 1).tolist() == [0]


def test_a_projection_covers_nearly_as_well() -> None:
    onto = torch.from_numpy(np.random.default_rng(9).normal(0, 1, (6, 600)).astype(np.float32))
    vectors = _vectors(4, 1500, 6) @ onto  # features are many numbers, but vary in few ways

    def covered(picked: torch.Tensor) -> float:
        return float(torch.cdist(vectors, vectors[picked]).amin(dim=1).max())

    exact = covered(greedy_centres(vectors, 150))
    near = covered(greedy_centres(vectors, 150, dimensions=64))
    chance = covered(torch.from_numpy(np.random.default_rng(0).permutation(1500)[:150]))
    assert exact < near < exact + 0.5 * (chance - exact)
    again = greedy_centres(vectors, 150, dimensions=64)
    assert torch.equal(again, greedy_centres(vectors, 150, dimensions=64))


def test_sizes_and_refusals() -> None:
    assert (size_of(600, 0.1), size_of(7, 0.1), size_of(7, 1.0)) == (60, 1, 7)
    for fraction in (0.0, 1.5):
        with pytest.raises(ValueError, match="fraction"):
            size_of(10, fraction)
    for count in (0, 11):
        with pytest.raises(ValueError, match="1 to 10"):
            greedy_centres(_vectors(0, 10), count)


def test_it_stops_when_asked() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(ExpertError, match="stopped"):
        greedy_centres(_vectors(0), 50, stop=stop)
