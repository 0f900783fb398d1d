"""The cache with room to grow against the plain one of transformers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache

from tests.model.tiny import CountingLlama, tiny_language
from triad_ui.model.growing_cache import STEP, GrowingCache, bytes_per_position


@pytest.fixture
def model() -> CountingLlama:
    return tiny_language()


@torch.inference_mode()
def read(model: CountingLlama, cache: object, ids: list[int]) -> Tensor:
    return model(input_ids=torch.tensor([ids]), past_key_values=cache).logits[0]


def words(count: int, seed: int = 0) -> list[int]:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(3, 400, (count,), generator=random).tolist()


def test_logits_are_those_of_a_dynamic_cache(model: CountingLlama) -> None:
    ours, theirs = GrowingCache(model.config), DynamicCache(config=model.config)
    for number, count in enumerate((200, 90, 1, 1, 30)):
        ids = words(count, number)
        assert torch.allclose(
            read(model, ours, ids), read(model, theirs, ids), atol=1e-5, rtol=1e-5
        )


def test_after_a_cut_it_goes_on_as_if_the_rest_had_never_been(model: CountingLlama) -> None:
    cache = GrowingCache(model.config)
    read(model, cache, words(300))
    cache.truncate(120)
    assert cache.get_seq_length() == 120
    got = read(model, cache, words(20, 1))
    plain = read(model, None, words(300)[:120] + words(20, 1))[-20:]
    assert torch.allclose(got, plain, atol=1e-5, rtol=1e-5)


def test_a_branch_shares_nothing_with_its_origin(model: CountingLlama) -> None:
    cache = GrowingCache(model.config)
    read(model, cache, words(150))
    with torch.inference_mode():
        branch = cache.branch(model.config, 100, 400)
    one = read(model, cache, words(10, 1))
    other = read(model, branch, words(10, 2))
    plain = words(150)
    assert torch.allclose(one, read(model, None, plain + words(10, 1))[-10:], atol=1e-5)
    assert torch.allclose(other, read(model, None, plain[:100] + words(10, 2))[-10:], atol=1e-5)


def test_room_is_made_once_where_the_length_is_known(model: CountingLlama) -> None:
    cache = GrowingCache(model.config, expected=700)
    read(model, cache, words(10))
    place = cache.layers[0].keys.data_ptr()
    for _ in range(6):
        read(model, cache, words(100))
    assert cache.layers[0].keys.data_ptr() == place
    assert cache.bytes == -(-700 // STEP) * STEP * bytes_per_position(model.config, 4)


def test_uneven_layers_are_made_even_by_a_cut(model: CountingLlama) -> None:
    cache = GrowingCache(model.config)
    read(model, cache, words(50))
    calls = []

    def between() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    cache.between = between
    with pytest.raises(KeyboardInterrupt):
        read(model, cache, words(10, 1))
    assert {layer.length for layer in cache.layers} == {50, 60}
    del cache.between
    cache.truncate(50)
    got = read(model, cache, words(10, 2))
    assert torch.allclose(got, read(model, None, words(50) + words(10, 2))[-10:], atol=1e-5)
