"""A tiny CLIP in a folder as transformers saves it, and a checkpoint of learned prompts for it."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from torch import Tensor
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

WIDTH, LENGTH, END = 16, 9, 99


def save_clip(folder: Path, *, blocks: int = 24, seed: int = 0) -> Path:
    """24 blocks of 16 channels, 7-pixel patches of 28 pixels; random weights."""
    torch.manual_seed(seed)
    tower = {"hidden_size": WIDTH, "intermediate_size": 32, "num_attention_heads": 2}
    tower["num_hidden_layers"] = blocks
    vocabulary = {"<|startoftext|>": 0, "<|endoftext|>": 1, "a</w>": 2}
    config = CLIPConfig(
        projection_dim=8,
        vision_config=tower | {"image_size": 28, "patch_size": 7},
        text_config=tower
        | {
            **{"vocab_size": len(vocabulary), "max_position_embeddings": LENGTH},
            **{"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1},
        },
    )
    model = CLIPModel(config)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.1 * torch.randn_like(value))
    model.save_pretrained(folder)
    words = Tokenizer(BPE(vocab=vocabulary, merges=[]))
    CLIPTokenizer(tokenizer_object=words, vocab=vocabulary, merges=[]).save_pretrained(folder)
    return folder


def learner(seed: int = 0, *, deep: int = 2, width: int = WIDTH) -> dict[str, Tensor]:
    """Weights as the authors' `prompt_learner` names them."""
    drawn = torch.Generator().manual_seed(seed)
    state = {}
    for kind, end in (("pos", 6), ("neg", 7)):
        for name, count in (("token_prefix", 1), ("ctx", 3), ("token_suffix", LENGTH - 4)):
            state[f"{name}_{kind}"] = torch.randn(1, 1, count, width, generator=drawn)
        words = torch.randint(1, END, (1, 1, LENGTH), generator=drawn, dtype=torch.int32)
        words[..., end] = END
        state[f"tokenized_prompts_{kind}"] = words
    for index in range(deep):
        state[f"compound_prompts_text.{index}"] = torch.randn(2, width, generator=drawn)
        state[f"compound_prompt_projections.{index}.weight"] = torch.zeros(2, 2)
    return state
