"""Model offers, memory and the model in use -> what the Models tab shows, as plain JSON.

Pure functions; nothing here is HTML. Memory is told in the GB (2^30 bytes) that graphics cards are
sold by, as model/memory.py tells it, downloads in those of networks (10^9); one decimal: what is
needed is rounded up and what is free rounded down, so that no sentence promises what is not there.
Knows no use case and no Gradio component.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Literal

from triad_ui.errors import ModelError
from triad_ui.model.choice import PRECISIONS, Machine, ModelChoice, ModelOffer
from triad_ui.model.endpoint import Endpoint, parse_endpoint
from triad_ui.model.status import EngineStatus
from triad_ui.ui.present import Json

Fit = Literal["fits", "not", "unknown"]

WORDS = {
    "auto": "Automatic",
    "bf16": "Full (bf16)",
    "fp16": "Full (fp16)",
    "fp32": "Full (fp32)",
    "int8": "8-bit (int8)",
    "nf4": "4-bit (nf4)",
}
_IN_A_SENTENCE = {"int8": "8-bit", "nf4": "4-bit"}
_MOST_EXACT_FIRST = ("bf16", "fp16", "fp32", "int8", "nf4")
_SUFFIX = {"fits": ", fits", "not": ", does not fit", "unknown": ""}
_ROOM = "Close other programs that use this memory, or choose a smaller model."
_ROOM_IN_USE = "Unload the model in use, close other programs, or choose a smaller model."


def gigabytes(size: float, *, up: bool = True, unit: int = 2**30) -> str:
    """ "15.2 GB" for bytes; up: round up, else down. unit: bytes of a GB."""
    tenths = round(10 * size / unit, 6)
    return f"{(math.ceil if up else math.floor)(tenths) / 10:.1f} GB"


def machine(value: Machine) -> str:
    """ "NVIDIA L4: 6.1 of 24.0 GB of memory are free". free 0: the system does not say."""
    device = value.device[:1].upper() + value.device[1:]
    if value.free <= 0:
        return f"{device}; how much memory is free is not known"
    free = gigabytes(value.free, up=False).removesuffix(" GB")
    return f"{device}: {free} of {gigabytes(value.total, up=False)} of memory are free"


def offers(values: Sequence[ModelOffer], where: Machine, status: EngineStatus) -> Json:
    """The list of offers as cards; the one in use is marked."""
    return {"offers": [offer(each, where, status) for each in values], "refused": ""}


def refused(message: str) -> Json:
    """In place of a card: why what a person typed cannot be used."""
    return {"offers": [], "refused": message}


def offer(value: ModelOffer, where: Machine, status: EngineStatus) -> Json:
    """One card: what it is, the ways to load it, what stands against it.

    choice: what the browser sends back to load it, with the precision that was picked. unnamed: its
    folder or address must be given first, under "Your own model".
    """
    answering = bool(status.engine)
    server = endpoint_of(value.choice)
    return {
        "key": value.key,
        "title": value.title,
        "facts": _facts(value, server),
        "note": value.note,
        "problem": value.problem,
        "leaves": leaving(server.host) if server and not server.here else "",
        "unnamed": value.choice.kind != "embedded" and not value.choice.source,
        "inUse": answering and same_model(value.choice, status.choice),
        "choice": {
            "kind": value.choice.kind,
            "source": value.choice.source,
            "adapter": str(value.choice.adapter or ""),
        },
        "ways": ways(value, where.free, answering),
    }


def _facts(value: ModelOffer, server: Endpoint | None) -> list[str]:
    if server:
        place = f"Served by this machine ({server.host})" if server.here else f"On {server.host}"
    elif value.choice.kind != "embedded" and not value.choice.source:
        folder = value.choice.kind == "folder"
        place = "From a folder that you name" if folder else "At an address that you name"
    elif value.download > 0:
        place = f"{gigabytes(value.download, unit=10**9)} to download"
    else:
        place = "Is on this machine"
    facts = [f"Licence: {value.licence}" if value.licence else "", place]
    if value.choice.adapter:
        facts.append(f"with adapter {value.choice.adapter.name}")
    return [fact for fact in facts if fact]


def ways(value: ModelOffer, free: int, answering: bool) -> list[Json]:
    """The precisions to pick from, automatic first, each with its need beside what is free."""
    needs = {name: value.needs[name] for name in _MOST_EXACT_FIRST if name in value.needs}
    if value.choice.kind in ("embedded", "served") and len(needs) < 2:
        names: tuple[str, ...] = ("auto",)
        needs = needs or dict(value.needs)
    elif needs:
        names = ("auto", *needs)
    else:
        names = PRECISIONS
    remedy = _ROOM_IN_USE if answering else _ROOM
    return [_way(name, needs, free, "" if value.problem else remedy) for name in names]


def _way(name: str, needs: Mapping[str, int], free: int, remedy: str) -> Json:
    fit, line = fit_line(name, needs, free, remedy)
    label = WORDS[name]
    if name in needs:
        label += f": {_need(needs[name], free)}{_SUFFIX[fit]}"
    elif fit == "fits":
        label = f"{label}: the most exact that fits"
    return {"value": name, "label": label, "fit": fit, "line": line}


def fit_line(name: str, needs: Mapping[str, int], free: int, remedy: str = "") -> tuple[Fit, str]:
    """Whether a precision fits into `free` bytes, and the sentence that says so.

    needs: bytes by precision, most exact first. name: one of them or "auto", which takes the first
    that fits. free: 0 when the system does not say. remedy: what is said when nothing fits.
    """
    if not needs or (name != "auto" and name not in needs):
        return "unknown", ""
    first = next(iter(needs)) if name == "auto" else name
    if free <= 0:
        least = min(needs, key=lambda each: needs[each])
        line = f"Needs about {gigabytes(needs[first])}"
        line += f", {gigabytes(needs[least])} in {_short(least)}" if least != first else ""
        return "unknown", f"{line}; how much is free is not known."
    fitting = [each for each, need in needs.items() if need <= free]
    have = gigabytes(free, up=False)
    if first in fitting:
        return "fits", f"Needs about {_need(needs[first], free)}, {have} are free: fits."
    if name == "auto" and fitting:
        return "fits", (
            f"In {_short(fitting[0])} it needs about {_need(needs[fitting[0]], free)}, {have} are "
            f"free: fits. In {_short(first)} ({gigabytes(needs[first])}) it does not."
        )
    line = f"Needs about {gigabytes(needs[first])}, {have} are free: does not fit."
    if fitting:
        best = fitting[0]
        return "not", f"{line} In {_short(best)} it needs {_need(needs[best], free)} and fits."
    least = min(needs, key=lambda each: needs[each])
    if least != first:
        line += f" Even in {_short(least)} it needs {gigabytes(needs[least])}."
    return "not", f"{line} {remedy}".strip()


def _need(need: int, free: int) -> str:
    """The need, rounded up; rounded down where rounding up would deny that it fits."""
    told = gigabytes(need)
    if need <= free and float(told.split()[0]) > float(gigabytes(free, up=False).split()[0]):
        told = gigabytes(need, up=False)
    return told


def _short(name: str) -> str:
    return _IN_A_SENTENCE.get(name, name)


def in_use(values: Sequence[ModelOffer], where: Machine, status: EngineStatus) -> Json:
    """The head of the tab: the model that answers, its precision and memory, the machine."""
    shown: Json = {"machine": machine(where), "title": "", "facts": []}
    choice = status.choice
    if not status.engine or choice is None:
        return shown
    known = next((each for each in values if same_model(each.choice, choice)), None)
    shown["title"] = known.title if known else _named(choice)
    facts = []
    precision = _precision(choice, status.engine)
    if precision:
        facts.append(["Precision", WORDS[precision]])
    held = known.needs.get(precision, known.needs.get("auto", 0)) if known else 0
    if held:
        facts.append(["Memory", f"about {gigabytes(held)}"])
    if choice.adapter:
        facts.append(["Adapter", str(choice.adapter)])
    server = endpoint_of(choice)
    if server:
        facts.append(["Runs on", server.host])
        if not server.here:
            facts.append(["Photos", f"leave this machine and go to {server.host}"])
    shown["facts"] = facts
    return shown


def _named(choice: ModelChoice) -> str:
    if choice.kind == "embedded":
        return "Embedded model"
    server = endpoint_of(choice)
    if server:
        return server.model or "A served model"
    return PurePath(choice.source).name or choice.source


def _precision(choice: ModelChoice, engine: str) -> str:
    """What was asked for; for "auto" what the engine's own name says, "" when it does not."""
    if choice.kind == "served":
        return ""
    if choice.precision != "auto":
        return choice.precision
    said = re.findall(r"\b(bf16|fp16|fp32|int8|nf4)\b", engine)
    return said[-1] if said else ""


def same_model(one: ModelChoice, other: ModelChoice | None) -> bool:
    """The same weights and adapter, whatever the precision."""
    if other is None:
        return False
    return (one.kind, one.source, one.adapter) == (other.kind, other.source, other.adapter)


def endpoint_of(choice: ModelChoice) -> Endpoint | None:
    """Where a served model runs; None for all others and for an address that cannot be read."""
    if choice.kind != "served":
        return None
    try:
        return parse_endpoint(choice.source)
    except ModelError:
        return None


def leaving(host: str) -> str:
    """What a person must know before a remote engine is used."""
    return (
        f"Every photo you ask about, its regions, the process text and your questions go to {host}."
    )
