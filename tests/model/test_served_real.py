"""A served model on a real `transformers serve`, with a tiny vision-language model made here.

Its weights are random: what it says means nothing, but it is the same that transformers says of
the same messages and pictures, it streams, and it can be stopped and killed.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.fakes import fake_settings, fake_workbench, ready
from tests.model.tiny_llava import write_llava_next
from tests.ui.conftest import png
from triad_ui.errors import ModelError
from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.served import ServedTriad, connect
from triad_ui.model.served_images import PictureCoder
from triad_ui.model.served_prompt import wire_messages
from triad_ui.records import Message, Roi, VisualInput

NEEDS = ("fastapi", "uvicorn", "openai", "pydantic")
MISSING = [name for name in NEEDS if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"transformers serve needs {', '.join(MISSING)} (requirements-dev.txt)"
)
LONG = GenerationOptions(max_new_tokens=20_000)
PART = VisualInput(
    np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8),
    (Roi(0, 0, 60, 60), Roi(90, 50, 150, 110)),
    None,
    "part",
)
ASKED = (Message("system", "You are helpful."), Message("user", "Are there defects?", (0,)))


class Served:
    """The server's process; started again when a test has killed it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = folder / "model"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1#{self.model}"

    def start(self) -> Served:
        if self.process is not None and self.process.poll() is None:
            return self
        environ = os.environ | {
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(self.folder / "home"),
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }
        program = "from transformers.cli.transformers import main; main()"
        words = [sys.executable, "-c", program, "serve", str(self.model), "--device", "cpu"]
        words += ["--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env=environ)
        until = time.monotonic() + 120
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/health").is_success:
                    return self
            except httpx.HTTPError:
                time.sleep(0.1)
        pytest.fail((self.folder / "serve.log").read_text("utf-8")[-3000:])

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("served"))
    write_llava_next(served.model, family="vicuna")
    # no end of an answer and no half characters: long answers of whole words
    quiet = {"suppress_tokens": list(range(259)), "eos_token_id": 2}
    (served.model / "generation_config.json").write_text(json.dumps(quiet), "utf-8")
    try:
        yield served
    finally:
        served.kill()


@pytest.fixture
def model(process: Served) -> ServedTriad:
    process.start()
    return ServedTriad(process.address, key="")


def test_connect_finds_a_model_that_sees_and_talks(process: Served) -> None:
    process.start()
    model = connect(process.address, key="")
    assert model.engine == (
        f"served {process.model} at 127.0.0.1:{process.port} (regions as extra images: an "
        "approximation of EG-RoI; probabilities estimated from 8 samples)"
    )
    assert model.remote == ""
    unnamed = connect(process.address.partition("#")[0], key="")  # it has but one
    assert str(process.model) in unnamed.engine
    with pytest.raises(ModelError, match="does not serve no/such-model"):
        connect(f"http://127.0.0.1:{process.port}#no/such-model", key="")


def test_it_says_what_transformers_says_of_the_same_pictures(
    process: Served, model: ServedTriad
) -> None:
    from transformers import AutoProcessor, LlavaNextForConditionalGeneration

    options = GenerationOptions(max_new_tokens=24)
    chunks = list(model.stream((PART,), ASKED, options, threading.Event()))
    assert len(chunks) > 8
    assert chunks[-1].finished
    assert chunks[-1].tokens == 24

    talk = []
    for each in wire_messages(PictureCoder(), (PART,), ASKED):
        parts = each["content"]
        if isinstance(parts, str):
            parts = [{"type": "text", "text": parts}]
        talk.append(
            {
                "role": each["role"],
                "content": [
                    part
                    if part["type"] == "text"
                    else {"type": "image", "image": opened(part["image_url"]["url"])}
                    for part in parts
                ],
            }
        )
    assert sum(part["type"] == "image" for part in talk[1]["content"]) == 3
    processor = AutoProcessor.from_pretrained(process.model)
    stock = LlavaNextForConditionalGeneration.from_pretrained(process.model, dtype="auto").eval()
    inputs = processor.apply_chat_template(
        talk, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    ids = stock.generate(**inputs, max_new_tokens=24, do_sample=False)[0]
    own = processor.decode(ids[inputs["input_ids"].shape[-1] :], skip_special_tokens=True)
    assert "".join(chunk.text for chunk in chunks).split() == own.split()


def test_answers_are_really_drawn(model: ServedTriad) -> None:
    """transformers serve passes over a temperature unless told to sample in its own way."""
    said = set()
    for seed in range(3):
        options = GenerationOptions(max_new_tokens=12, temperature=1.0, seed=seed)
        chunks = model.stream((), (Message("user", "Hello"),), options, threading.Event())
        said.add("".join(chunk.text for chunk in chunks))
    assert len(said) == 3


def test_stop_ends_the_servers_computation(model: ServedTriad) -> None:
    stop = threading.Event()
    chunks = model.stream((), (Message("user", "Hello"),), LONG, stop)
    for _ in range(5):
        next(chunks)
    at = time.monotonic()
    stop.set()
    *_, last = chunks
    assert time.monotonic() - at < 0.3
    assert last.stopped
    # it computes one answer at a time: this one would wait for the 20000 tokens of the other
    once = GenerationOptions(max_new_tokens=1)
    assert list(model.stream((), (Message("user", "Hello"),), once, threading.Event()))
    assert time.monotonic() - at < 5


def test_a_server_killed_in_mid_stream_leaves_a_failed_turn_with_its_words(
    process: Served, model: ServedTriad, tmp_path: Path
) -> None:
    workbench = fake_workbench(fake_settings(tmp_path), ready(model))
    try:
        workbench.wait_for_model(20)
        query = workbench.add_image(png(True), "query.png")
        case = workbench.inspect(query, (), workbench.process("cable"))
        answers = workbench.ask(case.id, "What is wrong?", LONG)
        for turn in answers:
            if len(turn.answer) > 20:
                break
        process.kill()
        *_, last = answers
        assert last.state == "failed"
        assert last.answer.startswith(turn.answer)
        assert last.error == (
            f"The model server at 127.0.0.1:{process.port} stopped answering in the middle of the "
            "answer. What it said is kept. Check the server and ask again."
        )
        assert workbench.case(case.id).turns == (last,)
        *_, again = workbench.ask(case.id, "And now?")
        assert again.state == "failed"
        assert "cannot be reached: the connection was refused" in again.error
    finally:
        workbench.close()


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
