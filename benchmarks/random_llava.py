"""Writes a LlavaOnevision checkpoint of random weights: it tells time and memory, never quality."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessorPil,
    LlavaOnevisionProcessor,
    PreTrainedTokenizerFast,
)
from transformers.initialization import no_init_weights

SIZES = {
    # name: (width, layers, heads, key-value heads, inner), (tower width, layers, heads, inner)
    "0.1b": ((576, 24, 9, 3, 1536, 8192), (384, 6, 6, 1536)),
    "0.5b": ((896, 24, 14, 2, 4864, 152000), (1152, 26, 16, 4304)),
    "7b": ((3584, 28, 28, 4, 18944, 152000), (1152, 26, 16, 4304)),
}
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>\n"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CORPUS = [
    "system user assistant You are a helpful assistant. Are there any defects on the part in this "
    "image? A. Yes B. No Answer with the option's letter from the given choices directly.",
    "What is wrong with it, where is it, and which process step does it contradict? The insulation "
    "is cut at the top left, which step 2 of the manufacturing process does not allow.",
]


def config(size: str) -> LlavaOnevisionConfig:
    """The shapes of a model of that size; the tower without its last layer, as published."""
    (width, layers, heads, kept, inner, words), (seen, deep, looks, wide) = SIZES[size]
    return LlavaOnevisionConfig(
        text_config={
            "model_type": "qwen2", "hidden_size": width, "num_hidden_layers": layers,
            "num_attention_heads": heads, "num_key_value_heads": kept, "intermediate_size": inner,
            "vocab_size": words, "max_position_embeddings": 32768, "rope_theta": 1e6,
            "tie_word_embeddings": False, "bos_token_id": 0, "eos_token_id": 2,
        },
        vision_config={
            "model_type": "siglip_vision_model", "hidden_size": seen, "num_hidden_layers": deep,
            "num_attention_heads": looks, "intermediate_size": wide, "image_size": 384,
            "patch_size": 14, "vision_use_head": False,
        },
        image_token_index=3, video_token_index=4, vision_feature_layer=-1,
        vision_feature_select_strategy="full", vision_aspect_ratio="anyres_max_9",
        image_grid_pinpoints=[[384 * i, 384 * j] for i in range(1, 7) for j in range(1, 7)],
        tie_word_embeddings=False,
    )  # fmt: skip


def write(folder: Path, size: str, device: str = "cpu") -> int:
    """Fill `folder` with a bfloat16 model and its processors; returns the number of parameters."""
    torch.manual_seed(0)
    with torch.device(device), no_init_weights():
        model = LlavaOnevisionForConditionalGeneration._from_config(
            config(size), dtype=torch.bfloat16
        )
    for name, weight in model.named_parameters():
        if "norm" in name and name.endswith("weight"):
            weight.data.fill_(1.0)
        elif name.endswith("bias"):
            weight.data.zero_()
        else:
            weight.data.normal_(0.0, 0.02)
    model.save_pretrained(folder, max_shard_size="2GB")
    made = processor()
    made.tokenizer.save_pretrained(folder)
    made.image_processor.save_pretrained(folder)
    return sum(weight.numel() for weight in model.parameters())


class PictureProcessor(LlavaOnevisionProcessor):
    """Stock's processor without its part for videos, which needs torchvision."""

    def check_argument_for_proper_class(self, argument_name: str, argument: object) -> object:
        if argument is None:
            return None
        return super().check_argument_for_proper_class(argument_name, argument)


def processor() -> LlavaOnevisionProcessor:
    """Stock's own: pictures to tiles, text to a small byte-level vocabulary."""
    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    own.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=500,
            special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=own, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        model_max_length=32768,
    )  # fmt: skip
    pinpoints = [[384 * i, 384 * j] for i in range(1, 7) for j in range(1, 7)]
    images = LlavaOnevisionImageProcessorPil(
        size={"height": 384, "width": 384}, image_grid_pinpoints=pinpoints
    )
    return PictureProcessor(
        images, tokenizer, None, num_image_tokens=729,
        vision_feature_select_strategy="full", chat_template=TEMPLATE,
    )  # fmt: skip
