"""The decoder around each class of model that checkpoints are loaded as, text config inside."""

from __future__ import annotations

import threading

import pytest
import torch
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    MistralConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    SiglipVisionConfig,
)

from tests.model.reading import NO_END, words
from tests.model.tiny import word_prompt
from triad_ui.model.generate import Decoder
from triad_ui.model.language_model import GenerationOptions

TEXT = dict(
    vocab_size=400, hidden_size=48, intermediate_size=64, num_hidden_layers=2,
    num_attention_heads=6, num_key_value_heads=2, bos_token_id=0, eos_token_id=2,
)  # fmt: skip
VISION = dict(
    hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
    image_size=28, patch_size=14,
)  # fmt: skip
NEXT = dict(vision_config=CLIPVisionConfig(**VISION), image_grid_pinpoints=[[28, 28]])


def made(name: str) -> PreTrainedModel:
    torch.manual_seed(0)
    if name == "qwen2":
        model = Qwen2ForCausalLM(Qwen2Config(**TEXT))
    elif name == "onevision":
        vision = SiglipVisionConfig(**VISION)
        text = Qwen2Config(**TEXT)
        config = LlavaOnevisionConfig(
            vision_config=vision, text_config=text, image_grid_pinpoints=[[28, 28]]
        )
        model = LlavaOnevisionForConditionalGeneration(config)
    else:
        text = MistralConfig(**TEXT) if name == "next mistral" else LlamaConfig(**TEXT)
        model = LlavaNextForConditionalGeneration(LlavaNextConfig(text_config=text, **NEXT))
    for weight in model.parameters():
        if weight.ndim == 2:
            weight.data.mul_(5.0)
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize("name", ["qwen2", "onevision", "next mistral", "next vicuna"])
def test_logits_and_words_are_the_models_own(name: str) -> None:
    stock, model = made(name), made(name)
    decoder, ids = Decoder(model, chunk=32), words(100)

    @torch.inference_mode()
    def plain(ids: list[int]) -> torch.Tensor:
        return stock(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]

    for asked in (ids, [*ids[:60], 9, *words(30, 1)], ids):  # read, branched off, back
        got = decoder.choice_logits(word_prompt(model, asked), range(400))
        assert torch.allclose(torch.tensor(got), plain(asked), atol=1e-5, rtol=1e-5)
    said: list[int] = []
    for _ in range(6):
        said.append(int(plain(ids + said).argmax()))
    options = GenerationOptions(max_new_tokens=6)
    tokens = decoder.tokens(word_prompt(model, ids), options, threading.Event(), NO_END)
    assert list(tokens) == said
