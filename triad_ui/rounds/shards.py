"""What is made of seeds, kept on disk in files of some seeds each, by several workers.

A run that was interrupted goes on where it stopped. Knows nothing of what is made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import cv2
import torch


def shards(
    folder: Path, suffix: str, size: int, first_seed: int, count: int, jobs: int, *,
    start: Callable[..., None], given: tuple, write: Callable[[Path, int, int], None],
    on_made: Callable[[int, int, int], None],
) -> list[Path]:  # fmt: skip
    """The files of `count` seeds from first_seed on, `size` each; those that miss are written.

    start: begins a worker, with `given`. write: path, first seed, how many; it leaves the file
    whole or not at all. on_made: (made now, missing at first, all), before the first and after
    each. Both functions must be a module's own, as each worker is a job of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    end = first_seed + count
    parts = [
        (folder / f"{seed:09d}{suffix}", seed, min(size, end - seed))
        for seed in range(first_seed, end, size)
    ]
    missing = [part for part in parts if not part[0].exists()]
    on_made(0, len(missing), len(parts))
    if missing:
        with ProcessPoolExecutor(jobs, get_context("spawn"), start, given) as pool:
            for made, _ in enumerate(pool.map(write, *zip(*missing)), start=1):
                on_made(made, len(missing), len(parts))
    return [path for path, *_ in parts]


def one_core() -> None:
    """What a worker begins with: its libraries take the one core that is meant for it."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A draft to write; it becomes `path`, in the place of what was there, when that is done."""
    draft = path.with_suffix(f".{os.getpid()}.part")
    yield draft
    draft.replace(path)


def in_seeds(
    on_progress: Callable[[int, int], None], size: int, count: int
) -> Callable[[int, int, int], None]:
    """An `on_made` that tells seeds done, of `count`."""
    return lambda made, missing, whole: on_progress(
        min((whole - missing + made) * size, count), count
    )
