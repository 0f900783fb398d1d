"""Data sets that may be named for an evaluation, all below one root.

A data set is a folder with `manifest.csv` or `question.jsonl`, or one laid out as MVTec AD. What it
names must lie below the root too, also behind a link. Knows nothing of runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from triad_ui.errors import EvaluationError
from triad_ui.evaluation.datasets import MANIFEST, QUESTIONS, DataSet, Product, open_data_set
from triad_ui.imaging.folders import UNSET, find_folder

DEEPEST = 4
"""Folders below the root that are looked into; deeper ones can still be named."""
MOST = 200
MOST_VISITED = 5_000
NO_ROOT = UNSET.removesuffix(" Or upload the pictures.")


@dataclass(frozen=True, slots=True)
class ProductSeen:
    """How many photographs a product has: known-good ones to compare with, tested ones of each.
    compared: whether every tested one can be compared with a good part, its own or those."""

    name: str
    references: int
    good: int
    defective: int
    compared: bool = True


@dataclass(frozen=True, slots=True)
class DataSetSeen:
    """What stands in a folder. layout: in words. notes: what is left out, and why."""

    folder: str
    layout: str
    products: tuple[ProductSeen, ...]
    notes: tuple[str, ...] = ()


class DataSets:
    """root: the folder below which data sets may be named, or None for nowhere."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def remedy(self) -> str:
        """Why no data set can be named, and the way out; "" when they can be."""
        return NO_ROOT if self._root is None else ""

    def names(self) -> tuple[str, ...]:
        """Data sets found below the root, as paths from it; "." is the root itself."""
        if self._root is None or not self._root.is_dir():
            return ()
        found: list[str] = []
        for visited, (where, inside, files) in enumerate(os.walk(self._root)):
            folder = Path(where)
            inside[:] = sorted(name for name in inside if not name.startswith("."))
            below = folder.relative_to(self._root)
            if MANIFEST in files or QUESTIONS in files or _mvtec(folder, inside):
                found.append(below.as_posix())
                inside.clear()  # its products are no data sets of their own
            elif len(below.parts) >= DEEPEST:
                inside.clear()
            if len(found) == MOST or visited == MOST_VISITED:
                break
        return tuple(found)

    def label(self, name: str) -> str:
        """A data set as it is shown: its path from the root; the root by its own name."""
        return name if name != "." or self._root is None else self._root.resolve().name or name

    def seen(self, folder: str) -> DataSetSeen:
        """What a folder holds. Raises EvaluationError, ImageError for one that may not be named."""
        data = self.open(folder)
        return DataSetSeen(folder, data.layout, tuple(map(_seen, data.products)), data.notes)

    def open(self, folder: str, products: Sequence[str] = ()) -> DataSet:
        """The data set, of the named products or of all. Raises as `seen` does."""
        if self._root is None:
            raise EvaluationError(NO_ROOT)
        if not folder.strip():
            raise EvaluationError("No folder was named. Choose one, or type its path.")
        found = find_folder(self._root, folder)
        real_root = self._root.resolve()
        _inside(real_root, [found / MANIFEST, found / QUESTIONS])
        data = open_data_set(found, products)
        for product in data.products:
            _inside(real_root, product.references)
            for sample in product.tested:
                _inside(real_root, [sample.path, sample.mask, sample.reference])
        return data


def _inside(root: Path, paths: Iterable[Path | None]) -> None:
    for path in paths:
        if path is None or Path(os.path.realpath(path)).is_relative_to(root):
            continue
        raise EvaluationError(
            f"{path.name} leads out of the folders that may be named. Copy it into the data set."
        )


def _mvtec(folder: Path, inside: Sequence[str]) -> bool:
    """Whether a folder holds PRODUCT/test, or is one product with train and test."""
    if "test" in inside and "train" in inside:
        return True
    return any((folder / name / "test").is_dir() for name in inside)


def _seen(product: Product) -> ProductSeen:
    defective = sum(sample.defective for sample in product.tested)
    own = all(sample.reference is not None for sample in product.tested)
    return ProductSeen(
        product.name,
        len(product.references),
        len(product.tested) - defective,
        defective,
        bool(product.references) or own,
    )
