"""A served model on a server that dies, hangs, floods, refuses or speaks badly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.model.fake_model_server import (
    ASKED,
    GREEDY,
    FakeModelServer,
    Request,
    chat,
    letter,
    model_of,
    running,
    say,
)
from triad_ui.errors import ModelError, PromptTooLong
from triad_ui.model.exchange import Patience
from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.served import connect

SHORT = Patience(connect=2.0, first=0.5, silence=0.3)


@pytest.fixture
def server() -> Iterator[FakeModelServer]:
    with running() as server:
        yield server


def failing(answer: Callable[[Request], None], patience: Patience | None = None) -> tuple[str, str]:
    """What was said before the failure, and the failure's words."""
    with running() as server:
        model = model_of(server, patience)
        server.on_chat = answer
        said = ""
        with pytest.raises(ModelError) as caught:
            for chunk in model.stream((), ASKED[3:], GREEDY, threading.Event()):
                said += chunk.text
        assert server.url.removeprefix("http://") in str(caught.value)
        return said, str(caught.value)


def test_a_server_that_dies_in_mid_stream_keeps_what_it_said() -> None:
    def answer(request: Request) -> None:
        request.begin()
        request.word("There is ")

    said, error = failing(answer)
    assert said == "There is "
    assert "stopped answering in the middle of the answer. What it said is kept." in error


def test_a_stream_that_ends_without_an_end_is_no_whole_answer() -> None:
    def answer(request: Request) -> None:
        request.begin()
        request.word("There is ")
        request.end()

    assert failing(answer)[0] == "There is "
    assert "in the middle of the answer" in failing(answer)[1]


def test_the_end_is_known_without_a_mark_and_without_a_close(server: FakeModelServer) -> None:
    def answer(request: Request) -> None:
        request.begin()
        request.word("Yes.", "length")
        request.left(10)  # keeps the connection open

    server.on_chat = answer
    at = time.monotonic()
    assert "".join(chunk.text for chunk in say(model_of(server))) == "Yes."
    assert time.monotonic() - at < 5


def test_failures_told_in_the_stream() -> None:
    def quoted(request: Request) -> None:
        request.begin()
        request.word("There ")
        request.event({"error": {"message": "CUDA out of memory"}})
        request.end()

    def unescaped(request: Request) -> None:  # as transformers serve writes it
        request.begin()
        request.raw(b'data: {"error": "no "dtype" here"}\n\n')
        request.end()

    said, error = failing(quoted)
    assert said == "There "
    assert "CUDA out of memory" in error
    assert 'no "dtype" here' in failing(unescaped)[1]


def test_malformed_lines_are_survived(server: FakeModelServer) -> None:
    def answer(request: Request) -> None:
        request.begin()
        request.raw(b": ping\n\nevent: x\nda")
        request.raw(b'ta: {"choices": [{"delta": {"content": "\xc3\xa9')
        request.raw(b't\xc3\xa9 "}}]}\r\n\r\n')
        for broken in (b"{", b"[1]", b'{"choices": 7}', b'{"choices": [null]}', b"[" * 90000):
            request.raw(b"data: " + broken + b"\n\n")
        request.raw(b'data: {"choices": [{"delta": {"content": 5}}], "usage": "many"}\n\n')
        request.raw(b"\xff\xfe\n\n")
        request.word("fin", "stop")
        request.done()

    server.on_chat = answer
    assert "".join(chunk.text for chunk in say(model_of(server))) == "été fin"


def test_a_server_that_does_not_stream_is_read_too(server: FakeModelServer) -> None:
    server.on_chat = lambda request: request.json(letter("All at once."))
    assert [chunk.text for chunk in say(model_of(server))] == ["All at once.", ""]


