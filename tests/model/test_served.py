"""A served model against a small server: what is sent and what comes back."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from tests.model.fake_model_server import (
    ASKED,
    GOOD,
    GREEDY,
    PART,
    FakeModelServer,
    Request,
    letter,
    model_of,
    running,
    say,
)
from triad_ui.errors import ModelError
from triad_ui.model.language_model import Chunk
from triad_ui.model.served import ServedTriad, connect


@pytest.fixture
def server() -> Iterator[FakeModelServer]:
    with running() as server:
        yield server


def test_it_names_its_model_its_limit_and_that_it_approximates(server: FakeModelServer) -> None:
    model = model_of(server)
    host = server.url.removeprefix("http://")
    assert model.engine == (
        f"served tiny-vlm at {host} (regions as extra images: an approximation of EG-RoI)"
    )
    assert (model.context_limit, model.remote, model.visual_tokens((PART,))) == (4096, "", 0)


def test_of_several_models_one_must_be_named(server: FakeModelServer) -> None:
    server.on_models = lambda request: request.json({"data": [{"id": "a/b"}, {"id": "c"}]})
    with pytest.raises(ModelError, match=r"2 models: a/b, c. Name one behind a #"):
        model_of(server)
    assert "served a/b at" in ServedTriad(f"{server.url}/v1#a/b", key="").engine


def test_photos_leave_for_a_server_that_is_elsewhere() -> None:
    model = ServedTriad("http://gpu-server:8000", "m", key="", context_limit=8192)
    assert model.remote == "gpu-server:8000"


def test_images_stand_first_then_regions_in_full_resolution(server: FakeModelServer) -> None:
    say(model_of(server))
    system, first, answer, last = server.chats[0]["messages"]
    assert (system["content"], answer["content"], last["content"]) == (
        "You are helpful.",
        "A",
        "Where?",
    )
    texts = [part["text"] for part in first["content"] if part["type"] == "text"]
    assert texts == [
        "Image 1: the part\n",
        "Image 2: an acceptable part, for comparison\n",
        "Image 3: region 1 of image 1, at the top left\n",
        "Image 4: region 2 of image 1, in the center\n",
        "Image 5: region 1 of image 2, at the top left\n",
        "\nAre there defects?",
    ]
    urls = [part["image_url"]["url"] for part in first["content"] if part["type"] == "image_url"]
    whole, _, region, *_ = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))) for url in urls
    ]
    assert np.array_equal(whole, PART.rgb)
    assert np.array_equal(region, PART.rgb[:90, :90])


def test_the_record_shows_what_was_sent(server: FakeModelServer) -> None:
    shown = model_of(server).render((PART, GOOD), ASKED)
    assert shown.count("<image>") == 5
    assert "Image 4: region 2 of image 1, in the center\n<image>" in shown
    assert "[user]\nWhere?" in shown


def test_an_answer_streams(server: FakeModelServer) -> None:
    chunks = say(model_of(server))
    assert [chunk.text for chunk in chunks] == ["There ", "is ", "a dent.", ""]
    assert [chunk.finished for chunk in chunks] == [False, False, False, True]
    assert chunks[-1].tokens == 7  # as the server counts them
    assert chunks[0].prefill > 0
    assert not chunks[-1].stopped
    sent = server.chats[0]
    assert (sent["model"], sent["max_tokens"], sent["temperature"]) == ("tiny-vlm", 64, 0.0)
    assert "top_p" not in sent


def test_chunks_come_as_they_are_said(server: FakeModelServer) -> None:
    more = threading.Event()

    def answer(request: Request) -> None:
        request.begin()
        request.word("One ")
        assert more.wait(10)
        request.word("two", "stop")
        request.end()

    server.on_chat = answer
    chunks = model_of(server).stream((), ASKED[3:], GREEDY, threading.Event())
    assert next(chunks).text == "One "
    more.set()
    assert [chunk.text for chunk in chunks] == ["two", ""]


@pytest.mark.parametrize("words", [0, 2])
def test_stop_ends_the_connection_to_a_silent_server(server: FakeModelServer, words: int) -> None:
    waiting = threading.Event()

    def answer(request: Request) -> None:
        if words:
            request.begin()
        for _ in range(words):
            request.word("word ")
        waiting.set()
        if request.left(10):
            server.gone.set()

    server.on_chat = answer
    model, stop = model_of(server), threading.Event()
    chunks: list[Chunk] = []
    thread = threading.Thread(
        target=lambda: chunks.extend(model.stream((), ASKED[3:], GREEDY, stop))
    )
    thread.start()
    assert waiting.wait(10)
    time.sleep(0.2)
    at = time.monotonic()
    stop.set()
    thread.join(10)
    assert time.monotonic() - at < 0.3  # 0.2 s and what a busy machine adds
    assert server.gone.wait(1)
    assert "".join(chunk.text for chunk in chunks) == "word " * words
    assert chunks[-1].finished
    assert chunks[-1].stopped


def test_closing_the_answer_ends_the_connection(server: FakeModelServer) -> None:
    def answer(request: Request) -> None:
        request.begin()
        request.word("One ")
        if request.left(10):
            server.gone.set()

    server.on_chat = answer
    chunks = model_of(server).stream((), ASKED[3:], GREEDY, threading.Event())
    next(chunks)
    assert not server.gone.wait(0.1)
    chunks.close()
    assert server.gone.wait(1)


def test_a_stop_before_the_question_asks_nothing(server: FakeModelServer) -> None:
    model, stop = model_of(server), threading.Event()
    stop.set()
    chunks = list(model.stream((), ASKED[3:], GREEDY, stop))
    assert [(chunk.text, chunk.stopped) for chunk in chunks] == [("", True)]
    with pytest.raises(ModelError, match="Stopped before"):
        model.choice_logits((), ASKED[3:], ("A", "B"), stop)


def test_the_key_goes_to_the_server_and_nowhere_else(
    server: FakeModelServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TRIAD_SERVED_KEY", "sk-very-secret")
    caplog.set_level("DEBUG")
    model = ServedTriad(server.url)
    assert server.seen[0][1]["Authorization"] == "Bearer sk-very-secret"
    for status in (400, 401, 500):
        said = {"error": {"message": "Incorrect key sk-very-secret"}}
        server.on_chat = lambda request, s=status, w=said: request.json(w, s)
        with pytest.raises(ModelError) as caught:
            say(model)
        assert "secret" not in str(caught.value) + repr(caught.value.__cause__)
    assert "secret" not in caplog.text + model.engine + repr(vars(model))


def test_connect_looks_whether_pictures_are_seen(server: FakeModelServer) -> None:
    assert connect(server.url, key="").remote == ""

    def blind(request: Request) -> None:
        request.json(letter("A", usage={"prompt_tokens": 12, "completion_tokens": 1}))

    server.on_chat = blind
    with pytest.raises(ModelError, match="leaves pictures out without a word"):
        connect(server.url, key="")


def test_connect_refuses_what_is_no_model_server(server: FakeModelServer) -> None:
    server.on_models = lambda request: request.json(b"<html>Welcome</html>")
    with pytest.raises(ModelError, match="no OpenAI-compatible model server"):
        connect(server.url, key="")
    server.on_models = lambda request: request.json({"error": "wrong"}, 401)
    with pytest.raises(ModelError, match="TRIAD_SERVED_KEY"):
        connect(server.url, key="")
    server.on_models = lambda request: request.json({}, 404)
    server.on_chat = lambda request: request.json({"hello": 1})
    with pytest.raises(ModelError, match="no OpenAI-compatible model server"):
        connect(server.url, key="")


def test_connect_reports_and_can_be_given_up(server: FakeModelServer) -> None:
    def left(request: Request) -> None:
        if request.left(10):
            server.gone.set()

    told: list[str] = []

    def report(message: str) -> None:
        told.append(message)
        if len(told) == 2:
            raise KeyboardInterrupt

    server.on_models = left
    at = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        connect(server.url, key="", report=report)
    assert time.monotonic() - at < 1
    assert server.gone.wait(1)
    assert told[0] == f"Asking the model server at {server.url.removeprefix('http://')} ..."


def test_a_server_without_a_list_of_models_names_its_own(server: FakeModelServer) -> None:
    server.on_models = lambda request: request.json({"detail": "broken"}, 500)
    assert "served tiny-vlm at" in connect(server.url, key="").engine
    assert "model" not in server.chats[0]


def test_importing_it_loads_no_torch() -> None:
    program = "import sys, triad_ui.model.served; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
