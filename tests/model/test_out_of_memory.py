"""Memory that runs out: told in words, and the next request works.

The errors are worded as torch, cuBLAS, bitsandbytes and numpy word them; some are real ones.
"""

from __future__ import annotations

import errno
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.model.tiny import tiny_triad, visual
from tests.model.tiny_llava import write_authors
from triad_ui.errors import ModelError
from triad_ui.model import assemble, out_of_memory
from triad_ui.model.checkpoint import open_checkpoint
from triad_ui.model.choice import Machine
from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.local import LocalTriad
from triad_ui.model.out_of_memory import ensure_room, in_words, ran_out
from triad_ui.records import Message

CUDA = torch.OutOfMemoryError(
    "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 15.77 GiB of "
    "which 1.20 GiB is free."
)
CPU = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 3221225472 bytes. Error code 12 (Cannot allocate memory)"
)
OTHERS = [
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 96 bytes."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("Error out of memory at line 383 in file /src/csrc/ops.cu"),
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]
HERE = Machine("NVIDIA L4", int(1.2 * 2**30), 24 * 2**30)


@pytest.fixture(autouse=True)
def a_graphics_card(monkeypatch):
    monkeypatch.setattr(out_of_memory, "machine", lambda: HERE)


@pytest.mark.parametrize("error", [CUDA, CPU, *OTHERS], ids=lambda error: str(error)[:30])
def test_each_kind_of_exhaustion_is_told_with_a_remedy(error: Exception):
    told = r"^Memory ran out while reading the prompt.* nf4 \(4 bits\)\.$"
    with pytest.raises(ModelError, match=told), in_words(doing="read"):
        raise error


def test_what_was_asked_and_what_is_free_are_told():
    with pytest.raises(ModelError) as caught, in_words(doing="load"):
        raise CUDA
    assert str(caught.value) == (
        "Memory ran out while loading the model: 2.5 GB more were asked for, 1.2 GB are free on "
        "NVIDIA L4. Load it in nf4 (4 bits), close other programs, or take a smaller model."
    )
    with pytest.raises(ModelError, match=r"3\.0 GB more were asked for"), in_words():
        raise CPU


@pytest.mark.parametrize("taken", ["torch", "numpy"])
def test_real_errors_are_known(taken: str):
    with pytest.raises(ModelError, match=r": \d{7,}\.0 GB more were asked for"), in_words():
        if taken == "torch":
            torch.empty(2**60, dtype=torch.uint8)
        np.empty(2**60, np.uint8)


def test_other_errors_pass_unchanged():
    freed = []
    for error in (ValueError("shapes differ"), ModelError("Stopped."), OSError(2, "no such file")):
        assert not ran_out(error)
        with pytest.raises(type(error)) as caught, in_words(lambda: freed.append(1)):
            raise error
        assert caught.value is error
    assert not freed


def test_an_error_that_was_caused_by_exhaustion_is_one():
    with pytest.raises(ModelError, match="loading the model"), in_words(doing="load"):
        try:
            raise MemoryError
        except MemoryError as error:
            raise ValueError("shard 2 cannot be read") from error


def test_kept_states_and_what_the_failed_calls_held_are_given_back():
    freed = []
    alive: list[weakref.ref] = []

    def fails() -> None:
        activations = torch.zeros(8)
        alive.append(weakref.ref(activations))
        raise CUDA

    gc.disable()  # not by luck
    try:
        with pytest.raises(ModelError) as caught, in_words(lambda: freed.append(1)):
            fails()
        assert freed == [1]
        assert alive[0]() is None
        assert caught.value.__cause__ is None
    finally:
        gc.enable()


def test_a_gpu_that_no_longer_answers_is_no_second_error(monkeypatch):
    def dead() -> Machine:
        raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(out_of_memory, "machine", dead)
    told = r"while answering: 2\.5 GB more were asked for\. "
    with pytest.raises(ModelError, match=told), in_words():
        raise CUDA


