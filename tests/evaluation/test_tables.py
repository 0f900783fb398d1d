"""The tables for a spreadsheet: every row, and nothing that it would run."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from tests.evaluation.drawn_set import mvtec
from tests.evaluation.test_run import run
from triad_ui.evaluation.tables import photographs_csv, products_csv


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_a_product_and_the_mean(tmp_path: Path) -> None:
    product, mean = rows(products_csv(run(mvtec(tmp_path))))
    assert (product["product"], mean["product"]) == ("plate", "mean")
    assert product["process"] == "plate"
    assert float(product["image_auroc"]) == 1.0
    assert float(product["model_accuracy"]) == 1.0
    assert float(product["model_without_process_accuracy"]) == pytest.approx(0.6)
    assert float(mean["model_without_process_small"]) == 0.0
    assert float(mean["expert_large"]) == 1.0
    assert product["model_undecided"] == "0"


def test_a_row_a_photograph(tmp_path: Path) -> None:
    found = rows(photographs_csv(run(mvtec(tmp_path))))
    assert [row["path"] for row in found][:2] == ["plate/test/good/000.png",
                                                  "plate/test/good/001.png"]  # fmt: skip
    assert [row["label"] for row in found] == ["0", "0", "1", "1", "1"]
    small = found[2]
    assert float(small["defect_share"]) == pytest.approx(0.0025)
    assert (small["verdict"], small["verdict_without_process"]) == ("defective", "normal")
    assert found[0]["defect_share"] == ""


def test_formulas_in_names_are_text(tmp_path: Path) -> None:
    result = run(mvtec(tmp_path))
    product = replace(result.products[0], name="=cmd()")
    told = products_csv(replace(result, products=(product,)))
    assert rows(told)[0]["product"] == "'=cmd()"
    assert rows(photographs_csv(replace(result, products=(product,))))[0]["product"] == "'=cmd()"
