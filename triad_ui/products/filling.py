"""Filling a pool in the background, so that a page that is closed or reloaded loses nothing.

One pool at a time. What is stopped or fails keeps what it has done. It does not know pages.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from triad_ui.errors import ExpertError, TriadError
from triad_ui.expert.progress import Stopped
from triad_ui.products.pools import Added, Report
from triad_ui.products.products import Products

_LOG = logging.getLogger(__name__)
NAMED = 3
"""Files left out that are named one by one."""
Work = Callable[[Report, threading.Event], Added]


@dataclass(frozen=True, slots=True)
class FillingState:
    """How far it is. fraction: 0..1. message: for a person; it stays until the next filling."""

    phase: Literal["none", "running", "stopping", "done", "failed"] = "none"
    product: str = ""
    message: str = ""
    fraction: float = 0.0

    @property
    def under_way(self) -> bool:
        return self.phase in ("running", "stopping")


class Filling:
    """products: of the workbench, asked for when the first pool is filled."""

    def __init__(self, products: Callable[[], Products]) -> None:
        self._products = products
        self._lock = threading.Lock()
        self._state = FillingState()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def state(self) -> FillingState:
        """How far the last filling is."""
        with self._lock:
            return self._state

    def start(
        self, product: str, work: Work, expert: str, after: Callable[[], None] = lambda: None
    ) -> None:
        """Begin in the background. Raises ExpertError while another pool is filled.

        work: puts pictures into the pool. expert: looks at them then, if it uses a pool, so that
        inspecting is quick. after: called at the end, come what may.
        """
        with self._lock:
            if self._state.under_way:
                raise ExpertError(
                    f"The pool of {self._state.product} is being filled. Wait for it, or cancel it."
                )
            self._stop = threading.Event()
            self._state = FillingState("running", product, "Looking for pictures")
            self._thread = threading.Thread(
                target=self._work, args=(product, work, expert, after, self._stop), daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End it after the picture at hand."""
        with self._lock:
            if self._state.phase == "running":
                self._stop.set()
                self._state = replace(self._state, phase="stopping")

    def wait(self, timeout: float | None = None) -> FillingState:
        """Wait until it has ended, at most `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self.state()

    def _work(
        self,
        product: str,
        work: Work,
        expert: str,
        after: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        try:
            added = work(self._report, stop)
            told = in_words(added)
            if not added.stopped and added.added:
                try:
                    self._products().prepare_pool(product, expert, self._report, stop)
                except Stopped:
                    told += " Looking at them was stopped; it goes on with the next inspection."
            self._ended("done", told)
        except TriadError as error:
            self._ended("failed", str(error))
        except Exception:
            reference = secrets.token_hex(4)
            _LOG.exception("reference %s: filling a pool failed", reference)
            self._ended(
                "failed", "Something went wrong in the workbench itself. What was read is kept; "
                f"the log has the details under reference {reference}.",
            )  # fmt: skip
        finally:
            after()

    def _report(self, fraction: float, message: str) -> None:
        with self._lock:
            self._state = replace(self._state, fraction=fraction, message=message)

    def _ended(self, phase: Literal["done", "failed"], message: str) -> None:
        with self._lock:
            self._state = replace(self._state, phase=phase, message=message)


def in_words(added: Added) -> str:
    """What became of the pictures, in a sentence or two."""
    told = f"{added.added} added."
    if added.known:
        told += f" {added.known} {'was' if added.known == 1 else 'were'} in the pool already."
    if added.stopped:
        told = f"Cancelled; {told}"
    if added.skipped:
        named = "; ".join(f"{name}: {why}" for name, why in added.skipped[:NAMED])
        more = f" And {len(added.skipped) - NAMED} more." if len(added.skipped) > NAMED else ""
        told += f" {len(added.skipped)} left out. {named}{more}"
    return told
