"""transformers' text tower from weights under OpenAI's names, as recordings hold them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from triad_ui.expert.clip_names import block_weights, count_blocks


def text_from_openai(state: Mapping[str, Tensor], *, heads: int) -> CLIPTextModelWithProjection:
    """The tower, float32, frozen, in eval mode; without words: its token table is a lone zero."""
    table, projection = state["positional_embedding"], state["text_projection"]
    blocks = "transformer.resblocks."
    config = CLIPTextConfig(
        vocab_size=1,
        hidden_size=table.shape[1],
        intermediate_size=state[f"{blocks}0.mlp.c_fc.weight"].shape[0],
        projection_dim=projection.shape[1],
        num_hidden_layers=count_blocks(state, blocks),
        num_attention_heads=heads,
        max_position_embeddings=len(table),
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    renamed = {
        "text_model.embeddings.token_embedding.weight": torch.zeros(1, table.shape[1]),
        "text_model.embeddings.position_embedding.weight": table,
        "text_model.final_layer_norm.weight": state["ln_final.weight"],
        "text_model.final_layer_norm.bias": state["ln_final.bias"],
        "text_projection.weight": projection.T,
    }
    for index in range(config.num_hidden_layers):
        for name, value in block_weights(state, f"{blocks}{index}.").items():
            renamed[f"text_model.encoder.layers.{index}.{name}"] = value
    model = CLIPTextModelWithProjection(config)
    model.load_state_dict({name: value.contiguous() for name, value in renamed.items()})
    return model.eval().requires_grad_(False)
