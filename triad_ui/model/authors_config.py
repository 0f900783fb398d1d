"""The config.json of the authors' layout (LLaVA-NeXT) -> transformers' configuration, in memory.

What decides is read from the config alone, never from a folder's name (the released code looks for
"llava" and "qwen" in the path). Not in the config is the tower: its dimensions follow from the name
in `mm_vision_tower`, or stand in a vision_tower_config.json beside it.
Knows nothing of weights.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaNextConfig,
    LlavaOnevisionConfig,
    MistralConfig,
    PretrainedConfig,
    Qwen2Config,
    SiglipVisionConfig,
)

from triad_ui.errors import WeightsError
from triad_ui.model.chat import CHATML, MISTRAL, VICUNA, ChatTemplate
from triad_ui.model.layout import VisualLayout
from triad_ui.model.pinpoints import canvases, tiling

TEXTS: dict[str, tuple[type[PretrainedConfig], ChatTemplate]] = {
    "qwen": (Qwen2Config, CHATML),
    "mistral": (MistralConfig, MISTRAL),
    "llama": (LlamaConfig, VICUNA),
}
SO400M = {
    "model_type": "siglip_vision_model", "hidden_size": 1152, "intermediate_size": 4304,
    "num_hidden_layers": 27, "num_attention_heads": 16, "image_size": 384, "patch_size": 14,
}  # fmt: skip
CLIP_L = {
    "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096,
    "num_hidden_layers": 24, "num_attention_heads": 16, "image_size": 336, "patch_size": 14,
    "projection_dim": 768,
}  # fmt: skip
TOWERS = {
    "siglip-so400m-patch14-384": SO400M,
    "clip-vit-large-patch14-336": CLIP_L,
    "clip-vit-large-patch14": CLIP_L | {"image_size": 224},
}
"""By the last part of `mm_vision_tower`. Layers are counted as published."""
MALFORMED = (
    StrictDataclassError, KeyError, TypeError, ValueError, AttributeError, ArithmeticError,
)  # fmt: skip
"""What transformers raises on making sense of a configuration that makes none."""
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def is_authors(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is of the authors' layout."""
    kind = str(config.get("model_type"))
    return (kind == "llava" or kind.startswith("llava_")) and "mm_vision_tower" in config


def text_family(config: Mapping[str, Any], *, biased: bool) -> str:
    """ "qwen", "mistral" or "llama": from the names of classes, else from the weights.

    biased: whether queries have a bias, which of these only Qwen2 has. Raises WeightsError where
    class and weights disagree or neither tells.
    """
    names = " ".join([str(config.get("model_type")), *(config.get("architectures") or ())]).lower()
    bare = names.replace("llava", "")
    named = [family for family in TEXTS if family in bare]
    if not named:  # early versions wrote a bare "llava" for every language model
        named = ["qwen" if biased else "llama"]
    if len(named) != 1 or (named[0] == "qwen") != biased:
        raise WeightsError(
            f"config.json names {names.strip()!r}, and the weights "
            f"{'have' if biased else 'lack'} the biases of Qwen2: which language model this is "
            "cannot be told. Copy config.json and weights from the same model."
        )
    return named[0]


def authors_config(
    config: Mapping[str, Any], family: str, vision: Mapping[str, Any] | None
) -> tuple[PretrainedConfig, VisualLayout]:
    """transformers' configuration and the layout of visual tokens.

    vision: the tower's configuration where it is not a published one, all its layers counted.
    Raises WeightsError for what is not known here.
    """
    projector = config.get("mm_projector_type")
    if projector != "mlp2x_gelu":
        raise WeightsError(
            f"config.json names the projector {projector!r}; only mlp2x_gelu is known here."
        )
    mode, most = tiling(config.get("image_aspect_ratio"), config.get("mm_patch_merge_type"))
    tower = tower_config(config, vision)
    siglip = isinstance(tower, SiglipVisionConfig)
    kind, _ = TEXTS[family]
    known = {field.name for field in dataclasses.fields(kind)} | {"rope_theta", "rope_scaling"}
    own = {name: config[name] for name in known & set(config) if name not in _NOT_TEXT}
    own.setdefault("sliding_window", None)
    tied = bool(config.get("tie_word_embeddings", False))
    text = kind(**own, tie_word_embeddings=tied)
    side = tower.image_size
    points = canvases(config.get("image_grid_pinpoints"), side, height_first=False)
    shared = {
        "vision_config": tower,
        "text_config": text,
        "projector_hidden_act": "gelu",
        "image_grid_pinpoints": [[height, width] for width, height in points],
        "tie_word_embeddings": tied,
    }
    if siglip:
        # the released tower ends before its last layer, whatever mm_vision_select_layer says
        whole = LlavaOnevisionConfig(
            **shared,
            vision_feature_layer=-1,
            vision_feature_select_strategy="full",
            vision_aspect_ratio=f"anyres_max_{most or 9}",
        )
    else:
        whole = LlavaNextConfig(
            **shared,
            vision_feature_layer=int(config.get("mm_vision_select_layer", -2)),
            vision_feature_select_strategy="default",
            image_seq_length=(side // tower.patch_size) ** 2,
        )
    half = (0.5, 0.5, 0.5)
    mean, std = (half, half) if siglip else (CLIP_MEAN, CLIP_STD)
    layout = VisualLayout(mode, side, side // tower.patch_size, points, most, mean, std)
    return whole, layout


_NOT_TEXT = frozenset(
    ("architectures", "model_type", "transformers_version", "torch_dtype", "dtype",
     "tie_word_embeddings", "return_dict", "output_hidden_states", "use_cache")
)  # fmt: skip


def tower_config(
    config: Mapping[str, Any], vision: Mapping[str, Any] | None
) -> SiglipVisionConfig | CLIPVisionConfig:
    """The tower as it is stored: SigLIP's last layer is not there.

    Raises WeightsError for a tower that is not known.
    """
    name = str(config.get("mm_vision_tower") or config.get("vision_tower"))
    found = vision or TOWERS.get(name.rstrip("/").rsplit("/", 1)[-1].lower())
    if found is None:
        raise WeightsError(
            f"config.json names the vision tower {name!r}, which is not known here. Known are "
            f"{', '.join(TOWERS)}; another one needs its vision_tower_config.json in the folder."
        )
    own = {key: value for key, value in found.items() if key != "model_type"}
    kind = found.get("model_type")
    if kind == "siglip_vision_model":
        own["num_hidden_layers"] -= 1
        return SiglipVisionConfig(**own, vision_use_head=False)
    if kind == "clip_vision_model":
        return CLIPVisionConfig(**own)
    raise WeightsError(
        f"The vision tower is of the kind {kind!r}; known are siglip_vision_model and "
        "clip_vision_model."
    )
