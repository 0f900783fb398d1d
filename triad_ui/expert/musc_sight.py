"""What MuSc looks through: one of three frozen networks, with the depths and reaches that suit it.

CLIP ViT-L/14-336 with plain GELU and DINOv2-large at 518 px, blocks 6, 12, 18, 24, reaches 1, 3, 5
are the published ones. EfficientNet-Lite0 is ours, for machines without a hub: a convolution sees
its surroundings already, so that reach 5 only blurs.

It does not know how pictures are compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from triad_ui.expert.backbone import load_efficientnet_lite0, normalise
from triad_ui.expert.mutual_scoring import unit
from triad_ui.records import Scale

LAYERS = (6, 12, 18, 24)
REACHES = (1, 3, 5)
EMBEDDED_BLOCKS = (4, 7)
EMBEDDED_REACHES = (1, 3)
EMBEDDED_SIDE = 224
EMBEDDED_IMAGE_BLOCK = 10
FIXED = Scale(0.75, 0.75)
"""The published networks' own scale, for want of anything to take one from: a guess."""
EMBEDDED_FIXED = Scale(0.75, 0.75)

Seen = tuple[dict[int, Tensor], Tensor]
"""Features (h, w, C) of a picture by depth, and one vector (D,) of length 1 for the whole."""


@dataclass(frozen=True, eq=False)
class Sight:
    """A network as MuSc uses it.

    look: a picture uint8 (H, W, 3) -> Seen. side: pixels of the square that it sees. reaches: r of
    LNAMD. corners: align_corners of the maps. dtype, device: of the compared vectors. kept: dtype
    of the features in the cache. fixed: scale for want of a better one.
    """

    name: str
    version: str
    look: Callable[[np.ndarray], Seen]
    side: int
    layers: tuple[int, ...] = LAYERS
    reaches: tuple[int, ...] = REACHES
    corners: bool = True
    dtype: torch.dtype = torch.float32
    device: torch.device | str = "cpu"
    kept: type[np.floating] = np.float16
    fixed: Scale = FIXED


def through_clip(source: str | Path | None = None) -> Sight:
    """Through CLIP's vision tower with plain GELU; half precision on a graphics card.

    source: a folder or repository's name, see `clip.load_clip`. WeightsError when it is not here.
    """
    from triad_ui.expert.clip import REPOSITORY, SIDE, clip_pixels, load_clip

    vision = load_clip(source or REPOSITORY, activation="gelu", dtype=_dtype())

    def look(rgb: np.ndarray) -> Seen:
        tokens, image = vision.look(clip_pixels(rgb, SIDE), LAYERS)
        return {layer: _patches(found) for layer, found in tokens.items()}, unit(image[0].float())

    found = fingerprint(vision.blocks)
    return Sight("musc", f"clip-{found}", look, SIDE, dtype=_dtype(), device=vision.device)


def through_dinov2(source: str | Path | None = None) -> Sight:
    """Through DINOv2-large; half precision on a graphics card.

    source: a folder or repository's name, see `dinov2.load_dinov2`. WeightsError when not here.
    """
    from triad_ui.expert.dinov2 import REPOSITORY, SIDE, dino_pixels, load_dinov2

    vision = load_dinov2(source or REPOSITORY, dtype=_dtype())

    def look(rgb: np.ndarray) -> Seen:
        tokens, image = vision.look(dino_pixels(rgb, SIDE), LAYERS)
        return {layer: _patches(found) for layer, found in tokens.items()}, unit(image[0].float())

    found = fingerprint(vision.model)
    return Sight("musc-dinov2", f"dinov2-{found}", look, SIDE, dtype=_dtype(), device=vision.device)


def through_embedded(weights: Path, *, side: int = EMBEDDED_SIDE) -> Sight:
    """Through the embedded EfficientNet-Lite0. WeightsError when its file cannot be read."""
    network = load_efficientnet_lite0(weights)
    blocks = (*EMBEDDED_BLOCKS, EMBEDDED_IMAGE_BLOCK)

    def look(rgb: np.ndarray) -> Seen:
        with torch.no_grad():
            found = network.features(normalise(rgb, side), blocks)
        image = unit(found[EMBEDDED_IMAGE_BLOCK].mean(dim=(2, 3))[0])
        return {block: found[block][0].permute(1, 2, 0) for block in EMBEDDED_BLOCKS}, image

    return Sight(
        "musc-embedded",
        f"lite0-{side}-{fingerprint(network)}",
        look,
        side,
        EMBEDDED_BLOCKS,
        EMBEDDED_REACHES,
        corners=False,  # its depths have different grids, which only cell centres put in one place
        kept=np.float32,
        fixed=EMBEDDED_FIXED,
    )


def fingerprint(network: nn.Module) -> str:
    """Twelve characters that change with the weights: of every tensor the first values and sum."""
    digest = hashlib.sha256()
    for name, values in sorted(network.state_dict().items()):
        first = values.reshape(-1)[:16].double().cpu().numpy()
        digest.update(f"{name} {tuple(values.shape)} {values.double().sum():.6g}".encode())
        digest.update(first.tobytes())
    return digest.hexdigest()[:12]


def _dtype() -> torch.dtype:
    return torch.float16 if torch.cuda.is_available() else torch.float32


def _patches(tokens: Tensor) -> Tensor:
    """Tokens (1, 1 + h * h, C) of a square picture without the class token: (h, h, C)."""
    side = round((tokens.shape[1] - 1) ** 0.5)
    return tokens[0, 1:].reshape(side, side, -1)
