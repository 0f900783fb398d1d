"""Images, maps and regions -> the vectors that the embedded model's projector reads.

The EG-RoI tokenizer of the paper (section 3.2) at a small scale: a base view of the whole image and
a crop of every region; a single region keeps all its cells, two to four are pooled (in the released
code 729 and 169 tokens, here 36 and 9). What the expert already knows goes along in each cell: its
map, and the residual to the nearest normal cell of the reference.
Knows no language model: a cell is a vector of `CELL_CHANNELS` numbers with a place in its image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.records import VisualInput

Tower = Callable[[np.ndarray, int], dict[int, Tensor]]
"""(uint8 (H, W, 3), side in pixels) -> block index -> float (1, C, h, w): the frozen backbone."""

BLOCKS = (4, 10, 15)
BLOCK_WIDTHS = (40, 112, 320)
BASE_SIDE, BASE_GRID = 320, 8
REFERENCE_GRID = 4
ROI_SIDE, ROI_GRID, ROI_POOLED = 192, 6, 3
MAX_ROIS = 4
CLOSE_FRAMES, PEAK_SIDE = 3, 1 / 4
"""How many places of a query are looked at closely at the least, and the side of the squares about
peaks of the map that are added to its regions, as a share of the picture's."""

_COLOURS = 15
_FEATURES = sum(BLOCK_WIDTHS) + BLOCK_WIDTHS[0]
_FINE = slice(0, BLOCK_WIDTHS[0])
_MIDDLE = slice(BLOCK_WIDTHS[0], BLOCK_WIDTHS[0] + BLOCK_WIDTHS[1])
_RESIDUAL = BLOCK_WIDTHS[1] + _COLOURS
CELL_PARTS = (*BLOCK_WIDTHS, BLOCK_WIDTHS[0], _COLOURS, *(BLOCK_WIDTHS[1], _COLOURS), 2, 2)
"""Widths of a cell's parts: block means, maxima of the finest block, colours, residual of the
middle block and of the colours, map mean and maximum, flags (map calibrated, reference shown)."""
CELL_CHANNELS = sum(CELL_PARTS)

EVIDENCE = 9
CALIBRATED, HAS_REFERENCE, ODDS = 1, 2, 4
"""Of the evidence, where it says so; ODDS: log-odds of the image's score / 5."""
"""Width of what the expert says of the image as a whole, see `evidence`, and one of its places."""

