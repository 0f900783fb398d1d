"""What a checkpoint is, before a weight is read: values that loading, tokens and memory share.

Knows how to read or compute nothing: `checkpoint.py` fills it from a folder, `assemble.py` loads
it, `visual_tokens.py` follows its `VisualLayout`, `memory.py` counts its shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from transformers import PretrainedConfig

from triad_ui.model.chat import ChatTemplate

Mode = Literal["anyres_rois", "rois"]
"""What stands after the base view: AnyRes tiles and regions (Triad-ov; without regions this is
plain LLaVA), or regions in the tiles' place (the authors' `randomroi`)."""


@dataclass(frozen=True, slots=True)
class VisualLayout:
    """How one image becomes views and visual tokens.

    side: pixels of a square view. grid: features along a side of a view. pinpoints: (width, height)
    of the AnyRes canvases, multiples of side. max_tiles: a larger feature map is shrunk to this
    many views' worth (`anyres_max_9`), None: never (LLaVA-1.6). mean, std: of the pixels' scaling.
    """

    mode: Mode
    side: int
    grid: int
    pinpoints: tuple[tuple[int, int], ...]
    max_tiles: int | None = 9
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Weight:
    """One stored tensor. name: as transformers calls it. stored: as the file calls it."""

    name: str
    stored: str
    shape: tuple[int, ...]
    dtype: str
    file: Path


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A folder that can be loaded.

    title: for people, e.g. "Triad-ov (authors' layout), Qwen2 7B". layout: whose names the files
    use. config: of transformers' class for it. weights: by transformers' name. tokenizer: the
    tokenizer.json (or the folder that transformers makes a tokenizer from).
    """

    folder: Path
    title: str
    layout: Literal["authors", "transformers"]
    config: PretrainedConfig
    weights: Mapping[str, Weight]
    visual: VisualLayout
    template: ChatTemplate
    tokenizer: Path
    context_limit: int = 32768
    notes: tuple[str, ...] = field(default=())
