"""Loads language models in the background, one at a time, and says how far it is.

The page asks `status()` as often as it likes; whoever needs the model calls `current()`. The model
that answers stays until the next one has been loaded and has passed its test; a failure leaves
everything as it was and can be tried again. A conversation under way holds its own reference: it
ends on the model on which it began.
Knows nothing of what is loaded: the work is one function that reports its progress, the test
another.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import replace

from triad_ui.errors import ModelNotReady, TriadError
from triad_ui.model.choice import ModelChoice
from triad_ui.model.language_model import LanguageModel
from triad_ui.model.presets import settings_for
from triad_ui.model.status import EngineStatus

_LOG = logging.getLogger(__name__)

Report = Callable[[EngineStatus], None]
"""Takes state, message and fraction of a stage. Raises Cancelled once nobody wants the model:
whoever reports at least once a second can be cancelled within a second."""

EMBEDDED = ModelChoice()
ABSENT = "No language model is set up: heat maps and regions work, the chat does not."
STARTING = "Starting the language model ..."
UNLOADED = (
    "The language model was unloaded: heat maps, regions and past conversations are there, new "
    "answers need a model. Load one."
)
BROKEN = (
    "The language model could not be loaded; the log has the reason. "
    "Heat maps work; press Load again once it is mended."
)
CANCELLED = "Loading was cancelled. Load it again whenever you like; what was fetched is kept."


class Cancelled(Exception):
    """Nobody waits for this model any more."""


class ModelLoader:
    """At most one model that answers and at most one that is on its way.

    load: makes a model of a choice. first: what `start()` loads; None: nothing. test: raises
    TriadError for a model that must not be trusted; None: every model is taken (for tests and
    measurements with random weights).
    """

    def __init__(
        self,
        load: Callable[[ModelChoice, Report], LanguageModel],
        first: ModelChoice | None = EMBEDDED,
        *,
        test: Callable[[ModelChoice, LanguageModel, Report], None] | None = None,
    ) -> None:
        self._load = load
        self._first = self._last = first
        self._test = test
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._cancelled = threading.Event()
        self._model: LanguageModel | None = None
        self._answering: EngineStatus | None = None
        self._status = EngineStatus("absent", STARTING if first else ABSENT, choice=first)

    def start(self) -> None:
        """Load what was chosen last, unless it is there or on its way; returns at once."""
        with self._changed:
            if self._last and self._status.state in ("absent", "failed"):
                self._begin(self._last)

    def switch(self, choice: ModelChoice) -> None:
        """Load another model; the one that answers stays until it is there. Returns at once.

        What is under way is given up for it.
        """
        with self._changed:
            self._cancelled.set()
            self._begin(choice)

    def unload(self) -> None:
        """Give up the model and its memory, and what is under way."""
        with self._changed:
            self._cancelled.set()
            if self._answering is not None:
                self._last = self._answering.choice
            self._model = self._answering = None
            self._show(EngineStatus("absent", UNLOADED))
        release()

    def cancel(self) -> None:
        """Give up what is under way, or put aside that it failed; the model that answers stays."""
        with self._changed:
            if self._status.under_way:
                self._cancelled.set()
                self._show(self._answering or EngineStatus("absent", CANCELLED))
            elif self._status.state == "failed" and self._answering:
                self._show(self._answering)

    def wait(self, timeout: float | None = None) -> EngineStatus:
        """Wait until nothing is under way, at most `timeout` seconds; the status then."""
        with self._changed:
            self._changed.wait_for(lambda: not self._status.under_way, timeout)
            return self._status

    def join(self) -> None:
        """Wait until the last load has let go of what it held; before a program ends, else it may
        end in the midst of that."""
        if self._thread is not None:
            self._thread.join()

    def status(self) -> EngineStatus:
        """How far it is now."""
        with self._changed:
            return self._status

    def current(self) -> LanguageModel:
        """The loaded model. Raises ModelNotReady with the reason."""
        with self._changed:
            if self._model is None:
                raise ModelNotReady(self._status.message)
            return self._model

    def _begin(self, choice: ModelChoice) -> None:
        self._last = choice
        cancelled = self._cancelled = threading.Event()
        before = self._thread
        self._show(EngineStatus("loading", STARTING, choice=choice))
        self._thread = threading.Thread(
            target=self._run, args=(choice, cancelled, before), name="model-loader", daemon=True
        )
        self._thread.start()

    def _run(
        self, choice: ModelChoice, cancelled: threading.Event, before: threading.Thread | None
    ) -> None:
        def report(status: EngineStatus) -> None:
            with self._changed:
                if cancelled.is_set():
                    raise Cancelled
                self._show(replace(status, choice=choice))

        try:
            if before is not None and before.is_alive():
                # two at once would need memory for both
                report(EngineStatus("loading", "Waiting until the load before has ended ..."))
                before.join()
            report(EngineStatus("loading", STARTING))
            model = self._load(choice, report)
            if self._test is not None:
                report(EngineStatus("loading", "Testing the language model ..."))
                self._test(choice, model, report)
            with self._changed:
                if cancelled.is_set():
                    raise Cancelled
                self._model = model
                told, lasting = "Ready", settings_for(choice)
                if choice != self._first and lasting:
                    told = f"Ready. To load it at every start, set {lasting}."
                self._answering = EngineStatus("ready", told, 1.0, model.engine, choice)
                self._show(self._answering)
        except Cancelled:
            pass
        except TriadError as error:
            self._failed(str(error), choice, cancelled)
        except Exception:
            _LOG.exception("loading the language model failed")
            self._failed(BROKEN, choice, cancelled)
        del report
        model = None
        release()

    def _failed(self, message: str, choice: ModelChoice, cancelled: threading.Event) -> None:
        with self._changed:
            if not cancelled.is_set():
                self._show(EngineStatus("failed", message, choice=choice))

    def _show(self, status: EngineStatus) -> None:
        """Under the lock: tell it, and who answers meanwhile."""
        if self._answering is not None:
            status = replace(status, engine=self._answering.engine, choice=self._answering.choice)
        self._status = status
        self._changed.notify_all()


def release() -> None:
    """Hand memory that nobody refers to back to the system and the GPU."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
