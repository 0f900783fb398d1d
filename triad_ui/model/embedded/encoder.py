"""The embedded model's visual tokens: cells of the frozen tower through the trained projector.

Implements `VisualEncoder`. The query's tokens carry the residual to the reference, so every image's
key is that of the whole set.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from triad_ui.errors import ModelError
from triad_ui.model.chat import ChatTokenizer
from triad_ui.model.embedded.close_reader import Close
from triad_ui.model.embedded.colour_reader import ColourReader
from triad_ui.model.embedded.findings import FINDINGS
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.scene import Scene, closer, see
from triad_ui.model.embedded.step_reader import Reading, line_of
from triad_ui.model.embedded.views import Tower, close_frames, count, encode, evidence, shares
from triad_ui.model.generate import STOPPED
from triad_ui.records import ManufacturingProcess, VisualInput

CONTEXT_LIMIT = 2048
"""SmolLM2 reads 8192 positions; ours has been trained on short ones and gets slow beyond this."""


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """The words of a language model. table: their vectors, (all ids, width)."""

    tokenizer: ChatTokenizer
    table: Tensor

    def vector(self, word: str) -> Tensor:
        """Of the first piece of a word, as within a line, float32 (width,)."""
        return self.table[self.tokenizer.encode(" " + word)[0]].float()


class EmbeddedEncoder:
    """Tower and projector as one."""

    def __init__(self, projector: Projector, tower: Tower, lexicon: Lexicon) -> None:
        self._projector = projector
        self._tower = tower
        self._lexicon = lexicon

    def count(self, images: Sequence[VisualInput]) -> int:
        return count(images) + FINDINGS

    def keys(self, images: Sequence[VisualInput]) -> tuple[Hashable, ...]:
        """Pixels, regions, map and process of every image, and which of them is meant."""
        parts = []
        for image in images:
            amap = image.anomaly_map
            seen = None
            if amap is not None:
                bytes_ = hash(amap.values.tobytes())
                seen = (amap.expert, amap.calibrated, amap.score, amap.values.shape, bytes_)
            boxes = tuple(roi.box for roi in image.rois)
            steps = image.process and image.process.steps
            parts.append((image.key, boxes, seen, image.is_reference, steps))
        together = tuple(parts)
        return tuple((together, index) for index in range(len(images)))

    def encode(
        self, images: Sequence[VisualInput], wanted: Sequence[int], stop: threading.Event
    ) -> list[Tensor]:
        if stop.is_set():
            raise ModelError(STOPPED)
        tower = _once(self._tower)
        cells = encode(images, tower)
        told, close, reading = evidence(images), None, None
        if 0 in wanted:
            close = look_closely(self._projector, images, tower)
            if images[0].process is not None:
                scene = see(images[0].rgb, tower)
                reading = read_process(self._projector, scene, images[0].process, self._lexicon)
        tokens = self._projector.image
        return [tokens(cells[i]) if i else tokens(cells[i], told, close, reading) for i in wanted]


def look_closely(projector: Projector, images: Sequence[VisualInput], tower: Tower) -> Close:
    """What the regions of a query show, and the places that its map finds most suspicious, beside
    the same places of a reference. images: the query first, then at most one reference."""
    frames = shares(close_frames(images[0]), images[0])
    scenes, *good = (closer(image, frames, tower) for image in images[:2])
    return projector.look(scenes, frames, *good)


def _once(tower: Tower) -> Tower:
    """The tower, that looks at the same pixels once however often it is asked to."""
    seen: dict[Hashable, dict[int, Tensor]] = {}

    def look(rgb: np.ndarray, side: int) -> dict[int, Tensor]:
        key = (rgb.shape, rgb.tobytes(), side)
        if key not in seen:
            seen[key] = tower(rgb, side)
        return seen[key]

    return look


def read_process(
    projector: Projector, scene: Scene, process: ManufacturingProcess, lexicon: Lexicon,
    orders: ColourReader | None = None,
) -> Reading | None:  # fmt: skip
    """What a picture says of the steps that give a part attributes; None without any. orders:
    a reader of colours in place of the projector's own; what it doubts, it also puts in words."""
    steps = [step for step in process.steps if step.attributes]
    if not steps:
        return None
    lines = [line_of(step, lexicon.tokenizer.encode) for step in steps]
    reading = projector.steps.reading(scene, lines, lexicon.table)
    colours = (orders or projector.orders).contradiction(scene, process)
    reading = replace(reading, colours=colours)
    if colours is None:
        return reading
    return replace(
        reading,
        written=lexicon.vector(colours.written) if colours.written else reading.written,
        seen=lexicon.vector(colours.seen) if colours.seen else reading.seen,
    )
