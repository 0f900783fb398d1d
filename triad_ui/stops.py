"""What the model is doing for which case, so that any tab can stop it.

One answer a case at a time. A judgement may be under way beside it: the answer then joins what the
judgement reads. Knows nothing of cases but their ids, and nothing of what the work is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from triad_ui.errors import ModelError


class Stop(threading.Event):
    """Set when the work is to end. outdated: because what it works on is no longer so."""

    def __init__(self, judging: bool) -> None:
        super().__init__()
        self.judging = judging
        self.outdated = False


class Stops:
    """The stop events of every case on which the model works; thread-safe."""

    def __init__(self) -> None:
        self._events: dict[str, list[Stop]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def running(self, case_id: str, *, judging: bool = False) -> Iterator[Stop]:
        """Registers work on a case while it lasts.

        judging: it is a judgement, which `outdate` ends as well, and of which several may run.
        Raises ModelError for a second answer at once.
        """
        stop = Stop(judging)
        with self._lock:
            events = self._events.setdefault(case_id, [])
            if not judging and any(not other.judging for other in events):
                raise ModelError(
                    "The model is still answering on this case. Wait for it or press Stop."
                )
            events.append(stop)
        try:
            yield stop
        finally:
            with self._lock:
                events.remove(stop)
                if not events:
                    self._events.pop(case_id, None)

    def stop(self, case_id: str) -> bool:
        """Ask all work on a case to end. True when something was running."""
        with self._lock:
            events = list(self._events.get(case_id, ()))
        for event in events:
            event.set()
        return bool(events)

    def outdate(self, case_id: str) -> None:
        """End the judgements of a case, whose regions are others by now; an answer goes on."""
        with self._lock:
            for stop in self._events.get(case_id, ()):
                if stop.judging:
                    stop.outdated = True
                    stop.set()

    def stop_all(self) -> None:
        """Ask everything to end."""
        with self._lock:
            for events in self._events.values():
                for event in events:
                    event.set()
