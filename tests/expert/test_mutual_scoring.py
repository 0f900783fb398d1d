"""Mutual scoring: the recorded batch, any division gives the same, never NaN, memory is bounded."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.expert.recorded_musc import MAPS, RecordedMusc
from triad_ui.errors import ExpertError
from triad_ui.expert import mutual_scoring
from triad_ui.expert.mutual_scoring import (
    aggregated,
    mutual_scores,
    neighbour_count,
    portions,
    scores_against,
    smoothed,
    unit,
)
from triad_ui.expert.progress import Progress, Stopped

RECORDED = Path(__file__).parent / "recorded" / "musc_small.npz"


def _vectors(count: int, patches: int = 30, channels: int = 8, seed: int = 0) -> Tensor:
    return unit(
        torch.randn(count, patches, channels, generator=torch.Generator().manual_seed(seed))
    )


def _by_distance(vectors: Tensor, share: float = 0.3) -> Tensor:
    """Mutual scores as the paper writes them, distance by distance."""
    count = len(vectors)
    wide = vectors.double()
    found = []
    for own in range(count):
        others = [torch.cdist(wide[own], wide[j]).amin(dim=1) for j in range(count) if j != own]
        keep = max(1, int((count - 1) * share))
        found.append(torch.stack(others).sort(dim=0).values[:keep].mean(dim=0))
    return torch.stack(found)


def test_the_recorded_batch() -> None:
    case = RecordedMusc(RECORDED)
    case.check()
    layer, reach = case.layers[0], case.reaches[0]
    for number in range(case.count):
        found = case.scores_of_one(layer, reach, number).numpy()
        np.testing.assert_allclose(
            found, case.expected(f"msm_r{reach}_l{layer}")[number], atol=MAPS, rtol=0
        )


@pytest.mark.parametrize("count", [2, 3, 4, 5, 12, 23])
def test_scores_are_those_of_the_formula(count: int) -> None:
    vectors = _vectors(count)
    found = mutual_scores(vectors.__getitem__, count)
    torch.testing.assert_close(found, _by_distance(vectors), atol=1e-5, rtol=0)
    one = scores_against(vectors[0], vectors[1:].__getitem__, count - 1)
    torch.testing.assert_close(one, found[0], atol=1e-6, rtol=0)


def test_a_copy_is_at_no_distance_whatever_rounding_says() -> None:
    vectors = _vectors(5)
    vectors[3] = vectors[1]
    assert float((2 - 2 * (vectors[1] * vectors[3]).sum(-1)).abs().max()) > 0
    found = mutual_scores(vectors.__getitem__, 5)
    assert torch.equal(found[1], torch.zeros_like(found[1]))
    assert float(found[0].min()) > 0.01


@pytest.mark.parametrize("product_bytes", [1, 5000, 2**20])
@pytest.mark.parametrize("memory", [12_000, 30_000, 2**20])
def test_any_division_gives_the_same(
    memory: int, product_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutual_scoring, "PRODUCT_BYTES", product_bytes)
    vectors = _vectors(13)
    found = mutual_scores(vectors.__getitem__, 13, memory_bytes=memory)
    torch.testing.assert_close(found, _by_distance(vectors), atol=1e-5, rtol=0)


def test_portions_stay_within_the_memory() -> None:
    for count, patches, channels in ((25, 196, 112), (200, 1369, 1024), (1000, 784, 40)):
        vector = patches * channels * 4
        for memory in (2**26, 2**28, 2**30):
            sizes = portions(count, patches, vector, memory, 2**21)
            held = (
                sizes.band * (count * patches * 4 + vector)  # table, and vectors of its pictures
                + 2 * sizes.block * vector
                + sizes.rows * sizes.block * patches * 4
            )
            assert held <= memory
            assert 1 <= sizes.band <= count and 1 <= sizes.rows <= patches
    assert portions(100, 196, 196 * 112 * 4, 2**28, 2**21).band == 100  # each pair once


def test_pictures_are_loaded_band_by_band_when_memory_is_short() -> None:
    vectors = _vectors(13)
    loaded: list[int] = []

    def load(number: int) -> Tensor:
        loaded.append(number)
        return vectors[number]

    mutual_scores(load, 13)
    roomy = len(loaded)
    loaded.clear()
    mutual_scores(load, 13, memory_bytes=12_000)
    assert roomy == 14 < len(loaded)


def test_too_little_memory_is_said_with_what_it_takes() -> None:
    vectors = _vectors(5)
    with pytest.raises(ExpertError, match="Allow more"):
        mutual_scores(vectors.__getitem__, 5, memory_bytes=1000)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_holds_to_a_thousandth(dtype: torch.dtype) -> None:
    case = RecordedMusc(RECORDED)
    exact, half = [], []
    for layer in case.layers:
        for reach in case.reaches:
            vectors = unit(case.neighbourhoods(layer, reach))
            exact.append(mutual_scores(vectors.__getitem__, case.count))
            half.append(mutual_scores(vectors.to(dtype).__getitem__, case.count))
    off = (torch.stack(half).mean(dim=0) - torch.stack(exact).mean(dim=0)).abs()
    assert float(off.max()) < (1e-3 if dtype == torch.float16 else 1e-2)


def test_at_least_one_neighbour() -> None:
    assert [neighbour_count(others) for others in (1, 2, 3, 4, 9, 10, 100)] == [
        1, 1, 1, 1, 2, 3, 30,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="at least one"):
        neighbour_count(0)


def test_equal_pictures_and_zero_vectors_give_numbers() -> None:
    same = _vectors(1).expand(6, -1, -1)
    assert float(mutual_scores(same.__getitem__, 6).abs().max()) < 1e-3
    nothing = torch.zeros(3, 4, 5)
    assert torch.isfinite(mutual_scores(nothing.__getitem__, 3)).all()


def test_smoothing_clamps_the_window_and_bears_equal_scores() -> None:
    images = unit(torch.rand(4, 6, generator=torch.Generator().manual_seed(1)))
    scores = torch.tensor([0.2, 0.4, 0.9, 0.3], dtype=torch.float64)
    wide = smoothed(scores, images, [1, 50])
    assert torch.equal(wide, smoothed(scores, images, [1, 4]))
    assert torch.equal(smoothed(torch.full((4,), 0.7), images, [1, 2]), torch.zeros(4))
    opposite = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert torch.isfinite(smoothed(scores[:2], opposite, [2])).all()


def test_the_reach_is_odd() -> None:
    with pytest.raises(ValueError, match="odd"):
        aggregated(torch.zeros(1, 4, 4, 2), 2)


def test_progress_counts_every_ordered_pair_and_can_end_the_work() -> None:
    vectors = _vectors(9)
    told: list[tuple[int, int]] = []
    for memory in (12_000, 2**20):
        told.clear()
        progress = Progress(lambda *steps: told.append(steps), total=9 * 8)
        mutual_scores(vectors.__getitem__, 9, memory_bytes=memory, progress=progress)
        assert told[-1] == (72, 72) and told == sorted(told)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped, match="start it again"):
        mutual_scores(vectors.__getitem__, 9, progress=Progress(stop=stop))
    with pytest.raises(Stopped):
        scores_against(vectors[0], vectors.__getitem__, 9, progress=Progress(stop=stop))
