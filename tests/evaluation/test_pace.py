"""Time left: of what was measured, not of what was taken from a record."""

from __future__ import annotations

import pytest

from triad_ui.evaluation.pace import Pace, in_words


def test_time_left_follows_what_was_measured() -> None:
    pace = Pace(10)
    assert pace.seconds_left is None
    pace.step(None)
    assert pace.seconds_left is None
    pace.step(2.0)
    pace.step(4.0)
    assert pace.seconds_left == pytest.approx(7 * 3.0)


def test_a_machine_that_got_slower_is_noticed() -> None:
    pace = Pace(200)
    for _ in range(100):
        pace.step(1.0)
    for _ in range(50):
        pace.step(3.0)
    assert pace.seconds_left == pytest.approx(50 * 3.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.2, ", about 1 s left"), (60, ", about 60 s left"),
     (300, ", about 5 min left"), (9000, ", about 2.5 h left")],
)  # fmt: skip
def test_in_words(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words
