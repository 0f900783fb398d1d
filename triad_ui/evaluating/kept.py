"""What evaluations left: a folder each with numbers, tables and a report, to be fetched later.

A run's folder appears whole or not at all. Ids are opaque and never become a path unchecked.
Measurements of runs that were cut off lie beside them until the same run is finished.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from triad_ui.errors import NotFound, NotSaved
from triad_ui.evaluation.record import Record, digest
from triad_ui.evaluation.results import Evaluation
from triad_ui.evaluation.summary import as_json
from triad_ui.evaluation.tables import photographs_csv, products_csv

FILES = {
    "report.html": "an HTML file with plots and worst cases",
    "products.csv": "a row a product",
    "photographs.csv": "a row a photograph",
    "numbers.json": "everything that was measured",
}
"""What can be fetched of each, by the name of the file."""
CARD = "card.json"
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Card:
    """A kept evaluation in a line. created: seconds since the epoch. auroc: mean, or None."""

    id: str
    created: float
    root: str
    expert: str
    shots: int
    products: int
    photographs: int
    auroc: float | None
    engine: str
    stopped: bool


class KeptEvaluations:
    """The results in one folder, which is made when the first one is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, result: Evaluation) -> str:
        """Write all files of a result; returns its id. Raises NotSaved."""
        from triad_ui.evaluation.report import html

        now = time.time()
        name = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{secrets.token_hex(3)}"
        told = as_json(result)
        card = Card(
            name, now, result.root, result.expert, result.shots, len(result.products),
            sum(len(product.images) for product in result.products),
            told["mean"]["image_auroc"], result.engine, result.stopped,
        )  # fmt: skip
        texts = {
            "numbers.json": json.dumps(told, indent=1, allow_nan=False),
            "products.csv": products_csv(result),
            "photographs.csv": photographs_csv(result),
            "report.html": html(result),
            CARD: json.dumps(asdict(card)),
        }
        draft = self._folder / f".{name}"
        try:
            draft.mkdir(parents=True)
            for file, text in texts.items():
                (draft / file).write_text(text, encoding="utf-8")
            os.replace(draft, self._folder / name)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise NotSaved(
                f"The evaluation's files cannot be written to {self._folder} ({error.strerror}). "
                "Its numbers stay on the page until the next run; free some space there."
            ) from error
        return name

    def record(self, *choice: object) -> Record:
        """What earlier runs of the same choice measured before they were cut off."""
        return Record(self._folder / "unfinished" / f"{digest(*choice)}.jsonl")

    def cards(self, limit: int = 20) -> tuple[Card, ...]:
        """The kept evaluations, newest first; one that cannot be read is left out."""
        if not self._folder.is_dir():
            return ()
        names = sorted(
            (p.name for p in self._folder.iterdir() if _ID.fullmatch(p.name)), reverse=True
        )
        found = []
        for name in names[:limit]:
            with suppress(OSError, ValueError, TypeError):
                said = json.loads((self._folder / name / CARD).read_text("utf-8"))
                found.append(Card(**(said | {"id": name})))
        return tuple(found)

    def read(self, name: str, file: str) -> bytes:
        """One of the FILES of an evaluation. Raises NotFound."""
        if _ID.fullmatch(name) and file in FILES:
            with suppress(OSError):
                return (self._folder / name / file).read_bytes()
        raise NotFound("There is no such evaluation. Open the Evaluation tab again.")
