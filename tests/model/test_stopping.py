"""A stop ends the computation, not only the text: the processor is idle soon after."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests.model.reading import NO_END, words
from tests.model.tiny import word_prompt
from triad_ui.errors import ModelError
from triad_ui.model.generate import Decoder
from triad_ui.model.language_model import GenerationOptions

OPTIONS = GenerationOptions(max_new_tokens=512)


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    """The embedded model's shapes, random weights."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
        num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192,
        tie_word_embeddings=True,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval().requires_grad_(False)


class Spent:
    """Seconds that this process computed since it was made: as on a machine with nothing else to
    do, however busy this one is."""

    def __init__(self) -> None:
        self._started = time.process_time()

    def seconds(self) -> float:
        return (time.process_time() - self._started) / torch.get_num_threads()


def busy(seconds: float) -> float:
    """Share of one processor that this process used over the next `seconds`."""
    before = os.times()
    time.sleep(seconds)
    after = os.times()
    return (after.user + after.system - before.user - before.system) / seconds


def answering(
    model: LlamaForCausalLM, stop: threading.Event, enough: Callable[[int], bool]
) -> tuple[threading.Thread, list[int]]:
    """A thread that fetches an answer of 512 tokens and breaks it off when `enough(tokens)`."""
    said: list[int] = []

    def fetch() -> None:
        tokens = Decoder(model).tokens(word_prompt(model, words(64)), OPTIONS, stop, NO_END)
        for token in tokens:
            said.append(token)
            if enough(len(said)):
                break
        tokens.close()

    thread = threading.Thread(target=fetch)
    thread.start()
    while len(said) < 3:
        time.sleep(0.01)
    return thread, said


@pytest.mark.parametrize("how", ["stop event", "closed by the consumer"])
def test_an_answer_of_512_tokens_is_stopped_and_the_processor_idle(
    model: LlamaForCausalLM, how: str
) -> None:
    stop, leave = threading.Event(), threading.Event()
    thread, said = answering(model, stop, lambda _count: leave.is_set())
    assert busy(0.5) > 0.05  # it does work
    spent = Spent()
    (stop if how == "stop event" else leave).set()
    thread.join(20)
    assert spent.seconds() < 0.5
    assert not thread.is_alive()
    assert busy(0.5) < 0.05
    assert 3 <= len(said) < 512


def test_reading_is_stopped_within_a_second(model: LlamaForCausalLM) -> None:
    decoder, stop = Decoder(model), threading.Event()

    def read() -> None:
        with pytest.raises(ModelError, match="Stopped"):
            decoder.next_logits(word_prompt(model, words(8000)), stop)

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.4)
    assert busy(0.5) > 0.05
    spent = Spent()
    stop.set()
    thread.join(20)
    assert spent.seconds() < 1.0
    assert not thread.is_alive()
    assert busy(0.5) < 0.05
