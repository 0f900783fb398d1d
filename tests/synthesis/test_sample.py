from __future__ import annotations

import numpy as np
import pytest

from tests.synthesis import fakes
from triad_ui.instruct.attributes import differing
from triad_ui.records import LOCATIONS
from triad_ui.synthesis import families as catalogue
from triad_ui.synthesis.sample import Sample, location_of, make_pair, make_sample
from triad_ui.synthesis.surface import SURFACE_KINDS

SIZE = 128


@pytest.fixture
def fake_families(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "FAMILIES", fakes.FAMILIES)


def _equal(a: Sample, b: Sample) -> bool:
    return (
        np.array_equal(a.query, b.query)
        and np.array_equal(a.mask, b.mask)
        and all(np.array_equal(x, y) for x, y in zip(a.references, b.references, strict=True))
        and (a.process, a.label, a.kind, a.location) == (b.process, b.label, b.kind, b.location)
    )


@pytest.mark.parametrize("seed", range(6))
def test_a_seed_is_a_sample(seed: int):
    assert _equal(make_sample(seed, size=SIZE), make_sample(seed, size=SIZE))


def test_seeds_differ(fake_families: None):
    assert not np.array_equal(make_sample(1, size=SIZE).query, make_sample(2, size=SIZE).query)


def test_one_more_reference_changes_nothing_else(fake_families: None):
    few, many = (make_sample(5, size=SIZE, references=n) for n in (1, 3))
    assert len(many.references) == 3
    assert np.array_equal(few.query, many.query)
    assert np.array_equal(few.references[0], many.references[0])
    assert make_sample(5, size=SIZE, references=0).references == ()


def test_the_truth_is_whole_and_balanced(fake_families: None):
    samples = [make_sample(seed, size=SIZE, references=0) for seed in range(240)]
    normal = [s for s in samples if s.label == "normal"]
    logical = [s for s in samples if s.logical]
    assert 90 <= len(normal) <= 150
    assert 40 <= len(logical) <= 85
    assert 0.3 < np.mean([s.flipped for s in logical]) < 0.7
    assert np.mean([s.flipped for s in normal]) <= 0.15
    for s in samples:
        assert s.query.shape == (SIZE, SIZE, 3) and s.query.dtype == np.uint8
        assert s.mask.shape == (SIZE, SIZE) and s.mask.dtype == bool
        if s.label == "normal":
            assert not s.mask.any() and not s.kind and s.location is None and s.step is None
            continue
        assert s.mask.any() and s.location in LOCATIONS and s.location == location_of(s.mask)
        assert 1 <= s.step <= len(s.process.steps)
        assert bool(s.expected) == bool(s.observed) == s.logical
        assert (s.kind in SURFACE_KINDS) != s.logical


def test_location_names():
    mask = np.zeros((90, 90), bool)
    assert location_of(mask) is None
    for index, name in enumerate(LOCATIONS):
        mask[:] = False
        row, column = divmod(index, 3)
        mask[30 * row + 5 : 30 * row + 20, 30 * column + 12 : 30 * column + 28] = True
        assert location_of(mask) == name


@pytest.mark.parametrize("seed", range(5))
def test_a_flip_shows_the_same_product_in_the_reference(seed: int, fake_families: None):
    """The disc's colour: unflipped, query and reference differ; flipped, only the order does."""
    for flip in (False, True):
        s = make_sample(seed, size=SIZE, families=["disc"], defect="logical", flip=flip)
        assert s.flipped == flip and s.label == "defective"
        if s.kind != "wrong colour":
            continue
        gap = np.abs(s.query.astype(float).mean((0, 1)) - s.references[0].mean((0, 1))).max()
        assert (gap < 9) == flip


def test_a_pair_shares_its_pictures_and_not_its_verdict(fake_families: None):
    bad, good = make_pair(11, size=SIZE)
    assert np.array_equal(bad.query, good.query)
    assert bad.references[0] is good.references[0]
    assert (bad.label, good.label) == ("defective", "normal")
    assert bad.process.text != good.process.text
    assert not good.mask.any() and good.step is None and good.kind == ""


def test_an_asked_kind_is_drawn(fake_families: None):
    for kind in SURFACE_KINDS:
        s = make_sample(4, size=SIZE, defect="surface", kind=kind)
        assert s.kind == kind and s.mask.any() and not s.logical


@pytest.mark.parametrize("name", sorted(catalogue.FAMILIES))
def test_families_give_all_three_sorts(name: str):
    for defect in ("none", "surface", "logical"):
        s = make_sample(9, size=SIZE, families=[name], defect=defect)
        assert s.family == name
        assert (s.label == "normal") == (defect == "none")
        assert s.mask.any() == (defect != "none")


def test_good_shots_differ_as_much_as_small_defects(fake_families: None):
    """A naive pixel difference must not be enough: good pairs differ somewhere, strongly."""
    peaks = []
    for seed in range(20):
        s = make_sample(seed, size=SIZE, families=["disc"], defect="none", flip=False)
        peaks.append(np.abs(s.query.astype(int) - s.references[0]).max(axis=2).max())
    assert np.median(peaks) > 40


def test_what_is_shown_and_what_is_ordered_line_up(fake_families: None):
    for seed in range(40):
        s = make_sample(seed, size=SIZE, references=0)
        apart = differing(s.ordered, s.attributes)
        assert s.attributes and {(a or b).step for a, b in apart} == (
            {s.step} if s.logical else set()
        )
    bad, good = make_pair(11, size=SIZE)
    assert bad.attributes == good.attributes == good.ordered != bad.ordered


def test_a_grey_camera_says_so(fake_families: None):
    grey = [make_sample(seed, size=SIZE, references=0) for seed in range(80)]
    for s in grey:
        colourless = bool((np.ptp(s.query.astype(int), axis=2) <= 2).all())
        assert s.grey == colourless
    assert any(s.grey for s in grey)
    told = [make_sample(seed, size=SIZE, defect="logical", references=0) for seed in range(80)]
    assert not any(s.grey for s in told if s.kind == "wrong colour")


def test_unknown_family_is_refused():
    with pytest.raises(KeyError):
        make_sample(1, size=SIZE, families=["unicorn"])
