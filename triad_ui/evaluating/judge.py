"""The language model that answers now, as judge of a data set: what it is told of each product.

It does not know how a run goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from triad_ui.evaluation.datasets import DataSet
from triad_ui.evaluation.judging import ModelJudge
from triad_ui.evaluation.process_files import resolved
from triad_ui.inspector import Inspector
from triad_ui.model.language_model import LanguageModel
from triad_ui.records import ManufacturingProcess, Policy


class CurrentJudge:
    """data set -> judge. model: raises ModelNotReady. processes: of the library, as it is now."""

    def __init__(
        self,
        inspector: Inspector,
        model: Callable[[], LanguageModel],
        processes: Callable[[], Sequence[ManufacturingProcess]],
        *,
        policy: Policy = "ranked",
        seed: int = 0,
        vote: bool = False,
    ) -> None:
        self._inspector = inspector
        self._model = model
        self._processes = processes
        self._policy = policy
        self._seed = seed
        self._vote = vote

    def __call__(self, data: DataSet) -> ModelJudge:
        """The judge; a product's process is the data set's own, else the library's. Raises
        ModelNotReady, StoreError."""
        library = {process.name: process for process in self._processes()}
        names = [product.name for product in data.products]
        return ModelJudge(
            self._inspector,
            self._model().engine,
            resolved(names, data.processes, library),
            policy=self._policy,
            seed=self._seed,
            vote=self._vote,
            nouns=data.nouns,
        )
