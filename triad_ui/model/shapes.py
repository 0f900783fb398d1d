"""The tensors that a model has, by its configuration alone: names and shapes, no torch.

For models that are offered before a file of theirs is here. LLaVA-OneVision and LLaVA-1.6
(SigLIP or CLIP tower; Qwen2, Llama or Mistral), and a language model alone.
Knows nothing of bytes, nor of the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Shapes = dict[str, tuple[int, ...]]
"""Shape by name, as transformers 5 names tensors."""


def shapes_of(config: Mapping[str, Any]) -> Shapes:
    """Every tensor of the model that transformers makes from `config` (a config.json, read).

    config: of a language model, or with a `text_config` and a `vision_config`. Sizes must be
    written out, they are not guessed. Raises KeyError for one that is absent.
    """
    text = config.get("text_config", config)
    vision = config.get("vision_config")
    inner = "model.language_model." if vision else "model."
    shapes = _language(text, inner)
    if not tied(config):
        shapes["lm_head.weight"] = (text["vocab_size"], text["hidden_size"])
    if vision:
        shapes |= _tower(vision)
        width, layers = text["hidden_size"], config.get("vision_feature_layer", -1)
        seen = vision["hidden_size"] * (1 if isinstance(layers, int) else len(layers))
        shapes["model.image_newline"] = (width,)
        shapes |= _linear("model.multi_modal_projector.linear_1", width, seen)
        shapes |= _linear("model.multi_modal_projector.linear_2", width, width)
    return shapes


def tied(config: Mapping[str, Any]) -> bool:
    """True when the head is the table of word vectors, stored once."""
    named = config.get("tie_word_embeddings")
    if named is None:
        named = config.get("text_config", {}).get("tie_word_embeddings")
    return bool(named)


def head_sizes(text: Mapping[str, Any]) -> tuple[int, int, int]:
    """Query heads, key-value heads and the width of a head."""
    heads = text["num_attention_heads"]
    kept = text.get("num_key_value_heads") or heads
    return heads, kept, text.get("head_dim") or text["hidden_size"] // heads


def _language(text: Mapping[str, Any], inner: str) -> Shapes:
    width, wide = text["hidden_size"], text["intermediate_size"]
    heads, kept, head = head_sizes(text)
    biased = text.get("model_type") == "qwen2" or bool(text.get("attention_bias"))
    shapes: Shapes = {f"{inner}embed_tokens.weight": (text["vocab_size"], width)}
    for number in range(text["num_hidden_layers"]):
        layer = f"{inner}layers.{number}."
        for name, rows in (("q", heads), ("k", kept), ("v", kept)):
            shapes |= _linear(f"{layer}self_attn.{name}_proj", rows * head, width, biased)
        shapes |= _linear(f"{layer}self_attn.o_proj", width, heads * head, False)
        shapes |= _linear(f"{layer}mlp.gate_proj", wide, width, False)
        shapes |= _linear(f"{layer}mlp.up_proj", wide, width, False)
        shapes |= _linear(f"{layer}mlp.down_proj", width, wide, False)
        shapes[f"{layer}input_layernorm.weight"] = (width,)
        shapes[f"{layer}post_attention_layernorm.weight"] = (width,)
    shapes[f"{inner}norm.weight"] = (width,)
    return shapes


def _tower(vision: Mapping[str, Any]) -> Shapes:
    tower, width, wide = "model.vision_tower.", vision["hidden_size"], vision["intermediate_size"]
    side, patch = vision["image_size"], vision["patch_size"]
    positions = (side // patch) ** 2
    shapes: Shapes = {f"{tower}embeddings.patch_embedding.weight": (width, 3, patch, patch)}
    if vision["model_type"] == "clip_vision_model":
        positions += 1  # CLIP has a vector of its own for the whole view
        shapes[f"{tower}embeddings.class_embedding"] = (width,)
        shapes |= _norm(f"{tower}pre_layrnorm", width)
    else:
        shapes[f"{tower}embeddings.patch_embedding.bias"] = (width,)
    shapes[f"{tower}embeddings.position_embedding.weight"] = (positions, width)
    for number in range(vision["num_hidden_layers"]):
        layer = f"{tower}encoder.layers.{number}."
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= _linear(f"{layer}self_attn.{name}", width, width)
        shapes |= _linear(f"{layer}mlp.fc1", wide, width)
        shapes |= _linear(f"{layer}mlp.fc2", width, wide)
        shapes |= _norm(f"{layer}layer_norm1", width) | _norm(f"{layer}layer_norm2", width)
    return shapes | _norm(f"{tower}post_layernorm", width)


def _linear(name: str, rows: int, columns: int, bias: bool = True) -> Shapes:
    shapes: Shapes = {f"{name}.weight": (rows, columns)}
    return shapes | {f"{name}.bias": (rows,)} if bias else shapes


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
