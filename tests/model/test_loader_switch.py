"""Switching, cancelling and unloading: the old model answers until a better one may."""

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
