"""Curves and their numbers against cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from triad_ui.evaluation.metrics import auroc, curve


def found(scores: list[float], truth: list[int]):
    return curve(np.array(scores), np.array(truth, dtype=bool))


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    # defective .9 .5 .2, good .6 .5 .1: pairs won 3 + (1 + .5) + 1 = 5.5 of 9
    scores, truth = [0.9, 0.6, 0.5, 0.5, 0.2, 0.1], [1, 0, 1, 0, 1, 0]
    assert found(scores, truth).auroc == pytest.approx(5.5 / 9)
    assert auroc(-np.array(scores), np.array(truth, bool)) == pytest.approx(3.5 / 9)


def test_pairs_counted_one_by_one_on_random_scores() -> None:
    rng = np.random.default_rng(1)
    scores, truth = rng.integers(0, 12, 80) / 11, rng.random(80) < 0.4
    gap = scores[truth][:, None] - scores[~truth][None, :]
    assert auroc(scores, truth) == pytest.approx(((gap > 0) + 0.5 * (gap == 0)).mean())


def test_average_precision_and_f1_by_hand() -> None:
    curved = found([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0])
    # recall .5 at precision 1, recall 1 at precision 2/3
    assert curved.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert curved.f1_max == pytest.approx((0.8, 0.7))  # at .7: 2 * 2 / (2 + 3)


def test_area_up_to_a_limit() -> None:
    # recall 0 -> 1 straight over fall-out 0 -> 1: all scores equal
    even = found([0.5, 0.5], [1, 0])
    assert even.auroc == 0.5
    assert even.area(0.3) == pytest.approx(0.15)
    assert found([0.9, 0.1], [1, 0]).area(0.3) == pytest.approx(1.0)


def test_one_class_has_no_numbers_and_nan_is_refused() -> None:
    assert math.isnan(found([0.1, 0.2], [1, 1]).auroc)
    assert math.isnan(found([], []).average_precision)
    with pytest.raises(ValueError, match="not a number"):
        found([float("nan")], [1])
    with pytest.raises(ValueError, match="one truth a score"):
        curve(np.zeros(3), np.zeros(2, bool))
