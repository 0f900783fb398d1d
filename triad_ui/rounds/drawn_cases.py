"""Seeds -> drawn parts to learn from, and what is true of each: sorts of faults, with and without
process and reference, and pairs that only the process tells apart. Knows no model and no files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triad_ui.instruct.truth import Truth
from triad_ui.synthesis.lesson import truth_of
from triad_ui.synthesis.sample import Sample, make_pair, make_sample

PAIRS = 0.2
"""Share of the seeds whose pictures are shown under two processes: one that they disobey, though
the reference does so too, and one that they follow. Only the process tells the two apart."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnCase:
    """truth: what is so, without the process when none is given. visible: whether a fault would
    show against the reference or on the surface, not only against the process."""

    sample: Sample
    truth: Truth
    visible: bool


def stream(seed: int) -> np.random.Generator:
    """The random numbers that decide what is drawn of a seed, and then how it is shown."""
    return np.random.Generator(np.random.PCG64([seed, 7]))


def drawn_cases(
    seed: int, rng: np.random.Generator, families: Sequence[str], size: int
) -> list[DrawnCase]:
    """The case of a seed, or two of the same pictures: under a process that they disobey, and under
    one that they follow. rng: `stream` of the seed. size: of the pictures, pixels."""
    count = int(rng.choice([0, 1, 2, 4], p=[0.12, 0.5, 0.18, 0.2]))
    if rng.random() < PAIRS:
        one, good = make_pair(seed, size=size, families=families, references=count)
        return [DrawnCase(one, truth_of(one), False), DrawnCase(good, truth_of(good), True)]
    defect = str(rng.choice(["none", "surface", "logical"], p=[0.46, 0.3, 0.24]))
    with_process = count == 0 or defect == "logical" or rng.random() < 0.75
    flip = True if defect == "logical" and count == 0 else None
    sample = make_sample(
        seed, size=size, families=families, defect=defect, references=count,
        flip=flip if defect == "logical" else None if with_process else False,
    )  # fmt: skip
    truth = truth_of(sample, with_process=with_process)
    return [DrawnCase(sample, truth, not sample.flipped)]
