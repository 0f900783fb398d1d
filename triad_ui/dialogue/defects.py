"""How the defects of a product look, in words: asked of the chat model, read from its answer.

IAD-GPT (Z. Li et al., section III-A) lets a language model describe how a product's defects look
and gives the descriptions to the expert's text side. What a model writes here is a proposal: a
person takes it or not.
Knows nothing of what is kept, nor of how a model answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from triad_ui.dialogue.prompt import SYSTEM, process_preamble
from triad_ui.records import DefectDescription, ManufacturingProcess, Message

WANTED = 6
LONGEST_KIND = 40
LONGEST_TEXT = 160
"""Characters; what is longer is no name of a kind, or more than a text tower reads."""
_BULLET = re.compile(r"^\s*(?:[-*•–]+|\(?\d{1,2}[.):]|\(?[a-z][.)])\s*")
_DIVIDED = re.compile(r"\s*(?::|\s[-–—]+\s|\s=\s)\s*")
_LETTER = re.compile(r"[^\W\d_]")


def proposal_prompt(
    product: str, process: ManufacturingProcess | None = None
) -> tuple[Message, Message]:
    """The conversation that asks for descriptions, one a line as "kind: how it looks"."""
    text = process_preamble(process) + (
        f"List {WANTED} kinds of defects that an inspector may see on a {product}. Write one line "
        "for each: the short name of the defect, a colon, and how it looks in a photograph, in at "
        "most 12 words. For example:\nscratch: a thin bright straight line across the surface\n"
        "Write nothing else."
    )
    return Message("system", SYSTEM), Message("user", text)


def read_descriptions(
    answer: str, known: Iterable[DefectDescription] = ()
) -> tuple[DefectDescription, ...]:
    """The descriptions in a model's answer, each kind once, at most WANTED of them.

    Bullets, numbers and bold marks are taken off. Lines without a name and a description, and kinds
    that are among the `known`, are left out, so what comes may be empty.
    """
    taken = {_plain(each.kind).casefold() for each in known}
    found: list[DefectDescription] = []
    for line in answer.splitlines():
        parts = _DIVIDED.split(_BULLET.sub("", line.replace("*", "").replace("`", "")), maxsplit=1)
        if len(parts) != 2:
            continue
        kind, text = (_plain(part) for part in parts)
        if not (_LETTER.search(kind) and _LETTER.search(text)) or len(kind) > LONGEST_KIND:
            continue
        if kind.casefold() in taken or len(found) == WANTED:
            continue
        taken.add(kind.casefold())
        found.append(DefectDescription(kind, _short(text), "model"))
    return tuple(found)


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(" .;,\"'")


def _short(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return text[:LONGEST_TEXT].rsplit(" ", 1)[0].rstrip(" .;,")
