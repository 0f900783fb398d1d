"""An evaluation -> what the Evaluation tab shows: folder, progress, table, kept ones.

Pure functions that give plain JSON; nothing here is HTML. One product is shown by
`present_product.py`. Knows no use case and no Gradio component.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from triad_ui.evaluating.data_sets import DataSetSeen
from triad_ui.evaluating.kept import FILES, Card
from triad_ui.evaluating.runs import RunState
from triad_ui.evaluation.decisions import MODELS
from triad_ui.evaluation.summary import mean, product_json
from triad_ui.ui.present import Json

COLUMNS = (
    ("photos", "Photos", "good + defective ones that were scored"),
    ("image_auroc", "AUROC",
     "how well the score puts defective photographs above good ones: 1 always, 0.5 by chance"),
    ("best_trivial_auroc", "Trivial cue",
     "AUROC of brightness, corner brightness or sharpness alone, the best of them; a product on "
     "which it comes close to the expert does not show that the expert sees its defects"),
    ("escape", "Escape", "defective parts called good, at the expert's own threshold 0.5"),
    ("overkill", "Overkill", "good parts called defective, at the expert's own threshold 0.5"),
    ("calm", "Calm", "good photographs whose heat map has no place above 0.5"),
    ("pixel_auroc", "Pixel AUROC", "how well the heat map marks the place, inside defective ones"),
    ("aupro", "AUPRO", "how much of each defect the map covers at little false alarm"),
    ("image_f1_max", "F1-max", "best balance of found and wrongly called, over all thresholds"),
    ("model", "Model",
     "balanced accuracy of the language model's verdicts: the mean of the shares of good and of "
     "defective parts that it judged rightly; undecided is never right"),
    ("model_without_process", "Model, no process", "the same when it is not told the process"),
    ("undecided", "Undecided", "verdicts of the language model that were neither"),
    ("seconds", "s/photo", "time of the expert for one photograph"),
)  # fmt: skip
AS_SHARE = ("escape", "overkill", "calm", *MODELS)

ASKED = {
    "with": "model told the process",
    "without": "model not told the process",
    "both": "model asked with and without the process",
}


def data_set(seen: DataSetSeen) -> Json:
    """What a folder holds, in two or three lines."""
    tested = sum(p.good + p.defective for p in seen.products)
    lines = [f"{count(len(seen.products), 'product')}, {count(tested, 'photograph')} to judge."]
    few = [p.name for p in seen.products if not p.compared]
    if few:
        lines.append(f"No good part to compare with: {', '.join(few[:5])}{_and_more(few)}.")
    one = [p.name for p in seen.products if not (p.good and p.defective)]
    if one:
        lines.append(
            f"Only good or only defective photographs, so no AUROC: {', '.join(one[:5])}"
            f"{_and_more(one)}."
        )
    return {"lines": [*lines, *seen.notes], "problem": ""}


def problem(message: str) -> Json:
    """In place of what a folder holds: why it cannot be used."""
    return {"lines": [], "problem": message}


def _and_more(names: Sequence[str]) -> str:
    return f" and {len(names) - 5} more" if len(names) > 5 else ""


def progress(state: RunState, titles: Mapping[str, str]) -> Json:
    """How far a run is. titles: of experts by name."""
    return {
        "phase": state.phase,
        "what": described(state, titles),
        "message": state.message,
        "done": state.done,
        "total": state.total,
    }


def described(state: RunState, titles: Mapping[str, str]) -> str:
    """What was chosen, in a line: "mvtec: Reference, 4 references, with the language model"."""
    choice = state.choice
    if choice is None:
        return ""
    parts = [titles.get(choice.expert, choice.expert), count(choice.shots, "reference")]
    if choice.products:
        parts.append(", ".join(choice.products[:3]) + (" ..." if len(choice.products) > 3 else ""))
    if choice.process != "no":
        parts.append(ASKED[choice.process])
    return f"{state.data_set}: {', '.join(parts)}"


def results(state: RunState, titles: Mapping[str, str]) -> Json | None:
    """The table of what is finished; None without any."""
    if not state.finished:
        return None
    told = {product.name: product_json(product) for product in state.finished}
    numbers = {name: _numbers(values) for name, values in told.items()}
    judged = {who for values in told.values() for who in values["decision"]} & set(MODELS)
    shown = [
        column for column in COLUMNS
        if column[0] in judged or column[0] not in (*MODELS, "undecided")
        or (judged and column[0] == "undecided")
    ]  # fmt: skip
    rows = [_row(name, values, shown) for name, values in numbers.items()]
    if len(rows) > 1:
        means = _mean(list(told.values()), list(numbers.values()))
        rows.append(_row("mean", means, shown) | {"mean": True})
    return {
        "run": state.run,
        "what": described(state, titles),
        "columns": [{"title": title, "hint": hint} for _, title, hint in shown],
        "rows": rows,
        "kept": state.kept,
        "files": files(),
        "notes": list(state.result.notes) if state.result else [],
    }


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    counts, at, decision = values["counts"], values["at_threshold"], values["decision"]
    judged = [decision[who] for who in MODELS if who in decision]
    return {
        **values,
        "photos": f"{counts['good']} + {counts['defective']}",
        "escape": at["escape"] and at["escape"]["share"],
        "overkill": at["overkill"] and at["overkill"]["share"],
        **{who: decision[who]["balanced_accuracy"] if who in decision else None for who in MODELS},
        "undecided": str(sum(each["undecided"] for each in judged)) if judged else None,
        "seconds": values["seconds_per_image"],
    }


def _mean(
    products: Sequence[Mapping[str, Any]], numbers: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    told = mean([dict(values) for values in products])
    for name in ("escape", "overkill", *MODELS, "seconds"):
        known = [each[name] for each in numbers if each[name] is not None]
        told[name] = float(np.mean(known)) if known else None
    good = sum(values["counts"]["good"] for values in products)
    bad = sum(values["counts"]["defective"] for values in products)
    undecided = [int(each["undecided"]) for each in numbers if each["undecided"] is not None]
    return told | {
        "photos": f"{good} + {bad}",
        "undecided": str(sum(undecided)) if undecided else None,
    }


def _row(name: str, numbers: Mapping[str, Any], shown: Sequence[tuple[str, str, str]]) -> Json:
    return {"name": name, "cells": [cell(key, numbers[key]) for key, *_ in shown]}


def cell(key: str, value: Any) -> str:
    """A number as the table shows it; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return (
        f"{value:.0%}"
        if key in AS_SHARE
        else f"{value:.2f}"
        if key == "seconds"
        else f"{value:.3f}"
    )


def files() -> list[Json]:
    """What can be fetched of an evaluation."""
    titles = {
        "report.html": "Report", "products.csv": "Table", "photographs.csv": "Photographs",
        "numbers.json": "JSON",
    }  # fmt: skip
    return [{"file": f, "title": titles[f], "hint": f"{f}: {hint}"} for f, hint in FILES.items()]


def kept(cards: Sequence[Card], titles: Mapping[str, str]) -> Json:
    """Earlier evaluations as rows, newest first."""
    return {"files": files(), "rows": [
        {
            "id": card.id,
            "time": card.created,
            "root": PurePath(card.root).name or card.root,
            "what": f"{titles.get(card.expert, card.expert)}, {count(card.shots, 'reference')}"
            + (", with the language model" if card.engine else ""),
            "size": f"{count(card.products, 'product')}, {count(card.photographs, 'photograph')}"
            + (", cancelled" if card.stopped else ""),
            "auroc": "" if card.auroc is None else f"AUROC {card.auroc:.3f}",
        }
        for card in cards
    ]}  # fmt: skip


def count(number: int, noun: str) -> str:
    """ "1 reference", "no references", "4 references"."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
