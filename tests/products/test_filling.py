"""Filling a pool in the background: progress, cancel, one at a time, and what is said of it."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from triad_ui.errors import ExpertError, ImageError
from triad_ui.products.filling import Filling, in_words
from triad_ui.products.pools import Added, Report


class Prepared:
    """Stands for the products: notes what an expert was let look at."""

    def __init__(self) -> None:
        self.looked: list[tuple[str, str]] = []

    def prepare_pool(self, product: str, expert: str, report: Report, stop: threading.Event) -> int:
        report(0.5, "Looking at picture 1 of 2")
        self.looked.append((product, expert))
        return 2


def two(report: Report, stop: threading.Event) -> Added:
    report(0.5, "Reading picture 2 of 2")
    return Added(2, 0, (), False, 2)


def test_a_pool_is_filled_and_looked_at() -> None:
    products, ended = Prepared(), threading.Event()
    filling = Filling(lambda: products)  # type: ignore[arg-type,return-value]
    filling.start("plate", two, "musc", ended.set)
    state = filling.wait(20)
    assert (state.phase, state.product, state.message) == ("done", "plate", "2 added.")
    assert products.looked == [("plate", "musc")] and ended.is_set()


def test_one_at_a_time_and_cancel_keeps_what_was_read() -> None:
    begun = threading.Event()

    def until_stopped(report: Report, stop: threading.Event) -> Added:
        report(0.1, "Reading picture 1 of 9")
        begun.set()
        assert stop.wait(20)
        return Added(1, 0, (), True, 1)

    products = Prepared()
    filling = Filling(lambda: products)  # type: ignore[arg-type,return-value]
    filling.start("plate", until_stopped, "musc")
    assert begun.wait(20) and filling.state().message == "Reading picture 1 of 9"
    with pytest.raises(ExpertError, match="pool of plate is being filled"):
        filling.start("cap", two, "musc")
    filling.stop()
    assert filling.state().phase in ("stopping", "done")
    assert filling.wait(20).message == "Cancelled; 1 added." and products.looked == []
    filling.stop()
    assert filling.state().phase == "done"


@pytest.mark.parametrize(
    ("error", "said"),
    [(ImageError("There is no picture in it. Name another."), "There is no picture in it"),
     (ZeroDivisionError(), "under reference")],
)  # fmt: skip
def test_a_failure_is_told(error: Exception, said: str) -> None:
    def fails(report: Report, stop: threading.Event) -> Added:
        raise error

    ended = threading.Event()
    filling = Filling(lambda: SimpleNamespace())  # type: ignore[arg-type,return-value]
    filling.start("plate", fails, "musc", ended.set)
    state = filling.wait(20)
    assert state.phase == "failed" and said in state.message and ended.is_set()


def test_what_is_said() -> None:
    assert in_words(Added(0, 1, (), False, 1)) == "0 added. 1 was in the pool already."
    skipped = tuple((f"{n}.png", "Broken.") for n in range(5))
    assert in_words(Added(3, 2, skipped, False, 5)) == (
        "3 added. 2 were in the pool already. 5 left out. 0.png: Broken.; 1.png: Broken.; "
        "2.png: Broken. And 2 more."
    )
