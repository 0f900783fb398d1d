"""The report: numbers of model and expert side by side, and no text that runs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from tests.evaluation.drawn_set import CountingExpert, mvtec
from tests.evaluation.test_run import run
from triad_ui.evaluation.datasets import open_data_set
from triad_ui.evaluation.report import html
from triad_ui.evaluation.run import Options, evaluate


def body(text: str) -> str:
    """What is shown, without scripts and style."""
    return " ".join(re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.S).split())


def test_decisions_stand_beside_each_other(tmp_path: Path) -> None:
    shown = body(html(run(mvtec(tmp_path))))
    assert "expert, at its threshold" in shown
    assert "model, with process" in shown
    assert "model, without process" in shown
    assert "0% (0 of 1)" in shown
    assert "100% (1 of 1)" in shown
    assert "told the process plate; 0 of 5 verdicts are not right" in shown


def test_a_product_without_a_process_is_told_so(tmp_path: Path) -> None:
    shown = body(html(run(mvtec(tmp_path, "disc"))))
    assert "model, no process known" in shown
    assert "model, without process</td>" in shown  # of the mean
    assert shown.count("told no process") == 1


def test_wrong_verdicts_are_named_the_surest_first(tmp_path: Path) -> None:
    shown = body(html(run(mvtec(tmp_path), "without")))
    assert "told no process; 2 of 5 verdicts are not right" in shown
    assert "plate/test/spot/000.png, spot: normal, probability of a defect 0.05" in shown
    assert "with process" not in shown


def test_without_a_model_nothing_is_said_of_it(tmp_path: Path) -> None:
    shown = body(html(evaluate(open_data_set(mvtec(tmp_path)), CountingExpert(), Options(1))))
    assert "expert, at its threshold" in shown
    assert "verdict" not in shown


def test_hostile_names_are_text(tmp_path: Path) -> None:
    result = run(mvtec(tmp_path), "without")
    evil = "<img src=x onerror=alert(1)>"
    images = tuple(replace(image, name=evil) for image in result.products[0].images)
    product = replace(result.products[0], name=evil, images=images, process=evil)
    assert evil not in html(replace(result, products=(product,), engine=evil))
