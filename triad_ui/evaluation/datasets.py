"""Folders of photographs with known truth: what is a reference, what is tested, what is where.

Three layouts: a folder with `manifest.csv` (see `manifest.py`), the questions of the paper's
authors (see `question_set.py`), and that of MVTec AD, PRODUCT/train/good, PRODUCT/test/KIND and
PRODUCT/ground_truth/KIND/NAME_mask.png, of which one product's own folder is read as well. Only
names are read here, no picture: data sets may be larger than memory. It does not know experts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from triad_ui.errors import EvaluationError
from triad_ui.records import ManufacturingProcess

MANIFEST = "manifest.csv"
QUESTIONS = "question.jsonl"
GOOD = "good"
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, slots=True)
class Sample:
    """A tested photograph and its truth.

    name: the path below the data set's folder, with slashes. kind: of defect, "good" without. mask:
    file, 0 where good; None where nobody drew one, which says nothing of a defective part. boxes:
    as `records` has them, floats. reference: the good photograph paired with this very one.
    """

    name: str
    path: Path
    defective: bool
    kind: str
    mask: Path | None = None
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    reference: Path | None = None

    @property
    def annotated(self) -> bool:
        """Whether it is known where this defective part is defective."""
        return self.mask is not None or bool(self.boxes)


@dataclass(frozen=True, slots=True)
class Product:
    """The known-good photographs of a product and the tested ones, both in the order of names."""

    name: str
    references: tuple[Path, ...]
    tested: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A folder that was read. layout: in words. notes: what was left out, and why. processes,
    nouns: how products are made and called, by their names, where the set itself says so."""

    root: Path
    layout: str
    products: tuple[Product, ...]
    notes: tuple[str, ...] = ()
    processes: Mapping[str, ManufacturingProcess] = field(default_factory=dict)
    nouns: Mapping[str, str] = field(default_factory=dict)


def open_data_set(root: Path, products: Sequence[str] = (), images: Path | None = None) -> DataSet:
    """The data set in `root`, of the named products or of all.

    root: a folder, or a file of questions. images: the folder of the latter's photographs, its own
    when None. EvaluationError when the folder is not there, holds no such layout or no image, or
    has no product of a given name.
    """
    root = Path(root)
    questions = root / QUESTIONS if root.is_dir() else root
    if questions.suffix == ".jsonl" and questions.is_file() and not (root / MANIFEST).is_file():
        from triad_ui.evaluation.question_set import read_question_set

        data = read_question_set(questions, images or questions.parent)
        if not data.products:
            raise EvaluationError(f"{questions} holds no question. Name another file.")
        return replace(data, products=_named(data.products, products))
    if not root.is_dir():
        raise EvaluationError(f"{root} is not a folder. Name the folder that holds the data set.")
    notes: tuple[str, ...] = ()
    if (root / MANIFEST).is_file():
        from triad_ui.evaluation.manifest import read_manifest

        layout = f"folder with {MANIFEST}"
        found, notes = read_manifest(root, root / MANIFEST)
    else:
        layout = "MVTec AD"
        found = _mvtec(root)
    if not any(product.tested for product in found):
        raise EvaluationError(
            f"{root} holds no tested photographs. It needs {MANIFEST}, or folders such as "
            "PRODUCT/train/good and PRODUCT/test/good, PRODUCT/test/KIND_OF_DEFECT."
        )
    return DataSet(root, layout, _named(found, products), notes)


def pictures_in(folder: Path) -> list[Path]:
    """The picture files directly in a folder, by name; [] where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def _mvtec(root: Path) -> list[Product]:
    if (root / "test").is_dir():
        return [_mvtec_product(root.resolve())]
    return [_mvtec_product(folder.parent) for folder in sorted(root.glob("*/test"))]


def _mvtec_product(folder: Path) -> Product:
    tested = []
    for kind in sorted(path for path in (folder / "test").iterdir() if path.is_dir()):
        drawn = {path.stem: path for path in pictures_in(folder / "ground_truth" / kind.name)}
        for path in pictures_in(kind):
            defective = kind.name != GOOD
            mask = drawn.get(f"{path.stem}_mask", drawn.get(path.stem)) if defective else None
            name = f"{folder.name}/test/{kind.name}/{path.name}"
            tested.append(Sample(name, path, defective, kind.name, mask))
    return Product(folder.name, tuple(pictures_in(folder / "train" / GOOD)), tuple(tested))


def _named(found: Sequence[Product], wanted: Sequence[str]) -> tuple[Product, ...]:
    if not wanted:
        return tuple(product for product in found if product.tested)
    by_name = {product.name: product for product in found}
    for name in wanted:
        if name not in by_name:
            raise EvaluationError(
                f"There is no product called {name!r} in the data set. There are: "
                f"{', '.join(by_name)}."
            )
        if not by_name[name].tested:
            raise EvaluationError(f"The product {name!r} has no tested photographs. Name others.")
    return tuple(by_name[name] for name in dict.fromkeys(wanted))
