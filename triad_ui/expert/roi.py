"""Where regions of interest are chosen: an anomaly map in, a few boxes out.

Policies (the rows of Triad's table 5). `ranked` is what an inspector should see: regions above the
calibrated threshold, the worst first, none on a clean part, no two overlapping. `faithful` repeats
the published code of Triad step by step, with its quirks (order and overlaps included), so that
its figures can be compared. `null` draws boxes at random and `anyres` gives none: what the regions
are worth is seen against these two. `user`, the fifth, is not chosen here but checked: `drawn`.

It does not know how the map was made, what the boxes are shown to, or any network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import cv2
import numpy as np

from triad_ui.errors import RegionError
from triad_ui.records import Roi

Policy = Literal["faithful", "ranked", "null", "anyres"]
WITHOUT_MAP = ("null", "anyres")
"""Policies that look at no map: the model is then shown none either."""
Span = tuple[int, int]
Box = tuple[int, int, int, int]

SIDE = 384
"""Pixels of the square that the reference grows a region to: one view of its vision tower."""
LEVEL = 0.9
"""The reference's foreground: above this share of the map's own range."""
COVERED = 0.8
UNITE = 0.1
"""Overlaps (of the smaller area) above which the reference drops a region, or unites two."""
THRESHOLD = 0.5
"""The calibrated threshold of every expert's map, see `records.AnomalyMap`."""
SMALLEST = 1 / 8
"""`ranked`: no box is narrower than this share of the image's short side."""
SMALLEST_PIXELS = 32
MARGIN = 1.25
"""`ranked`: a box is this much wider than what it holds, to show the surroundings."""
MOST = 32
"""`ranked`: no more regions than this are looked at, the worst first."""
NUMBER_STREAM = 1
"""`null`: the number of boxes is drawn apart from them, so that the first is always the same."""
LIMIT = 4
"""Regions that a model is shown at most, whoever chose them (Triad, section 3.2)."""
LEAST_DRAWN = 4
"""Pixels that a person's region has at least on a side, or the image's side where that is less."""


def choose(
    values: np.ndarray,
    size: tuple[int, int],
    policy: Policy = "ranked",
    *,
    limit: int = LIMIT,
    seed: int = 0,
) -> tuple[Roi, ...]:
    """The regions of an anomaly map, at most `limit`, in the order in which the model sees them.

    values: (h, w), covering the whole image of size (width, height); float, or for `faithful`
    also uint8, which is then a mask as in the reference (any non-zero pixel counts). Boxes are
    half-open, in image pixels. seed: of `null`, which like the reference without a map draws one
    to four boxes (`limit` at most), the number by the seed too. ValueError for other arrays.
    Source of `faithful`: Triad's EG-RoI (Y. Li et al., ICCV 2025, section 3.2) as published in
    code; of `null` and `anyres`: table 5.
    """
    if values.ndim != 2 or not values.size or min(size) < 1 or limit < 0:
        raise ValueError(f"a map (h, w) and a size are needed, not {values.shape} for {size}")
    if policy == "faithful":
        return _faithful(values, size)[:limit]
    if policy == "ranked":
        return _ranked(values.astype(np.float32, copy=False), size, limit)
    if policy == "null":
        number = int(np.random.default_rng([seed, NUMBER_STREAM]).integers(1, LIMIT + 1))
        return random_boxes(size, min(number, limit), seed)
    if policy == "anyres":
        return ()
    raise ValueError(f"no such policy: {policy!r}")


def random_boxes(size: tuple[int, int], n: int, seed: int, *, side: int = SIDE) -> tuple[Roi, ...]:
    """`n` boxes drawn at random, for the paper's "null" expert (table 5): no map at all.

    size: (width, height). Boxes are squares of `side` pixels, smaller where the image is, and may
    overlap. The same seed draws the same boxes.
    """
    width, height = size
    w, h = min(side, width), min(side, height)
    rng = np.random.default_rng(seed)
    corners = [
        (int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))) for _ in range(n)
    ]
    return tuple(Roi(x, y, x + w, y + h, source="random") for x, y in corners)


