"""The decisions of expert and model as numbers: a product, the mean, everything together, by size.

Who decides: "expert" by its own threshold; "model" as it was asked; "model_without_process" where
it was asked both ways. Numbers that do not exist are null. It does not know files or pages.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from triad_ui.evaluation.defect_size import SIZES, SizeSplit, split
from triad_ui.evaluation.judgement import Judgement
from triad_ui.evaluation.metrics import auroc
from triad_ui.evaluation.results import Evaluation, ImageResult, ProductResult, forced
from triad_ui.records import Verdict

MEASURES = ("accuracy", "balanced_accuracy", "precision", "recall", "tnr")
MODELS = ("model", "model_without_process")
WHO = ("expert", *MODELS)


def judgement_json(judged: Judgement) -> dict[str, Any]:
    """The measures 0..1, and of how many images; undecided ones are right for neither class."""
    return {
        **{name: number(getattr(judged, name)) for name in MEASURES},
        "undecided": judged.undecided,
        "images": judged.defective + judged.good,
    }


def decisions_json(product: ProductResult) -> dict[str, Any]:
    """The decisions on one product, by who decides.

    A model's has more: `forced_choice`, the same verdicts at their more likely letter; `auroc` of
    the probabilities; `undecided_share`; `no_verdict`, images on which it failed.
    """
    told = {"expert": judgement_json(product.by_expert)}
    for who in MODELS:
        asked = product.verdicts(with_process=who == "model")
        if not asked:
            continue
        judged = product.by_model if who == "model" else product.by_model_without_process
        assert judged is not None
        told[who] = {
            **judgement_json(judged),
            "undecided_share": number(judged.undecided / len(asked)),
            "no_verdict": len(product.images) - len(asked),
            "auroc": number(_auroc(asked)),
            "forced_choice": judgement_json(forced(asked)),  # type: ignore[arg-type]
        }
    if "model" in told:
        seconds = [image.verdict_seconds for image, _ in product.verdicts()]
        told["model"]["seconds_per_image"] = number(float(np.mean(seconds)))
    return told


def sizes_json(product: ProductResult) -> dict[str, Any] | None:
    """By size of defect, by who decides; None where no mask tells a size."""
    if not product.has_masks:
        return None
    return {who: _split(found) for who in WHO if (found := product.sizes(who)) is not None
            and product.sized(who)}  # fmt: skip


def mean_decisions(products: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Each measure's mean over the products that have it, by who decides.

    products: what `decisions_json` gave. `undecided` and `images` are sums.
    """
    listed = list(products)
    told: dict[str, Any] = {}
    for who in WHO:
        of = [product[who] for product in listed if who in product]
        if not of:
            continue
        told[who] = _mean(of)
        choices = [each["forced_choice"] for each in of if "forced_choice" in each]
        if choices:
            told[who]["forced_choice"] = _mean(choices)
            told[who]["auroc"] = _mean_of(of, "auroc")
    return told


def overall(result: Evaluation) -> dict[str, Any]:
    """All products' images taken together: decisions, and the split by size (Table 6).

    Only products that have masks count in the split, with their good images too.
    """
    decisions: dict[str, Any] = {}
    sizes: dict[str, Any] = {}
    for who in WHO:
        judged = [found for product in result.products if (found := _judged(product, who))]
        if judged:
            decisions[who] = judgement_json(sum(judged[1:], judged[0]))
        sized = [row for product in result.products for row in product.sized(who)]
        if sized:
            sizes[who] = _split(split(sized))
    return {"decision": decisions, "by_defect_size": sizes or None}


def decisions_table(result: Evaluation) -> str:
    """Lines for a terminal: each product's decisions beside the expert's, and the mean."""
    told = {product.name: decisions_json(product) for product in result.products}
    told["mean"] = mean_decisions(list(told.values()))
    wide = max(len("product"), *(len(name) for name in told))
    titles = ("acc", "bal", "prec", "recall", "TNR", "undec.", "forced bal")
    lines = [f"{'product':{wide}}  {'decided by':21}" + "".join(f"{t:>11}" for t in titles)]
    for name, decisions in told.items():
        for who, values in decisions.items():
            choice = values.get("forced_choice", values)["balanced_accuracy"]
            cells = [_cell(values[measure]) for measure in MEASURES]
            cells += [str(values["undecided"]), _cell(choice)]
            lines.append(f"{name:{wide}}  {who.replace('_', ' '):21}"
                         + "".join(f"{cell:>11}" for cell in cells))  # fmt: skip
    return "\n".join([*lines, *_size_lines(overall(result)["by_defect_size"])])


def number(value: float) -> float | None:
    """A number that JSON can hold, to six places."""
    return round(value, 6) if math.isfinite(value) else None


def _size_lines(sizes: dict[str, Any] | None) -> list[str]:
    if not sizes:
        return []
    lines = ["", f"{'by size of defect':25}" + "".join(f"{s:>18}" for s in (*SIZES, "normal"))]
    for who, told in sizes.items():
        cells = [
            f"{share['share']:.3f} ({share['right']}/{share['of']})" if (share := told[s]) else "-"
            for s in (*SIZES, "normal")
        ]
        lines.append(f"{who.replace('_', ' '):25}" + "".join(f"{cell:>18}" for cell in cells))
    return lines


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _judged(product: ProductResult, who: str) -> Judgement | None:
    if who == "expert":
        return product.by_expert
    return product.by_model if who == "model" else product.by_model_without_process


def _auroc(asked: Sequence[tuple[ImageResult, Verdict]]) -> float:
    scores = np.array([verdict.p_defective for _, verdict in asked])
    return auroc(scores, np.array([image.defective for image, _ in asked], dtype=bool))


def _mean(of: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        **{name: _mean_of(of, name) for name in MEASURES},
        "undecided": sum(each["undecided"] for each in of),
        "images": sum(each["images"] for each in of),
        "products_counted": {name: sum(each[name] is not None for each in of) for name in MEASURES},
    }


def _mean_of(of: Sequence[dict[str, Any]], name: str) -> float | None:
    known = [each[name] for each in of if each[name] is not None]
    return number(float(np.mean(known))) if known else None


def _split(found: SizeSplit) -> dict[str, Any]:
    told = {}
    for name in (*SIZES, "normal"):
        share = getattr(found, name)
        told[name] = share and {
            "right": share.count, "of": share.of, "share": number(share.value),
            "low": number(share.low), "high": number(share.high),
        }  # fmt: skip
    return told
