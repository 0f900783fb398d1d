"""A folder with weights for every expert, each network tiny but of the published architecture.

Depths are the published ones, as the experts look at given blocks; widths are a few channels.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Dinov2Config, Dinov2Model

from tests.expert.tiny_anomaly_clip import learner
from tests.expert.tiny_clip import SHARED, WIDTH, save_tiny_clip
from tests.expert.tiny_resnet import tiny_resnet
from triad_ui.expert.backbone import EfficientNetLite0
from triad_ui.expert.expert import WEIGHTS_REFERENCE

DEPTH, PATCH = 24, 74
"""Blocks, and pixels of a patch: 7 x 7 patches at the 518 pixels that the experts use."""


def save_published(folder: Path) -> None:
    """What `Settings.expert_weights` holds once all published weights were put there."""
    save_tiny_clip(folder / "clip-vit-large-patch14-336", depth=DEPTH, patch=PATCH)
    torch.manual_seed(1)
    config = Dinov2Config(
        hidden_size=WIDTH, num_hidden_layers=DEPTH, num_attention_heads=2,
        image_size=3 * PATCH, patch_size=PATCH,
    )  # fmt: skip
    Dinov2Model(config).save_pretrained(folder / "dinov2-large")
    for name in ("mvtec_pretrained.pth", "visa_pretrained.pth"):
        layers = torch.nn.Module()
        layers.fc = torch.nn.ModuleList(torch.nn.Linear(WIDTH, SHARED) for _ in range(4))
        torch.save({"trainable_linearlayer": layers.state_dict()}, folder / name)
    torch.save({"prompt_learner": learner(deep=1, width=WIDTH)}, folder / "anomaly_clip.pth")
    save_file(tiny_resnet()[1], folder / "wide_resnet50_2.safetensors")


def save_base(folder: Path) -> None:
    """The embedded network under its own name, with random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(2)
    network = EfficientNetLite0()
    for name, values in network.state_dict().items():
        if name.endswith("running_var"):
            values.uniform_(0.5, 1.5)
    torch.save(network.state_dict(), folder / WEIGHTS_REFERENCE)
