"""Patches of a picture as unit vectors: CLIP's raw tokens, or EfficientNet-Lite0's cells.

Two frozen networks behind one face, for experts that compare patches and do not care whose they
are. It does not know what the vectors are compared with, nor keeps any.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch.nn import functional

from triad_ui.expert.backbone import load_efficientnet_lite0, normalise
from triad_ui.expert.clip import SIDE, ClipVision, clip_pixels

Patches = dict[int, np.ndarray]
"""Unit vectors by layer: (h, w, C) each, float32 or float16; grids may differ between layers."""


class PatchFeatures(Protocol):
    """A frozen network that sees a picture as patches at several depths."""

    @property
    def version(self) -> str:
        """Changes with weights, layers and input size."""

    @property
    def side(self) -> int:
        """Pixels at which a picture is seen, squeezed into a square."""

    def patches(self, rgb: np.ndarray) -> Patches:
        """The patches of a picture, uint8 (H, W, 3). ValueError for another dtype or shape."""


class ClipPatches:
    """Raw tokens of CLIP's blocks, without the class token; float16, as they are many."""

    def __init__(
        self, vision: ClipVision, *, layers: Sequence[int] = (6, 12, 18, 24), side: int = SIDE
    ) -> None:
        """layers: 1-based blocks. side: a multiple of the tower's patch."""
        self._vision = vision
        self._layers = tuple(layers)
        self.side = side
        bias = vision.blocks[-1].mlp.fc2.bias.float().cpu().numpy()
        shown = "-".join(str(layer) for layer in self._layers)
        self.version = f"clip.{side}.{shown}-{hashlib.sha256(bias.tobytes()).hexdigest()[:12]}"

    def patches(self, rgb: np.ndarray) -> Patches:
        found = self._vision.tokens(clip_pixels(rgb, self.side), self._layers)
        grid = self.side // self._vision.patch
        return {
            layer: functional.normalize(tokens[0, 1:].float(), dim=-1)
            .unflatten(0, (grid, grid))
            .half()
            .cpu()
            .numpy()
            for layer, tokens in found.items()
        }


class EfficientNetPatches:
    """Block outputs of the embedded EfficientNet-Lite0, as they are: no averaging of cells."""

    def __init__(
        self, weights: Path, *, layers: Sequence[int] = (4, 7, 10), side: int = 224
    ) -> None:
        """weights: the .pth file. layers: 0-based blocks. WeightsError when it cannot be read."""
        self._network = load_efficientnet_lite0(weights)
        self._layers = tuple(layers)
        self.side = side
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        shown = "-".join(str(layer) for layer in self._layers)
        self.version = f"efficientnet.{side}.{shown}-{digest[:12]}"

    def patches(self, rgb: np.ndarray) -> Patches:
        with torch.inference_mode():
            found = self._network.features(normalise(rgb, self.side), self._layers)
            return {
                layer: functional.normalize(values[0].permute(1, 2, 0), dim=-1).contiguous().numpy()
                for layer, values in found.items()
            }
