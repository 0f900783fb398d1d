"""OpenAI's names of CLIP's weights -> the names of transformers, and a tower built from them.

The authors of the experts publish weights and recordings under OpenAI's names. It does not know
where a file lies, nor what the network is used for.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from triad_ui.errors import WeightsError

HEAD_WIDTH = 64
"""Channels of an attention head in every published CLIP; smaller networks say their heads."""

_BLOCK = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


def block_weights(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """One residual block, vision or text, under transformers' names (of a CLIPEncoderLayer).

    prefix: what stands before "attn", e.g. "visual.transformer.resblocks.0.". KeyError if a weight
    is missing.
    """
    found = {}
    for end in ("weight", "bias"):
        parts = state[f"{prefix}attn.in_proj_{end}"].chunk(3)
        for name, part in zip(("q_proj", "k_proj", "v_proj"), parts):
            found[f"self_attn.{name}.{end}"] = part
        for theirs, ours in _BLOCK.items():
            found[f"{ours}.{end}"] = state[f"{prefix}{theirs}.{end}"]
    return found


def count_blocks(state: Mapping[str, Tensor], prefix: str) -> int:
    """How many residual blocks there are; prefix: e.g. "visual.transformer.resblocks."."""
    starts = {key[len(prefix) :].split(".")[0] for key in state if key.startswith(prefix)}
    return len(starts)


def vision_from_openai(
    state: Mapping[str, Tensor], *, prefix: str = "visual.", heads: int | None = None
) -> CLIPVisionModelWithProjection:
    """transformers' vision tower with the weights of OpenAI's, float32, frozen, in eval mode.

    prefix: what stands before "conv1.weight". heads: attention heads, width / 64 if not given.
    WeightsError when the weights are not those of a CLIP vision transformer.
    """
    try:
        conv = state[f"{prefix}conv1.weight"]
        table = state[f"{prefix}positional_embedding"]
        projection = state[f"{prefix}proj"]
        blocks = f"{prefix}transformer.resblocks."
        layers = count_blocks(state, blocks)
        width, patch = conv.shape[0], conv.shape[-1]
        config = CLIPVisionConfig(
            hidden_size=width,
            intermediate_size=state[f"{blocks}0.mlp.c_fc.weight"].shape[0],
            projection_dim=projection.shape[1],
            num_hidden_layers=layers,
            num_attention_heads=heads or width // HEAD_WIDTH,
            image_size=round((table.shape[0] - 1) ** 0.5) * patch,
            patch_size=patch,
        )
        renamed = {
            "vision_model.embeddings.class_embedding": state[f"{prefix}class_embedding"],
            "vision_model.embeddings.patch_embedding.weight": conv,
            "vision_model.embeddings.position_embedding.weight": table,
            "visual_projection.weight": projection.T,
        }
        for end in ("weight", "bias"):
            renamed[f"vision_model.pre_layrnorm.{end}"] = state[f"{prefix}ln_pre.{end}"]
            renamed[f"vision_model.post_layernorm.{end}"] = state[f"{prefix}ln_post.{end}"]
        for index in range(layers):
            for name, value in block_weights(state, f"{blocks}{index}.").items():
                renamed[f"vision_model.encoder.layers.{index}.{name}"] = value
        model = CLIPVisionModelWithProjection(config)
        model.load_state_dict({k: v.detach().float().contiguous() for k, v in renamed.items()})
    except (KeyError, RuntimeError, ValueError, IndexError) as error:
        raise WeightsError(
            f"These weights are not those of a CLIP vision transformer ({error}). Take the file "
            "that the model's authors publish."
        ) from error
    return model.eval().requires_grad_(False)