BASE, ROI, REFERENCE_BASE, REFERENCE_ROI = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells of one image or of several, in reading order.

    vectors: float32 (N, CELL_CHANNELS). places: float32 (N, 3): x and y of the cell's centre in the
    image, 0..1, and the log2 of the view's side over the image's (0 = whole image). kinds: int64
    (N,): BASE, ROI, REFERENCE_BASE or REFERENCE_ROI. index: int64 (N,): number of the region, 0
    for a base view.
    """

    vectors: Tensor
    places: Tensor
    kinds: Tensor
    index: Tensor

    def __len__(self) -> int:
        return len(self.vectors)


def count(images: Sequence[VisualInput]) -> int:
    """Number of visual tokens of these images, without computing them."""
    total = 0
    for image in images:
        total += (REFERENCE_GRID if image.is_reference else BASE_GRID) ** 2
        regions = len(image.rois[:MAX_ROIS])
        total += regions * _roi_grid(regions) ** 2
    return total


def encode(images: Sequence[VisualInput], tower: Tower) -> list[Cells]:
    """The cells of each image: base view, then regions; the query's carry the residual.

    images: the query first, then at most one reference.
    """
    query = _views(images[0], tower)
    others = [_views(image, tower) for image in images[1:2]]
    flags = torch.zeros(2)
    if images[0].anomaly_map is not None:
        flags[0] = float(images[0].anomaly_map.calibrated)
    flags[1] = float(bool(others))
    # a free-lying part may show its like anywhere, so every normal cell is a candidate
    normal = torch.cat([_rows(view.values) for view in others[0]]) if others else None
    kinds = ((BASE, ROI), (REFERENCE_BASE, REFERENCE_ROI))
    sequences = []
    for number, views in enumerate([query, *others]):
        base_grid = REFERENCE_GRID if number else BASE_GRID
        roi_grid = _roi_grid(len(views) - 1)
        cells = []
        for order, view in enumerate(views):
            kind = kinds[number][order > 0]
            grid = roi_grid if order else base_grid
            cells.append(_cells(view, grid, None if number else normal, flags, kind, order))
        sequences.append(join(cells))
    return sequences


def evidence(images: Sequence[VisualInput]) -> Tensor:
    """What the expert says of the query as a whole: float32 (EVIDENCE,), about -1..2.

    Whether there is a map, whether it is calibrated, whether a reference is shown; the image's own
    score and its log-odds / 5; of the map the maximum, the mean of the top hundredth and the root
    of the share that is suspicious; a quarter of the number of regions. Zeros stand for what is
    not there. images: as for `encode`.
    """
    told = torch.zeros(EVIDENCE)
    amap = images[0].anomaly_map
    told[HAS_REFERENCE] = float(len(images) > 1)
    told[8] = len(images[0].rois[:MAX_ROIS]) / 4
    if amap is None:
        return told
    values = np.sort(amap.values, axis=None)
    score = min(max(float(amap.score), 1e-4), 1 - 1e-4)
    told[0], told[CALIBRATED] = 1.0, float(amap.calibrated)
    told[3], told[ODDS] = score, math.log(score / (1 - score)) / 5
    told[5] = float(values[-1])
    told[6] = float(values[-max(1, len(values) // 100) :].mean())
    told[7] = float((values >= 0.5).mean()) ** 0.5
    return told


def close_frames(image: VisualInput) -> list[tuple[int, int, int, int]]:
    """x0, y0, x1, y1 of what is looked at closely: its regions, and up to CLOSE_FRAMES squares
    about the map's highest peaks outside of them; all of it without a map or a region."""
    height, width = image.rgb.shape[:2]
    frames = [roi.box for roi in image.rois[:MAX_ROIS]]
    if image.anomaly_map is None:
        return frames or [(0, 0, width, height)]
    values = image.anomaly_map.values.copy()
    across, down = values.shape[1] / width, values.shape[0] / height
    side = max(1, round(min(height, width) * PEAK_SIDE))
    while True:
        for x0, y0, x1, y1 in frames:
            rows = slice(int(y0 * down), math.ceil(y1 * down))
            values[rows, int(x0 * across) : math.ceil(x1 * across)] = -1
        if len(frames) >= CLOSE_FRAMES or values.max() < 0:
            return frames
        y, x = np.unravel_index(int(values.argmax()), values.shape)
        x0, y0 = round((x + 0.5) / across - side / 2), round((y + 0.5) / down - side / 2)
        x0, y0 = min(max(x0, 0), width - side), min(max(y0, 0), height - side)
        frames.append((x0, y0, x0 + side, y0 + side))


def shares(frames: Sequence[tuple[int, int, int, int]], image: VisualInput) -> Tensor:
    """Frames as shares of a picture's sides, float32 (R, 4)."""
    height, width = image.rgb.shape[:2]
    return torch.tensor(frames) / torch.tensor([width, height, width, height])


