"""Folders and manifests: what is a reference, what is tested, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluation.drawn_set import manifest, mvtec, plate
from triad_ui.errors import EvaluationError
from triad_ui.evaluation.datasets import open_data_set

ROW = {"path": "a.png", "product": "cap", "split": "test", "label": "1"}


def test_mvtec_layout_and_one_products_own_folder(tmp_path: Path) -> None:
    data = open_data_set(mvtec(tmp_path))
    (product,) = data.products
    assert (product.name, len(product.references), len(product.tested)) == ("plate", 3, 5)
    assert [sample.defective for sample in product.tested] == [False, False, True, True, True]
    assert product.tested[0].mask is None
    assert product.tested[2].mask == tmp_path / "plate/ground_truth/spot/000_mask.png"
    own = open_data_set(tmp_path / "plate").products[0]
    assert [sample.name for sample in own.tested] == [sample.name for sample in product.tested]


def test_manifest_rows(tmp_path: Path) -> None:
    rows = [
        {**ROW, "defect_type": "dent", "mask": "m.png", "boxes": '[{"box": [1, 2, 3, 4]}]'},
        {**ROW, "path": "b.png", "label": "0", "mask": "m.png", "reference": "r.png"},
        {**ROW, "path": "r.png", "label": "0", "split": "train"},
        {**ROW, "path": "x.png", "split": "train"},
    ]
    data = open_data_set(manifest(tmp_path, rows))
    (product,) = data.products
    bad, good = product.tested
    assert (bad.kind, bad.mask, bad.boxes) == ("dent", tmp_path / "m.png", ((1, 2, 3, 4),))
    assert (good.kind, good.mask, good.reference) == ("good", None, tmp_path / "r.png")
    assert product.references == (tmp_path / "r.png",)
    assert data.notes == ("1 rows not used: defective rows of the split train",)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"label": "2"}, "line 2: the label is '2'"),
        ({"product": ""}, "no product is named"),
        ({"path": "../a.png"}, "leads out"),
        ({"path": "/a.png"}, "leads out"),
        ({"mask": "a/../../m.png"}, "leads out"),
        ({"boxes": "[1, 2]"}, "not a list of"),
    ],
)
def test_rows_that_cannot_be_used(tmp_path: Path, change: dict[str, str], told: str) -> None:
    with pytest.raises(EvaluationError, match=told):
        open_data_set(manifest(tmp_path, [{**ROW, **change}]))


def test_columns_that_lack_and_folders_that_are_empty(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("path,product\na.png,cap\n")
    with pytest.raises(EvaluationError, match="no column split, label"):
        open_data_set(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvaluationError, match="no tested photographs"):
        open_data_set(tmp_path / "empty")
    plate(tmp_path / "set" / "cap" / "test" / "good" / "0.png")
    with pytest.raises(EvaluationError, match="There are: cap"):
        open_data_set(tmp_path / "set", ["lid"])
