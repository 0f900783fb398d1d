"""Which manufacturing process the person means: one of the library, or the text as edited.

Knows no component.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from triad_ui.errors import ProcessError
from triad_ui.records import ManufacturingProcess

if TYPE_CHECKING:
    from triad_ui.workbench import Workbench


def process_choices(workbench: Workbench) -> list[tuple[str, str]]:
    """Names to choose from (label, name), newest versions only."""
    return [
        (p.name if p.version == 1 else f"{p.name} (version {p.version})", p.name)
        for p in workbench.processes()
    ]


def find_named(workbench: Workbench, name: str) -> ManufacturingProcess | None:
    """The process of exactly this name, or None; a text of several lines is no name."""
    if not name or "\n" in name:
        return None
    try:
        process = workbench.process(name)
    except ProcessError:
        return None
    return process if process.name == name else None


def chosen_process(
    workbench: Workbench, name: str | None, text: str | None, product: str | None
) -> ManufacturingProcess | None:
    """What goes with the inspection: None without text; the library's own if unchanged.

    Raises ProcessError for a text that is no process.
    """
    text, name, product = (part.strip() if part else "" for part in (text, name, product))
    if not text:
        return None
    known = find_named(workbench, name)
    if known is not None and known.text.split() == text.split():
        return known
    from triad_ui.dialogue.processes import parse

    product = product or (known.product if known else "part")
    plural = known.plural if known and known.product == product else f"{product}s"
    process = parse(text, name=name or product, product=product, plural=plural)
    return replace(process, source="pasted")
