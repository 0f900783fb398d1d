"""Drawn cases on which free answers are judged: of eight, four good parts and four faulty ones.

Good parts; faults of the surface; faults against process and reference; and pairs of the very same
pictures under two processes, of which one orders what is seen (good) and one does not (faulty):
there only the process tells. It does not know models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np

from triad_ui.records import ImageRecord, Picture
from triad_ui.synthesis.sample import Sample, make_pair, make_sample

Group = Literal["good", "surface", "logical", "process only", "good by process"]
ROUND: tuple[Group, ...] = (
    "good", "surface", "good", "logical", "good", "surface", "process only", "good by process",
)  # fmt: skip
FIRST_SEED = 800_000_000
"""Far from the seeds of training and its validation."""
SEEDS_APART = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class AnswerCase:
    """A drawn case. "process only" and "good by process" come in pairs of the same pictures."""

    group: Group
    sample: Sample

    @property
    def query(self) -> Picture:
        return _picture(self.sample.query, f"{self.sample.family} {self.sample.seed}")

    @property
    def references(self) -> tuple[Picture, ...]:
        return tuple(_picture(rgb, "good part") for rgb in self.sample.references)


def draw_cases(
    count: int, seed: int, *, families: Sequence[str] | None = None, references: int = 1
) -> Iterator[AnswerCase]:
    """`count` cases, drawn when asked for; always the same ones of a seed.

    families: names to draw from, all when None. references: pictures of good parts each.
    """
    first = FIRST_SEED + seed * SEEDS_APART
    for number in range(count):
        group = ROUND[number % len(ROUND)]
        if group in ("process only", "good by process"):
            pair = make_pair(
                first + number - (group == "good by process"),
                families=families, references=references,
            )  # fmt: skip
            yield AnswerCase(group, pair[group == "good by process"])
        else:
            sample = make_sample(
                first + number,
                families=families,
                references=references,
                defect="none" if group == "good" else group,
                flip=False if group == "logical" else None,
            )
            yield AnswerCase(group, sample)


def _picture(rgb: np.ndarray, name: str) -> Picture:
    digest = sha256(np.ascontiguousarray(rgb).tobytes()).hexdigest()
    return Picture(ImageRecord(digest, name, rgb.shape[1], rgb.shape[0], "RGB 8-bit"), rgb)
