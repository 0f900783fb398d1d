"""Loads a language model in the background and says how far it is.

The page asks `status()` as often as it likes; whoever needs the model calls `current()`. A failed
load leaves the old model (or none) and can be started again.
Knows nothing of what is loaded: the work is one function that reports its progress.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from triad_ui.errors import ModelNotReady, TriadError
from triad_ui.model.language_model import LanguageModel
from triad_ui.records import EngineStatus

_LOG = logging.getLogger(__name__)

Report = Callable[[EngineStatus], None]


class ModelLoader:
    """One model, loaded by `load(report)` in a thread of its own."""

    def __init__(self, load: Callable[[Report], LanguageModel] | None) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._model: LanguageModel | None = None
        absent = "No language model is set up: heat maps and regions work, the chat does not."
        self._status = EngineStatus("absent", absent)

    def start(self) -> None:
        """Begin to load unless that is under way or done; returns at once."""
        with self._lock:
            # the state, not the thread: that lives on for a moment after it has told its failure
            running = self._status.state in ("fetching", "loading")
            if self._load is None or running or self._status.state == "ready":
                return
            self._status = EngineStatus("loading", "Starting the language model ...")
            self._thread = threading.Thread(target=self._run, name="model-loader", daemon=True)
            self._thread.start()

    def wait(self, timeout: float | None = None) -> EngineStatus:
        """Wait until loading ended, at most `timeout` seconds; the status then."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return self.status()

    def status(self) -> EngineStatus:
        """How far it is now."""
        with self._lock:
            return self._status

    def current(self) -> LanguageModel:
        """The loaded model. Raises ModelNotReady with the reason."""
        with self._lock:
            if self._model is None:
                raise ModelNotReady(self._status.message)
            return self._model

    def _run(self) -> None:
        assert self._load is not None
        try:
            model = self._load(self._report)
        except TriadError as error:
            self._report(EngineStatus("failed", str(error)))
        except Exception:
            _LOG.exception("loading the language model failed")
            self._report(
                EngineStatus(
                    "failed",
                    "The language model could not be loaded; the log has the reason. "
                    "Heat maps work; press Load again once it is mended.",
                )
            )
        else:
            with self._lock:
                self._model = model
                self._status = EngineStatus("ready", "Ready", 1.0, model.engine)

    def _report(self, status: EngineStatus) -> None:
        with self._lock:
            self._status = status
