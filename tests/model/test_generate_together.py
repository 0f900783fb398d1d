"""Several requests at once: order, joining, making way; answers are those given alone."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from random import Random

import pytest
import torch
from torch import Tensor

from tests.model.reading import NO_END, answer, assert_right, plain, slow, words
from tests.model.tiny import CountingLlama, tiny_language, word_prompt
from triad_ui.errors import ModelError
from triad_ui.model import device_queue
from triad_ui.model.device_queue import IDLE
from triad_ui.model.generate import STOPPED, Decoder
from triad_ui.model.language_model import GenerationOptions


@pytest.fixture
def model() -> CountingLlama:
    return tiny_language()


def test_closing_lets_the_next_one_in_at_once(model: CountingLlama) -> None:
    decoder = Decoder(model)
    tokens = decoder.tokens(
        word_prompt(model, words(20)), GenerationOptions(max_new_tokens=50), threading.Event(),
        NO_END,
    )  # fmt: skip
    next(tokens)
    tokens.close()
    started = time.monotonic()
    decoder.next_logits(word_prompt(model, words(20, 1)))
    assert time.monotonic() - started < IDLE


def test_an_answer_that_nobody_fetches_does_not_hold_up_the_others(model: CountingLlama) -> None:
    decoder, ids, other = Decoder(model), words(20), words(20, 1)
    options = GenerationOptions(max_new_tokens=8)
    expected = list(
        Decoder(model).tokens(word_prompt(model, ids), options, threading.Event(), NO_END)
    )
    tokens = decoder.tokens(word_prompt(model, ids), options, threading.Event(), NO_END)
    said = [next(tokens), next(tokens)]
    assert_right(model, decoder, other)  # waits a while, then goes on
    assert_right(model, decoder, ids)  # the same words, while they are in use
    assert said + list(tokens) == expected  # and the first one goes on where it was


def test_the_answer_under_way_goes_before_reading_in_the_background(model: CountingLlama) -> None:
    """Background reading stands still while a person is answered, keeps what it has, goes on."""
    decoder = Decoder(model, chunk=8)
    slow(model, 0.01)
    ids, asked, done = words(1200), words(12, 1), threading.Event()
    expected = list(answer(Decoder(tiny_language()), asked))

    def judge() -> None:
        judged.append(decoder.next_logits(word_prompt(model, ids)))
        done.set()

    judged: list[Tensor] = []
    thread = threading.Thread(target=judge)
    thread.start()
    while sum(model.reads) < 80:
        time.sleep(0.01)
    started = time.monotonic()
    assert list(answer(decoder, asked)) == expected
    assert time.monotonic() - started < 1.5
    assert not done.is_set()
    read = sum(model.reads)
    assert done.wait(60)
    thread.join()
    assert torch.allclose(judged[0], plain(model, ids), atol=1e-5, rtol=1e-5)
    assert sum(model.reads) - read <= 1200 - 80  # it has not begun anew


def test_a_reading_under_way_is_joined(model: CountingLlama) -> None:
    decoder = Decoder(model, chunk=16)
    slow(model, 0.01)
    opening = words(600)
    thread = threading.Thread(target=lambda: decoder.next_logits(word_prompt(model, opening)))
    thread.start()
    while sum(model.reads) < 100:
        time.sleep(0.01)
    said = list(answer(decoder, opening + words(10, 1)))
    thread.join()
    assert sum(model.reads) == 600 + 10 + 8
    assert said == list(answer(Decoder(tiny_language()), opening + words(10, 1)))


def test_who_joins_a_reading_that_is_stopped_reads_on_from_there(model: CountingLlama) -> None:
    decoder, stop = Decoder(model, chunk=16), threading.Event()
    slow(model, 0.01)
    opening, caught = words(600), []

    def judge() -> None:
        try:
            decoder.next_logits(word_prompt(model, opening), stop)
        except ModelError as error:
            caught.append(str(error))

    thread = threading.Thread(target=judge)
    thread.start()
    while sum(model.reads) < 100:
        time.sleep(0.01)
    threading.Timer(0.2, stop.set).start()
    said = list(answer(decoder, opening + words(10, 1)))
    thread.join()
    assert caught == [STOPPED]
    assert sum(model.reads) == 600 + 10 + 8
    assert said == list(answer(Decoder(tiny_language()), opening + words(10, 1)))


@pytest.mark.parametrize("joins", [True, False])
def test_stop_ends_waiting_at_once(model: CountingLlama, joins: bool) -> None:
    decoder, stop = Decoder(model, chunk=16), threading.Event()
    slow(model, 0.02)
    ids, over = words(900), threading.Event()

    def ask() -> None:
        with suppress(ModelError):
            list(answer(decoder, ids, over))

    first = threading.Thread(target=ask)
    first.start()
    while sum(model.reads) < 50:
        time.sleep(0.01)
    threading.Timer(0.2, stop.set).start()
    started = time.monotonic()
    with pytest.raises(ModelError, match="Stopped"):
        decoder.next_logits(word_prompt(model, ids if joins else words(50, 1)), stop)
    assert time.monotonic() - started < 0.35
    assert first.is_alive()
    over.set()
    first.join(1)
    assert not first.is_alive()


def test_many_at_once_get_the_answers_that_they_get_alone(model: CountingLlama) -> None:
    """Random requests, stops and broken-off answers over conversations that begin alike."""
    pictures = words(120)
    held = [pictures[: 30 + 15 * number] + words(60, number) for number in range(6)]
    alone = [list(answer(Decoder(model), ids)) for ids in held]
    logits = [plain(model, ids) for ids in held]
    room = 3 * Decoder(model)._each * 256  # three states at the most
    decoder, wrong = Decoder(model, kept_bytes=room, chunk=32), []

    def work(seed: int) -> None:
        random = Random(seed)
        for _ in range(25):
            number = random.randrange(len(held))
            what, stop = random.random(), threading.Event()
            if random.random() < 0.2:
                threading.Timer(random.random() * 0.02, stop.set).start()
            try:
                if what < 0.4:
                    got = decoder.next_logits(word_prompt(model, held[number]), stop)
                    if not torch.allclose(got, logits[number], atol=1e-4, rtol=1e-4):
                        wrong.append(("logits", number))
                else:
                    tokens, said = answer(decoder, held[number], stop), []
                    for token in tokens:
                        said.append(token)
                        if what > 0.9:
                            break
                    tokens.close()
                    if said != alone[number][: len(said)]:
                        wrong.append(("words", number))
            except ModelError as error:
                if str(error) != STOPPED or not stop.is_set():
                    wrong.append((str(error), number))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
    assert decoder._kept.bytes <= room
    assert decoder._reading == []


def test_background_reading_is_not_starved(model: CountingLlama, monkeypatch) -> None:
    monkeypatch.setattr(device_queue, "PATIENCE", 0.2)
    monkeypatch.setattr(device_queue, "SLICE", 0.1)
    decoder, over = Decoder(model, chunk=8), threading.Event()
    slow(model, 0.005)

    def keep_asking(seed: int) -> None:
        while not over.is_set():
            list(answer(decoder, words(20, seed)))

    askers = [threading.Thread(target=keep_asking, args=(seed,)) for seed in (1, 2, 3)]
    for thread in askers:
        thread.start()
    ids = words(60)
    assert_right(model, decoder, ids)
    assert not over.is_set()
    over.set()
    for thread in askers:
        thread.join(20)
