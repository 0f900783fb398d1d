"""Writes tiny checkpoints of random weights, in each layout that is read.

Real in every name, file and rule of shape; only the numbers are small. A view of 70 pixels in
patches of 14 gives 5 x 5 features: odd, as 27 is, so that pooling drops a row as it does there.
`side=384` gives the real 27 x 27.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from tokenizers import Tokenizer
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    MistralConfig,
    PreTrainedModel,
    Qwen2Config,
    SiglipVisionConfig,
)

from tests.model.tiny import SPECIAL, write_tokenizer
from tests.model.tiny_llava_files import (
    CHATML,
    NEXT_TEMPLATES,
    Names,
    renamed,
    save_shards,
    write_json,
    write_llama_tokenizer,
    write_tokenizer_config,
)

SIDE, PATCH = 70, 14
WIDTH, TOWER_WIDTH, WORDS = 64, 32, 448
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
AUTHORS: Names = (
    (r"^model\.vision_tower\.", "model.vision_tower.vision_tower.vision_model."),
    (r"^model\.multi_modal_projector\.linear_1\.", "model.mm_projector.0."),
    (r"^model\.multi_modal_projector\.linear_2\.", "model.mm_projector.2."),
    (r"^model\.language_model\.", "model."),
)
"""transformers' names -> the authors'."""
HUB: Names = (
    (r"^model\.vision_tower\.", "vision_tower.vision_model."),
    (r"^model\.multi_modal_projector\.", "multi_modal_projector."),
    (r"^model\.image_newline", "image_newline"),
    (r"^model\.language_model\.", "language_model.model."),
    (r"^lm_head\.", "language_model.lm_head."),
)
"""transformers' names -> those of the repositories on the hub."""


def pinpoints(side: int = SIDE, most: int = 6) -> list[list[int]]:
    """All canvases of 1 to `most` views a side."""
    return [[side * i, side * j] for i in range(1, most + 1) for j in range(1, most + 1)]


