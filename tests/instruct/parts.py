"""Truths of every sort about made-up parts, for the tests of tasks."""

from __future__ import annotations

from itertools import product as combinations

from triad_ui.instruct.attributes import attribute, attributes_of
from triad_ui.instruct.truth import Truth
from triad_ui.records import ManufacturingProcess, ProcessStep

PROCESS = ManufacturingProcess(
    "lamp", "lamp", "lamps",
    (
        ProcessStep(1, "Set up the machine."),
        ProcessStep(2, "Press the body.", ("body: brown", "pegs: 3", "grid: 2 x 3")),
        ProcessStep(3, "Fit the bulbs.", ("bulbs: red, none, blue", "all pins: grey")),
        ProcessStep(4, "Mark it.", ("ring: none", "code: K47", "lid at: left", "no seams")),
        ProcessStep(5, "Pack."),
    ),
)  # fmt: skip
SURFACE = ("scratch", "loose thread", "contamination", "chip")
LOGICAL = (
    ("wrong colour", 2, "a brown body", "a red body", ("body: red",)),
    ("wrong count", 2, "3 pegs", "2 pegs", ("pegs: 2",)),
    ("swapped parts", 3, "a red left bulb", "a blue left bulb", ("bulbs: blue, none, red",)),
    ("extra part", 4, "no ring", "an orange ring", ("ring: orange",)),
    ("missing part", 4, "the code K47", "no code", ("code: none",)),
)
BOX = (0.1, 0.25, 0.315, 0.5)


def truths() -> list[Truth]:
    """With and without process, reference and colour; good, damaged and disobeying."""
    out = []
    ordered = attributes_of(PROCESS)
    for with_process, one_shot, agrees, grey in combinations((True, False), repeat=4):
        process = PROCESS if with_process else None
        given = {"one_shot": one_shot, "grey": grey, "seen": ordered}
        out.append(Truth("normal", "lamp", process, reference_agrees=agrees, **given))
        for number, kind in enumerate(SURFACE):
            step = 2 + number if with_process else None
            place = ("center", "top left")[number % 2]
            out.append(Truth("defective", "lamp", process, kind, place, step, extent=BOX, **given))
        if grey or not (with_process or (one_shot and agrees)):
            continue
        for kind, step, expected, observed, changed in LOGICAL:
            new = attribute(step, changed[0])
            same = (new.step, new.name)
            given["seen"] = tuple(new if (a.step, a.name) == same else a for a in ordered)
            out.append(
                Truth(
                    "defective", "lamp", process, kind, "bottom", step if with_process else None,
                    expected, observed, reference_agrees=agrees, extent=BOX, **given,
                )
            )  # fmt: skip
    return out
