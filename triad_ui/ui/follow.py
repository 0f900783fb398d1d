"""Follows work that takes long while it goes on: how far it is, and at last what came of it.

Closing the generator, as Gradio does when a person cancels or leaves, ends the work. It does not
know what the work is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
Report = Callable[[float, str], None]
PATIENCE = 1.0
"""Seconds in which quick work is done and nothing is told."""
EVERY = 0.4


@dataclass(frozen=True, slots=True)
class Step:
    """How far work is. fraction: 0..1. message: for a person, "" before anything was reported."""

    fraction: float = 0.0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """What came of it."""

    result: T


def followed(
    work: Callable[[Report, threading.Event], T],
    *,
    patience: float = PATIENCE,
    every: float = EVERY,
) -> Iterator[Step | Ended[T]]:
    """Run `work(report, stop)` in a thread; steps now and then, then what it returned.

    Raises what the work raises. Once the generator is closed, `stop` is set and the work waited
    for.
    """
    stop, done = threading.Event(), threading.Event()
    steps: list[Step] = [Step()]
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work(lambda *told: steps.__setitem__(0, Step(*told)), stop))
        except BaseException as error:  # raised again where a person can be told
            errors.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=run, name="followed work", daemon=True)
    thread.start()
    try:
        wait = patience
        while not done.wait(wait):
            yield steps[0]
            wait = every
    finally:
        stop.set()
        thread.join()
    if errors:
        raise errors[0]
    yield Ended(results[0])
