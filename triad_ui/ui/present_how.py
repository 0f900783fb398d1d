"""How an expert looks at a product -> the panel "How to look", as plain JSON.

Pure functions; nothing here is HTML. Knows no use case and no Gradio component.
"""

from __future__ import annotations

from collections.abc import Sequence

from triad_ui.expert.offers import ExpertOffer
from triad_ui.products.filling import FillingState
from triad_ui.records import DefectDescription, KnownDefect, ProductSettings
from triad_ui.ui.present import Json

DECIMALS = 4
WHAT = {"references": "good parts", "pool": "a pool", "text": "known defects in words"}


def experts(offers: Sequence[ExpertOffer], chosen: str) -> Json:
    """Those that can be chosen, and those that lack something with what they lack."""
    return {
        "chosen": chosen,
        "ready": [_offer(offer) for offer in offers if offer.ready],
        "lacking": [_offer(offer) for offer in offers if not offer.ready],
    }


def _offer(offer: ExpertOffer) -> Json:
    uses = [f"{WHAT[use]}{' (needed)' if use in offer.needs else ''}" for use in offer.uses]
    return {
        "name": offer.name,
        "title": offer.title,
        "description": offer.description,
        "problem": offer.problem,
        "uses": list(offer.uses),
        "makesUseOf": f"Uses {', '.join(uses)}." if uses else "",
    }


def threshold(settings: ProductSettings) -> Json:
    """What is set, and the scores from which escape and overkill follow for any other threshold."""
    return {
        "at": round(settings.threshold, 3),
        "set": settings.created > 0,
        "good": [round(score, DECIMALS) for score in settings.good_scores],
        "bad": [round(score, DECIMALS) for score in settings.bad_scores],
    }


def defects(known: Sequence[KnownDefect]) -> list[Json]:
    """The known defects, oldest first."""
    return [{"id": each.id} | described(each.description) for each in known]


def described(value: DefectDescription) -> Json:
    """One description in words."""
    return {"kind": value.kind, "text": value.text, "source": value.source}


def filling(state: FillingState) -> Json:
    """How far the filling of a pool is."""
    return {
        "phase": state.phase,
        "product": state.product,
        "message": state.message,
        "fraction": state.fraction,
    }
