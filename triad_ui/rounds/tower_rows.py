"""What the frozen tower sees of drawn parts: rows of values, kept in files of some seeds each.

Each worker has a tower of its own and takes one core. Knows nothing of what a row holds.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from triad_ui.expert.backbone import load_efficientnet_lite0, normalise
from triad_ui.model.embedded import views
from triad_ui.rounds.shards import in_seeds, one_core, shards, written_whole

RowsOf = Callable[[int, tuple[str, ...], views.Tower], list[tuple]]
"""(seed, families, tower) -> rows that pickle can keep; a module's own function."""


def tower_rows(
    rows_of: RowsOf, folder: Path, suffix: str, size: int, weights: Path, first_seed: int,
    count: int, jobs: int, on_progress: Callable[[int, int], None], families: Sequence[str],
) -> Iterator[tuple]:  # fmt: skip
    """Rows of `count` seeds from first_seed on, read from `folder` or made and written there.

    suffix, size: of the files, see `shards`. weights: the tower's. on_progress: seeds (done, all).
    """
    paths = shards(
        folder, suffix, size, first_seed, count, jobs,
        start=_start_worker, given=(rows_of, weights, tuple(families)), write=_write_shard,
        on_made=in_seeds(on_progress, size, count),
    )  # fmt: skip
    for path in paths:
        # our own files, written a moment ago on this machine
        yield from pickle.loads(path.read_bytes())


_worker: tuple[RowsOf, tuple[str, ...], views.Tower] | None = None


def _start_worker(rows_of: RowsOf, weights: Path, families: tuple[str, ...]) -> None:
    global _worker
    one_core()
    network = load_efficientnet_lite0(weights)
    _worker = (
        rows_of,
        families,
        lambda rgb, side: network.features(normalise(rgb, side), views.BLOCKS),
    )


def _write_shard(path: Path, seed: int, count: int) -> None:
    assert _worker is not None
    rows_of, families, tower = _worker
    made = [row for number in range(seed, seed + count) for row in rows_of(number, families, tower)]
    with written_whole(path) as draft:
        draft.write_bytes(pickle.dumps(made))
