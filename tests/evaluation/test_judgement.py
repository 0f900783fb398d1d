"""Measures of decisions against cases counted by hand."""

from __future__ import annotations

import math

import pytest

from triad_ui.evaluation.judgement import Judgement, judge

D, G = True, False


def test_counted_by_hand() -> None:
    # 5 defective: 3 found, 1 missed, 1 undecided. 4 good: 2 right, 1 called, 1 undecided.
    judged = judge(
        [(D, True), (D, True), (D, True), (D, False), (D, None),
         (G, False), (G, False), (G, True), (G, None)]
    )  # fmt: skip
    assert judged == Judgement(3, 5, 2, 4, undecided=2, undecided_good=1)
    assert judged.recall == pytest.approx(3 / 5)
    assert judged.tnr == pytest.approx(2 / 4)
    assert judged.accuracy == pytest.approx(5 / 9)
    assert judged.balanced_accuracy == pytest.approx(0.55)
    assert judged.precision == pytest.approx(3 / 4)


def test_undecided_everywhere_is_right_nowhere_and_calls_nothing() -> None:
    judged = judge([(D, None), (G, None)])
    assert (judged.accuracy, judged.recall, judged.tnr, judged.undecided) == (0, 0, 0, 2)
    assert math.isnan(judged.precision)


def test_one_class_has_no_balanced_accuracy() -> None:
    judged = judge([(D, True), (D, False)])
    assert judged.accuracy == 0.5
    assert judged.precision == 1
    assert math.isnan(judged.tnr)
    assert math.isnan(judged.balanced_accuracy)
    assert math.isnan(judge([]).accuracy)


def test_sets_are_added() -> None:
    one, other = judge([(D, True), (G, None)]), judge([(D, False), (G, False)])
    assert one + other == judge([(D, True), (G, None), (D, False), (G, False)])