def join(cells: Sequence[Cells]) -> Cells:
    """Several groups of cells as one."""
    return Cells(
        torch.cat([group.vectors for group in cells]),
        torch.cat([group.places for group in cells]),
        torch.cat([group.kinds for group in cells]),
        torch.cat([group.index for group in cells]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """values: (FEATURES + COLOURS, g, g). map: (2, g, g). box: x0, y0, x1, y1 as fractions."""

    values: Tensor
    map: Tensor
    box: tuple[float, float, float, float]


def _views(image: VisualInput, tower: Tower) -> list[_View]:
    height, width = image.rgb.shape[:2]
    views = [_view(image, (0, 0, width, height), BASE_SIDE, BASE_GRID, tower)]
    for roi in image.rois[:MAX_ROIS]:
        views.append(_view(image, roi.box, ROI_SIDE, ROI_GRID, tower))
    return views


def _view(
    image: VisualInput, box: tuple[int, int, int, int], side: int, grid: int, tower: Tower
) -> _View:
    x0, y0, x1, y1 = box
    height, width = image.rgb.shape[:2]
    rgb = cut(image.rgb, box)
    blocks = tower(rgb, side)
    pooled = [functional.adaptive_avg_pool2d(blocks[b].float(), grid)[0] for b in BLOCKS]
    finest = functional.adaptive_max_pool2d(blocks[BLOCKS[0]].float(), grid)[0]
    fractions = (x0 / width, y0 / height, x1 / width, y1 / height)
    values = torch.cat([*pooled, finest, _colours(rgb, grid)])
    return _View(values, _suspicion(image, fractions, grid), fractions)


def cut(rgb: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """A region x0, y0, x1, y1 of a picture, contiguous."""
    x0, y0, x1, y1 = box
    return np.ascontiguousarray(rgb[y0:y1, x0:x1])


def _colours(rgb: np.ndarray, grid: int) -> Tensor:
    """Mean colour of each quarter of a cell, then the deviation inside it; about -1..1."""
    pixels = pixels_of(rgb, grid)
    variance = functional.avg_pool2d(pixels**2, 8) - functional.avg_pool2d(pixels, 8) ** 2
    return torch.cat([quarters(pixels)[0], variance.clamp_min(0).sqrt()[0]])


def pixels_of(rgb: np.ndarray, grid: int) -> Tensor:
    """A picture uint8 (H, W, 3) at 8 pixels a cell, -1..1: float32 (1, 3, 8 grid, 8 grid)."""
    fine = cv2.resize(rgb, (grid * 8, grid * 8), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(fine).permute(2, 0, 1)[None].float() / 127.5 - 1.0


def quarters(pixels: Tensor) -> Tensor:
    """Mean colour of each quarter of a cell of `pixels_of`, (1, 12, grid, grid)."""
    return functional.pixel_unshuffle(functional.avg_pool2d(pixels, 4), 2)


def _suspicion(image: VisualInput, box: tuple[float, ...], grid: int) -> Tensor:
    """Mean and maximum of the map in each cell, 0 without a map."""
    if image.anomaly_map is None:
        return torch.zeros(2, grid, grid)
    values = image.anomaly_map.values
    h, w = values.shape
    x0, y0 = int(box[0] * w), int(box[1] * h)
    part = values[y0 : max(y0 + 1, round(box[3] * h)), x0 : max(x0 + 1, round(box[2] * w))]
    fine = cv2.resize(part, (grid * 8, grid * 8), interpolation=cv2.INTER_LINEAR)
    tensor = torch.from_numpy(fine.astype(np.float32))[None]
    return torch.cat([functional.avg_pool2d(tensor, 8), functional.max_pool2d(tensor, 8)])


def _roi_grid(regions: int) -> int:
    return ROI_GRID if regions == 1 else ROI_POOLED


def _rows(values: Tensor) -> Tensor:
    """(C, g, g) -> (g*g, C), row by row."""
    return values.flatten(1).T


def _cells(
    view: _View, grid: int, normal: Tensor | None, flags: Tensor, kind: int, order: int
) -> Cells:
    def fit(values: Tensor) -> Tensor:
        return _rows(functional.adaptive_avg_pool2d(values[None], grid)[0])

    values = fit(view.values)
    residual = torch.zeros(len(values), _RESIDUAL)
    if normal is not None:
        nearest = normal[_nearest(values, normal)]
        difference = values - nearest
        residual = torch.cat([difference[:, _MIDDLE], difference[:, -_COLOURS:]], 1)
    x0, y0, x1, y1 = view.box
    steps = (torch.arange(grid) + 0.5) / grid
    ys, xs = torch.meshgrid(y0 + steps * (y1 - y0), x0 + steps * (x1 - x0), indexing="ij")
    scale = torch.full((grid * grid,), math.log2(max(x1 - x0, y1 - y0)))
    return Cells(
        torch.cat([values, residual, fit(view.map), flags.expand(len(values), 2)], 1),
        torch.stack([xs.flatten(), ys.flatten(), scale], 1),
        torch.full((grid * grid,), kind),
        torch.full((grid * grid,), max(0, order - 1)),
    )


def _nearest(values: Tensor, normal: Tensor) -> Tensor:
    """Index of the most alike normal cell by the fine and the middle block, each of unit length."""

    def unit(rows: Tensor) -> Tensor:
        fine, middle = rows[:, _FINE], rows[:, _MIDDLE]
        return torch.cat([functional.normalize(fine), functional.normalize(middle)], 1)

    return (unit(values) @ unit(normal).T).argmax(1)
