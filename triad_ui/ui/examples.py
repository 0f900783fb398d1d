"""The example cases that ship with the project: a folder each, read at start.

A folder holds case.json and pictures:
{"title", "product", "process_name", "process": its text, "question", "truth", "query": file,
"references": [files]}. Without "query" the file named query.* is taken, without "references" all
named reference*. A folder that cannot be read is left out and logged; examples are never needed.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)
FOLDER = Path(__file__).resolve().parents[2] / "assets" / "examples"
_PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}


@dataclass(frozen=True, slots=True)
class Example:
    """One example: what its card says and which files it lays out."""

    name: str
    title: str
    product: str
    process_name: str
    process: str
    question: str
    truth: str
    query: Path
    references: tuple[Path, ...]

    def thumbnail(self) -> bytes:
        """A PNG of at most 200 pixels."""
        import io

        from PIL import Image

        with Image.open(self.query) as image:
            small = image.convert("RGB")
            small.thumbnail((200, 200))
        file = io.BytesIO()
        small.save(file, "PNG")
        return file.getvalue()


def read_examples(folder: Path = FOLDER) -> tuple[Example, ...]:
    """All readable examples, by folder name; empty when there is none."""
    found = []
    for place in sorted(folder.glob("*/case.json")):
        try:
            found.append(_read(place.parent, json.loads(place.read_text("utf-8"))))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
            _LOG.warning("example %s is left out: %r", place.parent.name, error)
    return tuple(found)


def _read(folder: Path, case: dict[str, Any]) -> Example:
    pictures = sorted(p for p in folder.iterdir() if p.suffix.lower() in _PICTURES)
    if "query" in case:
        query = folder / Path(str(case["query"])).name
    else:
        query = next(p for p in pictures if p.stem.startswith("query"))
    if "references" in case:
        references = tuple(folder / Path(str(name)).name for name in case["references"])
    else:
        references = tuple(p for p in pictures if p.stem.startswith("reference"))
    truth = case.get("truth", "")
    return Example(
        name=folder.name,
        title=str(case["title"]),
        product=str(case.get("product", "")),
        process_name=str(case.get("process_name", "")),
        process=str(case.get("process", "")),
        question=str(case.get("question", "")),
        truth=truth if isinstance(truth, str) else truth_line(truth),
        query=query,
        references=references,
    )


def truth_line(truth: Any) -> str:
    """The truth of a case in a few words, whether it was written as text or as fields."""
    if not isinstance(truth, dict):
        return str(truth)
    parts = [str(truth[key]) for key in ("label", "kind", "location") if truth.get(key)]
    return ", ".join(parts)
