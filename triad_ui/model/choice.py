"""Which language model a person wants, as one frozen value that page, shell and loader pass on.

Imports nothing heavy. `presets.py` offers choices; `loader.py` carries one out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Precision = Literal["auto", "fp32", "bf16", "fp16", "int8", "nf4"]
PRECISIONS: tuple[Precision, ...] = ("auto", "bf16", "fp16", "fp32", "int8", "nf4")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """kind: "embedded"; "folder" (a checkpoint on disk, `source` its path); "hub" (`source` a
    repository id); "served" (`source` the URL of an OpenAI-compatible endpoint, with "#model" when
    it serves several). precision: of the language model's weights. adapter: a PEFT folder.
    allow_pickle: also read .bin and .pth files (weights only).
    """

    kind: Literal["embedded", "folder", "hub", "served"] = "embedded"
    source: str = ""
    precision: Precision = "auto"
    adapter: Path | None = None
    allow_pickle: bool = False
