"""The configuration files of a checkpoint in transformers' layout -> what we follow.

LLaVA-OneVision (Qwen2) and LLaVA-1.6 (Mistral, Vicuna), as published on the hub and as `convert`
writes them; the latter keep the authors' `image_aspect_ratio` and `mm_patch_merge_type`, which
stock transformers does not read. Knows nothing of weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import LlavaNextConfig, LlavaOnevisionConfig, PretrainedConfig

from triad_ui.errors import WeightsError
from triad_ui.model.authors_config import CLIP_MEAN, CLIP_STD, MALFORMED
from triad_ui.model.chat import CHATML, MISTRAL, VICUNA, ChatTemplate
from triad_ui.model.layout import VisualLayout
from triad_ui.model.pinpoints import canvases, tiling

KINDS = {"llava_onevision": LlavaOnevisionConfig, "llava_next": LlavaNextConfig}
TEMPLATES = {"qwen2": CHATML, "mistral": MISTRAL, "llama": VICUNA}


def published_config(
    config: Mapping[str, Any], images: Mapping[str, Any] | None
) -> tuple[PretrainedConfig, VisualLayout, ChatTemplate]:
    """Configuration, layout of visual tokens and template.

    images: the image processor's configuration, None where there is none. Raises WeightsError for
    a model that is not known here, or whose files contradict each other.
    """
    kind = KINDS.get(str(config.get("model_type")))
    if kind is None:
        raise WeightsError(
            f"config.json is of a {config.get('model_type') or 'model without a type'}, which is "
            "not read here. Read are Triad in the authors' layout, LLaVA-OneVision (Qwen2) and "
            "LLaVA-1.6 (Mistral, Vicuna); others can be served and named by their URL."
        )
    if config.get("quantization_config"):
        raise WeightsError(
            "These weights are quantized already. Take the unquantized model and choose int8 or "
            "nf4 here: tower and head then stay whole."
        )
    try:
        whole = kind.from_dict(dict(config))
        tower, text = whole.vision_config, whole.text_config
        side, grid = tower.image_size, tower.image_size // tower.patch_size
        template = TEMPLATES.get(text.model_type)
    except MALFORMED as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"config.json cannot be understood ({reason}).") from error
    if template is None or tower.model_type not in ("siglip_vision_model", "clip_vision_model"):
        raise WeightsError(
            f"The language model {text.model_type} with the tower {tower.model_type} is not read "
            f"here; read are {', '.join(TEMPLATES)} with SigLIP or CLIP."
        )
    onevision = isinstance(whole, LlavaOnevisionConfig)
    aspect = config.get("image_aspect_ratio")
    aspect = aspect or (
        config.get("vision_aspect_ratio", "anyres_max_9") if onevision else "anyres"
    )
    mode, most = tiling(aspect, config.get("mm_patch_merge_type", "spatial_unpad"))
    points = canvases(whole.image_grid_pinpoints, side, height_first=True)
    siglip = tower.model_type == "siglip_vision_model"
    half = (0.5, 0.5, 0.5)
    mean, std = (half, half) if siglip else (CLIP_MEAN, CLIP_STD)
    if images is not None:
        mean = tuple(images.get("image_mean", mean))
        std = tuple(images.get("image_std", std))
        _agree(images, side, points)
    return whole, VisualLayout(mode, side, grid, points, most, mean, std), template


def _agree(images: Mapping[str, Any], side: int, points: tuple[tuple[int, int], ...]) -> None:
    size = images.get("size") or {}
    stated = {size.get(key) for key in ("height", "width", "shortest_edge")} - {None}
    if stated - {side}:
        raise WeightsError(
            f"preprocessor_config.json resizes to {sorted(stated)} pixels, and the tower of "
            f"config.json reads {side}. The files are of different models."
        )
    own = images.get("image_grid_pinpoints")
    if own is not None and set(canvases(own, side, height_first=True)) != set(points):
        raise WeightsError(
            "image_grid_pinpoints differ between preprocessor_config.json and config.json. The "
            "files are of different models."
        )
