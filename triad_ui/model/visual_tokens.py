"""Visual tokens of a LLaVA checkpoint, Triad's EG-RoI included: views -> tower -> projector -> run.

Implements `VisualEncoder` for LLaVA-OneVision (SigLIP) and LLaVA-1.6 (CLIP) models of
transformers, in any precision. Each image is treated apart. Written down in
`../shared/conformance/triad/README.md`, whose recorded cases hold it to the released code.
Knows nothing of words, of checkpoints on disk or of where regions come from.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from triad_ui.errors import ModelError
from triad_ui.model.generate import STOPPED
from triad_ui.model.layout import VisualLayout
from triad_ui.model.views import TilePlan, Views, boxes_within, cut, token_count
from triad_ui.records import VisualInput

VIEWS_AT_ONCE = {"cpu": 1, "cuda": 8}
"""Views that go through the tower together. On a processor, more are no faster and hold more."""


class TriadEncoder:
    """Tower, projector and newline of one model, following one layout.

    model: LlavaOnevisionForConditionalGeneration or LlavaNextForConditionalGeneration, adapted or
    not. The tokens come on the projector's device and in its type. Not thread-safe: `LocalTriad`
    calls it under a lock.
    """

    def __init__(self, model: PreTrainedModel, layout: VisualLayout) -> None:
        inner = model
        while not hasattr(inner, "vision_tower"):  # an adapted model is wrapped once more
            inner = inner.model
        self._tower = inner.vision_tower
        self._projector = inner.multi_modal_projector
        self._newline = inner.image_newline
        layers = model.config.vision_feature_layer
        self._layers = [layers] if isinstance(layers, int) else list(layers)
        # CLIP's first feature stands for the whole view and has no place in the grid
        self._first = int(model.config.vision_feature_select_strategy == "default")
        self._layout = layout
        self._levels = levels(layout)

    def count(self, images: Sequence[VisualInput]) -> int:
        """Raises ModelError for a region that cannot be shown, see `views.boxes_within`."""
        return sum(token_count(image, self._layout) for image in images)

    def keys(self, images: Sequence[VisualInput]) -> tuple[Hashable, ...]:
        """Pixels and regions: the map chose the regions, but the model does not see it."""
        return tuple((image.key, boxes_within(image)) for image in images)

    def encode(
        self, images: Sequence[VisualInput], wanted: Sequence[int], stop: threading.Event
    ) -> list[Tensor]:
        with torch.inference_mode(), _watched(self._tower, stop):
            return [self._image(images[index], stop) for index in wanted]

    def _image(self, image: VisualInput, stop: threading.Event) -> Tensor:
        if stop.is_set():
            raise ModelError(STOPPED)
        views = cut(image, self._layout)
        return self.join(self._features(views.pixels), views)

    def _features(self, pixels: Sequence[np.ndarray]) -> Tensor:
        """Projected features (views, grid * grid, width)."""
        device = self._tower.device
        step = VIEWS_AT_ONCE.get(device.type, 4)
        parts = []
        for start in range(0, len(pixels), step):
            scaled = torch.from_numpy(scale(pixels[start : start + step], self._levels))
            states = self._tower(
                scaled.to(device, self._tower.dtype),
                output_hidden_states=self._layers,
                return_dict=True,
            ).hidden_states
            seen = torch.cat([states[layer][:, self._first :] for layer in self._layers], -1)
            parts.append(self._projector(seen.to(self._projector.linear_1.weight)))
        return torch.cat(parts)

    def join(self, features: Tensor, views: Views) -> Tensor:
        """Features of all views of one image (views, grid * grid, width) -> tokens (N, width)."""
        rois = features[len(views.kinds) - views.kinds.count("roi") :]
        newline = self._newline.to(features)
        parts = [features[0]]
        if views.plan:
            tiles = features[1 : len(features) - len(rois)]
            parts.append(tile_rows(tiles, views.plan, newline))
        if len(rois) == 1:
            parts.append(rois[0])
        elif len(rois):
            parts.append(halved(rois, self._layout.grid))
        if self._layout.mode == "rois":
            parts.append(newline[None])
        return torch.cat(parts)


def tile_rows(tiles: Tensor, plan: TilePlan, newline: Tensor) -> Tensor:
    """Features of the tiles (tiles, grid * grid, width) -> the tokens of the whole image, row by
    row with a newline after each: (plan.tokens, width)."""
    grid = round(tiles.shape[1] ** 0.5)
    whole = tiles.view(plan.rows, plan.columns, grid, grid, -1).permute(0, 2, 1, 3, 4)
    whole = whole.reshape(plan.rows * grid, plan.columns * grid, -1)
    rows, columns = plan.unpadded
    top, left = (whole.shape[0] - rows) // 2, (whole.shape[1] - columns) // 2
    whole = whole[top : top + rows, left : left + columns]
    if plan.shape != plan.unpadded:
        planes = whole.permute(2, 0, 1)[None]
        shrunk = functional.interpolate(planes, plan.shape, mode="bilinear")
        whole = shrunk[0].permute(1, 2, 0)
    ends = newline.expand(whole.shape[0], 1, -1)
    return torch.cat([whole, ends], 1).flatten(0, 1)


def halved(rois: Tensor, grid: int) -> Tensor:
    """Each 2 x 2 features of a region as their mean; an odd last row and column are dropped."""
    planes = rois.view(len(rois), grid, grid, -1).permute(0, 3, 1, 2)
    return functional.avg_pool2d(planes, 2).permute(0, 2, 3, 1).flatten(0, 2)


def levels(layout: VisualLayout) -> np.ndarray:
    """What each of the 256 levels becomes in each channel: float32 (3, 256).

    In the released code's order, as another one changes last bits: x * (1 / 255) in double
    precision, rounded to float32, less the mean, over the deviation.
    """
    plain = (np.arange(256, dtype=np.float64) * (1 / 255)).astype(np.float32)
    mean, std = (np.asarray(values, np.float32)[:, None] for values in (layout.mean, layout.std))
    return (plain - mean) / std


def scale(pixels: Sequence[np.ndarray], table: np.ndarray) -> np.ndarray:
    """uint8 views (side, side, 3) -> float32 (views, 3, side, side)."""
    height, width = pixels[0].shape[:2]
    scaled = np.empty((len(pixels), 3, height, width), np.float32)
    for view, planes in zip(pixels, scaled):
        for channel in range(3):
            np.take(table[channel], view[..., channel], out=planes[channel], mode="clip")
    return scaled


@contextmanager
def _watched(tower: PreTrainedModel, stop: threading.Event) -> Iterator[None]:
    """While this is open, the tower ends between two of its layers once `stop` is set.

    A view takes seconds on a processor: too long to wait for.
    """

    def look(*_: object) -> None:
        if stop.is_set():
            raise ModelError(STOPPED)

    handles = [layer.register_forward_pre_hook(look) for layer in tower.encoder.layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
