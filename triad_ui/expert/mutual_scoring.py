"""Mutual scoring: a patch is suspicious when few other pictures have one like it.

After X. Li et al., "MuSc: Zero-Shot Industrial Anomaly Classification and Segmentation with Mutual
Scoring of the Unlabeled Images", ICLR 2024: local neighbourhoods (LNAMD, section 3.2), mutual
scoring (MSM, 3.3), and image scores smoothed over alike pictures (RsCIN, 3.4). On unit vectors the
least distance is sqrt(2 - 2 * greatest cosine), so one matrix product serves both directions of a
pair of pictures, and what is held at once is bounded.

It does not know which network the vectors come from, where they are kept, or what is suspicious.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from triad_ui.errors import ExpertError
from triad_ui.expert.progress import Progress

SHARE = 0.3
"""Of the distances to the other pictures, the lowest share that is averaged."""
MEMORY_BYTES = 512 * 2**20
PRODUCT_BYTES = 3 * 2**20
"""Cosines that are held at once on a processor: few enough to stay in its cache."""
PRODUCT_BYTES_CARD = 256 * 2**20
LINE = 16
"""Cosines on a cache line."""
SCORING = 4
"""Bytes of a cosine in the table from which the nearest pictures are taken."""

ROUNDING = 1.5e-6
"""Squared distance below which two unit vectors are the same: float32 products are off by 1e-6."""
Load = Callable[[int], Tensor]
"""Number of a picture -> its unit vectors (P, C), the same P and C for all."""


def layer_normed(patches: Tensor) -> Tensor:
    """Each picture's features at mean 0 and variance 1 over all its places and channels.

    patches: (N, h, w, C) -> float32 of the same shape (LNAMD; eps 1e-5, nothing learned).
    """
    return functional.layer_norm(patches.float(), patches.shape[1:])


def aggregated(normed: Tensor, reach: int) -> Tensor:
    """The mean over `reach` x `reach` places around each (LNAMD); beyond the edge lie zeros.

    normed: (N, h, w, C) -> (N, h, w, C). ValueError for an even reach.
    """
    if reach < 1 or reach % 2 == 0:
        raise ValueError(f"the reach must be odd, not {reach}")
    if reach == 1:
        return normed
    channels_first = normed.permute(0, 3, 1, 2)
    mean = functional.avg_pool2d(channels_first, reach, 1, reach // 2, count_include_pad=True)
    return mean.permute(0, 2, 3, 1)


def unit(vectors: Tensor) -> Tensor:
    """Vectors (..., C) at length 1; a zero vector stays zero."""
    return functional.normalize(vectors, dim=-1)


def neighbour_count(others: int, share: float = SHARE) -> int:
    """How many of the `others` are averaged: int(others * share), and at least one.

    Below 4 others the published rule gives none, and NaN. ValueError without others.
    """
    if others < 1:
        raise ValueError("mutual scoring takes at least one other picture")
    return max(1, int(others * share))


@dataclass(frozen=True, slots=True)
class Portions:
    """How a comparison is divided so that it stays within its memory.

    band: pictures whose cosines to all others are held at once. block: pictures that these are
    compared with at once. rows: patches of a picture that are compared at once.
    """

    band: int
    block: int
    rows: int


def portions(
    count: int, patches: int, vector_bytes: int, memory_bytes: int, product_bytes: int
) -> Portions:
    """The largest portions of `count` pictures that fit.

    vector_bytes: of one picture's vectors. product_bytes: wished for at most in one product.
    ExpertError, with what is needed, when not even one picture at a time fits.
    """
    cosines = patches * SCORING
    product_bytes = min(product_bytes, memory_bytes // 4)
    block = max(
        1, min(count, product_bytes // (patches * cosines), memory_bytes // (8 * vector_bytes))
    )
    rows = max(1, min(patches, product_bytes // (block * cosines)))
    # a block is loaded picture by picture and then stood together: twice its size for a moment
    left = memory_bytes - rows * block * cosines - 2 * block * vector_bytes
    row_of_table = count * cosines
    # taking the nearest of one picture copies its row: once more, not once more each
    band = min(count, (left - 2 * row_of_table) // (row_of_table + vector_bytes))
    if band < 1:
        least = 3 * row_of_table + 3 * vector_bytes + cosines
        raise ExpertError(
            f"Comparing {count} pictures takes at least {least / 2**20:.0f} MB, and "
            f"{memory_bytes / 2**20:.0f} MB are allowed. Allow more, or take fewer pictures."
        )
    return Portions(int(band), int(block), int(rows))


def mutual_scores(
    load: Load,
    count: int,
    *,
    share: float = SHARE,
    memory_bytes: int = MEMORY_BYTES,
    progress: Progress | None = None,
) -> Tensor:
    """How far each patch of each picture is from the pictures that have it nearest (MSM).

    For a patch: its least distance to each other picture, the lowest `share` of these averaged.
    Returns float64 (count, P) on the processor, 0..2. Each pair of pictures is multiplied once
    while the table (count * count * P * 4 bytes) fits into `memory_bytes`, which also bounds
    vectors and products; else pairs that stand in different bands are multiplied twice, with equal
    results. progress: count * (count - 1) steps, one for each picture seen from each other.
    ExpertError when nothing fits; Stopped; ValueError for count < 2.
    """
    keep = neighbour_count(count - 1, share)
    first = load(0)
    patches, device = len(first), first.device
    vector_bytes = first.numel() * first.element_size()
    wished = PRODUCT_BYTES if device.type == "cpu" else PRODUCT_BYTES_CARD
    sizes = portions(count, patches, vector_bytes, memory_bytes, wished)
    progress = progress or Progress()
    scores = torch.empty(count, patches, dtype=torch.float64)
    product = _product(sizes.rows, sizes.block * patches, first)
    for start in range(0, count, sizes.band):
        numbers = range(start, min(count, start + sizes.band))
        own = torch.empty(len(numbers), *first.shape, dtype=first.dtype, device=device)
        for place, number in enumerate(numbers):
            own[place] = load(number)
        table = torch.full(
            (len(numbers), count, patches), -torch.inf, dtype=torch.float32, device=device
        )
        for end in range(sizes.block, len(numbers) + sizes.block, sizes.block):
            for place in range(min(end, len(numbers)) - 1):  # the block stays in the cache
                at = max(end - sizes.block, place + 1)
                block = own[at:end]
                there = table[place, start + at : start + at + len(block)]
                back = table[at : at + len(block), start + place]
                _nearest(own[place], block, product, there, back)
                progress.step(2 * len(block))
        for at in _blocks(count, numbers, sizes.block):
            block = torch.stack([load(number) for number in at])
            for place in range(len(numbers)):
                _nearest(own[place], block, product, table[place, at.start : at.stop])
                progress.step(len(block))
        for place, number in enumerate(numbers):
            scores[number] = _mean_of_nearest(table[place], keep)
    return scores


def scores_against(
    query: Tensor,
    load: Load,
    count: int,
    *,
    share: float = SHARE,
    memory_bytes: int = MEMORY_BYTES,
    progress: Progress | None = None,
) -> Tensor:
    """`mutual_scores` of one picture (P, C) alone against `count` others: float64 (P,).

    The work and the memory grow with `count`, not with its square. progress: `count` steps.
    Errors as there.
    """
    progress = progress or Progress()
    keep = neighbour_count(count, share)
    patches = len(query)
    vector_bytes = query.numel() * query.element_size()
    wished = PRODUCT_BYTES if query.device.type == "cpu" else PRODUCT_BYTES_CARD
    sizes = portions(count, patches, vector_bytes, memory_bytes, wished)
    product = _product(sizes.rows, sizes.block * patches, query)
    table = torch.empty(count, patches, dtype=torch.float32, device=query.device)
    for at in _blocks(count, range(0), sizes.block):
        block = torch.stack([load(number) for number in at])
        _nearest(query, block, product, table[at.start : at.stop])
        progress.step(len(block))
    return _mean_of_nearest(table, keep)


def pixel_map(patch_map: Tensor, size: tuple[int, int], *, corners: bool = True) -> Tensor:
    """Patch scores (N, h, w) at `size` (height, width), bilinear.

    corners: align_corners, as the published code has it.
    """
    return functional.interpolate(
        patch_map[:, None], size=size, mode="bilinear", align_corners=corners
    )[:, 0]


def on_batch_scale(scores: Tensor) -> Tensor:
    """Scores (N,) put on 0..1 over their batch; all 0 where they are all equal."""
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else torch.zeros_like(scores)


def smoothed_over_alike(scores: Tensor, image_vectors: Tensor, window: int) -> Tensor:
    """Scores averaged over the `window` pictures most alike, by their likeness (RsCIN).

    scores: (N,), as `on_batch_scale` gives them. image_vectors: (N, D) of length 1. The picture
    itself is one of the window; a window wider than the batch is the whole batch. Returns (N,).
    Such scores say something within their batch only.
    """
    likeness = image_vectors @ image_vectors.T
    near, numbers = likeness.topk(min(window, len(scores)), dim=1)
    weights = near.sum(dim=1)
    mixed = (near * scores.to(near.dtype)[numbers]).sum(dim=1)
    # likenesses of both signs can cancel out; then the picture speaks for itself
    sound = weights.abs() > 1e-6
    return torch.where(
        sound, mixed / weights.where(sound, torch.ones_like(weights)), scores.to(mixed)
    )


def smoothed(scores: Tensor, image_vectors: Tensor, windows: Sequence[int]) -> Tensor:
    """The whole of RsCIN: scores (N,) before it -> (N,) on the batch's own 0..1."""
    scaled = on_batch_scale(scores)
    found = [smoothed_over_alike(scaled, image_vectors, window) for window in windows]
    return torch.stack(found).mean(dim=0)


