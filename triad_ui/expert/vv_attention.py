"""DPAM: a second stream through CLIP's last blocks, in which places look at places like them.

In those blocks an attention of values to values stands for the one of queries to keys, and what
it finds is added up beside the ordinary stream, which stays as it was (Q. Zhou et al.,
AnomalyCLIP, ICLR 2024, section 4.2, "diagonally prominent attention map"; V-V attention).

It does not know texts, prompts, or what a map is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from triad_ui.expert.clip import ClipVision

VV_BLOCKS = 19
"""Blocks with the second stream, counted from the last: the authors' DPAM_layer 20, less 1."""


def look_vv(
    vision: ClipVision, pixels: Tensor, layers: Sequence[int], *, vv_blocks: int = VV_BLOCKS
) -> tuple[dict[int, Tensor], Tensor]:
    """Tokens and image features in the space shared with texts, neither of unit length.

    pixels: float (B, 3, H, W), normalised as `clip_pixels` does. layers: 1-based blocks, whose
    tokens (B, 1 + h * w, D) are the second stream's where there is one, else the ordinary one's,
    after the final norm and the projection. vv_blocks: 0 gives the ordinary tower. The image
    features (B, D) are the ordinary stream's class token, projected WITHOUT the final norm, as in
    the published code. ValueError for a block that is not there.
    """
    count = len(vision.blocks)
    if not set(layers) <= set(range(1, count + 1)):
        raise ValueError(f"blocks are 1..{count}, not {sorted(layers)}")
    if not 0 <= vv_blocks <= count:
        raise ValueError(f"0 to {count} blocks can have a second stream, not {vv_blocks}")
    found: dict[int, Tensor] = {}
    with torch.no_grad():
        hidden = vision.embed(pixels)
        second: Tensor | None = None
        for number in range(1, count + 1):
            if number > count - vv_blocks and number <= max(layers, default=0):
                start = hidden if second is None else second
                second = start + values_to_values(vision.blocks[number - 1], hidden)
            hidden = vision.block(number, hidden)
            if number in layers:
                found[number] = vision.project(hidden if second is None else second)
        return found, vision.project(hidden[:, 0], norm=False)


def values_to_values(block: nn.Module, hidden: Tensor) -> Tensor:
    """out_proj(softmax(v v^T / sqrt(d)) v), head by head, of tokens (B, T, C); the same shape.

    block: a CLIPEncoderLayer, whose own first norm and projections are used.
    """
    attention = block.self_attn
    values = attention.v_proj(block.layer_norm1(hidden))
    heads = values.unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)
    seen = functional.scaled_dot_product_attention(heads, heads, heads)
    return attention.out_proj(seen.transpose(1, 2).flatten(2))
