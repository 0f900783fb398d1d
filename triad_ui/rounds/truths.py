"""Drawn parts of which only what is so is kept: for learning to put findings into words, that no
picture has to be looked at for. Drawn about ten times as fast as examples are made; kept in
files, so that an interrupted run goes on. Knows nothing of models or losses.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from triad_ui.instruct.truth import Truth
from triad_ui.model.embedded.views import Cells
from triad_ui.rounds.drawn_cases import drawn_cases, stream
from triad_ui.rounds.examples import TRAINED, Example, colour_planes
from triad_ui.rounds.shards import in_seeds, one_core, shards, written_whole

SHARD = 250
"""Seeds a file."""
SIDE = 384
"""Of the pictures, pixels: what shows of a fault depends on it."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """truth, visible: as of `Example`. colours: float32 (COLOURS,), share of each named colour in
    the picture. cells: of the query and the reference, empty where nobody has looked."""

    truth: Truth
    visible: bool
    colours: Tensor
    cells: Sequence[Cells] = ()


def told_of(example: Example) -> Told:
    """The same of an example, with what its pictures show."""
    return Told(example.truth, example.visible, example.colours.mean(0), tuple(example.cells))


def truths(
    folder: Path, first_seed: int, count: int, jobs: int,
    on_progress: Callable[[int, int], None], families: Sequence[str] = TRAINED,
) -> list[Told]:  # fmt: skip
    """What is so of the parts of `count` seeds from first_seed on, read from `folder` or drawn and
    written there. on_progress: seeds (done, all)."""
    paths = shards(
        folder, ".truths", SHARD, first_seed, count, jobs, start=_start_worker,
        given=(tuple(families),), write=_write_shard, on_made=in_seeds(on_progress, SHARD, count),
    )  # fmt: skip
    # our own files, written a moment ago on this machine
    rows = (row for path in paths for row in pickle.loads(path.read_bytes()))
    return [Told(truth, visible, torch.tensor(colours)) for truth, visible, colours in rows]


_families: tuple[str, ...] = ()


def _start_worker(families: tuple[str, ...]) -> None:
    global _families
    one_core()
    _families = families


def _write_shard(path: Path, seed: int, count: int) -> None:
    rows = []
    for number in range(seed, seed + count):
        for case in drawn_cases(number, stream(number), _families, SIDE):
            colours = colour_planes(case.sample.query).mean((1, 2)).tolist()
            rows.append((case.truth, case.visible, colours))
    with written_whole(path) as draft:
        draft.write_bytes(pickle.dumps(rows))
