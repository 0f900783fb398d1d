"""How long a run will still take, from what was measured so far.

What was taken from a record costs next to nothing and does not count. It does not know what a step
is.
"""

from __future__ import annotations

RECENT = 50
"""Steps that the pace is taken from, so that a machine that got busier is noticed."""


class Pace:
    """Counts steps and their seconds."""

    def __init__(self, total: int) -> None:
        self._left = total
        self._seconds: list[float] = []

    def step(self, seconds: float | None) -> None:
        """One step is done. seconds: None when it was not measured anew."""
        self._left = max(0, self._left - 1)
        if seconds is not None:
            self._seconds = [*self._seconds[1 - RECENT :], seconds]

    @property
    def seconds_left(self) -> float | None:
        """None before anything was measured."""
        if not self._seconds:
            return None
        return self._left * sum(self._seconds) / len(self._seconds)


def in_words(seconds: float | None) -> str:
    """ ", about 4 min left", to be put behind a line; "" when unknown."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f", about {max(1, round(seconds))} s left"
    if seconds < 5400:
        return f", about {round(seconds / 60)} min left"
    return f", about {seconds / 3600:.1f} h left"
