"""DINOv2: pixels in, the tokens of named blocks out.

The weights are transformers' (`facebook/dinov2-large`). As in the published experts the tokens of
every block pass the network's final layer norm. At 518 px the position table is the trained one;
at other sizes transformers resizes it, which differs a little from the authors' own resizing.

It does not know what the tokens are for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import Dinov2Model

from triad_ui.errors import WeightsError
from triad_ui.expert.backbone import IMAGENET_MEAN, IMAGENET_STD
from triad_ui.expert.quietly import quietly

REPOSITORY = "facebook/dinov2-large"
SIDE = 518
"""Pixels at which it was trained last and the published experts run it: 37 x 37 patches of 14."""


class DinoVision:
    """A frozen DINOv2. It changes nothing in the model, which several may share."""

    def __init__(self, model: Dinov2Model) -> None:
        self._model = model

    @property
    def model(self) -> Dinov2Model:
        """The network itself."""
        return self._model

    @property
    def patch(self) -> int:
        """Pixels of a patch's side; input sides are multiples of it."""
        return int(self._model.config.patch_size)

    @property
    def device(self) -> torch.device:
        return self._model.embeddings.cls_token.device

    def look(self, pixels: Tensor, layers: Sequence[int]) -> tuple[dict[int, Tensor], Tensor]:
        """Outputs of the named blocks, 1-based, after the final norm, and the image's vector.

        pixels: float (B, 3, H, W) as `dino_pixels` gives them, H and W multiples of `patch`. Each
        value is (B, 1 + h * w, C): the class token, then h * w patches row by row. The image's
        vector, (B, C), is the last block's class token. ValueError for other sizes or blocks.
        """
        height, width = pixels.shape[-2:]
        if height % self.patch or width % self.patch or not height or not width:
            raise ValueError(f"sides must be multiples of {self.patch}, not {height} x {width}")
        blocks, wanted = self._model.encoder.layer, set(layers)
        if not wanted <= set(range(1, len(blocks) + 1)):
            raise ValueError(f"blocks are 1..{len(blocks)}, not {sorted(wanted)}")
        found: dict[int, Tensor] = {}
        with torch.no_grad():
            dtype = self._model.embeddings.cls_token.dtype
            hidden = self._model.embeddings(pixels.to(self.device, dtype))
            for number, block in enumerate(blocks, 1):
                hidden = block(hidden)
                if number in wanted:
                    found[number] = self._model.layernorm(hidden)
            return found, self._model.layernorm(hidden[:, 0])


def load_dinov2(
    source: str | Path = REPOSITORY,
    *,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device | None = None,
) -> DinoVision:
    """The network from a folder or the Hugging Face cache; frozen, in eval mode.

    source: a folder as transformers saves it, or a repository's name. Nothing is fetched. device:
    the graphics card if there is one. WeightsError, with the way out, when it is not here.
    """
    try:
        with quietly():
            model, told = Dinov2Model.from_pretrained(
                source, dtype=dtype, local_files_only=True, output_loading_info=True
            )
    except Exception as error:  # transformers raises OSError, ValueError, and what readers raise
        raise WeightsError(not_here(source)) from error
    if told["missing_keys"] or told["mismatched_keys"]:
        raise WeightsError(f"{source} holds no complete DINOv2. {not_here(source)}")
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return DinoVision(model.to(where).eval().requires_grad_(False))


def source_in(weights: Path) -> str | Path:
    """Where DINOv2 is looked for: a folder of the repository's last name in `weights`, if there is
    one, else the Hugging Face cache."""
    beside = weights / REPOSITORY.rpartition("/")[2]
    return beside if beside.is_dir() else REPOSITORY


def not_here(source: str | Path) -> str:
    """The sentences that say which repository is needed and where to put it."""
    name = REPOSITORY if isinstance(source, Path) or Path(source).exists() else source
    return (
        f"The weights of DINOv2 could not be read from {source}. On a machine with a network run "
        f"`hf download {name}`; elsewhere copy the folder that it names, and give its path."
    )


def dino_pixels(rgb: np.ndarray, side: int = SIDE) -> Tensor:
    """A picture as DINOv2 was trained to see it: uint8 (H, W, 3) -> float32 (1, 3, side, side).

    The whole picture is squeezed into the square, bilinear with antialiasing. ValueError for
    another dtype or shape.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"uint8 (H, W, 3) expected, not {rgb.dtype} {rgb.shape}")
    if rgb.shape[:2] != (side, side):
        picture = Image.fromarray(np.ascontiguousarray(rgb))
        rgb = np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR))
    scaled = (rgb.astype(np.float32) / 255 - np.float32(IMAGENET_MEAN)) / np.float32(IMAGENET_STD)
    return torch.from_numpy(scaled).permute(2, 0, 1)[None].contiguous()
