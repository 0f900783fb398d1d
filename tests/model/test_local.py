"""The embedded model around tiny parts: streams, stops, limits, and what it keeps."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.model.tiny import CountingLlama, tiny_triad, visual
from triad_ui.errors import ModelError, PromptTooLong
from triad_ui.model.embedded.findings import FINDINGS
from triad_ui.model.generate import CHUNK
from triad_ui.model.language_model import Chunk, GenerationOptions
from triad_ui.model.local import LocalTriad
from triad_ui.records import Message, Roi, VisualInput

OPENING = (Message("system", "You are"), Message("user", "Are there any defects?", (0, 1)))
IMAGES = (visual(0, 2), visual(1, 2, mapped=False, is_reference=True))
OPTIONS = GenerationOptions(max_new_tokens=8)
CHOICES = ("A", "B")


@pytest.fixture
def triad(tmp_path: Path) -> LocalTriad:
    return tiny_triad(tmp_path)


def language_of(triad: LocalTriad) -> CountingLlama:
    return triad._language


def fresh(folder: Path, images: Sequence[VisualInput], messages: Sequence[Message]) -> tuple:
    return tiny_triad(folder).choice_logits(images, messages, CHOICES)


def said(triad: LocalTriad, script: list[int]) -> list[Chunk]:
    language_of(triad).script = script
    options = GenerationOptions(max_new_tokens=60)
    return list(triad.stream(IMAGES, OPENING, options, threading.Event()))


def assert_as_fresh(
    triad: LocalTriad, folder: Path, images: Sequence[VisualInput], messages: Sequence[Message]
) -> None:
    got = triad.choice_logits(images, messages, CHOICES)
    assert got == pytest.approx(fresh(folder, images, messages), abs=1e-4)


def test_a_follow_up_reads_its_own_words_only(triad: LocalTriad, tmp_path: Path) -> None:
    assert_as_fresh(triad, tmp_path, IMAGES, OPENING)
    later = (*OPENING, Message("assistant", "A"), Message("user", "Where?"))
    language_of(triad).reads.clear()
    assert_as_fresh(triad, tmp_path, IMAGES, later)
    assert language_of(triad).reads[0] < 45
    assert triad.visual_tokens(IMAGES) == 82 + FINDINGS + 34


EDITS = {
    "region": replace(IMAGES[0], rois=(IMAGES[0].rois[0], Roi(1, 2, 90, 99))),
    "no region": replace(IMAGES[0], rois=()),
    "map": replace(IMAGES[0], anomaly_map=visual(7, 2).anomaly_map),
    "calibration": replace(IMAGES[0], anomaly_map=replace(IMAGES[0].anomaly_map, calibrated=False)),
    "pixels": visual(3, 2),
}


@pytest.mark.parametrize("edited", EDITS.values(), ids=EDITS)
def test_what_was_read_of_an_edited_image_is_dropped(
    triad: LocalTriad, tmp_path: Path, edited: VisualInput
) -> None:
    before = triad.choice_logits(IMAGES, OPENING, CHOICES)
    images = (edited, IMAGES[1])
    assert triad.choice_logits(images, OPENING, CHOICES) != before
    assert_as_fresh(triad, tmp_path, images, OPENING)
    assert triad.choice_logits(IMAGES, OPENING, CHOICES) == pytest.approx(before, abs=1e-4)


def test_an_edited_process_is_read_anew_and_the_images_are_not(
    triad: LocalTriad, tmp_path: Path
) -> None:
    def opening(process: str) -> tuple[Message, ...]:
        return OPENING[0], Message("user", f"{process}\nAre there any defects?", (0, 1))

    assert_as_fresh(triad, tmp_path, IMAGES, opening("1. Cut the cable."))
    language_of(triad).reads.clear()
    assert_as_fresh(triad, tmp_path, IMAGES, opening("1. Bend the cable."))
    assert language_of(triad).reads[0] < 60


def test_streamed_text_is_what_was_generated(triad: LocalTriad) -> None:
    ids = triad._tokenizer.encode("There is a scratch at the top left.")
    chunks = said(triad, [*ids, triad._tokenizer.end])
    assert "".join(chunk.text for chunk in chunks) == "There is a scratch at the top left."
    assert [chunk.finished for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert not chunks[-1].stopped
    assert [chunk.tokens for chunk in chunks] == sorted(chunk.tokens for chunk in chunks)
    assert chunks[-1].tokens == len(ids)
    assert all(chunk.prefill > 0 for chunk in chunks)


@pytest.mark.parametrize("text", ["Riß µm 傷 ok", "🔩🔧", "é"])
def test_a_character_of_several_tokens_is_never_shown_in_half(triad: LocalTriad, text: str) -> None:
    ids = triad._tokenizer.encode(text)
    assert len(ids) > len(text)
    chunks = said(triad, [*ids, triad._tokenizer.end])
    assert not any("\N{REPLACEMENT CHARACTER}" in chunk.text for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks) == text


def test_an_answer_cut_inside_a_character_leaves_it_out(triad: LocalTriad) -> None:
    ids = triad._tokenizer.encode("ab傷")[:-1]
    chunks = said(triad, [*ids, triad._tokenizer.end])
    assert "".join(chunk.text for chunk in chunks) == "ab"


def test_stop_ends_the_stream_within_a_token(triad: LocalTriad) -> None:
    stop, ids = threading.Event(), triad._tokenizer.encode("There is a scratch")
    language_of(triad).script = ids
    options = GenerationOptions(max_new_tokens=100)
    chunks = triad.stream(IMAGES, OPENING, options, stop)
    seen = [next(chunks), next(chunks)]
    stop.set()
    rest = list(chunks)
    assert len(rest) == 1
    assert rest[0].finished
    assert rest[0].stopped
    assert rest[0].tokens == seen[-1].tokens


def test_stop_before_the_first_word_is_a_stopped_answer(triad: LocalTriad) -> None:
    stop = threading.Event()
    stop.set()
    chunks = list(triad.stream(IMAGES, OPENING, OPTIONS, stop))
    assert chunks == [Chunk("", 0, 0.0, finished=True, stopped=True)]
    with pytest.raises(ModelError, match="Stopped"):
        triad.choice_logits(IMAGES, (*OPENING, Message("user", "x" * CHUNK)), CHOICES, stop)


def test_a_closed_stream_lets_the_next_one_in(triad: LocalTriad) -> None:
    language_of(triad).script = triad._tokenizer.encode("There is a scratch")
    chunks = triad.stream(IMAGES, OPENING, OPTIONS, threading.Event())
    next(chunks)
    chunks.close()
    assert list(triad.stream(IMAGES, OPENING, OPTIONS, threading.Event()))[-1].finished


def test_greedy_answers_repeat(triad: LocalTriad, tmp_path: Path) -> None:
    def answer(model: LocalTriad) -> str:
        return "".join(c.text for c in model.stream(IMAGES, OPENING, OPTIONS, threading.Event()))

    first = answer(triad)
    assert answer(triad) == first == answer(tiny_triad(tmp_path))


def test_an_oversized_prompt_is_refused_with_its_counts(tmp_path: Path) -> None:
    triad = tiny_triad(tmp_path, context_limit=200)
    messages = (*OPENING, Message("user", "scratch " * 100))
    words = sum(isinstance(piece, int) for piece in triad._tokenizer.pieces(messages))
    with pytest.raises(PromptTooLong) as caught:
        next(triad.stream(IMAGES, messages, OPTIONS, threading.Event()))
    assert caught.value.limit == 200 == triad.context_limit
    assert caught.value.tokens == words + 82 + FINDINGS + 34 + OPTIONS.max_new_tokens
    for number in (words, 116 + FINDINGS, caught.value.tokens, 200):
        assert str(number) in str(caught.value)
    with pytest.raises(PromptTooLong):
        triad.choice_logits(IMAGES, messages, CHOICES)
    assert language_of(triad).reads == []


def test_choices_that_begin_alike_are_refused(triad: LocalTriad) -> None:
    with pytest.raises(ModelError, match="begin alike"):
        triad.choice_logits(IMAGES, OPENING, ("Axy", "Axz"))


def test_visual_tokens_are_computed_once(triad: LocalTriad) -> None:
    calls = []
    tower = triad._encoder._tower
    triad._encoder._tower = lambda rgb, side: (calls.append(side), tower(rgb, side))[1]
    triad.choice_logits(IMAGES, OPENING, CHOICES)
    assert len(calls) == 8  # two images, two regions and a peak of the map each
    list(triad.stream(IMAGES, OPENING, OPTIONS, threading.Event()))
    assert len(calls) == 8


def test_two_cases_at_once_get_their_own_answers(triad: LocalTriad, tmp_path: Path) -> None:
    cases = [(visual(seed, 1),) for seed in range(4)]
    messages = (OPENING[0], Message("user", "Are there any defects?", (0,)))
    wanted = [fresh(tmp_path, images, messages) for images in cases]
    got: dict[int, tuple] = {}

    def ask(number: int) -> None:
        for _ in range(3):
            got[number] = triad.choice_logits(cases[number], messages, CHOICES)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for number, logits in enumerate(wanted):
        assert got[number] == pytest.approx(logits, abs=1e-4)


def test_the_model_is_left_without_gradients(triad: LocalTriad) -> None:
    triad.choice_logits(IMAGES, OPENING, CHOICES)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
