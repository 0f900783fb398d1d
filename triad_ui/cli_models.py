"""The shell's commands about models: what can be loaded here, and a checkpoint in another layout.

`cli.py` parses their flags and tells their errors.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from triad_ui.model.choice import Machine, ModelChoice, ModelOffer
from triad_ui.settings import Settings


def models(settings: Settings, flags: dict) -> int:
    """List the models that can be loaded, with the memory that each needs and whether it fits."""
    from triad_ui.model.presets import choice_named
    from triad_ui.wiring import catalogue, weight_cache

    shelf = catalogue(settings, weight_cache(settings))
    machine = shelf.machine()
    if flags["source"]:
        named = choice_named(flags["source"] if "://" in flags["source"] else Path(flags["source"]))
        offers = (shelf.examine(named or ModelChoice()),)
    else:
        offers = shelf.offers()
    if flags["json"]:
        told = {
            "machine": asdict(machine),
            "models": [_as_json(offer, machine) for offer in offers],
        }
        print(json.dumps(told))
        return 0
    print(f"{machine.device}: {_gb(machine.free)} of {_gb(machine.total)} free")
    for offer in offers:
        _print(offer, machine)
    return 0


def convert(settings: Settings, flags: dict) -> int:
    """Write a checkpoint of the authors' layout in the Hugging Face layout, for other programs."""
    from triad_ui.model.convert import convert as write

    told = -1

    def report(fraction: float, line: str) -> None:
        nonlocal told
        if int(fraction * 10) > told:
            told = int(fraction * 10)
            print(f"{line} {fraction:.0%}", file=sys.stderr, flush=True)

    write(Path(flags["source"]), Path(flags["target"]), report, allow_pickle=settings.allow_pickle)
    print(Path(flags["target"]).absolute())
    return 0


def fits(offer: ModelOffer, machine: Machine) -> dict[str, bool | None]:
    """By precision, whether it fits into what is free now; None where that is unknown."""
    free = machine.free
    return {name: (size <= free if free else None) for name, size in offer.needs.items()}


def _as_json(offer: ModelOffer, machine: Machine) -> dict:
    return {
        "key": offer.key,
        "title": offer.title,
        "licence": offer.licence,
        "kind": offer.choice.kind,
        "source": offer.choice.source,
        "download": offer.download,
        "needs": dict(offer.needs),
        "fits": fits(offer, machine),
        "note": offer.note,
        "problem": offer.problem,
    }


def _print(offer: ModelOffer, machine: Machine) -> None:
    print(f"\n{offer.key}  {offer.title}  ({offer.licence})")
    if offer.needs:
        marks = {True: "fits", False: "does not fit", None: "unknown whether it fits"}
        sizes = fits(offer, machine)
        told = (f"{name} {_gb(size)} ({marks[sizes[name]]})" for name, size in offer.needs.items())
        print(f"  memory: {', '.join(told)}")
    if offer.download:
        print(f"  to fetch: {_gb(offer.download)}")
    for line in (offer.note, offer.problem):
        if line:
            print(f"  {line}")


def _gb(size: int) -> str:
    from triad_ui.model.memory import in_gb

    return in_gb(size) if size else "0 GB"
