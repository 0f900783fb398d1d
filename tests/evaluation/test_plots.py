"""The figures hold what was counted, and leave out what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluation.drawn_set import CountingExpert, mvtec
from tests.evaluation.test_run import run
from triad_ui.evaluation import plots
from triad_ui.evaluation.datasets import open_data_set
from triad_ui.evaluation.run import Options, evaluate


def test_verdicts_are_counted_by_class(tmp_path: Path) -> None:
    figure = plots.verdicts(run(mvtec(tmp_path), "without").products[0])
    assert figure is not None
    good, bad = figure.data
    assert (good.name, bad.name) == ("good (2)", "defective (3)")
    # 0.047 of the two small spots lies in the second of forty bins, 0.953 of the large in the last
    # but one
    assert (bad.y[1], bad.y[38], sum(bad.y)) == (2, 1, 3)
    assert (good.y[1], sum(good.y)) == (2, 2)
    band = figure.layout.shapes[0]
    assert (band.x0, band.x1) == (pytest.approx(0.4), pytest.approx(0.6))


def test_without_a_model_there_are_no_verdicts_to_show(tmp_path: Path) -> None:
    product = evaluate(open_data_set(mvtec(tmp_path)), CountingExpert(), Options(1)).products[0]
    assert plots.verdicts(product) is None
    roc = plots.roc(product)
    assert roc is not None
    assert roc.data[1].name == "AUROC 1.000"
    assert (roc.data[2].x[0], roc.data[2].y[0]) == (0.0, 1.0)


def test_one_class_alone_has_no_curve(tmp_path: Path) -> None:
    product = evaluate(
        open_data_set(mvtec(tmp_path, spots=())), CountingExpert(), Options(1)
    ).products[0]
    assert plots.roc(product) is None


def test_thresholds_are_marked(tmp_path: Path) -> None:
    figure = plots.histogram([0.1, 0.2], [0.9], suggested=0.35)
    assert [shape.x0 for shape in figure.layout.shapes] == [0.5, 0.35]
    assert len(plots.histogram([0.1], [], suggested=0.501).layout.shapes) == 1
