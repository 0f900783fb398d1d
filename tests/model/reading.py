"""What the tests of reading and decoding share."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import torch
from torch import Tensor

from tests.model.tiny import CountingLlama, word_prompt
from triad_ui.model.generate import Decoder
from triad_ui.model.language_model import GenerationOptions

NO_END = -1


def words(count: int, seed: int = 0) -> list[int]:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(3, 400, (count,), generator=random).tolist()


@torch.inference_mode()
def plain(model: CountingLlama, ids: list[int]) -> Tensor:
    return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]


def assert_right(model: CountingLlama, decoder: Decoder, ids: list[int]) -> None:
    got = decoder.next_logits(word_prompt(model, ids))
    assert torch.allclose(got, plain(model, ids), atol=1e-5, rtol=1e-5)


def answer(
    decoder: Decoder, ids: list[int], stop: threading.Event | None = None
) -> Generator[int, None, bool]:
    """Eight greedy tokens."""
    prompt = word_prompt(decoder._model, ids)
    options = GenerationOptions(max_new_tokens=8)
    return decoder.tokens(prompt, options, stop or threading.Event(), NO_END)


def slow(model: CountingLlama, seconds: float) -> None:
    """Let each step take that long."""
    model.model.register_forward_pre_hook(lambda *_: time.sleep(seconds))
