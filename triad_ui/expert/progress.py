"""How far long work has come, and whether it is to end: one counter for all its parts.

It does not know what the work is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from triad_ui.errors import ExpertError

Report = Callable[[int, int], None]
"""Called with the steps that are done and all there are; what it raises ends the work."""


class Stopped(ExpertError):
    """The work was ended by its `stop` event; features that were computed are kept."""


class Progress:
    """Counts steps, tells them, and ends the work when it is asked to."""

    def __init__(
        self, report: Report | None = None, stop: threading.Event | None = None, total: int = 0
    ) -> None:
        """total: steps that there will be."""
        self._report = report
        self._stop = stop
        self._total = total
        self._done = 0

    def check(self) -> None:
        """Raises Stopped when `stop` is set."""
        if self._stop is not None and self._stop.is_set():
            raise Stopped(
                "The work was stopped. What was looked at is kept: start it again and it goes on "
                "from there."
            )

    def step(self, count: int = 1) -> None:
        """`count` more steps are done. Raises Stopped, and whatever `report` raises."""
        self.check()
        self._done += count
        if self._report is not None:
            self._report(self._done, self._total)
