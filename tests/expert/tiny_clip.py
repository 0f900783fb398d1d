"""A whole CLIP of a few thousand weights in a folder, as transformers saves it: towers, words.

Random weights: sentences and pictures land somewhere, but every step from the files to a map is
taken as with the published ones. Its words are the 256 bytes and a few pairs joined.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPConfig, CLIPModel

MERGES = (("p", "a"), ("r", "t</w>"), ("pa", "rt</w>"), ("t", "h"), ("th", "e</w>"))
START, END = "<|startoftext|>", "<|endoftext|>"
DEPTH, WIDTH, SHARED, PATCH = 4, 24, 16, 14


def words() -> dict[str, int]:
    """Ids in CLIP's order: bytes, bytes that end a word, joined pairs, start, end."""
    letters = sorted(ByteLevel.alphabet())
    listed = [*letters, *(f"{each}</w>" for each in letters), *("".join(pair) for pair in MERGES)]
    return {word: index for index, word in enumerate([*listed, START, END])}


def save_tiny_clip(
    folder: Path, *, seed: int = 0, longest: int = 77, depth: int = DEPTH, patch: int = PATCH
) -> CLIPModel:
    """Writes the folder; the model that was saved, in eval mode."""
    known = words()
    ends = {"bos_token_id": known[START], "eos_token_id": known[END], "pad_token_id": known[END]}
    config = CLIPConfig(
        text_config={
            "vocab_size": len(known),
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "max_position_embeddings": longest,
            **ends,
        },
        vision_config={
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "num_hidden_layers": depth,
            "num_attention_heads": 2,
            "image_size": 3 * patch,
            "patch_size": patch,
        },
        projection_dim=SHARED,
    )
    torch.manual_seed(seed)
    model = CLIPModel(config).eval()
    with torch.no_grad():
        for weight in model.parameters():  # transformers starts so small that nothing differs
            if weight.ndim > 1:
                weight.normal_(std=1.5 * weight.shape[-1] ** -0.5)
    model.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(known), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in MERGES)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    facts = {"tokenizer_class": "CLIPTokenizer", "model_max_length": longest}
    facts |= {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END}
    (folder / "tokenizer_config.json").write_text(json.dumps(facts), encoding="utf-8")
    return model
