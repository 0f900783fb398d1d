"""Decoding against the plain model: nothing that is kept may change an answer."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor

from tests.model.tiny import CountingLlama, tiny_language, word_prompt
from triad_ui.errors import ModelError
from triad_ui.model.generate import CHUNK, KEPT, STOPPED, Decoder, Prompt, pick
from triad_ui.model.language_model import GenerationOptions

NO_END = -1


@pytest.fixture
def model() -> CountingLlama:
    return tiny_language()


def words(count: int, seed: int = 0) -> list[int]:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(3, 400, (count,), generator=random).tolist()


@torch.inference_mode()
def plain(model: CountingLlama, ids: list[int]) -> Tensor:
    return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]


def assert_right(model: CountingLlama, decoder: Decoder, ids: list[int]) -> None:
    got = decoder.next_logits(word_prompt(model, ids))
    assert torch.allclose(got, plain(model, ids), atol=1e-5, rtol=1e-5)


def test_reading_in_chunks_equals_reading_at_once(model: CountingLlama) -> None:
    ids = words(2 * CHUNK + 90)
    logits = Decoder(model).next_logits(word_prompt(model, ids))
    assert model.reads == [CHUNK, CHUNK, 90]
    assert torch.allclose(logits, plain(model, ids), atol=1e-5, rtol=1e-5)


def test_a_longer_conversation_reads_only_what_is_new(model: CountingLlama) -> None:
    decoder, ids = Decoder(model), words(120)
    assert_right(model, decoder, ids)
    model.reads.clear()
    assert_right(model, decoder, ids + words(7, 1))
    assert model.reads[0] == 7


def test_the_same_prompt_again_reads_one_position(model: CountingLlama) -> None:
    decoder, ids = Decoder(model), words(60)
    assert_right(model, decoder, ids)
    model.reads.clear()
    assert_right(model, decoder, ids)
    assert model.reads[0] == 1


def test_an_edited_place_drops_all_that_follows_it(model: CountingLlama) -> None:
    decoder, ids = Decoder(model), words(100)
    assert_right(model, decoder, ids)
    model.reads.clear()
    edited = [*ids[:70], 399 if ids[70] != 399 else 398, *ids[71:]]
    assert_right(model, decoder, edited)
    assert model.reads[0] == 30
    assert_right(model, decoder, ids[:80])  # and shorter again


def test_interleaved_conversations_stay_right(model: CountingLlama) -> None:
    decoder = Decoder(model)
    held = [words(40, seed) for seed in range(KEPT + 2)]
    held[1][:30] = held[0][:30]  # two that begin alike
    for turn in range(3):
        for number, ids in enumerate(held):
            ids += words(5, 100 * turn + number)
            assert_right(model, decoder, ids)


def test_answers_are_kept_for_the_next_turn(model: CountingLlama) -> None:
    decoder, ids = Decoder(model), words(50)
    options = GenerationOptions(max_new_tokens=6)
    said = list(decoder.tokens(word_prompt(model, ids), options, threading.Event(), NO_END))
    model.reads.clear()
    assert_right(model, decoder, ids + said + words(4, 3))
    assert model.reads[0] == 4


def test_greedy_is_the_argmax_of_the_plain_model(model: CountingLlama) -> None:
    ids = words(30)
    expected: list[int] = []
    for _ in range(12):
        expected.append(int(plain(model, ids + expected).argmax()))
    options = GenerationOptions(max_new_tokens=12)
    got = list(Decoder(model).tokens(word_prompt(model, ids), options, threading.Event(), NO_END))
    assert got == expected


def test_the_end_token_ends_and_is_not_said(model: CountingLlama) -> None:
    model.script = [7, 8, 2, 9]
    tokens = Decoder(model).tokens(
        word_prompt(model, words(5)), GenerationOptions(), threading.Event(), end=2
    )
    said = []
    with pytest.raises(StopIteration) as end:
        while True:
            said.append(next(tokens))
    assert said == [7, 8]
    assert end.value.value is False


def test_sampling_is_repeated_by_its_seed(model: CountingLlama) -> None:
    def said(seed: int) -> list[int]:
        options = GenerationOptions(max_new_tokens=15, temperature=1.5, top_p=0.95, seed=seed)
        prompt = word_prompt(model, words(20))
        return list(Decoder(model).tokens(prompt, options, threading.Event(), NO_END))

    torch.manual_seed(1)
    first = said(3)
    torch.manual_seed(2)  # the global generator has no say in it
    assert said(3) == first
    assert said(4) != first


def test_top_p_leaves_only_the_nucleus() -> None:
    logits = torch.tensor([0.6, 0.3, 0.1]).log()
    random = torch.Generator().manual_seed(0)

    def drawn(top_p: float) -> set[int]:
        options = GenerationOptions(temperature=1.0, top_p=top_p)
        return {pick(logits, options, random) for _ in range(200)}

    assert drawn(0.5) == {0}
    assert drawn(0.8) == {0, 1}
    assert drawn(1.0) == {0, 1, 2}
    assert pick(logits, GenerationOptions(temperature=0.0), random) == 0


def test_stop_while_decoding_ends_within_one_token(model: CountingLlama) -> None:
    stop = threading.Event()
    tokens = Decoder(model).tokens(
        word_prompt(model, words(20)), GenerationOptions(max_new_tokens=50), stop, NO_END
    )
    for _ in range(3):
        next(tokens)
    model.reads.clear()
    stop.set()
    with pytest.raises(StopIteration) as end:
        next(tokens)
    assert end.value.value is True
    assert model.reads == []


def test_stop_while_reading_is_seen_between_chunks(model: CountingLlama) -> None:
    stop, ids = threading.Event(), words(4 * CHUNK)
    through = word_prompt(model, ids)

    def embed(start: int, end: int) -> Tensor:
        if start == CHUNK:
            stop.set()
        return through.embed(start, end)

    decoder = Decoder(model)
    with pytest.raises(ModelError) as caught:
        decoder.next_logits(Prompt(through.keys, embed), stop)
    assert str(caught.value) == STOPPED
    assert model.reads == [CHUNK, CHUNK]
    model.reads.clear()
    assert_right(model, decoder, ids)  # what had been read serves the next time
    assert model.reads[:2] == [CHUNK, CHUNK]


def test_closing_releases_the_lock(model: CountingLlama) -> None:
    decoder = Decoder(model)
    tokens = decoder.tokens(
        word_prompt(model, words(20)), GenerationOptions(max_new_tokens=50), threading.Event(),
        NO_END,
    )  # fmt: skip
    next(tokens)
    done = threading.Event()

    def other() -> None:
        decoder.next_logits(word_prompt(model, words(20, 1)))
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    assert not done.wait(0.3)
    tokens.close()
    assert done.wait(20)
    thread.join()


def test_a_failure_halfway_through_the_layers_leaves_nothing_behind(model: CountingLlama) -> None:
    decoder, ids = Decoder(model), words(CHUNK + 50)
    assert_right(model, decoder, ids[:100])

    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    hook = model.model.layers[1].register_forward_pre_hook(fail)  # layer 0 has written its part
    with pytest.raises(RuntimeError, match="out of memory"):
        decoder.next_logits(word_prompt(model, ids))
    hook.remove()
    assert_right(model, decoder, ids)


def test_a_failure_while_decoding_releases_the_lock(model: CountingLlama) -> None:
    decoder, ids = Decoder(model), words(30)
    tokens = decoder.tokens(word_prompt(model, ids), GenerationOptions(), threading.Event(), NO_END)
    first = next(tokens)

    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    hook = model.model.layers[1].register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        next(tokens)
    hook.remove()
    assert_right(model, decoder, [*ids, first, 5])


def test_forgetting_reads_all_anew(model: CountingLlama) -> None:
    decoder, ids = Decoder(model), words(30)
    assert_right(model, decoder, ids)
    decoder.forget()
    model.reads.clear()
    assert_right(model, decoder, ids)
    assert model.reads[0] == 30
