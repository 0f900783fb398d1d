"""The files beside the weights that stock transformers expects of a LLaVA checkpoint.

Configuration, image processor, processor and chat template, as the repositories on the hub have
them. `convert.py` writes them; `published_config.py` reads them. Knows nothing of weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer
from transformers import LlavaOnevisionConfig, PretrainedConfig

from triad_ui.model.chat import VICUNA_SYSTEM
from triad_ui.model.layout import Checkpoint

IMAGE, VIDEO = "<image>", "<video>"
_WORDS = (
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>\n{% endif %}{% endfor %}"
    "{% for c in m['content'] %}{% if c['type'] == 'text' %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
)
CHAT_TEMPLATES = {
    "qwen_1_5": "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    + _WORDS
    + "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    "mistral_instruct": "{% for m in messages %}{% if m['role'] == 'user' %}[INST] "
    + _WORDS
    + " [/INST]{% elif m['role'] == 'assistant' %} "
    + _WORDS
    + "</s>{% endif %}{% endfor %}",
    "vicuna_v1": "{% for m in messages %}{% if m['role'] == 'system' %}"
    + VICUNA_SYSTEM
    + " {% elif m['role'] == 'user' %}USER: "
    + _WORDS
    + " {% else %}ASSISTANT: "
    + _WORDS
    + "</s>{% endif %}{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}",
}
"""The same conversations as `chat.py` writes, images first (tested)."""


def write_tokenizer(checkpoint: Checkpoint, folder: Path) -> tuple[int, int]:
    """Write the tokenizer with <image> and <video> added; returns their ids.

    In Qwen2 these are 151646 and 151647, as on the hub.
    """
    own = Tokenizer.from_file(str(checkpoint.tokenizer))
    for text in (IMAGE, VIDEO):
        own.add_special_tokens([AddedToken(text, special=True, normalized=False)])
    own.save(str(folder / "tokenizer.json"))
    ids = own.token_to_id(IMAGE), own.token_to_id(VIDEO)
    source = checkpoint.folder / "tokenizer_config.json"
    config = json.loads(source.read_text("utf-8")) if source.is_file() else {}
    chatml = checkpoint.template.name == "qwen_1_5"
    config.setdefault("tokenizer_class", "Qwen2Tokenizer" if chatml else "LlamaTokenizer")
    config.setdefault("eos_token", checkpoint.template.end)
    config.setdefault("pad_token", "<|endoftext|>" if chatml else "<unk>")
    config.pop("chat_template", None)
    added = config.setdefault("added_tokens_decoder", {})
    for text, number in zip((IMAGE, VIDEO), ids):
        added[str(number)] = {
            "content": text, "lstrip": False, "normalized": False, "rstrip": False,
            "single_word": False, "special": True,
        }  # fmt: skip
    write_json(folder / "tokenizer_config.json", config)
    return ids


def write_configs(
    checkpoint: Checkpoint, folder: Path, ids: tuple[int, int], vocabulary: int
) -> None:
    """Write every configuration and the chat template.

    ids: of <image> and <video>. vocabulary: rows of the embedding as written.
    """
    config = checkpoint.config
    onevision = isinstance(config, LlavaOnevisionConfig)
    kind = "LlavaOnevision" if onevision else "LlavaNext"
    source = json.loads((checkpoint.folder / "config.json").read_text("utf-8"))
    whole = json.loads(config.to_json_string(use_diff=False))
    whole |= {
        "architectures": [f"{kind}ForConditionalGeneration"],
        "image_token_index": ids[0],
        # stock passes over these two; they say how this model looks at a picture
        "image_aspect_ratio": source["image_aspect_ratio"],
        "mm_patch_merge_type": source["mm_patch_merge_type"],
        "tokenizer_model_max_length": checkpoint.context_limit,
    }
    if onevision:
        whole["video_token_index"] = ids[1]
    whole["text_config"]["vocab_size"] = vocabulary
    stored = {weight.dtype for weight in checkpoint.weights.values()}
    whole["dtype"] = {"F32": "float32", "F16": "float16"}.get(
        next(iter(stored)) if len(stored) == 1 else "", "bfloat16"
    )
    write_json(folder / "config.json", whole)
    _write_processor(config, checkpoint, folder, kind)
    template = CHAT_TEMPLATES[checkpoint.template.name]
    (folder / "chat_template.jinja").write_text(template, "utf-8")
    text = config.text_config
    generation = checkpoint.folder / "generation_config.json"
    found = {"bos_token_id": text.bos_token_id, "eos_token_id": text.eos_token_id}
    if generation.is_file():
        found = json.loads(generation.read_text("utf-8"))
    write_json(folder / "generation_config.json", found)


def _write_processor(
    config: PretrainedConfig, checkpoint: Checkpoint, folder: Path, kind: str
) -> None:
    visual, onevision = checkpoint.visual, kind == "LlavaOnevision"
    square = {"height": visual.side, "width": visual.side}
    images: dict[str, Any] = {
        "do_convert_rgb": True, "do_normalize": True, "do_pad": True, "do_rescale": True,
        "do_resize": True, "image_mean": list(visual.mean), "image_std": list(visual.std),
        "image_grid_pinpoints": [[height, width] for width, height in visual.pinpoints],
        "image_processor_type": f"{kind}ImageProcessor", "processor_class": f"{kind}Processor",
        "resample": 3, "rescale_factor": 1 / 255,
        "size": square if onevision else {"shortest_edge": visual.side},
    }  # fmt: skip
    processor: dict[str, Any] = {
        "image_token": IMAGE,
        "processor_class": f"{kind}Processor",
        "vision_feature_select_strategy": config.vision_feature_select_strategy,
    }
    if onevision:
        processor |= {
            "num_image_tokens": visual.grid**2,
            "video_token": VIDEO,
            "vision_aspect_ratio": config.vision_aspect_ratio,
        }
        videos = {"video_processor_type": f"{kind}VideoProcessor", "size": square}
        write_json(folder / "video_preprocessor_config.json", videos)
    else:
        images |= {"crop_size": square, "do_center_crop": True}
        processor |= {
            "patch_size": config.vision_config.patch_size, "num_additional_image_tokens": 1,
        }  # fmt: skip
    write_json(folder / "preprocessor_config.json", images)
    write_json(folder / "processor_config.json", processor)


def write_json(file: Path, value: object) -> None:
    """Write a value as a readable JSON file."""
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
