"""Training examples out of nothing: cells from a stub tower, a truth, a mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from tests.model.tiny import stub_tower, visual
from triad_ui.instruct.dialogue import Truth
from triad_ui.model.embedded import views
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.scene import closer, see
from triad_ui.records import ManufacturingProcess, ProcessStep
from triad_ui.rounds.close_ups import TEXTURE, CloseUp, draw_texture, frames_of, shown_close
from triad_ui.rounds.examples import COLOURS, Example, cell_boxes
from triad_ui.rounds.looking import Looking, Words
from triad_ui.rounds.step_pictures import Shown, draw_part

PROCESS = ManufacturingProcess(
    "cap",
    "cap",
    "caps",
    (ProcessStep(1, "Press it.", ("cap: red",)), ProcessStep(2, "Print it.")),
)
KINDS = ("dent", "scratch")


def example(seed: int, *, defective: bool, one_shot: bool = True, rois: int = 1) -> Example:
    """A faulty one has its fault in the top left quarter."""
    images = [visual(seed, rois)]
    if one_shot:
        images.append(visual(seed + 1000, rois, mapped=False, is_reference=True))
    cells = views.encode(images, stub_tower)
    truth = Truth("normal", "cap", PROCESS, one_shot=one_shot)
    masked = torch.zeros(len(cells[0]))
    if defective:
        kind = KINDS[seed % 2]
        truth = Truth("defective", "cap", PROCESS, kind, "top left", 1, one_shot=one_shot)
        boxes = torch.from_numpy(cell_boxes(cells[0], rois))
        masked = ((boxes[:, 0] < 0.25) & (boxes[:, 1] < 0.25)).float()
    colours = torch.zeros(len(cells[0]), len(COLOURS))
    colours[:, seed % len(COLOURS)] = 1.0
    frames = views.shares(views.close_frames(images[0]), images[0])
    close, *good = (closer(image, frames, stub_tower) for image in images)
    return Example(
        seed, "cap", cells, truth, True, masked, colours, views.evidence(images),
        see(images[0].rgb, stub_tower), close, good[0] if good else [], frames,
    )  # fmt: skip


def four() -> list[Example]:
    return [
        example(seed, defective=bool(seed % 2), one_shot=seed < 2, rois=seed) for seed in range(4)
    ]


def words(width: int = 64, kinds: Sequence[str] = KINDS) -> Words:
    random = torch.Generator().manual_seed(0)
    rows = torch.randn(1 + len(kinds), width, generator=random)
    colours = torch.randn(len(COLOURS), width, generator=random)
    places = torch.randn(9, width, generator=random)
    unit = torch.nn.functional.normalize
    numbers = torch.randn(9, width, generator=random)
    return Words(
        unit(rows), unit(colours), unit(places), unit(rows[:2]), unit(numbers),
        {kind: number for number, kind in enumerate(kinds, 1)},
    )  # fmt: skip


def projector() -> Projector:
    """Small, with its words set."""
    made = Projector(64, len(KINDS), len(KINDS) - 1, hidden=32)
    told = words()
    made.findings.start(told.kinds, told.colours, told.places, told.verdicts, told.numbers)
    return made


def looking(of: Projector) -> Looking:
    return Looking(of.findings, words().kind_index)


def parts(count: int, families: Sequence[str]) -> list[Shown]:
    """Drawn parts, seen through a stub tower."""
    made = []
    for seed in range(count):
        part = draw_part(seed, families, painted=True)
        scene, paint = see(part.rgb, stub_tower), torch.from_numpy(part.paint)
        made.append(Shown(part.family, part.spec, part.ordered, part.grey, scene, paint))
    return made


def looked_at(count: int, families: Sequence[str]) -> list[CloseUp]:
    """Close looks at `count` drawn parts, through a stub tower."""
    found = []
    for seed in range(count):
        textured = tuple(families) == (TEXTURE,)
        part = draw_texture(seed) if textured else draw_part(seed, families, 0.8)
        rng = np.random.default_rng(seed)
        found += [shown_close(part, box, stub_tower) for box in frames_of(part, rng)]
    return found
