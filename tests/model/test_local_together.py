"""Several cases on one loaded model: looking at pictures, waiting, failing, forgetting."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.model.tiny import CountingLlama, tiny_triad, visual
from triad_ui.errors import ModelError
from triad_ui.model import local
from triad_ui.model.language_model import Chunk, GenerationOptions
from triad_ui.model.local import LocalTriad
from triad_ui.records import Message

OPENING = (Message("system", "You are"), Message("user", "Are there any defects?", (0,)))
OPTIONS = GenerationOptions(max_new_tokens=8)
CHOICES = ("A", "B")


@pytest.fixture
def triad(tmp_path: Path) -> LocalTriad:
    return tiny_triad(tmp_path)


class Gate:
    """Holds an encoder until it is opened; counts who came."""

    def __init__(self, triad: LocalTriad) -> None:
        self.inside, self.opened, self.calls = threading.Event(), threading.Event(), 0
        self._encode = triad._encoder.encode
        triad._encoder.encode = self._held

    def _held(self, *given: object) -> object:
        self.calls += 1
        self.inside.set()
        assert self.opened.wait(20)
        return self._encode(*given)


def test_looking_at_one_case_does_not_hold_up_the_answer_to_another(triad: LocalTriad) -> None:
    seen = (visual(0, 1),)
    triad.choice_logits(seen, OPENING, CHOICES)
    gate = Gate(triad)
    other = threading.Thread(target=triad.choice_logits, args=((visual(1, 1),), OPENING, CHOICES))
    other.start()
    assert gate.inside.wait(20)
    assert list(triad.stream(seen, OPENING, OPTIONS, threading.Event()))[-1].finished
    gate.opened.set()
    other.join(20)
    assert gate.calls == 1


def test_waiting_to_look_sees_a_stop(triad: LocalTriad) -> None:
    gate, stop = Gate(triad), threading.Event()
    first = threading.Thread(target=triad.choice_logits, args=((visual(0, 1),), OPENING, CHOICES))
    first.start()
    assert gate.inside.wait(20)
    threading.Timer(0.1, stop.set).start()
    started = time.monotonic()
    chunks = list(triad.stream((visual(1, 1),), OPENING, OPTIONS, stop))
    assert time.monotonic() - started < 0.2
    assert chunks == [Chunk("", 0, 0.0, finished=True, stopped=True)]
    gate.opened.set()
    first.join(20)


def test_the_same_picture_is_looked_at_once_by_two_at_once(triad: LocalTriad) -> None:
    gate, got = Gate(triad), []

    def judge() -> None:
        got.append(triad.choice_logits((visual(0, 1),), OPENING, CHOICES))

    threads = [threading.Thread(target=judge) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert gate.inside.wait(20)
    time.sleep(0.1)
    gate.opened.set()
    for thread in threads:
        thread.join(20)
    assert gate.calls == 1
    assert len(got) == 2
    assert got[0] == got[1]


def test_what_was_read_is_known_again_after_its_tokens_were_dropped(
    triad: LocalTriad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "KEPT_IMAGES", 1)
    first = triad.choice_logits((visual(0, 1),), OPENING, CHOICES)
    triad.choice_logits((visual(1, 1),), OPENING, CHOICES)
    assert len(triad._tokens) == 1
    language: CountingLlama = triad._language
    language.reads.clear()
    assert triad.choice_logits((visual(0, 1),), OPENING, CHOICES) == first
    assert language.reads == []


def test_visual_tokens_are_bounded_in_bytes_but_for_those_in_use(
    triad: LocalTriad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "KEPT_IMAGE_BYTES", 1)
    images = (visual(0, 1), visual(1, 1, mapped=False, is_reference=True))
    messages = (OPENING[0], Message("user", "Are there any defects?", (0, 1)))
    triad.choice_logits((visual(2, 1),), OPENING, CHOICES)
    triad.choice_logits(images, messages, CHOICES)
    assert len(triad._tokens) == 2


def test_memory_that_runs_out_in_the_tower_is_told(triad: LocalTriad) -> None:
    encode = triad._encoder.encode

    def fail(*_: object) -> object:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory")

    triad._encoder.encode = fail
    with pytest.raises(ModelError, match="Memory ran out while looking at the pictures"):
        triad.choice_logits((visual(0, 1),), OPENING, CHOICES)
    triad._encoder.encode = encode
    triad.choice_logits((visual(0, 1),), OPENING, CHOICES)


@pytest.mark.parametrize(
    ("error", "expected"),
    [(RuntimeError("CUDA out of memory"), ModelError), (ValueError("ours"), ValueError)],
)
def test_a_failure_in_mid_answer_reaches_the_consumer_after_what_was_said(
    triad: LocalTriad, error: Exception, expected: type[Exception]
) -> None:
    language: CountingLlama = triad._language
    language.script = triad._tokenizer.encode("There is a scratch at the top left.")
    chunks = triad.stream((visual(0, 1),), OPENING, OPTIONS, threading.Event())
    said = next(chunks).text + next(chunks).text

    def fail(*_: object) -> None:
        raise error

    hook = language.model.layers[1].register_forward_pre_hook(fail)
    with pytest.raises(expected):
        for chunk in chunks:
            said += chunk.text
    hook.remove()
    assert "There is a scratch".startswith(said)
    assert said
    language.script = []
    assert list(triad.stream((visual(0, 1),), OPENING, OPTIONS, threading.Event()))[-1].finished


def test_forgetting_frees_tokens_and_states(triad: LocalTriad) -> None:
    before = triad.choice_logits((visual(0, 1),), OPENING, CHOICES)
    triad.forget()
    assert len(triad._tokens) == 0
    assert len(triad._decoder._kept) == 0
    assert triad.choice_logits((visual(0, 1),), OPENING, CHOICES) == pytest.approx(before)
