"""Escape and overkill, their intervals, and which threshold is proposed."""

from __future__ import annotations

import pytest

from triad_ui.evaluation.threshold import Share, at, curve, suggest


def test_what_lies_on_the_threshold_is_called_good() -> None:
    point = at(0.5, good=[0.1, 0.5, 0.6], bad=[0.5, 0.9])
    assert (point.escape.count, point.escape.of) == (1, 2)  # type: ignore[union-attr]
    assert (point.overkill.count, point.overkill.of) == (1, 3)  # type: ignore[union-attr]
    assert at(0.5, good=[], bad=[0.9]).overkill is None


def test_interval_is_wilsons() -> None:
    # 95 % for 0 of 10: 0 to z^2 / (n + z^2) = 0.2775
    none = Share(0, 10)
    assert (none.low, none.high) == (0.0, pytest.approx(0.27753, abs=1e-4))
    half = Share(5, 10)
    assert (half.low, half.high) == (
        pytest.approx(0.2366, abs=1e-4),
        pytest.approx(0.7634, abs=1e-4),
    )


def test_the_threshold_that_parts_both_is_proposed_between_them() -> None:
    chosen = suggest([0.1, 0.2], [0.7, 0.9])
    assert chosen is not None
    assert chosen.point.threshold == 0.5  # of all that part them, the nearest to the default
    assert suggest([0.6, 0.7], [0.8, 0.9]).point.threshold == pytest.approx(0.75)  # type: ignore[union-attr]


def test_good_parts_alone_allow_five_per_cent_overkill() -> None:
    good = [number / 100 for number in range(100)]
    chosen = suggest(good, [])
    assert chosen is not None
    assert chosen.point.overkill is not None and chosen.point.overkill.value <= 0.05
    assert chosen.point.escape is None
    assert suggest([], [0.5]) is None


def test_curve_runs_from_all_to_none() -> None:
    points = curve([0.2], [0.8])
    assert len(points) == 101
    assert (points[0].overkill.value, points[0].escape.value) == (1.0, 0.0)  # type: ignore[union-attr]
    assert (points[-1].overkill.value, points[-1].escape.value) == (0.0, 1.0)  # type: ignore[union-attr]
