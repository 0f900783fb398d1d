"""A workbench and its evaluations over drawn data sets, with a fake expert."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from tests.evaluating.drawn_data_set import draw_data_set
from tests.fakes import FakeExpert
from triad_ui.errors import ModelNotReady
from triad_ui.evaluating.data_sets import DataSets
from triad_ui.evaluating.kept import KeptEvaluations
from triad_ui.evaluating.runs import Evaluations
from triad_ui.evaluation.datasets import DataSet
from triad_ui.expert.offers import ExpertOffer
from triad_ui.records import AnomalyMap, Picture, Subject

OFFERS = (
    ExpertOffer("reference", "Reference", "Compares with good parts.", ("references",)),
    ExpertOffer("absent", "Absent", "", (), problem="Its weights are not here. Fetch them."),
)


def no_model(data: DataSet) -> None:
    raise ModelNotReady("The language model is still loading. Wait for it.")


class SlowExpert(FakeExpert):
    """A FakeExpert that takes `delay` seconds a look."""

    def __init__(self, delay: float) -> None:
        self._delay = delay

    def score(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> AnomalyMap:
        time.sleep(self._delay)
        return super().score(query, references, pool, subject)


def fake_evaluations(folder: Path, *, rooted: bool = True, delay: float = 0) -> Evaluations:
    """rooted: with two drawn products in FOLDER/root/parts; else no folder can be named."""
    root = draw_data_set(folder / "root") if rooted else None
    return Evaluations(
        lambda name: SlowExpert(delay),
        lambda: OFFERS,
        no_model,  # type: ignore[arg-type]
        DataSets(root),
        KeptEvaluations(folder / "kept"),
    )