def test_silence_and_floods_have_an_end() -> None:
    def silent(request: Request) -> None:
        request.begin()
        request.word("There ")
        for _ in range(8):  # signs of life are no answer
            request.raw(b": ping\n\n")
            request.left(0.1)

    def endless_line(request: Request) -> None:
        request.begin()
        for _ in range(40):
            request.raw(b"x" * 65536)

    assert "has not answered for" in failing(silent, SHORT)[1]
    assert "more than any answer holds" in failing(endless_line)[1]


def test_a_server_that_never_ends_its_answer_is_cut(server: FakeModelServer) -> None:
    def answer(request: Request) -> None:
        request.begin()
        while True:
            request.word("word " * 20)

    server.on_chat = answer
    chunks = say(model_of(server), GenerationOptions(max_new_tokens=8))
    assert chunks[-1].finished
    assert len("".join(chunk.text for chunk in chunks)) <= 8 * 64 + 100


def test_thinking_is_not_an_answer() -> None:
    def answer(request: Request) -> None:
        request.begin()
        request.event({"choices": [{"delta": {"reasoning_content": "Hm."}}]})
        request.word("", "length")
        request.done()

    with running() as server:
        model = model_of(server)
        server.on_chat = answer
        with pytest.raises(ModelError, match="thinking switched off"):
            say(model)


@pytest.mark.parametrize("field", ["stream_options", "seed"])
def test_fields_that_a_server_refuses_are_left_out_from_then_on(
    server: FakeModelServer, field: str
) -> None:
    def answer(request: Request) -> None:
        if field in request.content:
            request.json({"error": {"message": f"Extra inputs: '{field}'"}}, 400)
        else:
            chat()(request)

    server.on_chat = answer
    model = model_of(server)
    for _ in range(2):
        assert say(model)[-1].finished
    assert [field in sent for sent in server.chats] == [True, False, False]


def test_a_template_without_a_system_gets_its_words_with_the_question(
    server: FakeModelServer,
) -> None:
    def answer(request: Request) -> None:
        if request.content["messages"][0]["role"] == "system":
            request.json({"message": "System role not supported", "code": 400}, 400)
        else:
            chat()(request)

    server.on_chat = answer
    say(model_of(server))
    first = server.chats[-1]["messages"][0]
    assert (first["role"], first["content"][0]["text"]) == ("user", "You are helpful.\n")


def test_too_long_a_conversation_carries_its_counts(server: FakeModelServer) -> None:
    said = (
        "This model's maximum context length is 4096 tokens. However, you requested 5123 tokens "
        "(5000 in the messages, 123 in the completion)."
    )
    server.on_chat = lambda request: request.json({"error": {"message": said}}, 400)
    model = model_of(server)
    for ask in (lambda: say(model), lambda: model.choice_logits((), ASKED[3:], ("A", "B"))):
        with pytest.raises(PromptTooLong) as caught:
            ask()
        assert (caught.value.tokens, caught.value.limit) == (5123, 4096)
    assert len(server.chats) == 2  # asking again would not make it shorter


def test_no_redirect_is_followed(server: FakeModelServer) -> None:
    def elsewhere(request: Request) -> None:
        request.send_response(307)
        request.send_header("Location", "http://127.0.0.1:1/v1/chat/completions")
        request.send_header("Content-Length", "0")
        request.end_headers()

    model = model_of(server)
    server.on_chat = elsewhere
    with pytest.raises(ModelError, match="sends its callers to another address"):
        say(model)
    assert len(server.chats) == 1


def test_an_unreachable_server_is_said_plainly() -> None:
    with running() as server:
        url = server.url
    with pytest.raises(ModelError, match=r"cannot be reached: the connection was refused\. Check"):
        connect(url, key="")
    with pytest.raises(ModelError, match="no machine of that name is known"):
        connect("http://no-such-host.invalid", key="")


def test_a_proxy_that_cannot_be_used_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://proxy:1")
    with pytest.raises(ModelError, match="NO_PROXY"):
        connect("http://gpu-server.invalid:8000", key="")


def test_no_proxy_stands_before_this_machine(
    server: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert say(model_of(server))[-1].finished
