"""A small OpenAI-compatible server: answers as a test tells it, sees when a caller leaves."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from triad_ui.model.exchange import Patience
from triad_ui.model.language_model import Chunk, GenerationOptions
from triad_ui.model.served import ServedTriad
from triad_ui.records import Message, Roi, VisualInput

Body = dict[str, Any]
ONE_MODEL = {"data": [{"id": "tiny-vlm", "max_model_len": 4096}]}


class Request(BaseHTTPRequestHandler):
    """One request; `content` is its JSON."""

    protocol_version = "HTTP/1.1"
    server: FakeModelServer
    content: Body

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.content = {}
        self._handle(self.server.on_models)

    def do_POST(self) -> None:
        self.content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._handle(self.server.on_chat)

    def _handle(self, answer: Callable[[Request], None]) -> None:
        self.server.seen.append((self.path, dict(self.headers), self.content))
        self.close_connection = True
        with suppress(BrokenPipeError, ConnectionResetError):
            answer(self)

    def json(self, value: object, status: int = 200) -> None:
        """Answer all at once."""
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self, kind: str = "text/event-stream") -> None:
        """Begin a stream."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def raw(self, data: bytes) -> None:
        """Bytes of a stream as they are."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def event(self, value: object) -> None:
        """One data line of a stream."""
        self.raw(b"data: " + json.dumps(value).encode() + b"\n\n")

    def word(self, text: str, finish: str | None = None, **more: object) -> None:
        """A piece of an answer."""
        delta = {"content": text} if text else {}
        self.event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})

    def done(self) -> None:
        """The end of a stream."""
        self.raw(b"data: [DONE]\n\n")
        self.end()

    def end(self) -> None:
        """The end of a stream, without its mark."""
        self.wfile.write(b"0\r\n\r\n")

    def left(self, seconds: float) -> bool:
        """Wait until the caller has closed the connection, at most so long."""
        ready, _, _ = select.select([self.connection], [], [], seconds)
        if not ready:
            return False
        try:
            return self.connection.recv(1, socket.MSG_PEEK) == b""
        except ConnectionResetError:
            return True


class FakeModelServer(ThreadingHTTPServer):
    """on_chat, on_models: what is done with a request. seen: (path, headers, JSON) of each."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.on_chat: Callable[[Request], None] = chat()
        self.on_models: Callable[[Request], None] = lambda request: request.json(ONE_MODEL)
        self.seen: list[tuple[str, dict[str, str], Body]] = []
        self.gone = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def chats(self) -> list[Body]:
        return [content for path, _, content in self.seen if path == "/v1/chat/completions"]

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def running() -> Iterator[FakeModelServer]:
    with FakeModelServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)


def pictures(content: Body) -> int:
    """How many pictures a request shows."""
    return sum(
        part["type"] == "image_url"
        for message in content["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
    )


def letter(text: str, top: dict[str, float] | None = None, **more: object) -> Body:
    """A whole answer of one token."""
    choice: Body = {"index": 0, "message": {"role": "assistant", "content": text}}
    if top is not None:
        listed = [{"token": token, "logprob": value} for token, value in top.items()]
        choice["logprobs"] = {"content": [{"token": text, "top_logprobs": listed}]}
    return {"choices": [choice], "model": "tiny-vlm", **more}


def chat(
    words: tuple[str, ...] = ("There ", "is ", "a dent."), yes: float = -0.1, no: float = -2.5
) -> Callable[[Request], None]:
    """A server as it should be: lists log-probabilities, streams words, counts tokens."""

    def answer(request: Request) -> None:
        content = request.content
        usage = {"prompt_tokens": 10 + 50 * pictures(content), "completion_tokens": 7}
        if not content.get("stream"):
            top = {" A": yes, "B": no, "The": -9.0} if content.get("logprobs") else None
            request.json(letter("A", top, usage=usage))
            return
        request.begin()
        for word in words:
            request.word(word)
        request.word("", "stop")
        request.event({"choices": [], "usage": usage})
        request.done()

    return answer


PART = VisualInput(
    np.random.default_rng(5).integers(0, 255, (300, 400, 3), np.uint8),
    (Roi(0, 0, 90, 90, 0.9), Roi(180, 130, 220, 170, 0.6)),
    None,
    "part",
)
GOOD = replace(PART, rois=PART.rois[:1], key="good", is_reference=True)
ASKED = (
    Message("system", "You are helpful."),
    Message("user", "Are there defects?", (0, 1)),
    Message("assistant", "A"),
    Message("user", "Where?"),
)
GREEDY = GenerationOptions(max_new_tokens=64)


def model_of(server: FakeModelServer, patience: Patience | None = None) -> ServedTriad:
    return ServedTriad(server.url, key="", patience=patience)


def say(model: ServedTriad, options: GenerationOptions = GREEDY) -> list[Chunk]:
    return list(model.stream((PART, GOOD), ASKED, options, threading.Event()))
