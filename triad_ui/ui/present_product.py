"""One evaluated product -> what the Evaluation tab shows of it, as plain JSON.

Pure functions; nothing here is HTML. Knows no use case and no Gradio component.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

from triad_ui.evaluation import plots, threshold
from triad_ui.evaluation.results import ProductResult, WorstCase
from triad_ui.evaluation.summary import reasons
from triad_ui.records import ProductSettings
from triad_ui.ui.present import Json
from triad_ui.ui.present_evaluation import count

DECIMALS = 4


def product(result: ProductResult, made_by: str, run: str) -> Json:
    """Everything of one product: plots, worst cases, and what a threshold would do.

    good, bad: scores, so that the page can tell escape and overkill while a slider moves.
    """
    good, bad = result.scores(defective=False), result.scores(defective=True)
    suggestion = result.suggestion
    return {
        "run": run,
        "name": result.name,
        "called": result.name.replace("_", " "),
        "facts": facts(result, made_by),
        "notes": notes(result),
        "good": [round(score, DECIMALS) for score in good],
        "bad": [round(score, DECIMALS) for score in bad],
        "suggested": None if suggestion is None else {
            "threshold": round(suggestion.point.threshold, 3), "reason": suggestion.reason,
        },
        "figures": figures(result, good, bad),
        "worst": [
            {"title": title, "cases": [_case(c) for c in result.worst if c.defective == defective]}
            for title, defective in (
                ("Good parts with the highest scores", False),
                ("Defective parts with the lowest scores", True),
            )
        ],
    }  # fmt: skip


def facts(result: ProductResult, made_by: str) -> str:
    """What was compared with what, in a sentence."""
    good, bad = len(result.scores(defective=False)), len(result.scores(defective=True))
    with_what = [count(len(result.references), "reference")] if result.references else []
    if result.paired:
        each = "each" if result.paired == good + bad else f"{result.paired} of them"
        with_what.append(f"{each} with a good part of its own")
    if result.pool:
        with_what.append(f"with a pool of {result.pool}")
    compared = ", ".join(with_what) or "with nothing but itself"
    prefix = "with " if result.references else ""
    return f"{made_by}: {good} good and {bad} defective photographs, compared {prefix}{compared}."


def references_of(result: ProductResult) -> int:
    """With how many references a photograph of this product was compared."""
    return len(result.references) or min(1, result.paired)


def notes(result: ProductResult) -> list[str]:
    """What a reader must know of a product's numbers."""
    told = [f"{name.capitalize()} metrics: {why}." for name, why in reasons(result).items()]
    told += [note[:1].upper() + note[1:] for note in result.notes]
    told += [f"Skipped {each.name}: {each.reason}" for each in result.skipped[:10]]
    if len(result.skipped) > 10:
        told.append(
            f"{len(result.skipped) - 10} more photographs were skipped; the report names them."
        )
    return told


def figures(result: ProductResult, good: Sequence[float], bad: Sequence[float]) -> list[Json]:
    """The plots as plotly's own JSON, without its template: the page has its own colours.

    The suggested threshold is no line of its own: the page's slider, which moves the line, begins
    there.
    """
    named = (
        ("histogram", "Scores of good and defective photographs",
         plots.histogram(good, bad)),
        ("trade", "Escape and overkill over the threshold",
         plots.escape_and_overkill(threshold.curve(good, bad), threshold.DEFAULT)),
        ("roc", "Defects found over false alarms (ROC)", plots.roc(result)),
    )  # fmt: skip
    found = []
    for key, title, figure in named:
        if figure is None:
            continue
        figure.layout.template = None
        told = json.loads(figure.to_json())
        found.append({"key": key, "title": title, "data": told["data"], "layout": told["layout"]})
    return found


def used(settings: ProductSettings, title: str, shots: int) -> Json:
    """What a kept threshold means from now on. title: of the expert. shots: it was measured with.

    when: so that the same words twice are two messages.
    """
    told = [
        f"{name} {value:.0%}"
        for name, value in (("escape", settings.escape), ("overkill", settings.overkill))
        if value is not None
    ]
    expected = f" Expected: {', '.join(told)}." if told else ""
    return {
        "text": f"Saved for {settings.product}: {title} calls a part defective above "
        f"{settings.threshold:.3f} from now on.{expected} It was measured with "
        f"{count(shots, 'reference')}; lay out as many when you inspect.",
        "when": time.time(),
    }


def _case(case: WorstCase) -> Json:
    return {
        "name": PurePath(case.name).name,
        "where": case.name,
        "kind": case.kind,
        "score": f"{case.score:.2f}",
        "picture": _picture(case.picture),
        "overlaid": _picture(case.overlaid),
    }


def _picture(rgb: np.ndarray) -> str:
    from triad_ui.ui.routes import jpeg

    return "data:image/jpeg;base64," + base64.b64encode(jpeg(rgb, max(rgb.shape[:2]))).decode()
