"""An evaluation as JSON and as lines for a terminal.

Numbers that do not exist (one class only, nothing annotated) are null with a reason beside them,
never nan. It does not know files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from triad_ui.evaluation.decisions import decisions_json, mean_decisions, overall, sizes_json
from triad_ui.evaluation.results import Evaluation, ImageResult, ProductResult
from triad_ui.evaluation.threshold import DEFAULT, Point, Share, at

IMAGE_METRICS = ("image_auroc", "image_ap", "image_f1_max")
PIXEL_METRICS = ("pixel_auroc", "aupro", "pixel_ap", "pixel_f1_max")
MEANS = (*IMAGE_METRICS, *PIXEL_METRICS, "best_trivial_auroc", "calm", "found")


def as_json(result: Evaluation) -> dict[str, Any]:
    """The whole evaluation; docs/evaluation.md explains each field."""
    products = {product.name: product_json(product) for product in result.products}
    return {
        "expert": result.expert,
        "shots": result.shots,
        "products": products,
        "mean": mean(products.values()),
        "seconds_per_image": _number(_seconds(result.products)),
        "made_by": result.made_by,
        "root": result.root,
        "layout": result.layout,
        "references": {"seed": result.seed, "choice": choice_in_words(result)},
        "pool": result.pool or None,
        "model": result.engine or None,
        "process": result.process if result.engine else None,
        "overall": overall(result),
        "resumed": result.resumed,
        "stopped": result.stopped,
        "notes": list(result.notes),
    }


def choice_in_words(result: Evaluation) -> str:
    """Which references were taken, for a reader."""
    if not result.shots:
        return "none"
    return (
        f"{result.shots} a product, drawn with seed {result.seed} from its good photographs; a "
        "photograph with a reference of its own was compared with that one alone"
    )


def product_json(product: ProductResult) -> dict[str, Any]:
    """All of one product; numbers 0..1, null where there is none."""
    good, bad = product.scores(defective=False), product.scores(defective=True)
    curve, pixels = product.curve, product.pixels
    every = product.pixels_over_all
    suggestion = product.suggestion
    return {
        "image_auroc": _number(curve.auroc),
        "image_ap": _number(curve.average_precision),
        "image_f1_max": _number(curve.f1_max[0]),
        "pixel_auroc": _number(pixels.auroc),
        "aupro": _number(every.aupro),
        "pixel_ap": _number(every.average_precision),
        "pixel_f1_max": _number(every.f1_max),
        "inside_defective": {
            "aupro": _number(pixels.aupro),
            "pixel_ap": _number(pixels.average_precision),
            "pixel_f1_max": _number(pixels.f1_max),
        },
        "over_all_images": {"pixel_auroc": _number(every.auroc)},
        "pixel_truth": product.truth,
        "seconds_per_image": _number(product.seconds_per_image),
        "seconds_to_prepare": _number(product.prepare_seconds),
        "trivial": {
            cue.name: {"auroc": _number(cue.auroc), "direction": cue.sentence}
            for cue in product.cues
        },
        "best_trivial_auroc": _number(product.cues[0].auroc),
        "calm": share(not image.hot for image in product.images if not image.defective),
        "found": share(image.hot for image in product.images if image.defective),
        "peak_inside": share(_known(product.images, "peak_inside")),
        "region_inside": share(_known(product.images, "region_inside")),
        "at_threshold": _point(at(DEFAULT, good, bad)),
        "suggested": {**_point(suggestion.point), "reason": suggestion.reason}
        if suggestion
        else None,
        "decision": decisions_json(product),
        "by_defect_size": sizes_json(product),
        "process": product.process or None,
        "counts": {
            "good": len(good),
            "defective": len(bad),
            "annotated": product.annotated,
            "paired": product.paired,
            "pool": product.pool,
            "skipped": len(product.skipped),
        },
        "references": list(product.references),
        "reasons": reasons(product),
        "skipped": [{"path": each.name, "reason": each.reason} for each in product.skipped],
        "notes": list(product.notes),
        "images": [_image(image) for image in product.images],
    }


def reasons(product: ProductResult) -> dict[str, str]:
    """Why a number of this product is missing, or not what its name says elsewhere."""
    told = {}
    good, bad = (len(product.scores(defective=defective)) for defective in (False, True))
    if not good or not bad:
        lacking = "photograph" if not good and not bad else "good" if not good else "defective"
        what = "no photograph" if lacking == "photograph" else f"no {lacking} photograph"
        told["image"] = f"{what} was scored, and image metrics compare good with defective ones"
    if not product.annotated:
        told["pixel"] = "no scored defective photograph has a mask or boxes"
    elif "boxes" in product.truth:
        told["pixel"] = (
            f"truth are {product.truth}; boxes hold good pixels too, so that these numbers do not "
            "compare with others and do not count in the mean"
        )
    return told


def mean(products: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Means over the products that have the number; pixel numbers of boxes are left out.

    products_counted: over how many each mean goes. decision: see `decisions.mean_decisions`.
    """
    values: dict[str, list[float]] = {name: [] for name in MEANS}
    listed = list(products)
    for product in listed:
        for name in MEANS:
            boxes = name in PIXEL_METRICS and "boxes" in product["pixel_truth"]
            if product[name] is not None and not boxes:
                values[name].append(product[name])
    told: dict[str, Any] = {
        name: _number(float(np.mean(found))) if found else None for name, found in values.items()
    }
    told["products_counted"] = {name: len(found) for name, found in values.items()}
    told["decision"] = mean_decisions(product["decision"] for product in listed)
    return told


