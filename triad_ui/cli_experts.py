"""The shell's list of experts: what each does, uses and needs, and whether it is here.

Loads none of them. `cli.py` parses the flags and tells errors.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict

from triad_ui.expert.expert import EXPERTS
from triad_ui.expert.offers import ExpertOffer, offers
from triad_ui.settings import Settings

WORDS = {"references": "good parts", "pool": "unlabelled parts", "text": "words"}


def experts(settings: Settings, flags: dict) -> int:
    """List the experts, with what each uses and needs and whether its weights are here."""
    found = offers(tuple(EXPERTS), settings.expert_weights)
    if flags["json"]:
        told = {
            "chosen": settings.expert,
            "weights": str(settings.expert_weights),
            "experts": [{**asdict(offer), "ready": offer.ready} for offer in found],
        }
        print(json.dumps(told))
        return 0
    print("\n\n".join(_told(offer, settings.expert) for offer in found))
    return 0


def _told(offer: ExpertOffer, chosen: str) -> str:
    mark = "  (chosen)" if offer.name == chosen else ""
    uses = ", ".join(WORDS[use] + (" (needed)" if use in offer.needs else "") for use in offer.uses)
    lines = [offer.description, f"compares with: {uses}", offer.problem or "ready"]
    wrap = textwrap.TextWrapper(
        100, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
    return f"{offer.name}  {offer.title}{mark}\n" + "\n".join(map(wrap.fill, lines))
