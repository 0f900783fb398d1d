"""`manifest.csv`: one row a photograph, with its truth and, where paired, its reference.

Needed columns: path, product, split ("train" or "test"), label (0 good, 1 defective). Read where
there: defect_type, mask, boxes (JSON), reference. Paths are meant from the manifest's folder and
must not lead out of it. No picture is opened here.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from triad_ui.errors import EvaluationError
from triad_ui.evaluation.datasets import GOOD, Product, Sample

NEEDED = ("path", "product", "split", "label")
LABELS = {"0": False, "1": True}
Box = tuple[float, float, float, float]


def read_manifest(root: Path, file: Path) -> tuple[list[Product], tuple[str, ...]]:
    """The products in the order of the rows, and what was left out. EvaluationError with the line
    number for a row that cannot be used."""
    references: dict[str, list[Path]] = {}
    tested: dict[str, list[Sample]] = {}
    left: Counter[str] = Counter()
    for line, row in _rows(file):
        where = f"{file}, line {line}"
        product, split = row["product"], row["split"].lower()
        if not product:
            raise EvaluationError(f"{where}: no product is named. Write its name there.")
        if row["label"] not in LABELS:
            raise EvaluationError(
                f"{where}: the label is {row['label']!r}. Write 0 for good or 1 for defective."
            )
        defective = LABELS[row["label"]]
        path = _inside(root, row["path"], where)
        references.setdefault(product, [])
        tested.setdefault(product, [])
        if split == "test":
            tested[product].append(_sample(root, row, path, defective, where))
        elif split == "train" and not defective:
            references[product].append(path)
        else:
            left["defective rows of the split train" if defective else f"split {split!r}"] += 1
    products = [Product(name, tuple(references[name]), tuple(tested[name])) for name in tested]
    return products, tuple(f"{count} rows not used: {why}" for why, count in left.items())


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
            if missing:
                raise EvaluationError(
                    f"{file} has no column {', '.join(missing)}. Needed are {', '.join(NEEDED)}."
                )
            for row in reader:
                yield (
                    reader.line_num,
                    {
                        key: (value or "").strip()
                        for key, value in row.items()
                        if isinstance(key, str)
                    },
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(
            f"{file} cannot be read as a table ({error}). Save it as CSV in UTF-8."
        ) from error


def _sample(root: Path, row: dict[str, str], path: Path, defective: bool, where: str) -> Sample:
    mask, reference = row.get("mask", ""), row.get("reference", "")
    return Sample(
        name=PurePosixPath(row["path"]).as_posix(),
        path=path,
        defective=defective,
        kind=row.get("defect_type") or ("defective" if defective else GOOD),
        mask=_inside(root, mask, where) if mask and defective else None,
        boxes=_boxes(row.get("boxes", ""), where) if defective else (),
        reference=_inside(root, reference, where) if reference else None,
    )


def _inside(root: Path, text: str, where: str) -> Path:
    named = PurePosixPath(text)
    if not text or named.is_absolute() or ".." in named.parts or "\0" in text:
        raise EvaluationError(
            f"{where}: the path {text!r} is empty or leads out of the data set. Write it from the "
            "manifest's folder."
        )
    return root / named


def _boxes(text: str, where: str) -> tuple[Box, ...]:
    """Boxes written as [x0, y0, x1, y1] or {"box": [...], ...}, half-open, in pixels."""
    if not text:
        return ()
    try:
        return tuple(_box(entry["box"] if isinstance(entry, dict) else entry)
                     for entry in json.loads(text))  # fmt: skip
    except (ValueError, TypeError, KeyError) as error:
        raise EvaluationError(
            f"{where}: the boxes are not a list of [left, top, right, bottom] in JSON. "
            "Correct them or leave them empty."
        ) from error


def _box(entry: list[float]) -> Box:
    x0, y0, x1, y1 = (float(edge) for edge in entry)
    return x0, y0, x1, y1
