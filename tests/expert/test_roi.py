"""Both policies: the reference's quirks on recorded maps, and what `ranked` promises anywhere."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from triad_ui.errors import RegionError
from triad_ui.expert.roi import choose, drawn, random_boxes
from triad_ui.records import Roi

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))


def _random_map(rng: np.random.Generator) -> np.ndarray:
    """Blurred noise of a random shape, with anything from no to many places above 0.5."""
    noise = rng.random((int(rng.integers(4, 70)), int(rng.integers(4, 70)))).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(0.5, 4)))
    low, high = smooth.min(), smooth.max()
    return (smooth - low) / (high - low + 1e-9) * np.float32(rng.uniform(0.3, 1.2))


def _apart(a: Roi, b: Roi) -> bool:
    return a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_faithful_equals_the_recorded_reference(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    boxes = choose(np.load(path.with_suffix(".npy")), tuple(case["size_wh"]), "faithful")
    assert [list(roi.box) for roi in boxes] == case["boxes_crop_xyxy"]


def test_recorded_cases_are_there() -> None:
    assert len(RECORDED) >= 3


def test_ranked_holds_its_promises_on_any_map() -> None:
    rng = np.random.default_rng(11)
    several = 0
    for _ in range(300):
        values = _random_map(rng)
        size = int(rng.integers(8, 1500)), int(rng.integers(8, 1500))
        before = values.copy()
        rois = choose(values, size)
        assert rois == choose(values, size) and np.array_equal(values, before)
        assert len(rois) <= 4 and bool(rois) == bool((values > 0.5).any())
        several += len(rois) > 1
        short = min(size)
        for roi in rois:
            assert 0 <= roi.x0 < roi.x1 <= size[0] and 0 <= roi.y0 < roi.y1 <= size[1]
            w, h = roi.x1 - roi.x0, roi.y1 - roi.y0
            assert w == h or min(w, h) == short  # square unless the image is too narrow for it
            assert min(w, h) >= min(short, short // 8)
            assert 0.5 < roi.score <= 1 and roi.source == "expert"
        assert [r.score for r in rois] == sorted((r.score for r in rois), reverse=True)
        assert all(_apart(a, b) for a, b in itertools.combinations(rois, 2))
    assert several > 30  # the maps above do exercise the merging


def test_ranked_covers_the_peak_and_is_square() -> None:
    values = np.zeros((32, 48), dtype=np.float32)
    values[20:22, 30] = 0.9
    values[3, 4] = 0.6
    first, second = choose(values, (960, 640))
    assert (first.score, second.score) == (pytest.approx(0.9), pytest.approx(0.6))
    assert first.x0 <= 600 and first.x1 >= 620 and first.y0 <= 400 and first.y1 >= 440
    assert first.x1 - first.x0 == first.y1 - first.y0 == 80


def test_ranked_unites_neighbours_and_keeps_four() -> None:
    values = np.zeros((40, 40), dtype=np.float32)
    values[5, 5], values[5, 8] = 0.7, 0.8  # frames would overlap
    (only,) = choose(values, (400, 400))
    assert only.score == pytest.approx(0.8) and only.x0 <= 50 and only.x1 >= 90
    values[:] = 0
    for index, place in enumerate(itertools.product((5, 20, 35), (5, 35))):
        values[place] = 0.6 + index / 100
    rois = choose(values, (400, 400))
    assert [round(r.score, 2) for r in rois] == [0.65, 0.64, 0.63, 0.62]
    assert len(choose(values, (400, 400), limit=2)) == 2 and choose(values, (9, 9), limit=0) == ()


def test_a_clean_map_has_regions_only_in_the_reference() -> None:
    calm = np.linspace(0, 0.5, 64, dtype=np.float32).reshape(8, 8)
    assert choose(calm, (800, 800)) == ()
    assert choose(calm, (800, 800), "faithful") != ()
    assert choose(np.full((8, 8), 0.3, np.float32), (800, 800), "faithful") == ()


def test_what_cannot_be_a_map_is_refused() -> None:
    with pytest.raises(ValueError, match="map"):
        choose(np.zeros((2, 2, 3), np.float32), (10, 10))
    with pytest.raises(ValueError, match="policy"):
        choose(np.zeros((2, 2), np.float32), (10, 10), "other")


def test_random_boxes_are_inside_and_repeatable() -> None:
    boxes = random_boxes((1000, 500), 4, seed=5)
    assert boxes == random_boxes((1000, 500), 4, seed=5) != random_boxes((1000, 500), 4, seed=6)
    for roi in boxes:
        assert roi.x1 - roi.x0 == roi.y1 - roi.y0 == 384 and roi.score is None
        assert roi.x0 >= 0 and roi.x1 <= 1000 and roi.y0 >= 0 and roi.y1 <= 500
    assert random_boxes((300, 200), 1, seed=0)[0].box == (0, 0, 300, 200)


def test_null_draws_one_to_four_boxes_whatever_the_map() -> None:
    counts = set()
    for seed in range(60):
        rois = choose(np.zeros((8, 8), np.float32), (1000, 700), "null", seed=seed)
        assert rois == choose(np.ones((5, 9), np.float32), (1000, 700), "null", seed=seed)
        assert all(roi.source == "random" and roi.score is None for roi in rois)
        counts.add(len(rois))
    assert counts == {1, 2, 3, 4}
    assert len(choose(np.zeros((8, 8), np.float32), (1000, 700), "null", limit=1)) == 1


def test_anyres_has_no_regions() -> None:
    assert choose(np.ones((8, 8), np.float32), (1000, 700), "anyres") == ()


def test_drawn_boxes_are_cut_at_the_border_and_nothing_else() -> None:
    found = Roi(10, 20, 110, 120, 0.8)
    rois = drawn([(10, 20, 110, 120), (-30, 590.6, 5.4, 9999)], (800, 600), [found])
    assert rois == (found, Roi(0, 591, 5, 600, source="user"))
    assert drawn([(0, 0, 800, 600)], (800, 600)) == (Roi(0, 0, 800, 600, source="user"),)
    assert drawn([], (800, 600)) == ()
    assert drawn([(0, 0, 3, 2)], (3, 2)) == (Roi(0, 0, 3, 2, source="user"),)  # a tiny picture


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        ([(0, 0, 9, 9)] * 5, "5 regions"),
        ([(5, 5, 5, 50)], "too little"),
        ([(50, 50, 5, 5)], "too little"),
        ([(0, 0, 3, 90)], "too little"),
        ([(900, 0, 990, 50)], "too little"),
        ([(798, 0, 990, 50)], "too little"),  # what is left inside counts
        ([(0, 0, 9, 9), (1, 2, 3)], "Region 2"),
        ([(0, 0, "wide", 9)], "four numbers"),
        ([(0, 0, float("nan"), 9)], "four numbers"),
        ([(0, 0, float("inf"), 9)], "four numbers"),
        ([None], "four numbers"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_in_words(boxes: list, said: str) -> None:
    with pytest.raises(RegionError, match=said):
        drawn(boxes, (800, 600))