def drawn(
    boxes: Sequence[Sequence[float]], size: tuple[int, int], known: Sequence[Roi] = ()
) -> tuple[Roi, ...]:
    """A person's boxes (x0, y0, x1, y1 in image pixels) as regions: rounded, cut at the border.

    size: (width, height). known: regions that keep score and source where a box is theirs exactly.
    None at all is an answer too. Raises RegionError for more than LIMIT, for a box that is empty,
    outside or less than LEAST_DRAWN pixels on a side, and for what are no four numbers.
    """
    if len(boxes) > LIMIT:
        raise RegionError(
            f"These are {len(boxes)} regions; the model looks at {LIMIT} at most. Delete some."
        )
    width, height = size
    least = min(LEAST_DRAWN, width), min(LEAST_DRAWN, height)
    before = {roi.box: roi for roi in known}
    regions = []
    for n, box in enumerate(boxes, 1):
        try:
            left, top, right, bottom = (round(float(edge)) for edge in box)
        except (TypeError, ValueError, OverflowError):
            raise RegionError(
                f"Region {n} is not four numbers: left, top, right, bottom. Draw it again."
            ) from None
        x0, x1 = max(0, left), min(width, right)
        y0, y1 = max(0, top), min(height, bottom)
        if x1 - x0 < least[0] or y1 - y0 < least[1]:
            raise RegionError(
                f"Region {n} ({left}, {top} to {right}, {bottom}) shows too little of the photo of "
                f"{width} × {height} pixels: at least {least[0]} × {least[1]} of it. Draw it anew."
            )
        box = (x0, y0, x1, y1)
        regions.append(before.get(box) or Roi(*box, source="user"))
    return tuple(regions)


def _ranked(values: np.ndarray, size: tuple[int, int], limit: int) -> tuple[Roi, ...]:
    """Connected regions above the threshold, grown, united while any two overlap, worst first."""
    regions = _regions(values, size)
    boxes = [_frame(box, size) for box, _ in regions]
    pair = _first_overlap(boxes)
    while pair:
        first, second = pair
        # What was found is united, not the frames around it: the union stays as tight as it can.
        box = _union(regions[first][0], regions[second][0])
        regions[first] = (box, max(regions[first][1], regions[second][1]))
        boxes[first] = _frame(box, size)
        del regions[second], boxes[second]
        pair = _first_overlap(boxes)
    scored = zip(boxes, (score for _, score in regions))
    ranked = sorted(scored, key=lambda item: (-item[1], item[0][1], item[0][0]))
    return tuple(Roi(*box, score=score) for box, score in ranked[:limit])