def table(result: Evaluation) -> str:
    """Lines for a terminal: a product each, and the mean."""
    columns = ("image_auroc", "image_ap", "image_f1_max", "pixel_auroc", "aupro",
               "best_trivial_auroc", "calm", "found")  # fmt: skip
    titles = ("AUROC", "AP", "F1max", "pixAUROC", "AUPRO", "trivial", "calm", "found")
    wide = max([len("product"), *(len(product.name) for product in result.products)])
    lines = [f"{'product':{wide}}" + "".join(f"{title:>9}" for title in titles) + "  s/image"]
    told = {product.name: product_json(product) for product in result.products}
    seconds = {product.name: product.seconds_per_image for product in result.products}
    told["mean"], seconds["mean"] = mean(list(told.values())), _seconds(result.products)
    for name, values in told.items():
        row = "".join(f"{'-' if values[c] is None else format(values[c], '.3f'):>9}"
                      for c in columns)  # fmt: skip
        lines.append(f"{name:{wide}}{row}{seconds[name]:9.3f}")
    return "\n".join(lines)


def share(flags: Iterable[bool]) -> float | None:
    """How many are true, 0..1; None of none."""
    listed = list(flags)
    return round(sum(listed) / len(listed), 6) if listed else None


def _known(images: Iterable[ImageResult], name: str) -> list[bool]:
    return [flag for image in images if (flag := getattr(image, name)) is not None]


def _seconds(products: Iterable[ProductResult]) -> float:
    every = [image.seconds for product in products for image in product.images]
    return float(np.mean(every)) if every else math.nan


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _share(value: Share | None) -> dict[str, float] | None:
    if value is None:
        return None
    return {
        "share": round(value.value, 6), "low": round(value.low, 6), "high": round(value.high, 6),
        "count": value.count, "of": value.of,
    }  # fmt: skip


def _point(point: Point) -> dict[str, Any]:
    return {
        "threshold": round(point.threshold, 6),
        "escape": _share(point.escape),
        "overkill": _share(point.overkill),
    }


def _image(image: ImageResult) -> dict[str, Any]:
    told: dict[str, Any] = {
        "path": image.name,
        "label": int(image.defective),
        "kind": image.kind,
        "score": round(image.score, 9),
    }
    if image.verdict:
        told["verdict"] = image.verdict.label
        told["p_defective"] = round(image.verdict.p_defective, 6)
    if image.without_process:
        told["verdict_without_process"] = image.without_process.label
        told["p_without_process"] = round(image.without_process.p_defective, 6)
    if image.defect_share is not None:
        told["defect_share"] = round(image.defect_share, 9)
    return told
