"""Which process belongs to which evaluated product: from files, the data set, or the library.

Reads what people have: the library's TOML, plain text, and JSON that maps products to texts (as the
paper's authors publish theirs, with or without the question behind it). It does not know prompts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from triad_ui.dialogue.processes import find, load_library, parse
from triad_ui.errors import ProcessError
from triad_ui.records import ManufacturingProcess

PREAMBLE = re.compile(
    r"\s*The following is the production process of (?:the )?(?P<plural>[^:\n]+):[ \t]*\n", re.I
)
QUESTION = re.compile(r"(?:Are there any defects on the|The second image shows an acceptable) ")
NOUN = re.compile(
    r"(?:defects on the (?P<one>.+?) in this image|shows an acceptable (?P<two>[^.\n]+?)\.)"
)


def read_processes(source: Path) -> dict[str, ManufacturingProcess]:
    """The processes of a file or a folder, by name. ProcessError saying what cannot be used.

    A folder: its .toml files (as in assets/processes), .txt files named for their product, and
    .json files. A .json file: {product: text}, at any depth.
    """
    source = Path(source)
    if not source.exists():
        raise ProcessError(f"There is nothing at {source}. Name a file or folder of processes.")
    found: dict[str, ManufacturingProcess] = {}
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    if any(path.suffix == ".toml" for path in files):
        library = load_library(source if source.is_dir() else source.parent)
        found |= {p.stem: library[p.stem] for p in files if p.stem in library}
    for path in files:
        if path.suffix in (".txt", ".json"):
            found |= dict(_read(path))
    if not found:
        raise ProcessError(
            f"{source} holds no process. It needs .toml files as in assets/processes, .txt files "
            "named for their product, or .json files that map products to texts."
        )
    return found


def process_in(text: str, product: str) -> ManufacturingProcess | None:
    """The process that a question opens with, as the paper words it; None without one."""
    opening = PREAMBLE.match(text)
    if opening is None:
        return None
    rest = text[opening.end() :]
    asked = QUESTION.search(rest)
    body = rest[: asked.start()] if asked else rest
    noun = noun_in(text) or product.replace("_", " ")
    return parse(
        _plain_marks(body), name=product, product=noun, plural=opening["plural"].strip(),
        source="pasted",
    )  # fmt: skip


def noun_in(text: str) -> str:
    """What a question in the paper's words calls the product; "" in other words."""
    match = NOUN.search(text)
    return (match["one"] or match["two"]).strip() if match else ""


def resolved(
    products: Iterable[str], *sources: Mapping[str, ManufacturingProcess]
) -> dict[str, ManufacturingProcess]:
    """The process of each product that has one, from the first source that knows it."""
    chosen = {}
    for product in products:
        for source in sources:
            if product in source:
                chosen[product] = source[product]
                break
            try:
                chosen[product] = find(source, product)
                break
            except ProcessError:
                continue
    return chosen


def _read(path: Path) -> Iterator[tuple[str, ManufacturingProcess]]:
    try:
        text = path.read_text("utf-8")
        entries = _entries(json.loads(text)) if path.suffix == ".json" else [(path.stem, text)]
        for name, told in entries:
            found = process_in(told, name)
            noun = name.replace("_", " ")
            found = found or parse(_plain_marks(told), name=name, product=noun, plural=noun)
            yield name, replace(found, name=name)
    except (OSError, ValueError, ProcessError) as error:
        raise ProcessError(
            f"The process file {path} cannot be used ({error}). It needs one step a line in UTF-8, "
            "or, in JSON, such a text for each product."
        ) from error


def _entries(table: object) -> Iterator[tuple[str, str]]:
    if not isinstance(table, dict):
        raise ValueError("it does not map products to texts")
    for name, value in table.items():
        if isinstance(value, str):
            yield name, value
        else:
            yield from _entries(value)


def _plain_marks(text: str) -> str:
    """Without the bold marks of Markdown, which the model should not read."""
    return text.replace("**", "")