def _regions(values: np.ndarray, size: tuple[int, int]) -> list[tuple[Box, float]]:
    """Half-open image boxes of the regions above the threshold, and the map's peak in each."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (values > THRESHOLD).astype(np.uint8), connectivity=8
    )
    peaks = np.zeros(count, dtype=np.float32)
    np.maximum.at(peaks, labels.ravel(), values.ravel())
    # Specks beyond the worst ones would only be united into a box of the whole image.
    worst = sorted(range(1, count), key=lambda index: (-peaks[index], index))[:MOST]
    across, down = size[0] / values.shape[1], size[1] / values.shape[0]
    found = []
    for index in worst:
        x, y, w, h = (int(v) for v in stats[index, :4])
        x0, y0 = int(np.floor(x * across)), int(np.floor(y * down))
        x1, y1 = int(np.ceil((x + w) * across)), int(np.ceil((y + h) * down))
        box = (x0, y0, min(size[0], max(x1, x0 + 1)), min(size[1], max(y1, y0 + 1)))
        found.append((box, float(np.clip(peaks[index], 0.0, 1.0))))
    return found


def _frame(box: Box, size: tuple[int, int]) -> Box:
    """The box with surroundings: square and at least the smallest size, moved into the image."""
    longer = max(box[2] - box[0], box[3] - box[1])
    short = min(size)
    least = min(short, max(SMALLEST_PIXELS, round(short * SMALLEST)))
    side = max(round(longer * MARGIN), least)
    spans = []
    for low, high, length in ((box[0], box[2], size[0]), (box[1], box[3], size[1])):
        extent = min(side, length)
        start = min(max((low + high - extent) // 2, 0), length - extent)
        spans.append((start, start + extent))
    (x0, x1), (y0, y1) = spans
    return x0, y0, x1, y1


def _first_overlap(boxes: list[Box]) -> Span | None:
    for first, a in enumerate(boxes):
        for second in range(first + 1, len(boxes)):
            b = boxes[second]
            if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]:
                return first, second
    return None


# faithful: boxes are inclusive (last pixel belongs to them) until the very end


def _faithful(values: np.ndarray, size: tuple[int, int]) -> tuple[Roi, ...]:
    mask = faithful_mask(values, size)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    kept: list[Box] = []
    for contour in contours:
        x, y, w, h = cv2.boundingRect(contour)
        own = (x, y, x + w - 1, y + h - 1)
        _place(kept, own, _grow(own, SIDE, size))
    grown = (_grow(box, 0, size) for box in kept)
    return tuple(Roi(x0, y0, x1 + 1, y1 + 1) for x0, y0, x1, y1 in grown)


def faithful_mask(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The reference's foreground, uint8 (height, width): 0/255 of a float map, or the mask itself.

    A float map is thresholded after resizing, strictly above min + 0.9 (max - min), so a constant
    map has no foreground. A uint8 mask is only resized (bilinear).
    """
    width, height = size
    if values.shape != (height, width):
        values = cv2.resize(values, (width, height))
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    low, high = float(values.min()), float(values.max())  # the level: in double precision
    return np.where(values > low + LEVEL * (high - low), 255, 0).astype(np.uint8)


def _place(kept: list[Box], own: Box, grown: Box) -> None:
    """Drops, unites or appends a region: the first kept box that matches decides."""
    for index, other in enumerate(kept):
        if _overlap(own, other) > COVERED:
            return
        if _overlap(grown, other) > UNITE:
            kept[index] = _union(grown, other)
            return
    kept.append(grown)


def _overlap(first: Box, second: Box) -> float:
    """Intersection over the smaller area, without the +1 of inclusive boxes: so the reference."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    smaller = min((b[2] - b[0]) * (b[3] - b[1]) for b in (first, second))
    if width <= 0 or height <= 0 or smaller <= 0:
        return 0.0
    return width * height / smaller


def _union(first: Box, second: Box) -> Box:
    low = (min(first[0], second[0]), min(first[1], second[1]))
    return (*low, max(first[2], second[2]), max(first[3], second[3]))


def _grow(box: Box, side: int, size: tuple[int, int]) -> Box:
    """The box grown to a square of `side`, or of its longer side where that is larger."""
    side = max(side, box[2] - box[0] + 1, box[3] - box[1] + 1)
    x0, x1 = _grow_span((box[0], box[2]), side, size[0])
    y0, y1 = _grow_span((box[1], box[3]), side, size[1])
    return x0, y0, x1, y1


def _grow_span(span: Span, side: int, length: int) -> Span:
    """One axis: centred, else shifted low, else shifted high, else the whole axis."""
    low, high = span
    missing = max(0, side - (high - low + 1))
    for start in (low - missing // 2, low - missing, low):
        end = start + (high - low) + missing
        if start >= 0 and end <= length - 1:
            return start, end
    return 0, length - 1


def scale_rois(
    rois: Sequence[Roi], size: tuple[int, int], other: tuple[int, int]
) -> tuple[Roi, ...]:
    """The same regions in the frame of an image of another size; equal sizes change nothing."""
    if size == other:
        return tuple(rois)
    fx, fy = other[0] / size[0], other[1] / size[1]
    scaled = []
    for roi in rois:
        x0, y0 = int(roi.x0 * fx), int(roi.y0 * fy)
        x1, y1 = max(x0 + 1, round(roi.x1 * fx)), max(y0 + 1, round(roi.y1 * fy))
        scaled.append(replace(roi, x0=x0, y0=y0, x1=min(x1, other[0]), y1=min(y1, other[1])))
    return tuple(scaled)
