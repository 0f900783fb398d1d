"""MuSc as an expert: from one picture up, against a pool looked at once, in bounded memory."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.expert.drawn_parts import plate
from triad_ui.errors import ExpertError
from triad_ui.expert.musc import FEW, MuscExpert
from triad_ui.expert.musc_pool import PicturePool
from triad_ui.expert.musc_sight import Seen, Sight
from triad_ui.expert.mutual_scoring import unit
from triad_ui.expert.progress import Stopped
from triad_ui.records import Picture, Scale, Subject

GRID, CHANNELS = 8, 12


class Looking:
    """A network of one random matrix: 8 x 8 patches; it counts the pictures that it is shown."""

    def __init__(self) -> None:
        self.count = 0
        self._mix = torch.randn(27, CHANNELS, generator=torch.Generator().manual_seed(3))

    def __call__(self, rgb: np.ndarray) -> Seen:
        self.count += 1
        small = cv2.resize(rgb, (3 * GRID, 3 * GRID), interpolation=cv2.INTER_AREA)
        cells = torch.from_numpy(small.astype(np.float32) / 255 - 0.5)
        patches = cells.unfold(0, 3, 3).unfold(1, 3, 3).reshape(GRID, GRID, 27)
        features = {1: patches @ self._mix, 2: (patches @ self._mix).tanh()}
        return features, unit(features[1].mean(dim=(0, 1)))


@pytest.fixture
def looking() -> Looking:
    return Looking()


def musc(looking: Looking, memory_bytes: int = 2**24, cache: Path | None = None) -> MuscExpert:
    sight = Sight("musc-tiny", "1", looking, 3 * GRID, (1, 2), (1, 3), kept=np.float32)
    return MuscExpert(sight, cache=cache, memory_bytes=memory_bytes)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 9])
def test_it_works_from_one_picture_up_and_is_never_nan(looking: Looking, count: int) -> None:
    expert = musc(looking)
    pool = [plate(seed) for seed in range(count)]
    found = expert.score(plate(50, scratch=True), [], pool)
    assert np.isfinite(found.values).all() and 0 <= found.score <= 1
    assert found.basis == ("pool" if count else "single image") and not found.calibrated
    batch = expert.score_batch([*pool, plate(50, scratch=True)])
    assert len(batch.maps) == count + 1 and np.isfinite(batch.ranked).all()
    assert all(np.isfinite(amap.values).all() for amap in batch.maps)
    assert bool(batch.note) == (count + 1 < FEW)


def test_a_scratch_stands_out_of_a_pool(looking: Looking) -> None:
    expert = musc(looking)
    pool = [plate(seed) for seed in range(12)]
    good = [expert.score(plate(seed), [], pool).score for seed in range(30, 34)]
    bad = expert.score(plate(40, scratch=True), [], pool)
    assert bad.score > 1.2 * max(good)
    y, x = np.unravel_index(bad.values.argmax(), bad.values.shape)
    height, width = bad.values.shape
    assert 0.4 < (x + 0.5) / width < 0.65 and 0.4 < (y + 0.5) / height < 0.6


def test_a_batch_and_its_pictures_one_by_one_score_alike(looking: Looking) -> None:
    expert = musc(looking)
    pictures = [plate(seed, scratch=seed == 2) for seed in range(7)]
    batch = expert.score_batch(pictures)
    for number, picture in enumerate(pictures):
        values, score = expert.raw(picture, [], pictures)  # itself does not count
        assert abs(score - batch.raw[number]) < 1e-5
        assert np.isfinite(values).all()
    twice = expert.score_batch([*pictures, pictures[2]])
    np.testing.assert_allclose(twice.raw[:7], batch.raw, atol=1e-6)
    assert twice.raw[7] == twice.raw[2]


def test_a_new_picture_costs_one_look_and_one_comparison_with_each(looking: Looking) -> None:
    expert = musc(looking)
    pool = [plate(seed) for seed in range(6)]
    told: list[tuple[int, int]] = []
    expert.prepare(pool, report=lambda *each: told.append(each))
    assert told == [(number, 6) for number in range(1, 7)] and looking.count == 6
    totals = []
    for count in (3, 6):
        told.clear()
        expert.raw(plate(20 + count), [], pool[:count], report=lambda *each: told.append(each))
        assert told[-1][0] == told[-1][1]
        totals.append(told[-1][1])
    assert looking.count == 8
    assert totals == [1 + 3 * 5, 1 + 6 * 5]  # a look, and for each member one and four ways


def ample_vectors(count: int) -> int:
    """Bytes of the vectors of `count` pictures in all four ways."""
    return count * 4 * GRID * GRID * CHANNELS * 4


def test_memory_holds_neither_pictures_nor_more_vectors_than_allowed(
    looking: Looking, tmp_path: Path
) -> None:
    alive: list[weakref.ref] = []

    def opened(number: int) -> Picture:
        picture = plate(number)
        alive.append(weakref.ref(picture.rgb))
        return picture

    keys = [plate(number).key for number in range(8)]
    pool = PicturePool(keys, opened)
    little = 2**17  # a third of what the vectors of eight pictures take
    scarce, ample = musc(looking, little, tmp_path), musc(Looking())
    found = scarce.raw(plate(30), [], pool)
    gc.collect()
    assert len(alive) == 8 and not any(pixels() is not None for pixels in alive)
    assert 0 < scarce._looks._bytes <= little // 4 < ample_vectors(8)
    assert 0 < scarce._looks._features._bytes <= little // 4
    expected = ample.raw(plate(30), [], pool)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
    with pytest.raises(ExpertError, match="Allow more, or take fewer pictures"):
        musc(looking, 2000).raw(plate(30), [], pool)


def test_stopped_work_goes_on_from_where_it_was(looking: Looking) -> None:
    expert, stop = musc(looking), threading.Event()
    pool = [plate(seed) for seed in range(6)]

    def third(done: int, total: int) -> None:
        if done == 3:
            stop.set()

    with pytest.raises(Stopped):
        expert.prepare(pool, report=third, stop=stop)
    assert looking.count == 3
    expert.prepare(pool)
    assert looking.count == 6
    stop.clear()
    with pytest.raises(Stopped):  # while it compares, not only while it looks
        expert.score(
            plate(9), [], pool, report=lambda done, total: done > 9 and stop.set(), stop=stop
        )
    assert looking.count == 7


@pytest.mark.parametrize("good", [0, 1, 3])
def test_progress_tells_the_work_for_the_scale_too(looking: Looking, good: int) -> None:
    expert, told = musc(looking), []
    pictures = [plate(seed) for seed in range(8)]
    for _ in range(2):  # the second time the scale is there
        told.append([])
        expert.score(
            plate(30), pictures[:good], pictures[good:],
            report=lambda done, total: told[-1].append((done, total)),
        )  # fmt: skip
        steps, totals = zip(*told[-1], strict=True)
        assert list(steps) == sorted(steps) and len(set(totals)) == 1
        assert 0.75 * totals[0] <= steps[-1] <= totals[0]
    assert told[0][-1][1] > 3 * told[1][-1][1]


def test_where_the_scale_comes_from(looking: Looking) -> None:
    expert, query = musc(looking), plate(9)
    pool = [plate(seed) for seed in range(7)]
    raw, score = expert.raw(query, [], pool)
    stored = Subject(scale=Scale(float(raw.max()), score))
    found = expert.score(query, [], pool, stored)
    assert found.calibrated and abs(found.score - 0.5) < 1e-6 and found.values.max() == 0.5
    usual = expert.score(query, [], pool)
    assert not usual.calibrated and usual.values.max() < 0.5
    told = expert.score(query, pool[:3], pool[3:], stored)
    assert told.calibrated and told.basis == "references" and told.score != found.score
