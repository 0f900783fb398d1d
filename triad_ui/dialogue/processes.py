"""Manufacturing processes: the library in assets/processes/ and what people paste.

A library file is TOML: `product`, `plural`, then one [[step]] with `text` and `attributes` a step;
its file name is the process's name. Pasted text is read forgivingly, and what
`ManufacturingProcess.text` writes is read back exactly.
Does not know how a process gets into a prompt, nor where versions are stored.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from triad_ui.errors import ProcessError
from triad_ui.records import ManufacturingProcess, ProcessStep

MAX_STEPS = 40
MAX_CHARACTERS = 20_000

_NUMBER = re.compile(
    r"(?:\((?P<a>\d{1,3})\)|(?:step|stage)\s*#?(?P<b>\d{1,3})(?:\s*[.):\-–—]|(?=\s|$))"
    r"|(?P<c>\d{1,3})\s*[.):](?=\s|$))\s*",
    re.IGNORECASE,
)
_BULLET = re.compile(r"[-*+•‣◦·–—]\s+")
_UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1b\x7f\u202a-\u202e\u2066-\u2069\ufeff]")


def load_library(folder: Path) -> dict[str, ManufacturingProcess]:
    """All processes of a folder of TOML files, by name, in the order of their names.

    Raises ProcessError naming the file that cannot be used.
    """
    library: dict[str, ManufacturingProcess] = {}
    for path in sorted(Path(folder).glob("*.toml")):
        try:
            library[path.stem] = _from_table(path.stem, tomllib.loads(path.read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError, ProcessError) as error:
            raise ProcessError(
                f"The process file {path} cannot be used ({error}). It needs product, plural and "
                "[[step]] entries, each with a text and a list of attributes."
            ) from error
    return library


def find(library: Mapping[str, ManufacturingProcess], name: str) -> ManufacturingProcess:
    """The process of that name or product; case, spaces, dashes and underscores do not matter.

    A name goes before a product, a product before its plural. Raises ProcessError with close names.
    """
    wanted = _plain(name)
    for reading in (
        lambda process: process.name,
        lambda process: process.product,
        lambda process: process.plural,
    ):
        for process in library.values():
            if _plain(reading(process)) == wanted:
                return process
    known = {_plain(key): key for key in library}
    near = [known[key] for key in difflib.get_close_matches(wanted, known, 3, cutoff=0.5)]
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(library)}."
    raise ProcessError(f"There is no manufacturing process called {name!r}. {hint}")


def parse(
    text: str,
    *,
    name: str = "pasted",
    product: str = "part",
    plural: str = "parts",
    version: int = 1,
    source: Literal["library", "saved", "pasted"] = "pasted",
) -> ManufacturingProcess:
    """Read a process from what a person typed or pasted.

    Numbered lines ("1.", "2)", "(3)", "Step 4:") are steps; other lines below one go on with it,
    bullets below one are its attributes. Without numbers each bullet is a step, without bullets
    each line. A first line that ends in a colon is a heading and left out. Attributes stand in
    trailing parentheses, separated by ";". Steps are numbered anew from 1. Raises ProcessError:
    nothing in it, over MAX_CHARACTERS, over MAX_STEPS.
    """
    if len(text) > MAX_CHARACTERS:
        raise ProcessError(
            f"The process has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read. "
            "Keep the steps and attributes that can be seen on the part."
        )
    lines = [clean for line in text.splitlines() if (clean := _tidy(line))]
    if len(lines) > 1 and lines[0].endswith(":") and not _NUMBER.match(lines[0]):
        lines = lines[1:]
    steps = [_step(number, *found) for number, found in enumerate(_group(lines), 1)]
    if not steps:
        raise ProcessError("The process is empty. Write one step a line, or leave it out.")
    if len(steps) > MAX_STEPS:
        raise ProcessError(
            f"The process has {len(steps)} steps; at most {MAX_STEPS} are read. "
            "Join the steps that leave no trace on the part."
        )
    return ManufacturingProcess(name, product, plural, tuple(steps), version, source)


def _group(lines: list[str]) -> list[tuple[str, list[str]]]:
    """Lines -> (text of a step, attributes given as bullets below it)."""
    numbered = any(_NUMBER.match(line) for line in lines)
    bulleted = not numbered and any(_BULLET.match(line) for line in lines)
    steps: list[tuple[str, list[str]]] = []
    for line in lines:
        number, bullet = _NUMBER.match(line), _BULLET.match(line)
        if number:
            steps.append((line[number.end() :], []))
        elif bullet and numbered and steps:
            steps[-1][1].append(line[bullet.end() :])
        elif bullet:
            steps.append((line[bullet.end() :], []))
        elif (numbered or bulleted) and steps:
            steps[-1] = (f"{steps[-1][0]} {line}".strip(), steps[-1][1])
        else:
            steps.append((line, []))
    return [(text, attributes) for text, attributes in steps if text or attributes]


def _step(number: int, text: str, bullets: list[str]) -> ProcessStep:
    body, attributes = _split_attributes(text)
    return ProcessStep(number, body, (*attributes, *bullets))


def _split_attributes(text: str) -> tuple[str, tuple[str, ...]]:
    """ "Cut it. (clean; 5 mm (+-1))" -> "Cut it.", ("clean", "5 mm (+-1)")."""
    if not text.endswith(")"):
        return text, ()
    depth = 0
    for start in range(len(text) - 1, -1, -1):
        depth += (text[start] == ")") - (text[start] == "(")
        if depth == 0:
            break
    attributes = tuple(each for part in text[start + 1 : -1].split(";") if (each := part.strip()))
    body = text[:start].strip()
    if depth or not attributes or not body:
        return text, ()
    return body, attributes


def _from_table(name: str, table: Mapping[str, object]) -> ManufacturingProcess:
    entries = table["step"]
    if not isinstance(entries, list):
        raise TypeError("step is not a list")
    steps = tuple(
        ProcessStep(number, entry["text"], tuple(entry.get("attributes", ())))
        for number, entry in enumerate(entries, 1)
    )
    process = ManufacturingProcess(
        name, str(table["product"]), str(table["plural"]), steps, source="library"
    )
    if parse(process.text).steps != steps:
        raise ValueError("a step or an attribute cannot be written as one line and read back")
    return process


def _tidy(line: str) -> str:
    return " ".join(_UNSEEN.sub("", line).split())


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
