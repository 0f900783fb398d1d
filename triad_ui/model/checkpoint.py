"""A folder with Triad's weights or a LLaVA checkpoint -> `Checkpoint`, before a weight is read.

Reads the authors' layout (LLaVA-NeXT) and transformers' (LLaVA-OneVision, LLaVA-1.6). Everything
follows from the files' contents, nothing from names of folders. Every weight is accounted for by
name and shape; what does not fit is refused. `assemble.py` then loads it.
Knows nothing of memory, devices or precision.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import (
    LlavaNextForConditionalGeneration,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.initialization import no_init_weights

from triad_ui.errors import WeightsError
from triad_ui.model.authors_config import MALFORMED, TEXTS, authors_config, is_authors, text_family
from triad_ui.model.chat import ChatTemplate, ChatTokenizer
from triad_ui.model.layout import Checkpoint, VisualLayout, Weight
from triad_ui.model.pinpoints import context_limit, trained_on_regions
from triad_ui.model.published_config import published_config
from triad_ui.model.shards import read_shards
from triad_ui.model.weight_names import AUTHORS, TRANSFORMERS, matched
from triad_ui.model.wrong_folder import config_file

TOWER_FILE = "vision_tower_config.json"
_TEXT_NAMES = {"qwen2": "Qwen2", "mistral": "Mistral", "llama": "Llama"}


def open_checkpoint(
    folder: Path, *, allow_pickle: bool = False, vision_config: Mapping[str, Any] | None = None
) -> Checkpoint:
    """What the folder holds, checked name by name.

    allow_pickle: also read .bin and .pth files, weights only. vision_config: of the tower, for the
    authors' layout with another tower than a published one; else vision_tower_config.json in the
    folder is read. Raises WeightsError saying what is missing, surplus or not known.
    """
    folder = Path(folder).expanduser()
    config = _json(config_file(folder))
    if is_authors(config):
        return _authors(folder, config, allow_pickle, vision_config)
    images = _images(folder)
    whole, visual, template = published_config(config, images)
    own = config.get("image_aspect_ratio")
    notes = () if images else ("The image processor's file is missing: the tower's usual is used.",)
    name = _name(own) if own else _published_name(whole)
    return _checkpoint(
        folder, config, whole, visual, template, name, "transformers",
        read_shards(folder, allow_pickle=allow_pickle),
        (*notes, *_region_notes(own)),
    )  # fmt: skip


def model_class(config: PretrainedConfig) -> type[PreTrainedModel]:
    """transformers' class for a checkpoint's configuration."""
    if isinstance(config, LlavaOnevisionConfig):
        return LlavaOnevisionForConditionalGeneration
    return LlavaNextForConditionalGeneration


def _authors(
    folder: Path,
    config: Mapping[str, Any],
    allow_pickle: bool,
    vision: Mapping[str, Any] | None,
) -> Checkpoint:
    stored = read_shards(folder, allow_pickle=allow_pickle)
    if any("lora_" in name for name in stored):
        raise WeightsError(
            f"{folder} is an adapter, not a whole model: name its base model, and it as the "
            "adapter."
        )
    queries = [name for name in stored if re.match(r"model\.layers\.0\.self_attn\.q_proj\.", name)]
    family = text_family(config, biased=any(name.endswith(".bias") for name in queries))
    if vision is None and (folder / TOWER_FILE).is_file():
        vision = _json(folder / TOWER_FILE)
    try:
        whole, visual = authors_config(config, family, vision)
    except MALFORMED as error:
        raise WeightsError(
            f"The configuration in {folder} cannot be understood: {str(error).splitlines()[0]}."
        ) from error
    aspect = config.get("image_aspect_ratio")
    return _checkpoint(
        folder, config, whole, visual, TEXTS[family][1], f"{_name(aspect)} (authors' layout)",
        "authors", stored, _region_notes(aspect),
    )  # fmt: skip


def _checkpoint(
    folder: Path,
    config: Mapping[str, Any],
    whole: PretrainedConfig,
    visual: VisualLayout,
    template: ChatTemplate,
    name: str,
    layout: str,
    stored: Mapping[str, Weight],
    notes: tuple[str, ...],
) -> Checkpoint:
    names = AUTHORS if layout == "authors" else TRANSFORMERS
    weights = matched(stored, _shapes(whole), names, folder, tied=bool(whole.tie_word_embeddings))
    text = sum(prod(w.shape) for n, w in weights.items() if "language_model" in n or "head" in n)
    tokenizer = _tokenizer(folder, template, whole.text_config.vocab_size)
    words = _json(folder / "tokenizer_config.json", {})
    limit = context_limit(
        config.get("tokenizer_model_max_length"), words.get("model_max_length"),
        text=whole.text_config.to_dict(),
    )  # fmt: skip
    family = _TEXT_NAMES[whole.text_config.model_type]
    return Checkpoint(
        folder, f"{name}, {family} {_size(text)}", layout, whole, weights, visual, template,
        tokenizer, limit, notes,
    )  # fmt: skip


def _shapes(config: PretrainedConfig) -> dict[str, tuple[int, ...]]:
    try:
        with torch.device("meta"), no_init_weights():
            model = model_class(config)(config)
    except (RuntimeError, *MALFORMED) as error:
        raise WeightsError(
            f"No model has the sizes that config.json states ({str(error).splitlines()[0]})."
        ) from error
    return {name: tuple(weight.shape) for name, weight in model.state_dict().items()}


def _tokenizer(folder: Path, template: ChatTemplate, vocabulary: int) -> Path:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise WeightsError(
            f"There is no tokenizer.json in {folder}. Copy it there; a folder with tokenizer.model "
            "or vocab.json alone gets one from AutoTokenizer.from_pretrained(...).save_pretrained."
        )
    try:
        own = Tokenizer.from_file(str(file))
        ChatTokenizer(own, template)
        for text in ("<s>",) if template.begin else ("<|im_start|>",):
            if own.token_to_id(text) is None:
                raise KeyError(f"the tokenizer has no {text!r}, which {template.name} needs")
    except KeyError as error:
        raise WeightsError(
            f"The tokenizer in {folder} is not of this model: {error.args[0]}. Copy the right one."
        ) from error
    except Exception as error:  # the tokenizers library raises plain Exception
        raise WeightsError(f"{file} is damaged ({error}). Copy it once more.") from error
    words = {number for text, number in own.get_vocab().items() if text not in _PLACES}
    if max(words) >= vocabulary:
        raise WeightsError(
            f"The tokenizer in {folder} has {max(words) + 1} tokens and the model {vocabulary}: "
            "they are not of the same model."
        )
    return file


_PLACES = ("<image>", "<video>", "<pad>")
"""Tokens that stand for what is no word and may lie past the vocabulary; never sent to a model."""


def _images(folder: Path) -> Mapping[str, Any] | None:
    """The image processor's configuration, from either of the files that may hold it."""
    found = _json(folder / "preprocessor_config.json", {})
    return found or _json(folder / "processor_config.json", {}).get("image_processor")


def _json(file: Path, default: dict[str, Any] | None = None) -> dict[str, Any]:
    if default is not None and not file.is_file():
        return default
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{file} cannot be read ({error}). Copy it once more.") from error
    if not isinstance(found, dict):
        raise WeightsError(f"{file} is no configuration. Copy it once more.")
    return found


def _name(aspect: object) -> str:
    """What a model is, by how it was trained to look."""
    if aspect == "randomroi":
        return "Triad (regions in place of tiles)"
    return "Triad-ov" if trained_on_regions(aspect) else "LLaVA-NeXT"


def _published_name(config: PretrainedConfig) -> str:
    return "LLaVA-OneVision" if isinstance(config, LlavaOnevisionConfig) else "LLaVA-1.6"


def _region_notes(aspect: object) -> tuple[str, ...]:
    if trained_on_regions(aspect):
        return ()
    return ("This model was not trained on regions; without them it looks as it was trained to.",)


def _size(parameters: int) -> str:
    text = f"{parameters / 1e9:.1f}B" if parameters >= 1e8 else f"{parameters / 1e6:.1f}M"
    return re.sub(r"\.0(?=[BM])", "", text)
