"""One image and its regions -> the square views that a LLaVA vision tower looks at, as uint8.

The whole image (`base`), AnyRes tiles (`tile`) and regions (`roi`), pixel for pixel as Triad's
released code cuts them; and the number of visual tokens that they become, by arithmetic alone.
Resizing is Pillow's bicubic: another one gives other pixels and so another answer.
Knows no network: `visual_tokens.py` turns the views into tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from triad_ui.errors import ModelError
from triad_ui.model.layout import VisualLayout
from triad_ui.records import VisualInput

Kind = Literal["base", "tile", "roi"]
Box = tuple[int, int, int, int]

MOST_ROIS = 4
"""Regions of one image that Triad is trained on; the released code drops the others silently."""
SHRINK_ABOVE = 1.1
"""A feature map is shrunk only when its sides are this much too long (LLaVA-OneVision)."""


@dataclass(frozen=True, slots=True)
class TilePlan:
    """How an image of one size is tiled.

    canvas, fitted: (width, height) of the padded canvas and of the resized image centred on it.
    columns, rows: of tiles. unpadded: (rows, columns) of features once the padding is cut off.
    shrink: by how much these are too many, 0.0 where the layout never shrinks. shape: (rows,
    columns) of features that become tokens, a newline after each row not counted.
    """

    canvas: tuple[int, int]
    fitted: tuple[int, int]
    columns: int
    rows: int
    unpadded: tuple[int, int]
    shrink: float
    shape: tuple[int, int]

    @property
    def tokens(self) -> int:
        rows, columns = self.shape
        return rows * (columns + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """pixels: uint8 (side, side, 3) each, base first, then tiles row by row, then regions in
    order. plan: of the tiles, None when there are none."""

    pixels: list[np.ndarray]
    kinds: tuple[Kind, ...]
    plan: TilePlan | None


def cut(image: VisualInput, layout: VisualLayout) -> Views:
    """The views of one image. Raises ModelError for a region that is not in it, or too many.

    Source: Triad's process_anyres_image and its RoI cropping (released code, 91cb5aa).
    """
    boxes = boxes_within(image)
    picture = Image.fromarray(np.ascontiguousarray(image.rgb))
    side = (layout.side, layout.side)
    pixels = [_resized(picture, side)]
    kinds: list[Kind] = ["base"]
    plan = tile_plan(picture.size, layout) if layout.mode == "anyres_rois" else None
    if plan:
        tiles = _tiles(picture, plan, layout.side)
        pixels += tiles
        kinds += ["tile"] * len(tiles)
    for box in boxes:
        pixels.append(_resized(picture.crop(box), side))
        kinds.append("roi")
    return Views(pixels, tuple(kinds), plan)


def token_count(image: VisualInput, layout: VisualLayout) -> int:
    """Visual tokens of one image, newlines included. Raises ModelError as `cut` does."""
    rois = roi_tokens(len(boxes_within(image)), layout)
    base = layout.grid**2
    if layout.mode == "rois":
        return base + rois + 1
    height, width = image.rgb.shape[:2]
    return base + tile_plan((width, height), layout).tokens + rois


def roi_tokens(rois: int, layout: VisualLayout) -> int:
    """Tokens of all regions of an image: one is kept whole, several are halved along each side."""
    return rois * (layout.grid**2 if rois == 1 else (layout.grid // 2) ** 2)


def boxes_within(image: VisualInput) -> tuple[Box, ...]:
    """The regions as half-open boxes, clipped to the image.

    Raises ModelError when one is empty or wholly outside, or when there are more than four.
    """
    height, width = image.rgb.shape[:2]
    if len(image.rois) > MOST_ROIS:
        raise ModelError(
            f"The model looks at up to {MOST_ROIS} regions of an image, and {len(image.rois)} are "
            f"marked. Remove {len(image.rois) - MOST_ROIS} of them."
        )
    boxes = []
    for number, roi in enumerate(image.rois, 1):
        box = max(0, roi.x0), max(0, roi.y0), min(width, roi.x1), min(height, roi.y1)
        if box[0] >= box[2] or box[1] >= box[3]:
            raise ModelError(
                f"Region {number} ({roi.x0}, {roi.y0} to {roi.x1}, {roi.y1}) holds no pixel of the "
                f"image, which is {width} x {height}. Draw it again or remove it."
            )
        boxes.append(box)
    return tuple(boxes)


def tile_plan(size: tuple[int, int], layout: VisualLayout) -> TilePlan:
    """The tiling of an image of `size` (width, height).

    The padding is cut off with the authors' truncation; transformers rounds to seven digits
    first and keeps two rows or columns more in about one size of 8000 (750 x 1750: 127, not 125).
    """
    canvas = best_canvas(size, layout.pinpoints)
    columns, rows = canvas[0] // layout.side, canvas[1] // layout.side
    unpadded = _unpadded(size, rows * layout.grid, columns * layout.grid)
    shape, shrink = unpadded, 0.0
    if layout.max_tiles is not None:
        shrink = math.sqrt(unpadded[0] * unpadded[1] / (layout.max_tiles * layout.grid**2))
        if shrink > SHRINK_ABOVE:
            shape = int(unpadded[0] // shrink), int(unpadded[1] // shrink)
    return TilePlan(canvas, _fitted(size, canvas), columns, rows, unpadded, shrink, shape)


def best_canvas(size: tuple[int, int], pinpoints: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The (width, height) of `pinpoints` that keeps most of the image's pixels and, among these,
    wastes least; the first where several do."""
    width, height = size

    def merit(canvas: tuple[int, int]) -> tuple[int, int]:
        scale = min(canvas[0] / width, canvas[1] / height)
        kept = min(int(width * scale) * int(height * scale), width * height)
        return kept, kept - canvas[0] * canvas[1]

    return max(pinpoints, key=merit)


def _fitted(size: tuple[int, int], canvas: tuple[int, int]) -> tuple[int, int]:
    """The image's size on the canvas: aspect kept, the other side rounded up."""
    across, down = canvas[0] / size[0], canvas[1] / size[1]
    if across < down:
        return canvas[0], min(math.ceil(size[1] * across), canvas[1])
    return min(math.ceil(size[0] * down), canvas[0]), canvas[1]


def _unpadded(size: tuple[int, int], rows: int, columns: int) -> tuple[int, int]:
    """Rows and columns of a feature map that hold image; as much is cut at both ends."""
    width, height = size
    if width / height > columns / rows:
        kept = int(height * (columns / width))
        return rows - 2 * ((rows - kept) // 2), columns
    kept = int(width * (rows / height))
    return rows, columns - 2 * ((columns - kept) // 2)


def _tiles(picture: Image.Image, plan: TilePlan, side: int) -> list[np.ndarray]:
    width, height = plan.canvas
    fitted_width, fitted_height = plan.fitted
    x, y = (width - fitted_width) // 2, (height - fitted_height) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[y : y + fitted_height, x : x + fitted_width] = _resized(picture, plan.fitted)
    return [
        canvas[top : top + side, left : left + side]
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


def _resized(picture: Image.Image, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC))
