"""Which language model a person wants, as one frozen value that page, shell and loader pass on.

Imports nothing heavy. `presets.py` offers choices; `loader.py` carries one out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class ModelOffer:
    """A model that the page can load, told before anything is read or fetched.

    key: stable short name ("embedded", "llava-ov-7b", "folder"). licence: as its publisher names
    it. download: bytes still to fetch, 0 when it is here. needs: bytes of memory by precision,
    weights and a full conversation included; empty when unknown (a server). note: one sentence.
    problem: why it cannot be loaded now and what to do, "" when it can.
    """

    key: str
    title: str
    licence: str
    choice: ModelChoice
    download: int = 0
    needs: Mapping[str, int] = field(default_factory=dict)
    note: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a model would run. device: for people, e.g. "NVIDIA L4" or "processor, 8 threads".
    free, total: bytes of that device's memory now."""

    device: str
    free: int
    total: int
