"""CLIP's vision tower: pixels of any size in, the raw tokens of named blocks out.

The weights are transformers' (`openai/clip-vit-large-patch14-336`), the two things on which the
published experts differ are arguments: the activation, and how the position table is resized.
MuSc and April-GAN run the tower with plain GELU and a bicubic, antialiased table; AnomalyCLIP with
quick GELU and a bilinear one. transformers' own resizing is neither (tokens up to 0.46 off).

It does not know what the tokens are for, nor anything of texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel, CLIPVisionModel, CLIPVisionModelWithProjection
from transformers.activations import ACT2FN

from triad_ui.errors import WeightsError
from triad_ui.expert.quietly import quietly

REPOSITORY = "openai/clip-vit-large-patch14-336"
SIDE = 518
"""Pixels at which the published experts run it: 37 x 37 patches of 14."""
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)

Activation = Literal["gelu", "quick_gelu"]
Resize = Literal["bicubic", "bilinear"]
Model = CLIPModel | CLIPVisionModel | CLIPVisionModelWithProjection


class ClipVision:
    """A frozen vision tower. It changes nothing in the model, which several may share."""

    def __init__(
        self, model: Model, *, activation: Activation = "gelu", resize: Resize = "bicubic"
    ) -> None:
        """model: a CLIPVisionModel gives tokens only, the two others image features as well."""
        tower = model if isinstance(model, CLIPVisionModel) else model.vision_model
        self._tower = tower
        self._projection: nn.Linear | None = getattr(model, "visual_projection", None)
        self._activation: Callable[[Tensor], Tensor] = ACT2FN[activation]
        self._resize = resize
        self._tables: dict[tuple[int, int], Tensor] = {}

    @property
    def patch(self) -> int:
        """Pixels of a patch's side; input sides are multiples of it."""
        return int(self._tower.config.patch_size)

    @property
    def blocks(self) -> nn.ModuleList:
        """transformers' CLIPEncoderLayer of block 1, 2, ... at index 0, 1, ..."""
        return self._tower.encoder.layers

    @property
    def device(self) -> torch.device:
        return self._tower.embeddings.class_embedding.device

    def tokens(self, pixels: Tensor, layers: Sequence[int]) -> dict[int, Tensor]:
        """Outputs of the named blocks, 1-based, raw: no final norm, no projection.

        pixels: float (B, 3, H, W), normalised as `clip_pixels` does, H and W multiples of `patch`.
        Each value is (B, 1 + h * w, C): the class token, then h * w patches row by row.
        ValueError for other sizes or for a block that is not there.
        """
        return self._run(pixels, layers, to_end=False)[0]

    def image_features(self, pixels: Tensor) -> Tensor:
        """(B, D), not normalised: the projection of the class token after the final norm."""
        return self.look(pixels, ())[1]

    def look(self, pixels: Tensor, layers: Sequence[int]) -> tuple[dict[int, Tensor], Tensor]:
        """`tokens` and `image_features` in one pass. ValueError for a tower without projection."""
        found, last = self._run(pixels, layers, to_end=True)
        return found, self.project(last[:, 0])

    def project(self, tokens: Tensor, *, norm: bool = True) -> Tensor:
        """Tokens (..., C) of the tower in the space (..., D) that is shared with texts.

        norm: the final layer norm first, as for image features. ValueError without projection.
        """
        if self._projection is None:
            raise ValueError("this vision tower came without its projection")
        return self._projection(self._tower.post_layernorm(tokens) if norm else tokens)

    def embed(self, pixels: Tensor) -> Tensor:
        """What block 1 reads, (B, 1 + h * w, C). ValueError for sides that patches do not fill."""
        height, width = pixels.shape[-2:]
        if height % self.patch or width % self.patch or not height or not width:
            raise ValueError(f"sides must be multiples of {self.patch}, not {height} x {width}")
        parts = self._tower.embeddings
        dtype = parts.patch_embedding.weight.dtype
        patches = parts.patch_embedding(pixels.to(self.device, dtype)).flatten(2).transpose(1, 2)
        first = parts.class_embedding.expand(len(pixels), 1, -1)
        table = self.positions(height // self.patch, width // self.patch)
        return self._tower.pre_layrnorm(torch.cat([first, patches], dim=1) + table)

    def positions(self, height: int, width: int) -> Tensor:
        """The position table for `height` x `width` patches, (1 + height * width, C)."""
        kept = self._tables.get((height, width))
        if kept is not None:
            return kept
        table = self._tower.embeddings.position_embedding.weight
        side = round((len(table) - 1) ** 0.5)
        if (height, width) != (side, side):
            grid = functional.interpolate(
                table[1:].float().T.reshape(1, -1, side, side),
                size=(height, width),
                mode=self._resize,
                align_corners=False,
                antialias=self._resize == "bicubic",
            )
            table = torch.cat([table[:1], grid[0].flatten(1).T.to(table.dtype)])
        self._tables = {(height, width): table}  # the pictures of one product have one size
        return table

    def block(self, number: int, hidden: Tensor) -> Tensor:
        """Block `number` (1-based) of tokens (B, T, C) under this tower's activation."""
        layer = self.blocks[number - 1]
        seen, _ = layer.self_attn(layer.layer_norm1(hidden), attention_mask=None)
        hidden = hidden + seen
        inner = self._activation(layer.mlp.fc1(layer.layer_norm2(hidden)))
        return hidden + layer.mlp.fc2(inner)

    def _run(
        self, pixels: Tensor, layers: Sequence[int], *, to_end: bool
    ) -> tuple[dict[int, Tensor], Tensor]:
        wanted, count = set(layers), len(self.blocks)
        if not wanted <= set(range(1, count + 1)):
            raise ValueError(f"blocks are 1..{count}, not {sorted(wanted)}")
        found: dict[int, Tensor] = {}
        with torch.no_grad():
            hidden = self.embed(pixels)
            for number in range(1, (count if to_end else max(wanted, default=0)) + 1):
                hidden = self.block(number, hidden)
                if number in wanted:
                    found[number] = hidden
        return found, hidden


def load_clip(
    source: str | Path = REPOSITORY,
    *,
    activation: Activation = "gelu",
    resize: Resize = "bicubic",
    dtype: torch.dtype = torch.float32,
    device: str | torch.device | None = None,
) -> ClipVision:
    """The vision tower with its projection, from a folder or the Hugging Face cache; frozen.

    source: a folder as transformers saves it, or a repository's name. Nothing is fetched. device:
    the graphics card if there is one. WeightsError, with the way out, when it is not here.
    """
    try:
        config = CLIPConfig.from_pretrained(source, local_files_only=True)
        config.vision_config.projection_dim = config.projection_dim
        with quietly():
            model, told = CLIPVisionModelWithProjection.from_pretrained(
                source,
                config=config.vision_config,
                dtype=dtype,
                local_files_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # transformers raises OSError, ValueError, and what readers raise
        raise WeightsError(not_here(source, "the vision tower")) from error
    if told["missing_keys"] or told["mismatched_keys"]:
        raise WeightsError(
            f"{source} holds no complete CLIP vision tower. {not_here(source, 'it')}"
        )
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    model = model.to(where).eval().requires_grad_(False)
    return ClipVision(model, activation=activation, resize=resize)


def source_in(weights: Path) -> str | Path:
    """Where CLIP is looked for: a folder of the repository's last name in `weights`, if there is
    one, else the Hugging Face cache."""
    beside = weights / REPOSITORY.rpartition("/")[2]
    return beside if beside.is_dir() else REPOSITORY


def not_here(source: str | Path, what: str) -> str:
    """The sentences that say which repository is needed and where to put it."""
    name = REPOSITORY if isinstance(source, Path) or Path(source).exists() else source
    return (
        f"The weights of {what} could not be read from {source}. On a machine with a network run "
        f'`hf download {name} --exclude "*.h5" "*.msgpack"`; elsewhere copy the folder that it '
        "names, and give its path."
    )


def clip_pixels(rgb: np.ndarray, side: int = SIDE) -> Tensor:
    """A picture as CLIP was trained to see it: uint8 (H, W, 3) -> float32 (1, 3, side, side).

    The whole picture is squeezed into the square, bicubic, as the published experts do.
    ValueError for another dtype or shape.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"uint8 (H, W, 3) expected, not {rgb.dtype} {rgb.shape}")
    if rgb.shape[:2] != (side, side):
        picture = Image.fromarray(np.ascontiguousarray(rgb))
        rgb = np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))
    scaled = (rgb.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    return torch.from_numpy(scaled).permute(2, 0, 1)[None].contiguous()
