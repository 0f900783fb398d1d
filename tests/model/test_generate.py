"""Decoding against the plain model: nothing that is kept may change an answer."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor

from tests.model.reading import NO_END, assert_right, plain, words
from tests.model.tiny import CountingLlama, tiny_language, word_prompt
from triad_ui.errors import ModelError
from triad_ui.model import out_of_memory
from triad_ui.model.choice import Machine
from triad_ui.model.generate import CHUNK, STOPPED, Decoder, Prompt
from triad_ui.model.growing_cache import GrowingLayer
from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.sampling import pick


@pytest.fixture
def model() -> CountingLlama:
    return tiny_language()


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


def test_the_same_prompt_again_reads_nothing(model: CountingLlama) -> None:
    decoder, ids = Decoder(model), words(60)
    assert_right(model, decoder, ids)
    assert_right(model, decoder, ids + words(30, 1))
    model.reads.clear()
    assert_right(model, decoder, ids)
    assert model.reads == [0]  # the plain model's
    options = GenerationOptions(max_new_tokens=1)
    said = list(decoder.tokens(word_prompt(model, ids), options, threading.Event(), NO_END))
    assert model.reads == [0, 1]  # the new token alone
    assert said == [int(plain(model, ids).argmax())]


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
    held = [words(40, seed) for seed in range(8)]
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


def test_stop_while_reading_is_seen_between_layers(model: CountingLlama) -> None:
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
    assert model.reads == [CHUNK]  # the second chunk was not read to its end
    model.reads.clear()
    assert_right(model, decoder, ids)  # what had been read serves the next time
    assert model.reads[:3] == [CHUNK] * 3


def test_a_failure_halfway_through_the_layers_leaves_nothing_behind(model: CountingLlama) -> None:
    decoder, ids = Decoder(model), words(CHUNK + 50)
    assert_right(model, decoder, ids[:100])

    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    hook = model.model.layers[1].register_forward_pre_hook(fail)  # layer 0 has written its part
    with pytest.raises(ModelError, match="Memory ran out while reading"):
        decoder.next_logits(word_prompt(model, ids))
    assert len(decoder._kept) == 0
    hook.remove()
    assert_right(model, decoder, ids)


def test_a_failure_while_decoding_releases_the_lock(model: CountingLlama) -> None:
    decoder, ids = Decoder(model), words(30)
    tokens = decoder.tokens(word_prompt(model, ids), GenerationOptions(), threading.Event(), NO_END)
    first = next(tokens)

    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    hook = model.model.layers[1].register_forward_pre_hook(fail)
    with pytest.raises(ModelError, match="Memory ran out while answering"):
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


def test_two_processes_on_the_same_pictures_do_not_undo_each_other(model: CountingLlama) -> None:
    decoder, pictures = Decoder(model), words(300)
    held = [pictures + words(100, 1), pictures + words(100, 2)]
    for ids in held:
        assert_right(model, decoder, ids)
    model.reads.clear()
    for turn in range(3):
        for number, ids in enumerate(held):
            ids += words(5, 10 * turn + number)
            assert_right(model, decoder, ids)
    assert [width for width in model.reads if width] == [5] * 6


def test_a_failed_step_under_a_chunk_of_many_leaves_what_was_read(model: CountingLlama) -> None:
    """An error that is not about memory costs its own step only."""
    decoder, ids = Decoder(model), words(2 * CHUNK + 10)

    def fail(_module: object, _args: object, given: dict) -> None:
        if given["past_key_values"].get_seq_length(1) == CHUNK:
            raise RuntimeError("illegal instruction")

    hook = model.model.layers[1].register_forward_pre_hook(fail, with_kwargs=True)
    with pytest.raises(RuntimeError, match="illegal instruction"):
        decoder.next_logits(word_prompt(model, ids))
    hook.remove()
    model.reads.clear()
    assert_right(model, decoder, ids)
    assert model.reads[:2] == [CHUNK, 10]


def test_choices_are_told_apart_more_finely_than_bfloat16(model: CountingLlama) -> None:
    ids, asked = words(40), [7, 8, 9]
    exact = Decoder(model).choice_logits(word_prompt(model, ids), asked)
    assert exact == pytest.approx(plain(model, ids)[asked].tolist(), rel=1e-5, abs=1e-5)
    half = tiny_language().to(torch.bfloat16)
    decoder = Decoder(half)
    fine = torch.tensor(decoder.choice_logits(word_prompt(half, ids), asked))
    coarse = decoder.next_logits(word_prompt(half, ids))[asked]
    assert torch.equal(coarse, coarse.bfloat16().float())
    assert not torch.equal(fine, fine.bfloat16().float())
    assert torch.equal(fine.bfloat16(), coarse.bfloat16())


def test_when_memory_runs_out_what_is_kept_makes_room(
    model: CountingLlama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prompt that does not fit is told so; smaller ones work at once."""
    decoder = Decoder(model)
    for seed in range(3):
        assert_right(model, decoder, words(50, seed))
    assert len(decoder._kept) == 3
    grow = GrowingLayer._wider

    def wider(layer: GrowingLayer, rows: Tensor, end: int) -> Tensor:
        if layer._cache.expected > 300:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB")
        return grow(layer, rows, end)

    monkeypatch.setattr(GrowingLayer, "_wider", wider)
    with pytest.raises(ModelError, match="Memory ran out while reading"):
        decoder.next_logits(word_prompt(model, words(2 * CHUNK, 9)))
    assert len(decoder._kept) == 0
    assert decoder._reading == []
    assert_right(model, decoder, words(50))


def test_more_main_memory_than_there_is_is_refused_before_it_is_taken(
    model: CountingLlama, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, little = Decoder(model), Machine("processor", free=100_000, total=100_000)
    monkeypatch.setattr(out_of_memory, "machine", lambda: little)
    with pytest.raises(ModelError, match="Memory ran out while reading the prompt"):
        decoder.next_logits(word_prompt(model, words(600)))
    assert model.reads == []
    assert_right(model, decoder, words(20))