def _product(rows: int, places: int, like: Tensor) -> Tensor:
    """Room for cosines (rows, places), each row beginning on a cache line: 3 to 7 % less time."""
    return like.new_empty(rows, -(-places // LINE) * LINE)[:, :places]


def _nearest(
    vectors: Tensor, block: Tensor, product: Tensor, there: Tensor, back: Tensor | None = None
) -> None:
    """Greatest cosines between a picture (P, C) and a block of pictures (B, P, C).

    there: (B, P), becomes those from each of its patches to each picture of the block. back: if
    given, (B, P), those from each patch of the block's pictures to it. product: room for the
    cosines, (rows that are compared at once, at least B * P).
    """
    pictures, patches, channels = block.shape
    flat = block.reshape(-1, channels).T
    for at in range(0, len(vectors), len(product)):
        some = vectors[at : at + len(product)]
        cosines = torch.mm(some, flat, out=product[: len(some), : flat.shape[1]])
        by_picture = cosines.unflatten(1, (pictures, patches))
        there[:, at : at + len(some)] = by_picture.amax(dim=2).T
        if back is not None:
            highest = cosines.amax(dim=0).view(pictures, patches)
            back.copy_(highest if at == 0 else torch.maximum(back, highest))


def _mean_of_nearest(cosines: Tensor, keep: int) -> Tensor:
    """Greatest cosines to each picture (N, P) -> mean of the `keep` least distances, (P,)."""
    if cosines.device.type == "cpu":  # a fifth of topk's time
        greatest = np.partition(cosines.numpy(), -keep, axis=0)[-keep:]
    else:
        greatest = cosines.topk(keep, dim=0).values.cpu().numpy()
    squared = 2 - 2 * greatest.astype(np.float64)
    # a root makes much of little: rounding alone would put a patch 1e-3 away from its own copy
    squared[squared <= ROUNDING] = 0
    return torch.from_numpy(np.sqrt(squared, out=squared).mean(axis=0))


def _blocks(count: int, without: range, size: int) -> list[range]:
    """0..count in ranges of at most `size` that hold nothing of the range `without`."""
    parts = [range(0, without.start), range(without.stop, count)]
    return [
        range(at, min(part.stop, at + size))
        for part in parts
        for at in range(part.start, part.stop, size)
    ]
