"""The paper authors' test sets: `question.jsonl`, one question about one photograph a line.

Fields read: question_id, image, text, gt (0 good, 1 defective), sub_dataset or subset (the
product), origin_path (where the photograph lay in its data set), reference (a good one, in one-shot
sets). `mask` and `bbox` are an expert's, not the truth, and are left alone. Photographs stand below
an image folder, there or in its `imgs`; references there or in its `mvtec`. What is asked is the
paper's question in our words' place: product and process are read from `text`.
No picture is opened here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from triad_ui.errors import EvaluationError, ProcessError
from triad_ui.evaluation.datasets import GOOD, DataSet, Product, Sample
from triad_ui.evaluation.process_files import noun_in, process_in

LABELS = {"0": False, "1": True, "false": False, "true": True, "ok": False, "good": False}
QUERIES, REFERENCES = ("imgs", ""), ("mvtec", "", "imgs")


def read_question_set(file: Path, images: Path) -> DataSet:
    """The set in `file`, its photographs below the folder `images`, products by name.

    EvaluationError with the line number for a line that cannot be used.
    """
    if not images.is_dir():
        raise EvaluationError(f"{images} is not a folder. Name the images' folder with --images.")
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{file} cannot be read ({error}). Save it in UTF-8.") from error
    tested: dict[str, list[Sample]] = {}
    references: dict[str, dict[Path, None]] = {}
    texts: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        row = _row(line, where)
        product, sample = _product(row, where), _sample(row, images, where)
        tested.setdefault(product, []).append(sample)
        references.setdefault(product, {})
        if sample.reference is not None:
            references[product][sample.reference] = None
        texts.setdefault(product, str(row.get("text") or ""))
    notes: Counter[str] = Counter()
    processes, nouns = {}, {}
    for product, text in texts.items():
        if noun := noun_in(text):
            nouns[product] = noun
        else:
            notes["product whose question is not in the paper's words; its name is used"] += 1
        try:
            if process := process_in(text, product):
                processes[product] = process
        except ProcessError as error:
            notes[f"process that cannot be used ({error})"] += 1
    products = tuple(
        Product(name, tuple(references[name]), tuple(tested[name])) for name in sorted(tested)
    )
    told = tuple(f"{count} times: {what}" for what, count in notes.items())
    return DataSet(images, f"questions of {file.name}", products, told, processes, nouns)


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise EvaluationError(f"{where}: this is not JSON ({error}). Correct the line.") from error
    if not isinstance(row, dict) or not isinstance(row.get("image"), str):
        raise EvaluationError(f'{where}: no image is named. Write its path as "image".')
    return row


def _product(row: Mapping[str, Any], where: str) -> str:
    """The product, as the authors' own script finds it: named, else the origin's folder."""
    named = row.get("sub_dataset") or row.get("subset")
    if named:
        return str(named)
    parts = PurePosixPath(str(row.get("origin_path") or "")).parts
    for place in ("test", "train"):
        if place in parts[1:]:
            return parts[parts.index(place, 1) - 1]
    if len(parts) > 1:
        return parts[0]
    raise EvaluationError(
        f'{where}: it does not tell the product. Write it as "sub_dataset" or give origin_path.'
    )


def _sample(row: Mapping[str, Any], images: Path, where: str) -> Sample:
    origin = PurePosixPath(str(row.get("origin_path") or row["image"]))
    truth = row.get("gt")
    if truth is None:  # as their script does for sets that only have paths
        defective = GOOD not in origin.parts
    else:
        defective = _label(truth, where)
    kind = origin.parent.name if len(origin.parts) > 1 else ""
    reference = row.get("reference")
    return Sample(
        name=PurePosixPath(row["image"]).as_posix(),
        path=_below(images, row["image"], QUERIES, where),
        defective=defective,
        kind=(kind if kind not in ("", GOOD, "imgs") else "defective") if defective else GOOD,
        mask=_mask(images, origin) if defective else None,
        reference=_below(images, str(reference), REFERENCES, where) if reference else None,
    )


def _label(truth: object, where: str) -> bool:
    label = LABELS.get(str(truth).lower())
    if label is None:
        raise EvaluationError(f"{where}: gt is {truth!r}. Write 0 for good or 1 for defective.")
    return label


def _below(images: Path, text: str, folders: tuple[str, ...], where: str) -> Path:
    named = PurePosixPath(text)
    if not text or named.is_absolute() or ".." in named.parts or "\0" in text:
        raise EvaluationError(
            f"{where}: the path {text!r} is empty or leads out of the images' folder. Write it "
            "from there."
        )
    places = [images / folder / named for folder in folders]
    return next((path for path in places if path.is_file()), places[0])


def _mask(images: Path, origin: PurePosixPath) -> Path | None:
    """The drawn truth of a photograph that lay in the layout of MVTec AD, where it is there."""
    parts = origin.parts
    if "test" not in parts or ".." in parts or origin.is_absolute():
        return None
    place = parts.index("test")
    named = PurePosixPath(*parts[:place], "ground_truth", *parts[place + 1 : -1])
    for folder in ("", "mvtec"):
        path = images / folder / named / f"{origin.stem}_mask.png"
        if path.is_file():
            return path
    return None
