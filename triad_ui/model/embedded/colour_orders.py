"""What a process orders, as numbers: each value a colour, a number, a place, nothing, or another.

Only attributes as the workbench writes them are read ("clip: left"). It knows no pictures.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from triad_ui.model.embedded.paint import COLOURS
from triad_ui.records import ManufacturingProcess, ProcessStep

ABSENCES = ("none", "no", "nothing", "without", "out", "missing", "empty")
COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
PLACES = (
    "left", "right", "top", "bottom", "middle", "center", "centre", "upper", "lower", "tip", "end",
    "all", "both", "around", "side", "clockwise", "row", "rows", "order", "from", "cups", "places",
    "outer", "inner", "up", "down", "edge", "corner",
)  # fmt: skip
"""Words for places, and for the way in which a list is told."""
COLOUR, ABSENT, COUNT, PLACE, OTHER, SEEN_COLOUR = range(6)
"""Sorts of what is read; the last stands for each colour, whether ordered or not."""
SORTS_READ = SEEN_COLOUR
"""Sorts of values."""
SORT, VALUE, NAME, NTH, OF, ATTRIBUTE, STEP, BEFORE, WAYS = range(9)
"""Columns of `ordered`."""
MOST, MOST_COUNT, LONGEST = 32, 20, 15
"""Values of a process that are read, the highest number, the longest list."""


def ordered(process: ManufacturingProcess) -> Tensor:
    """The values that a process orders as "name: value", int64 (L, 9) with L <= MOST; columns SORT
    to WAYS. Phrases by themselves ("no cracks", "even grey") are passed over: they speak of what no
    colour shows, and six of ten photographs seemed to contradict them.

    VALUE: of COLOURS or PLACES, or the number. NAME: 1 for a word of the attribute's name. NTH,
    OF: place in its attribute. ATTRIBUTE: counted through the process. STEP: its number. BEFORE:
    the number right before a colour, 0 without. WAYS: bits of PLACES of the step's words.
    """
    rows: list[list[int]] = []
    number = 0
    for step in process.steps:
        for attribute in step.attributes:
            rows += _values(step, attribute, number)
            number += 1
    return torch.tensor(rows[:MOST], dtype=torch.long).reshape(-1, 9)


def readable(process: ManufacturingProcess, values: Tensor) -> float:
    """Share of what a process orders that a reader of colours can read, 0..1: values that are a
    colour, a number, a place or nothing, among all of `ordered` and the phrases passed over. 0
    where one of these names a colour, as what is seen of that looks like nobody's order."""
    phrases = [a for step in process.steps for a in step.attributes if ":" not in a]
    if any(_meant(word)[0] == COLOUR for a in phrases for word in _words(a)):
        return 0.0
    return float((values[:, SORT] != OTHER).sum()) / max(1, len(values) + len(phrases))


def colours_in(values: Tensor) -> tuple[Tensor, Tensor]:
    """Which values (..., 9) are colours, and which of COLOURS they are, 0 for others; (...)."""
    colour = values[..., SORT] == COLOUR
    return colour, torch.where(colour, values[..., VALUE], 0)


def longest(values: Tensor) -> int:
    """Values of the longest of some processes, at least 1: int64 (..., MOST, 9), rows beyond a
    process's end -1."""
    return max(1, int((values[..., SORT] >= 0).sum(-1).max()))


def _values(step: ProcessStep, attribute: str, number: int) -> list[list[int]]:
    name, colon, value = attribute.partition(":")
    if not colon:
        return []
    words = {*re.findall(r"[a-z]+", f"{step.text} {name}".lower())}
    ways = sum(1 << k for k, word in enumerate(PLACES) if word in words)
    rows = []
    before = 0
    for is_name, text in ((1, name), (0, value)):
        for word in _words(text):
            sort, meant = _meant(word)
            if sort == OTHER and is_name:
                continue
            told = before if sort == COLOUR else 0
            before = meant if sort == COUNT else 0
            rows.append([sort, meant, is_name, 0, 0, number, step.number, told, ways])
    values = [row for row in rows if not row[NAME]]
    for nth, row in enumerate(values):
        row[NTH] = min(nth, LONGEST)
    for row in rows:
        row[OF] = min(len(values), LONGEST)
    return rows


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+", text.lower())


def _meant(word: str) -> tuple[int, int]:
    """Sort and value of a word."""
    if word in COLOURS:
        return COLOUR, COLOURS.index(word)
    if word in ABSENCES:
        return ABSENT, 0
    if word in COUNTS[1:]:
        return COUNT, COUNTS.index(word)
    if word.isdigit() and int(word) <= MOST_COUNT:
        return COUNT, int(word)
    return (PLACE, PLACES.index(word)) if word in PLACES else (OTHER, 0)
