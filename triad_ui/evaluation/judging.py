"""The language model's verdict on an evaluated photograph, through the inspector.

The paper's multiple choice: the model is shown the photograph and, of the references, the first one
(the others only made the map); told the product's process or not; and asked for a letter. The
verdict is the two letters' logits, never words that it wrote; only served models, which have no
logits to show, may be read by what they wrote (`model.served_choice`).
It does not know data sets or metrics.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from itertools import islice

from triad_ui.dialogue.processes import find
from triad_ui.dialogue.prompt import detection_question, process_preamble
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
    """Asks the model whether a part is defective, with the product's process where there is one.

    processes: by name of the data set's product, else searched as a library. nouns: what a product
    is called in the question, where neither its process nor its name say it.
    """

    def __init__(
        self,
        inspector: Inspector,
        engine: str,
        processes: Mapping[str, ManufacturingProcess],
        *,
        policy: Policy = "ranked",
        seed: int = 0,
        vote: bool = False,
        nouns: Mapping[str, str] | None = None,
    ) -> None:
        self._inspector = inspector
        self._processes = processes
        self._policy = policy
        self._seed = seed
        self._vote = vote
        self._nouns = nouns or {}
        self.engine = engine

    def process(self, product: str) -> ManufacturingProcess | None:
        """The process of a product: given under that very name, else the library's."""
        if product in self._processes:
            return self._processes[product]
        try:
            return find(self._processes, product)
        except ProcessError:
            return None

    def noun(self, product: str) -> str:
        """What the question calls the product, the same with and without its process."""
        if product in self._nouns:
            return self._nouns[product]
        process = self.process(product)
        return process.product if process else product.replace("_", " ")

    def depends_on(self, product: str, *, with_process: bool) -> list[object]:
        """All that a verdict follows from beside pictures, map and model."""
        noun, process = self.noun(product), self.process(product) if with_process else None
        return [
            process_preamble(process),
            detection_question(noun, one_shot=False),
            detection_question(noun, one_shot=True),
            self._policy,
            self._seed if self._policy == "null" else 0,
            self._vote,
        ]

    def __call__(
        self,
        query: Picture,
        references: Sequence[Picture],
        found: AnomalyMap,
        product: str,
        stop: threading.Event | None = None,
    ) -> Verdict:
        """The verdict on one photograph. Raises ModelError."""
        return self._ask(query, references, found, product, self.process(product), stop)

    def without_process(
        self,
        query: Picture,
        references: Sequence[Picture],
        found: AnomalyMap,
        product: str,
        stop: threading.Event | None = None,
    ) -> Verdict:
        """The verdict on one photograph when the model is not told the process. ModelError."""
        return self._ask(query, references, found, product, None, stop)

    def _ask(
        self,
        query: Picture,
        references: Sequence[Picture],
        found: AnomalyMap,
        product: str,
        process: ManufacturingProcess | None,
        stop: threading.Event | None,
    ) -> Verdict:
        inspection = Inspection(
            query=query,
            references=tuple(islice(references, SHOWN_REFERENCES)),
            process=process,
            anomaly_map=found,
            rois=regions(found, query.record, self._policy, self._seed),
            product=self.noun(product),
            policy=self._policy,
        )
        return self._inspector.verdict(inspection, stop, vote=self._vote)
