"""A threshold becomes 0.5, order and ends stay, and the last one set is the one that counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from triad_ui.errors import ExpertError
from triad_ui.expert.threshold import LEAST, MOST, at_threshold, moved
from triad_ui.records import AnomalyMap

VALUES = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
MAP = AnomalyMap(VALUES, 0.3, True, "e@1", "pool", (("dent", 0.5),))


@pytest.mark.parametrize("threshold", [LEAST, 0.2, 0.5, 0.9, MOST])
def test_the_threshold_is_what_becomes_one_half(threshold: float) -> None:
    found = at_threshold(replace(MAP, score=threshold), threshold)
    assert found.score == pytest.approx(0.5, abs=1e-12)
    assert found.values.dtype == np.float32
    assert found.values[0, 0] == 0 and found.values[-1, -1] == 1
    assert (np.diff(found.values.ravel()) > 0).all()
    assert ((found.values >= 0.5) == (threshold <= VALUES)).all()
    assert (found.expert, found.basis, found.kinds, found.calibrated) == (
        "e@1", "pool", (("dent", 0.5),), True,
    )  # fmt: skip
    assert found.threshold == threshold


def test_the_formula_is_that_of_odds() -> None:
    found = at_threshold(MAP, 0.8)
    inner = VALUES.ravel()[1:-1].astype(float)
    odds = inner / (1 - inner) / (0.8 / 0.2)
    assert found.values.ravel()[1:-1] == pytest.approx(odds / (1 + odds), abs=1e-6)
    assert moved(np.array([0.8, 0.0, 1.0]), 0.8) == pytest.approx([0.5, 0, 1])


def test_the_last_threshold_counts_and_one_half_undoes() -> None:
    twice = at_threshold(at_threshold(MAP, 0.9), 0.3)
    assert twice.values == pytest.approx(at_threshold(MAP, 0.3).values, abs=1e-6)
    back = at_threshold(twice, 0.5)
    assert back.values == pytest.approx(VALUES, abs=1e-6)
    assert back.score == pytest.approx(0.3)
    assert back.threshold == 0.5
    assert at_threshold(MAP, 0.5) is MAP


@pytest.mark.parametrize("wrong", [0.0, 1.0, -1, 2, float("nan"), float("inf")])
def test_a_threshold_that_would_blind_the_expert_is_refused(wrong: float) -> None:
    with pytest.raises(ExpertError, match=r"0\.001 to 0\.999"):
        at_threshold(MAP, wrong)
