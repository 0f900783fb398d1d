"""Records of products to rows and back, exactly. Knows nothing of sessions and transactions."""

from __future__ import annotations

from typing import Any

from triad_ui.feedback.schema import DefectDescriptionRow, ProductExpertRow
from triad_ui.records import DefectDescription, KnownDefect, ProductSettings, Scale


def settings_columns(settings: ProductSettings) -> dict[str, Any]:
    """Settings as the columns of product_experts, less `number` and `created`."""
    scale = settings.scale
    good, bad = ([float(s) for s in got] for got in (settings.good_scores, settings.bad_scores))
    return {
        "product": settings.product,
        "expert": settings.expert,
        "threshold": float(settings.threshold),
        "scale_place": None if scale is None else float(scale.place),
        "scale_image": None if scale is None else float(scale.image),
        "escape": None if settings.escape is None else float(settings.escape),
        "overkill": None if settings.overkill is None else float(settings.overkill),
        "good": len(good),
        "bad": len(bad),
        "scores": {"good": good, "bad": bad} if good or bad else None,
        "measured_with": settings.measured_with,
        "author": settings.author,
    }


def settings_record(row: ProductExpertRow) -> ProductSettings:
    scores = row.scores or {"good": (), "bad": ()}
    return ProductSettings(
        product=row.product,
        expert=row.expert,
        threshold=row.threshold,
        scale=None
        if row.scale_place is None or row.scale_image is None
        else Scale(row.scale_place, row.scale_image),
        escape=row.escape,
        overkill=row.overkill,
        good_scores=tuple(scores["good"]),
        bad_scores=tuple(scores["bad"]),
        measured_with=row.measured_with,
        author=row.author,
        created=row.created,
    )


def defect_record(row: DefectDescriptionRow) -> KnownDefect:
    return KnownDefect(
        id=row.id,
        product=row.product,
        description=DefectDescription(row.kind, row.text, row.source),
        author=row.author,
        created=row.created,
        removed=row.removed,
    )