def write_authors(
    folder: Path,
    *,
    side: int = SIDE,
    aspect: str = "anyres_max_9_randomroi",
    merge: str = "spatial_avgpool_auto_unpad_randomroi_newl",
    grid_pinpoints: list[list[int]] | str | None = None,
    model_type: str = "llava_qwen",
    seed: int = 0,
) -> Path:
    """A folder as the authors' training saves it: Qwen2, SigLIP, two shards, bfloat16.

    The tower's dimensions stand in vision_tower_config.json, counting the layer that is dropped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = _onevision(side, layers=3, seed=seed)
    save_shards(folder, renamed(model.state_dict(), AUTHORS), shards=2)
    text, tower = model.config.text_config, model.config.vision_config
    config = {
        "architectures": ["LlavaQwenForCausalLM"],
        "model_type": model_type,
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": text.hidden_size,
        "intermediate_size": text.intermediate_size,
        "num_hidden_layers": text.num_hidden_layers,
        "num_attention_heads": text.num_attention_heads,
        "num_key_value_heads": text.num_key_value_heads,
        "max_position_embeddings": 32768,
        "max_window_layers": text.num_hidden_layers,
        "rms_norm_eps": 1e-6,
        "rope_scaling": None,
        "rope_theta": 1000000.0,
        "sliding_window": None,
        "use_sliding_window": False,
        "tie_word_embeddings": False,
        "tokenizer_model_max_length": 32768,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": text.vocab_size,
        "image_aspect_ratio": aspect,
        "image_grid_pinpoints": grid_pinpoints or pinpoints(side),
        "mm_hidden_size": tower.hidden_size,
        "mm_patch_merge_type": merge,
        "mm_projector_type": "mlp2x_gelu",
        "mm_spatial_pool_mode": "bilinear",
        "mm_use_im_patch_token": False,
        "mm_use_im_start_end": False,
        "mm_vision_select_feature": "patch",
        "mm_vision_select_layer": -2,
        "mm_vision_tower": "google/siglip-so400m-patch14-384",
        "use_mm_proj": True,
    }
    write_json(folder / "config.json", config)
    vision = {
        "model_type": "siglip_vision_model",
        "hidden_size": tower.hidden_size,
        "intermediate_size": tower.intermediate_size,
        "num_hidden_layers": tower.num_hidden_layers + 1,
        "num_attention_heads": tower.num_attention_heads,
        "num_channels": 3,
        "image_size": side,
        "patch_size": PATCH,
        "hidden_act": "gelu_pytorch_tanh",
        "layer_norm_eps": 1e-6,
    }
    write_json(folder / "vision_tower_config.json", vision)
    write_tokenizer(folder / "tokenizer.json")
    write_tokenizer_config(folder, "Qwen2Tokenizer", eos="<|im_end|>", pad="<|endoftext|>")
    return folder


def write_onevision(
    folder: Path, *, side: int = SIDE, tied: bool = False, shards: int = 1, seed: int = 0
) -> Path:
    """A folder as llava-hf/llava-onevision-qwen2-*-ov-hf: stock transformers loads it.

    Its AutoProcessor needs torchvision (for videos); where that is missing make a processor of its
    image processor and tokenizer alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    special = [*SPECIAL, "<image>", "<video>"]
    write_tokenizer(folder / "tokenizer.json", special=special)
    write_tokenizer_config(
        folder, "Qwen2Tokenizer", eos="<|im_end|>", pad="<|endoftext|>", special=special
    )
    model = _onevision(side, layers=3, seed=seed, tied=tied)
    state = model.state_dict()
    if tied:
        del state["lm_head.weight"]
    save_shards(folder, renamed(state, HUB), shards=shards)
    model.config.architectures = ["LlavaOnevisionForConditionalGeneration"]
    model.config.save_pretrained(folder)
    images = {
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_pad": True,
        "do_rescale": True,
        "do_resize": True,
        "image_grid_pinpoints": pinpoints(side),
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "image_processor_type": "LlavaOnevisionImageProcessor",
        "processor_class": "LlavaOnevisionProcessor",
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"height": side, "width": side},
    }
    videos = {"video_processor_type": "LlavaOnevisionVideoProcessor", "size": images["size"]}
    processor = {
        "num_image_tokens": (side // PATCH) ** 2,
        "processor_class": "LlavaOnevisionProcessor",
        "vision_feature_select_strategy": "full",
    }
    write_json(folder / "preprocessor_config.json", images)
    write_json(folder / "video_preprocessor_config.json", videos)
    write_json(folder / "processor_config.json", processor)
    (folder / "chat_template.jinja").write_text(CHATML, "utf-8")
    return folder


def write_llava_next(
    folder: Path,
    *,
    family: Literal["mistral", "vicuna"] = "mistral",
    side: int = SIDE,
    seed: int = 0,
) -> Path:
    """A folder as llava-hf/llava-v1.6-{mistral,vicuna}-7b-hf: stock transformers loads it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_llama_tokenizer(folder / "tokenizer.json")
    write_tokenizer_config(
        folder, "LlamaTokenizer", bos="<s>", eos="</s>", pad="<unk>", unk="<unk>",
        special=["<unk>", "<s>", "</s>", "<image>"],
    )  # fmt: skip
    words = Tokenizer.from_file(str(folder / "tokenizer.json"))
    make = MistralConfig if family == "mistral" else LlamaConfig
    extra = {"sliding_window": None} if family == "mistral" else {}
    points = [[side, 2 * side], [2 * side, side], [2 * side, 2 * side], [3 * side, side],
              [side, 3 * side]]  # fmt: skip
    config = LlavaNextConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=TOWER_WIDTH, intermediate_size=64, num_hidden_layers=4,
            num_attention_heads=2, image_size=side, patch_size=PATCH, projection_dim=16,
        ),
        text_config=make(
            hidden_size=WIDTH, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, vocab_size=words.get_vocab_size() + 8, bos_token_id=1,
            eos_token_id=2, max_position_embeddings=32768 if family == "mistral" else 4096,
            **extra,
        ),
        image_token_index=words.token_to_id("<image>"),
        image_grid_pinpoints=points,
        image_seq_length=(side // PATCH) ** 2,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = _spread(LlavaNextForConditionalGeneration(config))
    state = dict(model.state_dict())
    count = (side // PATCH) ** 2 + 1
    state["model.vision_tower.embeddings.position_ids"] = torch.arange(count)[None]
    save_shards(folder, renamed(state, HUB), shards=1)
    config.architectures = ["LlavaNextForConditionalGeneration"]
    config.save_pretrained(folder)
    images = {
        "crop_size": {"height": side, "width": side},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_pad": True,
        "do_rescale": True,
        "do_resize": True,
        "image_grid_pinpoints": points,
        "image_mean": MEAN,
        "image_std": STD,
        "image_processor_type": "LlavaNextImageProcessor",
        "processor_class": "LlavaNextProcessor",
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": side},
    }
    processor = {
        "image_token": "<image>",
        "num_additional_image_tokens": 1,
        "patch_size": PATCH,
        "processor_class": "LlavaNextProcessor",
        "vision_feature_select_strategy": "default",
    }
    write_json(folder / "preprocessor_config.json", images)
    write_json(folder / "processor_config.json", processor)
    (folder / "chat_template.jinja").write_text(NEXT_TEMPLATES[family], "utf-8")
    return folder


def _onevision(
    side: int, *, layers: int, seed: int, tied: bool = False
) -> LlavaOnevisionForConditionalGeneration:
    config = LlavaOnevisionConfig(
        vision_config=SiglipVisionConfig(
            hidden_size=TOWER_WIDTH, intermediate_size=64, num_hidden_layers=layers,
            num_attention_heads=2, image_size=side, patch_size=PATCH, vision_use_head=False,
        ),
        text_config=Qwen2Config(
            hidden_size=WIDTH, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, vocab_size=WORDS, max_position_embeddings=32768, bos_token_id=0,
            eos_token_id=2, rope_parameters={"rope_type": "default", "rope_theta": 1e6},
            tie_word_embeddings=tied,
        ),
        image_token_index=len(SPECIAL),
        video_token_index=len(SPECIAL) + 1,
        image_grid_pinpoints=pinpoints(side),
        tie_word_embeddings=tied,
    )  # fmt: skip
    torch.manual_seed(seed)
    return _spread(LlavaOnevisionForConditionalGeneration(config))


def _spread(model: PreTrainedModel) -> PreTrainedModel:
    """Larger weights, so that answers differ from prompt to prompt, and biases that are not 0."""
    for name, weight in model.named_parameters():
        if weight.ndim >= 2:
            weight.data.mul_(5.0)
        elif name.endswith("bias"):
            weight.data.normal_(0, 0.1)
        elif "norm" in name:
            weight.data.add_(torch.randn_like(weight) * 0.1)
    return model.eval()
