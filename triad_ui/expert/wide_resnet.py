"""Wide ResNet-50-2 as PatchCore's frozen network: pixels in, the outputs of its stages out.

Structure: S. Zagoruyko and N. Komodakis, "Wide residual networks", BMVC 2016, in the bottleneck
form of K. He et al., "Deep residual learning", CVPR 2016, with the stride in the 3 x 3 layer.
Depths and widths are read from the weights file, whose names are those of torchvision and timm.

It does not know what the outputs are for.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from triad_ui.errors import WeightsError

REPOSITORY = "timm/wide_resnet50_2.tv_in1k"
PATTERNS = (
    "wide_resnet50*.safetensors",
    "wide_resnet50*/*.safetensors",
    "wide_resnet50*.pth",
    "wide_resnet50*.pt",
    "wide_resnet50*/*.bin",
)
"""Names under which the file is looked for, in this order."""
_UNUSED = re.compile(r"(?:layer4|fc)\.|.*\.num_batches_tracked$")
_STAGES = (1, 2, 3)


class _Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 beside a shortcut. Attribute names are those of the weights file."""

    def __init__(self, inputs: int, width: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = functional.relu(self.bn1(self.conv1(inputs)))
        hidden = functional.relu(self.bn2(self.conv2(hidden)))
        hidden = self.bn3(self.conv3(hidden))
        shortcut = inputs if self.downsample is None else self.downsample(inputs)
        return functional.relu(hidden + shortcut)

    def fold(self) -> None:
        for number in (1, 2, 3):
            conv, norm = getattr(self, f"conv{number}"), getattr(self, f"bn{number}")
            setattr(self, f"conv{number}", fuse_conv_bn_eval(conv, norm))
            setattr(self, f"bn{number}", nn.Identity())
        if isinstance(self.downsample, nn.Sequential):
            self.downsample = fuse_conv_bn_eval(*self.downsample)


class WideResNet(nn.Module):
    """The stem and the first three stages; PatchCore looks no deeper."""

    def __init__(self, stem: int, stages: Sequence[Sequence[tuple[int, int]]]) -> None:
        """stem: channels of the first convolution. stages: (width, outputs) of each block."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, stem, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        inputs = stem
        for number, widths in zip(_STAGES, stages, strict=True):
            blocks = []
            for index, (width, outputs) in enumerate(widths):
                stride = 2 if number > 1 and index == 0 else 1
                blocks.append(_Bottleneck(inputs, width, outputs, stride))
                inputs = outputs
            setattr(self, f"layer{number}", nn.Sequential(*blocks))

    def forward(self, pixels: Tensor) -> dict[int, Tensor]:
        """Outputs of stages 1, 2, 3: (B, C_s, H / s, W / s) for s of 4, 8, 16; activated.

        pixels: float (B, 3, H, W) scaled as ImageNet's, H and W multiples of 32.
        """
        hidden = functional.relu(self.bn1(self.conv1(pixels)))
        hidden = functional.max_pool2d(hidden, 3, 2, 1)
        found = {}
        for number in _STAGES:
            hidden = found[number] = getattr(self, f"layer{number}")(hidden)
        return found

    def fold(self) -> None:
        """Merges each batch norm into its convolution: the same values, less work."""
        self.conv1, self.bn1 = fuse_conv_bn_eval(self.conv1, self.bn1), nn.Identity()
        for number in _STAGES:
            for block in getattr(self, f"layer{number}"):
                block.fold()


def find_wide_resnet(folder: Path) -> Path:
    """The weights file in `folder`. WeightsError, with the way out, when there is none."""
    for pattern in PATTERNS:
        found = sorted(folder.glob(pattern))
        if found:
            return found[0]
    raise WeightsError(
        f"PatchCore's network, Wide ResNet-50-2, is not in {folder}. On a machine with a network "
        f"run `hf download {REPOSITORY} model.safetensors --local-dir wide_resnet50_2`, and put "
        "that folder there; torchvision's wide_resnet50_2-*.pth serves as well. The expert "
        "'patch-core-embedded' needs no download."
    )


def load_wide_resnet(path: Path, *, device: str | torch.device = "cpu") -> WideResNet:
    """The network with the weights in `path`, frozen, in eval mode, batch norms merged.

    path: safetensors, or a state dict of tensors saved by torch; nothing else in it is run.
    WeightsError if it cannot be read or holds no such network.
    """
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)
        network = WideResNet(state["conv1.weight"].shape[0], _widths(state))
        wanted = {name: value for name, value in state.items() if not _UNUSED.match(name)}
        told = network.load_state_dict(wanted, strict=False)
        missing = [name for name in told.missing_keys if not _UNUSED.match(name)]
        if missing or told.unexpected_keys:
            raise KeyError(*missing[:1], *told.unexpected_keys[:1])
    except (
        *(OSError, RuntimeError, KeyError, IndexError, EOFError, TypeError, ValueError),
        *(AttributeError, pickle.UnpicklingError, SafetensorError),
    ) as error:
        raise WeightsError(
            f"The weights {path} cannot be read as Wide ResNet-50-2. Fetch them anew: "
            f"`hf download {REPOSITORY} model.safetensors`."
        ) from error
    network.eval().requires_grad_(False)
    network.fold()
    return network.to(device=device, memory_format=torch.channels_last)


def _widths(state: Mapping[str, Tensor]) -> list[list[tuple[int, int]]]:
    """(width, outputs) of every block of the stages, as the shapes in the file have them."""
    stages = []
    for number in _STAGES:
        blocks: list[tuple[int, int]] = []
        while f"layer{number}.{len(blocks)}.conv3.weight" in state:
            outputs, width = state[f"layer{number}.{len(blocks)}.conv3.weight"].shape[:2]
            blocks.append((width, outputs))
        if not blocks:
            raise KeyError(f"layer{number}.0.conv3.weight")
        stages.append(blocks)
    return stages
