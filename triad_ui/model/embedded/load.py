"""Files -> the embedded LocalTriad: base model, trained adapter and projector, frozen tower.

The base comes as a quantized GGUF file that takes a while to unpack; it is turned once into
safetensors in the weight cache. The adapter is a PEFT folder of ours with the projector beside it:
    adapter_config.json, adapter_model.safetensors   LoRA, merged into the base when loaded
    projector.safetensors                            loaded strictly
    card.json                                        what it was trained on, SHA-256 of the files
Knows nothing of how files are fetched.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from triad_ui.errors import WeightsError
from triad_ui.model.chat import ChatTokenizer
from triad_ui.model.embedded.encoder import CONTEXT_LIMIT, EmbeddedEncoder, Lexicon
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.views import Tower
from triad_ui.model.local import LocalTriad

TOKENIZER = "tokenizer.json"
# peft asks transformers by a name that will go; who runs the workbench can do nothing about it
warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)


def convert_base(gguf: Path, folder: Path) -> None:
    """Write the base language model as bfloat16 safetensors and its tokenizer into `folder`.

    Takes about 15 s and 300 MB. Raises WeightsError when the file is not readable.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.float32
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"The language model {gguf.name} cannot be read. Delete {gguf} and start again; it is "
            "fetched anew."
        ) from error
    tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    config = model.config
    del config.quantization_config
    # a model that came from GGUF refuses to be saved, though its weights are plain by now
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    plain.load_state_dict(model.state_dict())
    plain.save_pretrained(folder)


def load_base(folder: Path, dtype: torch.dtype) -> tuple[PreTrainedModel, ChatTokenizer]:
    """The base language model in `dtype`, frozen, and its tokenizer, from `convert_base`."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
    return model.eval().requires_grad_(False), ChatTokenizer(folder / TOKENIZER)


def load_embedded(
    base: Path,
    adapter: Path,
    tower: Tower,
    dtype: torch.dtype | None = None,
    kept_bytes: int | None = None,
) -> LocalTriad:
    """The embedded model. base: folder of `convert_base`; adapter: folder described above.

    dtype: None measures which of float32 and bfloat16 is faster here. kept_bytes: memory for what
    is kept of conversations, None: what suits the device. Raises WeightsError when a file is
    missing, damaged or not for this base.
    """
    card = read_card(adapter)
    dtype = dtype or faster_dtype()
    model, tokenizer = load_base(base, torch.float32)
    try:
        projector = read_projector(adapter, model.config.hidden_size)
        model = merge_adapter(model, adapter)
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        raise WeightsError(
            f"The adapter in {adapter} does not fit the embedded model: "
            f"{str(error).partition(chr(10))[0].rstrip(':.')}. Take the one that was released with "
            "this version, or train it again with 'train-embedded'."
        ) from error
    model = model.to(dtype).eval().requires_grad_(False)
    projector.eval().requires_grad_(False)
    precision = {torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype]
    engine = f"embedded SmolLM2-135M-Instruct + triad adapter {card['version']} {precision}"
    # a copy, as the words' vectors are read in float32 wherever the model is
    table = model.get_input_embeddings().weight.detach().float()
    encoder = EmbeddedEncoder(projector, tower, Lexicon(tokenizer, table))
    return LocalTriad(model, tokenizer, encoder, engine, CONTEXT_LIMIT, kept_bytes)


def read_projector(adapter: Path, width: int) -> Projector:
    """The projector in an adapter's folder, loaded strictly.

    KeyError, RuntimeError or OSError where the file is missing, damaged or of another make.
    """
    state = load_file(adapter / "projector.safetensors")
    kinds, words = len(state["findings.kind_words"]) - 1, len(state["steps.words"])
    surface = len(state["close.tell.3.bias"]) - 1
    projector = Projector(width, kinds, surface, vocabulary=words)
    projector.load_state_dict(state, strict=True)
    return projector


def merge_adapter(model: PreTrainedModel, adapter: Path) -> PreTrainedModel:
    """The model with the LoRA weights added in. ValueError for a missing or surplus weight."""
    from peft import PeftModel, get_peft_model_state_dict

    adapted = PeftModel.from_pretrained(model, adapter, is_trainable=False)
    # peft warns of a missing weight and says nothing of a surplus one
    there = set(load_file(adapter / "adapter_model.safetensors"))
    # with "auto" it would ask the model hub whether the vocabulary was changed
    wanted = set(get_peft_model_state_dict(adapted, save_embedding_layers=False))
    if there != wanted:
        raise ValueError(
            f"{len(wanted - there)} of its weights are missing and {len(there - wanted)} belong "
            "to another model"
        )
    return adapted.merge_and_unload()


def read_card(adapter: Path) -> dict:
    """The adapter's card, once every file that it names has the SHA-256 that it says.

    Raises WeightsError naming the missing or changed file.
    """
    try:
        card = json.loads((adapter / "card.json").read_text("utf-8"))
        for name, digest in card["files"].items():
            if hashlib.sha256((adapter / name).read_bytes()).hexdigest() != digest:
                raise WeightsError(
                    f"{adapter / name} is not the file that was released (its SHA-256 differs). "
                    "Restore it with 'git checkout', or train it again."
                )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"The adapter folder {adapter} is incomplete ({error}). Restore it with 'git "
            "checkout', or name another with TRIAD_ADAPTER."
        ) from error
    return card


def faster_dtype() -> torch.dtype:
    """bfloat16 where this processor answers a usual turn in it as fast as in float32, else float32.

    The embedded model runs on the processor, whatever GPU stands beside it.

    Processors without instructions for bfloat16 take ten times as long to read in it, though they
    write a little faster, as the weights are half as large.
    """
    if turn_seconds(torch.bfloat16) <= turn_seconds(torch.float32):
        return torch.bfloat16
    return torch.float32


def turn_seconds(dtype: torch.dtype) -> float:
    """About how long the base model takes for 300 positions read and 60 words written, from one
    product of each sort, at its shapes; the best of three."""
    row, table = torch.ones(1, 576, dtype=dtype), torch.ones(49152, 576, dtype=dtype)
    rows, weight = torch.ones(256, 576, dtype=dtype), torch.ones(1536, 576, dtype=dtype)
    writing, reading = [], []
    for _ in range(3):
        started = time.perf_counter()
        torch.nn.functional.linear(row, table)
        writing.append(time.perf_counter() - started)
        started = time.perf_counter()
        torch.nn.functional.linear(rows, weight)
        reading.append(time.perf_counter() - started)
    # the table is a fifth of the weights, the small one a hundred and twentieth of the blocks'
    return 60 * 4.7 * min(writing) + 300 / 256 * 120 * min(reading)
