"""Reading in chunks with grouped heads kept grouped, against transformers' own attention."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from tests.model.tiny import tiny_config, tiny_language
from triad_ui.model.growing_cache import GrowingCache
from triad_ui.model.packed_attention import NAME, use_packed_attention

SIZES = dict(
    vocab_size=300, hidden_size=48, intermediate_size=64, num_hidden_layers=2,
    num_attention_heads=6, num_key_value_heads=2,
)  # fmt: skip


def makers() -> dict[str, PreTrainedModel]:
    torch.manual_seed(0)
    return {
        "llama": tiny_language(),
        "qwen2": Qwen2ForCausalLM(Qwen2Config(**SIZES)),
        "mistral": MistralForCausalLM(MistralConfig(**SIZES)),
        "mistral, sliding window": MistralForCausalLM(MistralConfig(**SIZES, sliding_window=20)),
        "no groups": MistralForCausalLM(MistralConfig(**{**SIZES, "num_key_value_heads": 6})),
    }


@pytest.mark.parametrize("name", makers())
@torch.inference_mode()
def test_every_step_is_that_of_plain_sdpa(name: str) -> None:
    model = makers()[name].eval()
    for weight in model.parameters() if name != "llama" else ():  # that one is spread out already
        if weight.ndim == 2:
            weight.data.mul_(4.0)
    ids = torch.randint(3, 300, (1, 150), generator=torch.Generator().manual_seed(1))
    plain = model(input_ids=ids, use_cache=False).logits[0]
    use_packed_attention(model.get_decoder())
    assert model.get_decoder().config._attn_implementation == NAME
    cache, parts = GrowingCache(model.config), []
    for chunk in ids.split([60, 40, 49, 1], 1):
        parts.append(model(input_ids=chunk, past_key_values=cache).logits[0])
    assert torch.allclose(torch.cat(parts), plain, atol=1e-5, rtol=1e-5)


def test_other_attention_is_left_as_it_is() -> None:
    config = tiny_config()
    config._attn_implementation = "eager"
    model = type(tiny_language())(config)
    use_packed_attention(model.get_decoder())
    assert model.config._attn_implementation == "eager"
