"""What has been read of conversations, kept so that each later turn costs its own words only.

Bounded in bytes: the least recently used goes first, what a running request needs is always
allowed. A conversation that goes on takes its state along. One that differs from some place on
takes a copy of the common beginning where there is room, so that two conversations on the same
pictures do not take turns in destroying each other's; else the state is cut to what is common.
Knows neither models nor devices' turns: whoever calls `take` holds the device.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from torch import Tensor
from transformers import PreTrainedConfig

from triad_ui.model.growing_cache import GrowingCache, bytes_per_position

CHEAP = 64
"""Positions that are rather read again than kept in a copy of all that stands before them."""

Keys = Sequence[Hashable]


@dataclass(slots=True, eq=False)
class KeptState:
    """keys: of the positions in the cache. ends: where prompts ended, the last hidden state there,
    so that the same prompt again costs nothing. busy: a request works on it."""

    cache: GrowingCache
    keys: list[Hashable] = field(default_factory=list)
    ends: dict[int, Tensor] = field(default_factory=dict)
    busy: bool = False

    def truncate(self, length: int) -> None:
        """Forget all from position `length` on; also the rest of a step that failed."""
        self.cache.truncate(length)
        del self.keys[length:]
        self.ends = {at: hidden for at, hidden in self.ends.items() if at <= length}


class KeptStates:
    """States of the conversations of one model. limit: bytes. Thread-safe."""

    def __init__(self, config: PreTrainedConfig, element_size: int, limit: int) -> None:
        self._config = config
        self._each = bytes_per_position(config, element_size)
        self._limit = limit
        self._states: list[KeptState] = []  # least recently used first
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._states)

    @property
    def bytes(self) -> int:
        """Memory that all states hold together."""
        return sum(state.cache.bytes for state in list(self._states))

    def answered(self, keys: Keys) -> Tensor | None:
        """The last hidden state after exactly these keys, where they have been read before."""
        with self._lock:
            for state in self._states:
                hidden = state.ends.get(len(keys))
                if hidden is not None and common(state.keys, keys) == len(keys):
                    if not state.busy:
                        self._touch(state)
                    return hidden
        return None

    def begun(self, keys: Keys) -> int:
        """How many of these keys, from the first, some state has."""
        with self._lock:
            return max((common(state.keys, keys) for state in self._states), default=0)

    def take(self, keys: Keys, room: int) -> KeptState:
        """A busy state that holds a beginning of `keys`, with room for all and `room` more.

        At least the last position is left to be read, unless its hidden state is in `ends`.
        """
        with self._lock:
            state = self._begin(keys, len(keys) + room)
            state.busy = True
            self._touch(state)
            others = len(keys) + room - len(state.keys)
            self._evict(max(0, others) * self._each)
            return state

    def give(self, state: KeptState) -> None:
        """The request is done; what it read stays, if `clear` was not called meanwhile."""
        with self._lock:
            state.busy = False
            if state in self._states:
                self._touch(state)
            self._evict(0)

    def drop(self, state: KeptState) -> None:
        """Forget one and free its memory; called by the request that works on it."""
        with self._lock:
            if state in self._states:
                self._states.remove(state)
            state.truncate(0)
            state.cache.reset()

    def clear(self) -> None:
        """Forget all; a running request has its own until it ends."""
        with self._lock:
            self._states = []

    def clear_idle(self) -> None:
        """Forget all that no request works on."""
        with self._lock:
            self._states = [state for state in self._states if state.busy]

    def _begin(self, keys: Keys, expected: int) -> KeptState:
        best, shared = None, 0
        for state in self._states:
            length = common(state.keys, keys)
            # of two that share as much, the one that need not be copied
            if length > shared or (length == shared and best is not None and best.busy):
                best, shared = state, length
        if best is None or shared * 2 < min(len(best.keys), len(keys)):
            # one that shares little is left to its own conversation
            return KeptState(GrowingCache(self._config, expected))
        if shared == len(keys) and shared not in best.ends:
            shared -= 1
        surplus = len(best.keys) - shared
        fits = self.bytes + expected * self._each <= self._limit
        if not best.busy and (surplus <= CHEAP or not fits):
            best.truncate(shared)
            best.cache.expected = expected
            return best
        ends = {at: hidden for at, hidden in best.ends.items() if at <= shared}
        cache = best.cache.branch(self._config, shared, expected)
        return KeptState(cache, list(best.keys[:shared]), ends)

    def _touch(self, state: KeptState) -> None:
        self._states = [other for other in self._states if other is not state] + [state]

    def _evict(self, wanted: int) -> None:
        for state in list(self._states[:-1]):  # the newest one is in use or was just now
            if self.bytes + wanted <= self._limit:
                return
            if not state.busy:
                self._states.remove(state)


def common(left: Keys, right: Keys) -> int:
    """Number of equal keys at the beginning."""
    for index, (a, b) in enumerate(zip(left, right)):
        if a != b:
            return index
    return min(len(left), len(right))
