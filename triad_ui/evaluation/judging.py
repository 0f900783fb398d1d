"""The language model's verdict on an evaluated photograph, through the inspector.

It does not know data sets or metrics.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from itertools import islice

from triad_ui.dialogue.processes import find
from triad_ui.errors import ProcessError
from triad_ui.inspector import Inspector, regions
from triad_ui.records import (
    AnomalyMap,
    Inspection,
    ManufacturingProcess,
    Picture,
    Policy,
    Verdict,
)

SHOWN_REFERENCES = 1
"""The model is shown the first reference; the others only made the map."""


class ModelJudge:
    """Asks the model whether a part is defective, with the product's process where there is one."""

    def __init__(
        self,
        inspector: Inspector,
        engine: str,
        processes: Mapping[str, ManufacturingProcess],
        *,
        policy: Policy = "ranked",
        seed: int = 0,
        vote: bool = False,
    ) -> None:
        self._inspector = inspector
        self._processes = processes
        self._policy = policy
        self._seed = seed
        self._vote = vote
        self.engine = engine

    def process(self, product: str) -> ManufacturingProcess | None:
        """The library's process of a product, by its name."""
        try:
            return find(self._processes, product)
        except ProcessError:
            return None

    def __call__(
        self,
        query: Picture,
        references: Sequence[Picture],
        found: AnomalyMap,
        product: str,
        stop: threading.Event | None = None,
    ) -> Verdict:
        """The verdict on one photograph. Raises ModelError."""
        process = self.process(product)
        inspection = Inspection(
            query=query,
            references=tuple(islice(references, SHOWN_REFERENCES)),
            process=process,
            anomaly_map=found,
            rois=regions(found, query.record, self._policy, self._seed),
            product=process.product if process else product.replace("_", " "),
            policy=self._policy,
        )
        return self._inspector.verdict(inspection, stop, vote=self._vote)
