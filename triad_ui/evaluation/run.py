"""Drives an expert, and the language model if wanted, over a data set, one photograph at a time.

Only the references and, for experts that compare a batch, the pool are held, up to a limit.
Which references: the first K readable ones of a permutation of the product's good photographs,
drawn with the seed; a photograph that has its own reference is compared with that one. A run that
was cut off is taken up by running it again with the same record.
It does not know the library of cases, settings, or how results are shown.
"""

from __future__ import annotations

import threading

from triad_ui.errors import EvaluationError
from triad_ui.evaluation.datasets import DataSet
from triad_ui.evaluation.options import (
    Judge,
    Options,
    Pool,
    ProcessJudge,
    Progress,
    Report,
    pool_in_words,
)
from triad_ui.evaluation.pace import Pace
from triad_ui.evaluation.product_run import ProductRun
from triad_ui.evaluation.record import Record
from triad_ui.evaluation.results import Evaluation
from triad_ui.expert.expert import Expert

__all__ = [
    "Judge",
    "Options",
    "Pool",
    "ProcessJudge",
    "Progress",
    "Report",
    "evaluate",
    "pool_in_words",
]


def evaluate(
    data: DataSet,
    expert: Expert,
    options: Options,
    *,
    judge: Judge | ProcessJudge | None = None,
    record: Record | None = None,
    report: Report = lambda progress: None,
    stop: threading.Event | None = None,
) -> Evaluation:
    """Score every tested photograph of `data`; report before each one and after each product.

    record: what was measured before is taken from it and what is measured is appended; the judge
    must then be a `ProcessJudge`. stop: when set, the run ends before the next photograph, with the
    products that were finished.
    A photograph that cannot be read or scored is named in `skipped`, and the run goes on.
    EvaluationError when no photograph at all could be scored, or the pool's folder has no picture.
    """
    stop = stop or threading.Event()
    total = sum(len(product.tested) for product in data.products)
    pace = Pace(total)
    done, resumed, finished = 0, 0, []
    for product in data.products:
        run = ProductRun(product, expert, options, judge, stop, record)
        result = run.score(done, total, report, pace)
        resumed += run.resumed
        if result is None:
            break
        done += len(product.tested)
        finished.append(result)
        told = f"{product.name} is done"
        report(Progress(product.name, done, total, told, result, pace.seconds_left))
    if finished and not stop.is_set() and not any(result.images for result in finished):
        first = finished[0].skipped[0]
        raise EvaluationError(f"No photograph could be scored. {first.name}: {first.reason}")
    return Evaluation(
        root=str(data.root),
        layout=data.layout,
        expert=expert.name,
        made_by=f"{expert.name}@{expert.version}",
        shots=options.shots,
        seed=options.seed,
        pool=pool_in_words(expert, options.pool),
        products=tuple(finished),
        engine=judge.engine if judge else "",
        stopped=stop.is_set() and len(finished) < len(data.products),
        notes=data.notes,
        process=options.process,
        resumed=resumed,
    )