def test_more_than_there_is_is_refused_before_linux_kills_us(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    freed = []
    ensure_room(HERE.free, lambda: freed.append(1))
    assert not freed
    with pytest.raises(ModelError, match=r"2\.0 GB more were asked for, 1\.2 GB are"):
        ensure_room(2 * 2**30, lambda: freed.append(1))
    assert freed == [1]
    monkeypatch.setattr(out_of_memory, "machine", lambda: Machine("the processor", 0, 0))
    ensure_room(2**50)


# In the whole model: reading, answering and looking fail once, and the next request works.


@contextmanager
def failing(module: torch.nn.Module, when: Callable[[int], bool]) -> Iterator[list[int]]:
    """`module` runs out of memory each time `when` (width of its input) says so."""
    failed: list[int] = []

    def hook(_: object, inputs: tuple[torch.Tensor, ...]) -> None:
        if when(inputs[0].shape[1]):
            failed.append(inputs[0].shape[1])
            raise torch.OutOfMemoryError(str(CUDA))

    handle = module.register_forward_pre_hook(hook)
    try:
        yield failed
    finally:
        handle.remove()


def answer(triad: LocalTriad, question: str = "Is it good?") -> str:
    messages = (Message("user", question, images=(0,)),)
    options = GenerationOptions(max_new_tokens=8)
    stop = threading.Event()
    return "".join(c.text for c in triad.stream((visual(),), messages, options, stop))


@pytest.mark.parametrize(
    "when, doing",
    [(lambda width: width > 1, "reading the prompt"), (lambda width: width == 1, "answering")],
    ids=["read", "answer"],
)
def test_the_next_request_works_after_memory_ran_out(tmp_path: Path, when, doing: str):
    wanted = answer(tiny_triad(tmp_path))
    triad = tiny_triad(tmp_path)
    last = triad._language.model.layers[-1]
    told = rf"Memory ran out while {doing}: 2\.5 GB more"
    with failing(last, when) as failed, pytest.raises(ModelError, match=told):
        answer(triad)
    assert failed
    assert answer(triad) == wanted
    question = "Where is it?"
    assert answer(triad, question) == answer(tiny_triad(tmp_path), question)


def test_a_failure_in_a_later_turn_spoils_no_kept_state(tmp_path: Path):
    triad = tiny_triad(tmp_path)
    first = answer(triad)
    last = triad._language.model.layers[-1]
    with failing(last, lambda width: True), pytest.raises(ModelError, match="Memory ran out"):
        answer(triad, "What is wrong with it?")
    fresh = tiny_triad(tmp_path)
    assert answer(triad) == first
    assert answer(triad, "Where is it?") == answer(fresh, "Where is it?")


def test_memory_that_runs_out_over_the_pictures_is_told(tmp_path: Path, monkeypatch):
    triad = tiny_triad(tmp_path)
    wanted = answer(triad)
    again = tiny_triad(tmp_path)
    with monkeypatch.context() as patch:
        encoder = type(again._encoder)
        patch.setattr(encoder, "encode", lambda *_: (_ for _ in ()).throw(MemoryError()))
        with pytest.raises(ModelError, match="Memory ran out while looking at the pictures"):
            answer(again)
    assert answer(again) == wanted


def test_memory_that_runs_out_while_loading_leaves_nothing_behind(tmp_path: Path, monkeypatch):
    checkpoint = open_checkpoint(write_authors(tmp_path))
    held: list[weakref.ref] = []
    real = assemble.tensors

    def runs_out(*args: object) -> Iterator[tuple[str, torch.Tensor]]:
        for number, (name, value) in enumerate(real(*args)):
            if number == 5:
                raise torch.OutOfMemoryError(str(CUDA))
            own = value.clone()
            held.append(weakref.ref(own))
            yield name, own

    with monkeypatch.context() as patch:
        patch.setattr(assemble, "tensors", runs_out)
        with pytest.raises(ModelError) as caught:
            assemble.load_checkpoint(checkpoint, precision="fp32", device="cpu")
    assert str(caught.value).startswith("Memory ran out while loading the model: 2.5 GB more")
    assert "in nf4" in str(caught.value)
    assert len(held) == 5
    assert not any(ref() is not None for ref in held)
    assert assemble.load_checkpoint(checkpoint, precision="fp32", device="cpu").engine
