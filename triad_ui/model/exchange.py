"""One request to a model server and its answer, which the caller may leave at any time.

The request runs in a thread with an event loop of its own, so that a caller who waits on a silent
server still sees a stop, and leaving it closes the connection at once: a server sees that and ends
its computation. Nothing that a server sends is trusted: no redirect is followed, and lines and
answers have a bound.
Knows HTTP and nothing of models.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from triad_ui.errors import ModelError
from triad_ui.model.endpoint import Endpoint

LINE_BOUND = 1 << 20
"""Bytes that one line of a stream may have."""
TOTAL_BOUND = 32 << 20
"""Bytes that one whole answer may have."""
POLL = 0.05
"""Seconds between two looks at the stop event while nothing arrives."""

STOPPED = "Stopped before the model server had answered. Ask again when you are ready."


BROKEN_OFF = (
    "The model server at {} stopped answering in the middle of the answer. What it said is kept. "
    "Check the server and ask again."
)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: connect until the connection stands; first until anything is answered (a busy
    server queues, a long prompt is read); silence between two pieces of an answer."""

    connect: float = 10.0
    first: float = 300.0
    silence: float = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """Status line and headers of an answer. kind: its content type, without parameters."""

    status: int
    kind: str


class Exchange:
    """One request. Use as a context manager: leaving it closes the connection.

    reply() first, then lines() or body(). Each raises ModelError when stopped (STOPPED), when the
    server cannot be reached, falls silent, breaks off or sends too much.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        content: Mapping[str, Any] | None,
        stop: threading.Event,
        patience: Patience,
    ) -> None:
        self._endpoint = endpoint
        self._request = (method, endpoint.base + path, content)
        self._stop = stop
        self._patience = patience
        self._limit, self._since = patience.first, time.monotonic()
        self._begun = False
        self._arrived: queue.SimpleQueue[Reply | bytes | BaseException | None] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._talk())
        self._thread = threading.Thread(target=self._run, name="model-server", daemon=True)

    def __enter__(self) -> Exchange:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(0.1)

    def reply(self) -> Reply:
        """Wait until the server begins to answer."""
        arrived = self._next(self._patience.first)
        assert isinstance(arrived, Reply)
        self._begun = True
        return arrived

    def body(self) -> bytes:
        """All that it answers."""
        return b"".join(self._pieces(self._patience.first))

    def lines(self) -> Iterator[str]:
        """The lines of its answer as they arrive, without line ends; bytes that are no UTF-8 are
        replaced. `heard()` says that a line was worth waiting for."""
        rest = b""
        for piece in self._pieces(None):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line.rstrip(b"\r").decode("utf-8", "replace")
            if len(rest) > LINE_BOUND:
                raise self._flooded()
        if rest:
            yield rest.decode("utf-8", "replace")

    def heard(self, silence: float | None = None) -> None:
        """From here on the server may be silent for `silence` seconds (Patience.silence)."""
        self._limit = self._patience.silence if silence is None else silence
        self._since = time.monotonic()

    def _pieces(self, limit: float | None) -> Iterator[bytes]:
        while (arrived := self._next(limit)) is not None:
            assert isinstance(arrived, bytes)
            yield arrived

    def _next(self, limit: float | None) -> Reply | bytes | None:
        """What arrives next. limit: seconds from now; None: what heard() allows, from then."""
        if limit is not None:
            self.heard(limit)
        while True:
            if self._stop.is_set():
                raise ModelError(STOPPED)
            try:
                arrived = self._arrived.get(timeout=POLL)
            except queue.Empty:
                if time.monotonic() - self._since > self._limit:
                    raise ModelError(
                        f"The model server at {self._endpoint.host} has not answered for "
                        f"{self._limit:.0f} seconds. It may be overloaded or stuck: look at its "
                        "log, then ask again."
                    ) from None
                continue
            if isinstance(arrived, BaseException):
                raise self._in_words(arrived) from arrived
            return arrived

    def _run(self) -> None:
        try:
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _talk(self) -> None:
        method, url, content = self._request
        headers = self._endpoint.headers | {"Accept-Encoding": "identity"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        wait = httpx.Timeout(None, connect=self._patience.connect)
        try:
            async with (
                # proxies of the environment are for other machines than this one
                httpx.AsyncClient(
                    timeout=wait, follow_redirects=False, trust_env=not self._endpoint.here
                ) as client,
                client.stream(
                    method,
                    url,
                    content=None if content is None else json.dumps(content).encode(),
                    headers=headers,
                ) as response,
            ):
                kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                self._arrived.put(Reply(response.status_code, kind))
                total = 0
                async for piece in response.aiter_bytes():
                    total += len(piece)
                    if total > TOTAL_BOUND:
                        raise self._flooded()
                    self._arrived.put(piece)
            self._arrived.put(None)
        except Exception as error:  # whatever it is, the waiting caller must hear of it
            self._arrived.put(error)

    def _in_words(self, error: BaseException) -> BaseException:
        host = self._endpoint.host
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL)):
            text = str(error).lower()
            why = "the connection was refused"
            if isinstance(error, httpx.ConnectTimeout):
                why = "nothing answers there"
            elif "certificate" in text:
                why = "its certificate is not trusted by this machine"
            elif "ssl" in text:
                why = "it does not speak https"
            elif "errno -" in text or "nodename" in text or "getaddrinfo" in text:
                why = "no machine of that name is known"
            return ModelError(
                f"The model server at {host} cannot be reached: {why}. Check the address, that "
                "the server runs, and that no firewall stands between."
            )
        if isinstance(error, (httpx.HTTPError, httpx.StreamError, OSError)):
            return ModelError(
                BROKEN_OFF.format(host)
                if self._begun
                else f"The model server at {host} closed the connection without an answer. Look "
                "at its log, and check that the address is that of a model server."
            )
        if isinstance(error, (ImportError, ValueError)):  # httpx on a proxy that it cannot use
            return ModelError(
                f"The model server at {host} cannot be reached through the proxy that the "
                "environment names (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY). Correct it, or add the "
                "host to NO_PROXY."
            )
        return error

    def _flooded(self) -> ModelError:
        return ModelError(
            f"The model server at {self._endpoint.host} sends more than any answer holds. Check "
            "that the address is that of a model server."
        )
