"""A tiny LLaVA-1.6 as its authors save it, made of the published one: the same values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from safetensors.torch import load_file

from tests.model.tiny_llava_files import Names, renamed, save_shards, write_json

HUB_TO_AUTHORS: Names = (
    (r"^vision_tower\.", "model.vision_tower.vision_tower."),
    (r"^multi_modal_projector\.linear_1\.", "model.mm_projector.0."),
    (r"^multi_modal_projector\.linear_2\.", "model.mm_projector.2."),
    (r"^image_newline", "model.image_newline"),
    (r"^language_model\.", ""),
)


def write_authors_clip(folder: Path, published: Path, family: Literal["mistral", "vicuna"]) -> Path:
    """The folder of `write_llava_next` once more, as the authors of LLaVA-1.6 and of
    Triad-llava-1.6 save it: the same values under their names, CLIP's dimensions beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = load_file(published / "model.safetensors")
    save_shards(folder, renamed(stored, HUB_TO_AUTHORS), shards=2)
    whole = json.loads((published / "config.json").read_text("utf-8"))
    text, tower = whole["text_config"], whole["vision_config"]
    config = {name: value for name, value in text.items() if name != "rope_parameters"} | {
        "architectures": [f"Llava{text['model_type'].capitalize()}ForCausalLM"],
        "model_type": f"llava_{text['model_type']}",
        "rope_theta": text["rope_parameters"]["rope_theta"],
        "image_aspect_ratio": "anyres",
        "image_grid_pinpoints": [
            [width, height] for height, width in whole["image_grid_pinpoints"]
        ],
        "mm_patch_merge_type": "spatial_unpad",
        "mm_projector_type": "mlp2x_gelu",
        "mm_vision_select_layer": -2,
        "mm_vision_tower": "openai/clip-vit-large-patch14-336",
    }
    write_json(folder / "config.json", config)
    write_json(folder / "vision_tower_config.json", tower)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((published / name).read_bytes())
    return folder
