"""A few vectors that stand for many: greedy k-centre, as PatchCore thins its memory.

The first pick is the vector whose distances to all others are largest taken together (the largest
L2 norm of its row of the distance matrix), every further pick the one farthest from all picked so
far (K. Roth et al., "Towards Total Recall in Industrial Anomaly Detection", CVPR 2022, algorithm
1, in its published form). The matrix itself, M x M, is never made.

It does not know what the vectors describe.
"""

from __future__ import annotations

import threading

import torch
from torch import Tensor

from triad_ui.errors import ExpertError

AHEAD_BYTES = 64 * 2**20
"""Memory for distances that are computed ahead of their use."""
MOST_AHEAD = 256
LEAST_AHEAD = 4


def size_of(total: int, fraction: float) -> int:
    """How many of `total` vectors a coreset of `fraction` (0..1] holds: rounded down, at least 1.

    ValueError for another fraction.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"a coreset is a fraction above 0 and up to 1, not {fraction}")
    return max(1, int(total * fraction))


def greedy_centres(
    vectors: Tensor,
    count: int,
    *,
    dimensions: int | None = None,
    ahead_bytes: int = AHEAD_BYTES,
    stop: threading.Event | None = None,
) -> Tensor:
    """Indices of `count` vectors, int64 (count,), in the order in which they were picked.

    vectors: float (M, C). dimensions: pick by a random projection to that many (seeded; the paper
    takes 128), which costs exactness and saves C / dimensions of the work; None is exact.
    ahead_bytes: memory used beside one float32 copy of the vectors, at least 4 * M.

    Farthest vectors are soon picked themselves, so the distances to a group of them are made in
    one matrix product and used as long as the next pick is among them: the picks are the same,
    at the speed of a product of matrices instead of one of a matrix and a vector.

    No vector is picked twice. ValueError unless 1 <= count <= M; ExpertError when stopped.
    """
    if not 1 <= count <= len(vectors):
        raise ValueError(f"1 to {len(vectors)} vectors can be picked, not {count}")
    with torch.inference_mode():
        return _pick(_centred(vectors, dimensions), count, ahead_bytes, stop)


def _pick(points: Tensor, count: int, ahead_bytes: int, stop: threading.Event | None) -> Tensor:
    squares = points.square().sum(dim=1)
    most = max(1, min(MOST_AHEAD, ahead_bytes // (4 * len(points))))
    # Around the mean, a row's sum of squared distances is M |x|^2 plus what all rows share.
    following = int(squares.argmax())
    nearest = torch.full_like(squares, torch.inf)
    picked = torch.empty(count, dtype=torch.int64)
    places: dict[int, int] = {}
    used = 0
    for place in range(count):
        if following not in places:
            if stop is not None and stop.is_set():
                raise ExpertError("Thinning the memory was stopped; score again to start anew.")
            size = min(most, max(LEAST_AHEAD, 2 * used), count - place)
            group = nearest.topk(size).indices
            if following not in group:  # of several equally far, topk may take others
                group[0] = following
            places = {index: row for row, index in enumerate(group.tolist())}
            ahead = torch.addmm(squares, points[group], points.T, alpha=-2)
            ahead += squares[group, None]
            used = 0
        picked[place] = following
        torch.minimum(nearest, ahead[places[following]], out=nearest)
        nearest[following] = -torch.inf
        following = int(nearest.argmax())
        used += 1
    return picked


def _centred(vectors: Tensor, dimensions: int | None) -> Tensor:
    """Float32 rows around their mean: distances stay, and rounding errors shrink."""
    points = vectors.float()
    if dimensions is not None and dimensions < points.shape[1]:
        source = torch.Generator().manual_seed(0)
        onto = torch.randn(points.shape[1], dimensions, generator=source)
        points = points @ (onto / dimensions**0.5).to(points.device)
    return points - points.mean(dim=0, dtype=torch.float64).float()
