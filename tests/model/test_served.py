"""A served model against a small server: what is sent, what comes back, and how it can go wrong."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.model.fake_model_server import FakeModelServer, Request, chat, letter, running
from triad_ui.errors import ModelError, PromptTooLong
from triad_ui.model.exchange import Patience
from triad_ui.model.language_model import Chunk, GenerationOptions
from triad_ui.model.served import ServedTriad, connect
from triad_ui.records import Message, Roi, VisualInput

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
SHORT = Patience(connect=2.0, first=0.5, silence=0.3)
GREEDY = GenerationOptions(max_new_tokens=64)


@pytest.fixture
def server() -> Iterator[FakeModelServer]:
    with running() as server:
        yield server


def model_of(server: FakeModelServer, patience: Patience | None = None) -> ServedTriad:
    return ServedTriad(server.url, key="", patience=patience)


def say(model: ServedTriad, options: GenerationOptions = GREEDY) -> list[Chunk]:
    return list(model.stream((PART, GOOD), ASKED, options, threading.Event()))


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


def test_connect_can_be_stopped(server: FakeModelServer) -> None:
    server.on_models = lambda request: request.left(10)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    at = time.monotonic()
    with pytest.raises(ModelError, match="Stopped before"):
        connect(server.url, key="", stop=stop)
    assert time.monotonic() - at < 1


def test_a_server_without_a_list_of_models_names_its_own(server: FakeModelServer) -> None:
    server.on_models = lambda request: request.json({"detail": "broken"}, 500)
    assert "served tiny-vlm at" in connect(server.url, key="").engine
    assert "model" not in server.chats[0]


def test_importing_it_loads_no_torch() -> None:
    program = "import sys, triad_ui.model.served; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
