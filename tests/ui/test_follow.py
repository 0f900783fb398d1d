"""Following work: quick work tells nothing, long work how far it is, closing ends it."""

from __future__ import annotations

import threading

import pytest

from triad_ui.errors import ExpertError
from triad_ui.ui.follow import Ended, Report, Step, followed


def test_quick_work_tells_no_step() -> None:
    assert list(followed(lambda report, stop: 7)) == [Ended(7)]


def test_long_work_tells_how_far_it_is() -> None:
    go = threading.Event()

    def work(report: Report, stop: threading.Event) -> str:
        report(0.5, "Comparing")
        assert go.wait(20)
        return "done"

    seen = []
    for step in followed(work, patience=0.05, every=0.01):
        seen.append(step)
        if step == Step(0.5, "Comparing"):
            go.set()
    assert seen[-1] == Ended("done") and Step(0.5, "Comparing") in seen


def test_closing_ends_the_work_and_waits_for_it() -> None:
    ended = []

    def work(report: Report, stop: threading.Event) -> None:
        ended.append(stop.wait(20))

    steps = followed(work, patience=0.01)
    assert next(steps) == Step()
    steps.close()  # type: ignore[attr-defined]
    assert ended == [True]


def test_an_error_reaches_who_follows() -> None:
    def work(report: Report, stop: threading.Event) -> None:
        raise ExpertError("It cannot be scored. Take another.")

    with pytest.raises(ExpertError, match="cannot be scored"):
        list(followed(work))
