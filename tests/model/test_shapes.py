"""Shapes told from a configuration are those that transformers makes, at the sizes in use."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
)

from triad_ui.model.shapes import shapes_of

SIGLIP = {
    "model_type": "siglip_vision_model",
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 26,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
    "vision_use_head": False,
}
CLIP = {
    "model_type": "clip_vision_model",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
}


def text(kind: str, width: int, wide: int, layers: int, heads: int, kept: int, words: int) -> dict:
    return {
        "model_type": kind,
        "hidden_size": width,
        "intermediate_size": wide,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kept,
        "vocab_size": words,
    }


QWEN_7B = text("qwen2", 3584, 18944, 28, 28, 4, 152064)
QWEN_HALF = text("qwen2", 896, 4864, 24, 14, 2, 151936)
MISTRAL_7B = text("mistral", 4096, 14336, 32, 32, 8, 32064)
LLAMA_7B = text("llama", 4096, 11008, 32, 32, 32, 32064)
SMOL = text("llama", 576, 1536, 30, 9, 3, 49152)

ONEVISION = (LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration)
NEXT = (LlavaNextConfig, LlavaNextForConditionalGeneration)


@pytest.mark.parametrize(
    "classes, config",
    [
        (
            ONEVISION,
            {"text_config": QWEN_7B, "vision_config": SIGLIP, "tie_word_embeddings": False},
        ),
        (
            ONEVISION,
            {"text_config": QWEN_HALF, "vision_config": SIGLIP, "tie_word_embeddings": True},
        ),
        (NEXT, {"text_config": MISTRAL_7B, "vision_config": CLIP, "tie_word_embeddings": False}),
        (NEXT, {"text_config": LLAMA_7B, "vision_config": CLIP, "tie_word_embeddings": False}),
        ((LlamaConfig, LlamaForCausalLM), SMOL | {"tie_word_embeddings": True}),
    ],
    ids=["ov-7b", "ov-0.5b", "next-mistral", "next-vicuna", "smollm2"],
)
def test_names_and_shapes_are_those_of_transformers(classes, config):
    configuration, model_class = classes
    with torch.device("meta"):
        model = model_class(configuration(**config))
    made = {name: tuple(values.shape) for name, values in model.named_parameters()}
    assert shapes_of(config) == made


def test_a_missing_size_is_named_and_not_guessed():
    config = {"text_config": {k: v for k, v in QWEN_7B.items() if k != "intermediate_size"}}
    with pytest.raises(KeyError, match="intermediate_size"):
        shapes_of(config)


def test_counting_needs_no_heavy_library():
    code = "import sys, triad_ui.model.shapes, triad_ui.model.memory; "
    code += "assert not {'torch', 'transformers', 'bitsandbytes'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
