"""The files around a tiny checkpoint's numbers: shards, tokenizers, chat templates."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from torch import Tensor

from tests.model.tiny import CORPUS, SPECIAL

Names = tuple[tuple[str, str], ...]
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_CONTENT = (
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "{% endif %}"
)
NEXT_TEMPLATES = {
    "mistral": "{% for m in messages %}{% if m['role'] == 'user' %}[INST] "
    + _CONTENT
    + " [/INST]{% elif m['role'] == 'assistant' %} "
    + _CONTENT
    + "</s>{% endif %}{% endfor %}",
    "vicuna": "{% for m in messages %}{% if m['role'] == 'system' %}"
    + _CONTENT
    + " {% elif m['role'] == 'user' %}USER: "
    + _CONTENT
    + " {% else %}ASSISTANT: "
    + _CONTENT
    + "</s>{% endif %}{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}",
}


def renamed(state: Mapping[str, Tensor], names: Names) -> dict[str, Tensor]:
    """The weights in bfloat16 (numbers stay numbers) under another layout's names."""
    out = {}
    for name, value in state.items():
        for pattern, other in names:
            if re.match(pattern, name):
                name = re.sub(pattern, other, name)
                break
        value = value.to(torch.bfloat16) if value.is_floating_point() else value
        out[name] = value.contiguous().clone()
    return out


def save_shards(folder: Path, state: Mapping[str, Tensor], shards: int) -> None:
    """One model.safetensors, or `shards` of them with an index."""
    if shards == 1:
        save_file(dict(state), folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = sorted(state)
    index = {}
    for number in range(shards):
        file = f"model-{number + 1:05d}-of-{shards:05d}.safetensors"
        part = {name: state[name] for name in names[number::shards]}
        save_file(part, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(part, file)
    size = sum(value.nbytes for value in state.values())
    write_json(
        folder / "model.safetensors.index.json",
        {"metadata": {"total_size": size}, "weight_map": index},
    )


def write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=2), "utf-8")


def write_llama_tokenizer(file: Path) -> Path:
    """A BPE of SentencePiece's kind: a mark before each word, unknown characters by their bytes."""
    mark = "▁"
    own = Tokenizer(models.BPE())
    marks = [normalizers.Prepend(mark), normalizers.Replace(" ", mark)]
    own.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    own.train_from_iterator(
        [CORPUS], trainers.BpeTrainer(vocab_size=120, show_progress=False, limit_alphabet=80)
    )
    learned = json.loads(own.to_str())["model"]
    first = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    vocabulary = {text: number for number, text in enumerate([*first, *learned["vocab"]])}
    merges = [tuple(pair) for pair in learned["merges"]]
    model = models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    whole = Tokenizer(model)
    whole.normalizer = normalizers.Sequence(marks)
    whole.decoder = decoders.Sequence(
        [
            decoders.Replace(mark, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    whole.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    names = ["<unk>", "<s>", "</s>", "<image>"]
    whole.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    whole.save(str(file))
    return file


def write_tokenizer_config(
    folder: Path,
    kind: str,
    *,
    eos: str,
    pad: str,
    bos: str | None = None,
    unk: str | None = None,
    special: list[str] | None = None,
) -> None:
    words = Tokenizer.from_file(str(folder / "tokenizer.json"))
    added = {
        str(words.token_to_id(text)): {
            "content": text,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        }
        for text in special or SPECIAL
    }
    config = {
        "added_tokens_decoder": added,
        "bos_token": bos,
        "eos_token": eos,
        "pad_token": pad,
        "unk_token": unk,
        "model_max_length": 32768,
        "padding_side": "left",
        "clean_up_tokenization_spaces": False,
        "tokenizer_class": kind,
    }
    write_json(folder / "tokenizer_config.json", config)
