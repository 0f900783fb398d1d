"""A Wide ResNet of a few channels, made by transformers, under the names of the published file."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import ResNetConfig, ResNetModel

PARTS = {"convolution": "conv", "normalization": "bn"}


def tiny_resnet(seed: int = 0) -> tuple[ResNetModel, dict[str, Tensor]]:
    """transformers' network, and its tensors as torchvision and timm name them, with a head."""
    torch.manual_seed(seed)
    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[16, 24, 32, 40], depths=[2, 1, 3, 1], hidden_act="relu"
    )
    model = ResNetModel(config).eval()
    for name, value in model.state_dict().items():
        if name.endswith(("running_mean", "bias")):
            value.normal_(0, 0.2)
        elif value.ndim == 1:
            value.uniform_(0.5, 1.5)
    state = {_published(name): value for name, value in model.state_dict().items()}
    return model, state | {"fc.weight": torch.zeros(5, 40), "fc.bias": torch.zeros(5)}


def _published(name: str) -> str:
    words = name.split(".")
    if words[0] == "embedder":
        return f"{PARTS[words[2]]}1.{words[3]}"
    stage, block = int(words[2]) + 1, words[4]
    where = f"layer{stage}.{block}"
    if words[5] == "shortcut":
        return f"{where}.downsample.{int(words[6] == 'normalization')}.{words[7]}"
    return f"{where}.{PARTS[words[7]]}{int(words[6]) + 1}.{words[8]}"
