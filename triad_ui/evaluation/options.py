"""How an evaluation is run, what it reports while it runs, and who judges.

Plain values and one protocol; `run.py` carries them out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from triad_ui.evaluation.results import ProductResult
from triad_ui.expert.expert import Expert
from triad_ui.imaging.decode import MAX_PIXELS
from triad_ui.records import AnomalyMap, ManufacturingProcess, Picture, Verdict

Pool = Literal["auto", "tested", "none"] | Path
"""Unlabelled pictures that an expert may compare with: the tested ones of the product, none, those
of a folder (its subfolder PRODUCT where there is one); auto: tested for those that need a pool."""
NEED_A_POOL = "musc"
"""Names of experts that score a picture against a pool begin so."""
AskedProcess = Literal["with", "without", "both"]


class Judge(Protocol):
    """Says whether a part is defective; `judging.ModelJudge` is one."""

    engine: str

    def __call__(
        self,
        query: Picture,
        references: Sequence[Picture],
        found: AnomalyMap,
        product: str,
        stop: threading.Event | None = None,
    ) -> Verdict: ...


class ProcessJudge(Judge, Protocol):
    """A judge that can leave the product's process out, and can say what its verdict depends on."""

    def process(self, product: str) -> ManufacturingProcess | None: ...

    def without_process(
        self,
        query: Picture,
        references: Sequence[Picture],
        found: AnomalyMap,
        product: str,
        stop: threading.Event | None = None,
    ) -> Verdict: ...

    def depends_on(self, product: str, *, with_process: bool) -> Sequence[object]: ...


@dataclass(frozen=True, slots=True)
class Options:
    """shots: references a product, 0 or more. seed: of their choice. process: whether the model is
    told the product's process; anything but "with" needs a `ProcessJudge`."""

    shots: int
    seed: int = 0
    pool: Pool = "auto"
    max_pixels: int = MAX_PIXELS
    process: AskedProcess = "with"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is. done, total: photographs of all products. finished: set once a product.
    seconds_left: at the present pace, None before anything was measured."""

    product: str
    done: int
    total: int
    message: str
    finished: ProductResult | None = None
    seconds_left: float | None = None


Report = Callable[[Progress], None]


def pool_in_words(expert: Expert, pool: Pool) -> str:
    """What the expert may compare with beside the references; "" when nothing."""
    if isinstance(pool, Path):
        return f"the pictures in {pool}"
    if pool == "tested" or (pool == "auto" and expert.name.startswith(NEED_A_POOL)):
        return "the tested photographs of the product, unlabelled"
    return ""
