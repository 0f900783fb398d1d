"""Scales against an expert that can be worked out by hand: the grey level itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from triad_ui.expert import calibration
from triad_ui.expert.calibration import Scales, calibrated, changed, leave_one_out_scale
from triad_ui.records import ImageRecord, Picture, Scale, Subject


def _grey(level: int, name: str = "") -> Picture:
    rgb = np.full((20, 30, 3), level, dtype=np.uint8)
    return Picture(ImageRecord(name or f"grey{level}", "g", 30, 20, "RGB 8-bit"), rgb)


def _raw(query: Picture, references: Sequence[Picture]) -> tuple[np.ndarray, float]:
    """How far the grey is from the nearest reference's: on the map, and twice that as the score."""
    gap = min(abs(int(query.rgb[0, 0, 0]) - int(r.rgb[0, 0, 0])) for r in references)
    return np.full((2, 3), gap, dtype=np.float32), 2.0 * gap


def test_each_reference_is_left_out_in_turn() -> None:
    # nearest neighbours at 100: 10; at 110: 10; at 150: 40
    scale = leave_one_out_scale(_raw, [_grey(100), _grey(110), _grey(150)], gain=1.5)
    assert scale == Scale(place=60.0, image=120.0)
    with pytest.raises(ValueError, match="two different"):
        leave_one_out_scale(_raw, [_grey(100), _grey(100)])


def test_of_many_references_only_some_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def raw(query: Picture, references: Sequence[Picture]) -> tuple[np.ndarray, float]:
        asked.append(query.key)
        assert len(references) == 29 and query.key not in {r.key for r in references}
        return _raw(query, references)

    leave_one_out_scale(raw, [_grey(level) for level in range(30)])
    assert len(asked) == calibration.MOST_LEFT_OUT and len(set(asked)) == len(asked)


def test_equal_references_still_give_a_scale_above_zero() -> None:
    scale = leave_one_out_scale(_raw, [_grey(100, "a"), _grey(100, "b")])
    assert scale.place > 0 and scale.image > 0


def test_which_scale_counts() -> None:
    fixed, stored = Scale(7.0, 8.0), Scale(3.0, 4.0)
    subject = Subject(scale=stored)
    scales = Scales(fixed)
    two = [_grey(100), _grey(110)]
    assert scales.of(_raw, two, subject) == (leave_one_out_scale(_raw, two), True)
    assert scales.of(_raw, two[:1], subject, copies=True) == (stored, True)
    assert scales.of(_raw, [], subject) == (stored, True)
    assert scales.of(_raw, two[:1]) == (fixed, False)
    assert scales.of(_raw, [], copies=True) == (fixed, False)
    made, known = scales.of(_raw, two[:1], copies=True)
    # the brighter and the darker copy are 10 away from 100
    assert known and made == Scale(calibration.SELF_GAIN * 10, calibration.SELF_GAIN * 20)


def test_a_scale_is_worked_out_once() -> None:
    calls: list[str] = []

    def raw(query: Picture, references: Sequence[Picture]) -> tuple[np.ndarray, float]:
        calls.append(query.key)
        return _raw(query, references)

    scales = Scales(Scale(1.0, 1.0))
    first = scales.of(raw, [_grey(100), _grey(110)])
    assert scales.of(raw, [_grey(110), _grey(100), _grey(110)]) == first and len(calls) == 2


def test_the_scale_lies_at_a_half() -> None:
    raw_map = np.array([[0.0, 0.2], [0.4, 0.8]], dtype=np.float32)
    found = calibrated(raw_map, 0.3, Scale(0.4, 0.3), expert="e@1", known=False, basis="pool")
    assert found.values[1, 0] == pytest.approx(0.5) and found.score == pytest.approx(0.5)
    assert found.values[0, 0] == 0 and found.values[0, 1] < 0.5 < found.values[1, 1]
    assert not found.calibrated and found.basis == "pool" and found.expert == "e@1"


def test_changed_copies_differ_and_have_keys_of_their_own() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 255, (66, 99, 3), dtype=np.uint8)
    picture = Picture(ImageRecord("x", "x", 99, 66, "RGB 8-bit"), rgb)
    copies = list(calibration.changed_pictures(picture))
    assert len({c.key for c in copies} | {picture.key}) == 7
    for copy, again in zip(copies, changed(rgb)):
        assert np.array_equal(copy.rgb, again) and copy.rgb.dtype == np.uint8
        assert copy.record.size == copy.rgb.shape[1::-1]
        assert copy.rgb.shape != rgb.shape or not np.array_equal(copy.rgb, rgb)
