"""The models that the page offers by name, told before anything is read or fetched.

Licences are what the publishers state on their pages. Bytes follow from the architectures' shapes.
Knows nothing of what is on this machine; imports nothing heavy.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from triad_ui.errors import SettingsError
from triad_ui.model.choice import ModelChoice, ModelOffer, Precision
from triad_ui.model.memory import CONVERSATION, need_of_shapes, needs_of
from triad_ui.model.shapes import shapes_of
from triad_ui.settings import mask

NOT_TRAINED = (
    "Not trained for EG-RoI: it sees regions as further views, which it has not learned to use."
)
TOKENIZER_BYTES = 4_000_000
"""Roughly what configuration and tokenizer add to the weights of a download."""

_SIGLIP = {
    "model_type": "siglip_vision_model", "hidden_size": 1152, "intermediate_size": 4304,
    "num_hidden_layers": 26, "image_size": 384, "patch_size": 14,
}  # fmt: skip
_CLIP = {
    "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096,
    "num_hidden_layers": 24, "image_size": 336, "patch_size": 14,
}  # fmt: skip
_LLAMA = {
    "vocab_size": 32064, "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
}  # fmt: skip
SMOLLM2 = {
    "model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536,
    "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
    "tie_word_embeddings": True,
}  # fmt: skip
EMBEDDED_POSITIONS = 2048
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "llava-ov-0.5b": {
        "tie_word_embeddings": True,
        "vision_config": _SIGLIP,
        "text_config": {
            "model_type": "qwen2", "vocab_size": 152000, "hidden_size": 896,
            "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
            "num_key_value_heads": 2,
        },
    },
    "llava-ov-7b": {
        "tie_word_embeddings": False,
        "vision_config": _SIGLIP,
        "text_config": {
            "model_type": "qwen2", "vocab_size": 152128, "hidden_size": 3584,
            "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
            "num_key_value_heads": 4,
        },
    },
    "llava-1.6-mistral-7b": {
        "tie_word_embeddings": False,
        "vision_config": _CLIP,
        "text_config": _LLAMA
        | {"model_type": "mistral", "intermediate_size": 14336, "num_key_value_heads": 8},
    },
    "llava-1.6-vicuna-7b": {
        "tie_word_embeddings": False,
        "vision_config": _CLIP,
        "text_config": _LLAMA | {"model_type": "llama", "intermediate_size": 11008},
    },
}  # fmt: skip
"""The sizes that the repositories' config.json name, by key."""

READS = {"llava-1.6-vicuna-7b": 4096}
"""Positions that a model reads, where they are fewer than a full conversation."""


def stored_bytes(config: Mapping[str, Any]) -> int:
    """Size of a model's weights in files of two bytes a value, as all these repositories store."""
    return 2 * sum(map(prod, shapes_of(config).values()))


def _hub(key: str, title: str, repository: str, licence: str, note: str) -> ModelOffer:
    config = CONFIGS[key]
    return ModelOffer(
        key,
        title,
        licence,
        ModelChoice("hub", repository),
        download=stored_bytes(config) + TOKENIZER_BYTES,
        needs=needs_of(config, positions=READS.get(key, CONVERSATION)),
        note=note,
    )


def _embedded() -> ModelOffer:
    shapes = shapes_of(SMOLLM2)
    # it is put together in float32, whatever it then computes in
    need = need_of_shapes(shapes, SMOLLM2, "fp32", positions=EMBEDDED_POSITIONS)
    return ModelOffer(
        "embedded",
        "Embedded model (SmolLM2 135M)",
        "Apache-2.0",
        ModelChoice("embedded"),
        needs={"auto": need.total},
        note="Trained for regions and references, on drawn parts only. Small: it judges and "
        "describes simply.",
    )


PRESETS: tuple[ModelOffer, ...] = (
    _embedded(),
    ModelOffer(
        "folder",
        "Triad from a folder",
        "as its authors state",
        ModelChoice("folder"),
        note="The model that was trained for EG-RoI. Get the authors' weights from their file "
        "share, put config.json and all .safetensors files into one folder, and give its path. "
        "The folder of any LLaVA-OneVision or LLaVA-1.6 model is read too.",
    ),
    _hub(
        "llava-ov-0.5b",
        "LLaVA-OneVision 0.5B",
        "llava-hf/llava-onevision-qwen2-0.5b-ov-hf",
        "Apache-2.0 (with Qwen2 0.5B, Apache-2.0)",
        NOT_TRAINED,
    ),
    _hub(
        "llava-ov-7b",
        "LLaVA-OneVision 7B",
        "llava-hf/llava-onevision-qwen2-7b-ov-hf",
        "Apache-2.0 (with Qwen2 7B, Apache-2.0)",
        f"Triad was trained from it. {NOT_TRAINED}",
    ),
    _hub(
        "llava-1.6-mistral-7b",
        "LLaVA-1.6 7B (Mistral)",
        "llava-hf/llava-v1.6-mistral-7b-hf",
        "Apache-2.0",
        NOT_TRAINED,
    ),
    _hub(
        "llava-1.6-vicuna-7b",
        "LLaVA-1.6 7B (Vicuna)",
        "llava-hf/llava-v1.6-vicuna-7b-hf",
        "Llama 2 Community License",
        NOT_TRAINED,
    ),
    ModelOffer(
        "served",
        "A model on a server",
        "as its publisher states",
        ModelChoice("served"),
        note="The URL of an OpenAI-compatible endpoint (vLLM, SGLang, transformers serve). It gets "
        "the image and the regions as pictures, which only approximates EG-RoI.",
    ),
)
"""In the order of the page. "folder" and "served" are for a person to complete."""


def choice_named(
    model: str | Path,
    *,
    precision: Precision = "auto",
    adapter: Path | None = None,
    allow_pickle: bool = False,
) -> ModelChoice | None:
    """What the setting `model` means; None for "none".

    model: a name, a folder's path or an endpoint's URL, as settings read it. Raises SettingsError
    naming the known names.
    """
    if model == "none":
        return None
    if isinstance(model, Path):
        return ModelChoice("folder", str(model), precision, adapter, allow_pickle)
    if "://" in model:
        return ModelChoice("served", model, precision)
    known = {offer.key: offer.choice for offer in PRESETS if offer.key not in ("folder", "served")}
    if model not in known:
        close = difflib.get_close_matches(model, known, 1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}, none."
        raise SettingsError(
            f"There is no model called {model!r}; {hint} A folder in this one is named ./{model}."
        )
    found = known[model]
    return ModelChoice(found.kind, found.source, precision, adapter, allow_pickle)


def settings_for(choice: ModelChoice) -> str:
    """The settings under which a choice is made at every start: "TRIAD_MODEL=llava-ov-7b".

    Passwords are masked; "" for a hub's model that has no name here.
    """
    keys = [
        offer.key
        for offer in PRESETS
        if (offer.choice.kind, offer.choice.source) == (choice.kind, choice.source)
    ]
    if keys:
        named = keys[0]
    elif choice.kind == "folder":
        named = str(Path(choice.source).expanduser().absolute())
    elif choice.kind == "served":
        named = mask(choice.source)
    else:
        return ""
    told = [f"TRIAD_MODEL={named}"]
    if choice.precision != "auto":
        told.append(f"TRIAD_PRECISION={choice.precision}")
    if choice.adapter is not None:
        told.append(f"TRIAD_MODEL_ADAPTER={choice.adapter.absolute()}")
    return " ".join(told)
