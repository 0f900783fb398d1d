"""An evaluation as tables for a spreadsheet: a row a product, and a row a photograph.

Text that came from a data set and that a spreadsheet would run as a formula is put behind an
apostrophe. The JSON has everything, untouched. It does not know files.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from triad_ui.evaluation.decisions import MEASURES, WHO
from triad_ui.evaluation.results import Evaluation
from triad_ui.evaluation.summary import MEANS, as_json

SIZES = ("small", "medium", "large", "normal")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def products_csv(result: Evaluation) -> str:
    """One row a product, "mean" last: the expert's metrics, then the decisions by who decides."""
    told = as_json(result)
    decided = [who for who in WHO if who in told["mean"]["decision"]]
    header = ["product", "process", *MEANS, "seconds_per_image"]
    header += [f"{who}_{name}" for who in decided for name in (*MEASURES, "undecided", "images")]
    header += [f"{who}_{size}" for who in decided for size in SIZES]
    mean = {**told["mean"], "seconds_per_image": told["seconds_per_image"],
            "by_defect_size": told["overall"]["by_defect_size"]}  # fmt: skip
    rows = []
    for name, values in (*told["products"].items(), ("mean", mean)):
        row: list[Any] = [name, values.get("process") or ""]
        row += [values[key] for key in (*MEANS, "seconds_per_image")]
        for who in decided:
            decision = values["decision"].get(who, {})
            row += [decision.get(key) for key in (*MEASURES, "undecided", "images")]
        sizes = values["by_defect_size"] or {}
        row += [(sizes.get(who) or {}).get(size) for who in decided for size in SIZES]
        rows.append([cell["share"] if isinstance(cell, dict) else cell for cell in row])
    return _table(header, rows)


def photographs_csv(result: Evaluation) -> str:
    """One row a photograph: truth, the expert's score and decision, the verdicts."""
    header = ["product", "path", "label", "kind", "defect_share", "score", "called_by_expert",
              "verdict", "p_defective", "verdict_without_process", "p_without_process",
              "seconds_expert", "seconds_model"]  # fmt: skip
    rows = []
    for product in result.products:
        for image in product.images:
            row = [product.name, image.name, int(image.defective), image.kind, image.defect_share,
                   image.score, int(image.called_by_expert)]  # fmt: skip
            for verdict in (image.verdict, image.without_process):
                row += [verdict.label, verdict.p_defective] if verdict else [None, None]
            row += [image.seconds, image.verdict_seconds if image.verdict else None]
            rows.append(row)
    return _table(header, rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_safe(cell) for cell in row])
    return out.getvalue()


def _safe(cell: Any) -> Any:
    if cell is None:
        return ""
    if isinstance(cell, str) and cell.startswith(FORMULA):
        return f"'{cell}"
    return round(cell, 6) if isinstance(cell, float) else cell
