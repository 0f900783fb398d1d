"""What the model is doing for which case, so that any tab can stop it; one work a case at a time.

Knows nothing of cases but their ids, and nothing of what the work is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from triad_ui.errors import ModelError


class Stop(threading.Event):
    """Set when the work is to end. outdated: because what it works on is no longer so."""

    judging = False
    outdated = False


class Stops:
    """A stop event for every case on which the model works; thread-safe."""

    def __init__(self) -> None:
        self._events: dict[str, Stop] = {}
        self._lock = threading.Lock()

    @contextmanager
    def running(self, case_id: str, *, judging: bool = False) -> Iterator[Stop]:
        """Registers work on a case while it lasts. Raises ModelError when there is some already.

        judging: it is a judgement, which `outdate` ends as well.
        """
        with self._lock:
            if case_id in self._events:
                raise ModelError(
                    "The model is still answering on this case. Wait for it or press Stop."
                )
            stop = self._events[case_id] = Stop()
            stop.judging = judging
        try:
            yield stop
        finally:
            with self._lock:
                self._events.pop(case_id, None)

    def stop(self, case_id: str) -> bool:
        """Ask the work on a case to end. True when something was running."""
        with self._lock:
            event = self._events.get(case_id)
        if event is not None:
            event.set()
        return event is not None

    def outdate(self, case_id: str) -> None:
        """End a judgement of a case, whose regions are others by now; an answer goes on."""
        with self._lock:
            stop = self._events.get(case_id)
            if stop is not None and stop.judging:
                stop.outdated = True
                stop.set()

    def stop_all(self) -> None:
        """Ask everything to end."""
        with self._lock:
            for event in self._events.values():
                event.set()
