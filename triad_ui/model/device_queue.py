"""Whose turn it is at the one device: first come first served, people before background work.

A place is taken once a request and kept until it is done. Waiting ends within 0.05 s of a stop. A
background request lets a person's go first between two steps and goes on afterwards. A person who
does not fetch the next word for a while loses the device to whoever waits, not the place.
Knows nothing of models.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from triad_ui.errors import ModelError

STOPPED = "Stopped before the answer began. Ask again when you are ready."
POLL = 0.05
"""Seconds between two looks at a stop while waiting."""
IDLE = 0.5
"""Seconds that a holder may rest between two steps before others go on."""
PATIENCE, SLICE = 10.0, 0.5
"""After so many seconds background work is let in for a slice, even where people keep asking."""


@dataclass(slots=True, eq=False)
class Place:
    """number: order of arrival. urgent: a person waits. since: of this waiting or holding, in
    seconds. resting: since when the holder computes nothing, None while it does."""

    number: int
    urgent: bool
    since: float = field(default_factory=time.monotonic)
    resting: float | None = None


class DeviceQueue:
    """One holder at a time. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[Place] = []
        self._holder: Place | None = None
        self._arrived = 0

    def take_place(self, urgent: bool) -> Place:
        """The last place of the queue; nothing is held yet."""
        with self._changed:
            self._arrived += 1
            return Place(self._arrived, urgent)

    def enter(self, place: Place, stop: threading.Event) -> None:
        """Wait for the device and hold it. Raises ModelError(STOPPED) once `stop` is set."""
        with self._changed:
            place.since = time.monotonic()
            self._waiting.append(place)
            try:
                while True:
                    if stop.is_set():
                        raise ModelError(STOPPED)
                    if self._free() and self._first() is place:
                        break
                    self._changed.wait(POLL)
                self._holder = place
                place.since, place.resting = time.monotonic(), None
            finally:
                self._waiting.remove(place)
                self._changed.notify_all()

    def leave(self, place: Place) -> None:
        """Let the next one in; nothing where the device was not held."""
        with self._changed:
            if self._holder is place:
                self._holder = None
                self._changed.notify_all()

    def give_way(self, place: Place, stop: threading.Event) -> None:
        """Between two steps of background work: let people go first, then go on.

        Raises ModelError(STOPPED); the device may be held then or not.
        """
        if stop.is_set():
            raise ModelError(STOPPED)
        if place.urgent:
            return
        with self._changed:
            asked = any(other.urgent for other in self._waiting)
            if not asked or time.monotonic() - place.since < SLICE:
                return
            self._holder = None
            self._changed.notify_all()
        self.enter(place, stop)

    def hurry(self, place: Place) -> None:
        """A person has come to wait for this one's work."""
        with self._changed:
            place.urgent = True
            self._changed.notify_all()

    def rest(self, place: Place) -> None:
        """The holder hands out a word and computes nothing until `resume`."""
        with self._changed:
            place.resting = time.monotonic()

    def resume(self, place: Place, stop: threading.Event) -> None:
        """Go on, after waiting if somebody else went on meanwhile. Raises ModelError(STOPPED)."""
        with self._changed:
            if self._holder is place:
                place.resting = None
                return
        self.enter(place, stop)

    def _free(self) -> bool:
        holder = self._holder
        if holder is None:
            return True
        return holder.resting is not None and time.monotonic() - holder.resting > IDLE

    def _first(self) -> Place:
        now = time.monotonic()
        return min(
            self._waiting,
            key=lambda place: (not place.urgent and now - place.since < PATIENCE, place.number),
        )
