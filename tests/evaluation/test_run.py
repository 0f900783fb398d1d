"""A whole run on drawn plates: every number counted by hand, with and without the process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.evaluation.drawn_set import (
    CountingExpert,
    SpotModel,
    judge,
    manifest,
    mvtec,
    plate,
    process,
)
from triad_ui.errors import EvaluationError, ModelError
from triad_ui.evaluation.datasets import open_data_set
from triad_ui.evaluation.decisions import decisions_table
from triad_ui.evaluation.results import Evaluation
from triad_ui.evaluation.run import Options, Progress, evaluate
from triad_ui.evaluation.summary import as_json, table

# The plates: 2 good; dark squares of 5, 20 and 40 px in 100 x 100: .0025 small, .04 medium, .16
# large. FakeExpert scores 1 on each of them. SpotModel finds all three when told the process and
# 1000 dark pixels (the large one) without.


def run(root: Path, process_mode: str = "both", shots: int = 2, **more) -> Evaluation:
    model = more.pop("model", SpotModel())
    options = Options(shots, process=process_mode)  # type: ignore[arg-type]
    asks = more.pop("judge", judge(model, process()))
    return evaluate(open_data_set(root), CountingExpert(), options, judge=asks, **more)


def test_decisions_are_those_counted_by_hand(tmp_path: Path) -> None:
    told = as_json(run(mvtec(tmp_path)))
    assert (told["expert"], told["shots"], told["model"]) == ("fake", 2, "spots fp32")
    product = told["products"]["plate"]
    assert product["image_auroc"] == 1.0
    assert product["process"] == "plate"
    with_process, without = (product["decision"][who] for who in ("model", "model_without_process"))
    assert with_process["accuracy"] == with_process["precision"] == with_process["auroc"] == 1.0
    assert without["recall"] == pytest.approx(1 / 3, abs=1e-6)
    assert without["tnr"] == 1.0
    assert without["accuracy"] == pytest.approx(3 / 5)
    assert without["balanced_accuracy"] == pytest.approx(2 / 3, abs=1e-6)
    assert without["precision"] == 1.0
    assert (without["undecided"], without["images"], without["no_verdict"]) == (0, 5, 0)
    assert product["decision"]["expert"]["accuracy"] == 1.0
    sizes = product["by_defect_size"]
    found = {size: sizes["model_without_process"][size]["share"] for size in
             ("small", "medium", "large", "normal")}  # fmt: skip
    assert found == {"small": 0.0, "medium": 0.0, "large": 1.0, "normal": 1.0}
    assert sizes["model"]["small"]["share"] == sizes["expert"]["small"]["share"] == 1.0
    assert told["overall"]["by_defect_size"]["model"]["normal"]["of"] == 2
    json.dumps(told, allow_nan=False)


def test_mean_goes_over_products_and_overall_over_images(tmp_path: Path) -> None:
    mvtec(tmp_path)
    mvtec(tmp_path, "disc", spots=(40,))  # no process: the large spot is found both ways
    told = as_json(run(tmp_path))
    mean = told["mean"]["decision"]["model_without_process"]
    assert mean["accuracy"] == pytest.approx((1.0 + 3 / 5) / 2)
    assert mean["images"] == 8
    overall = told["overall"]["decision"]["model_without_process"]
    assert overall["accuracy"] == pytest.approx(6 / 8)
    assert told["products"]["disc"]["process"] is None
    lines = decisions_table(run(tmp_path)).splitlines()
    assert any(line.startswith("mean") and "0.800" in line for line in lines)
    assert any("0.000 (0/1)" in line for line in lines)  # the small one, without process


def test_products_without_process_are_asked_once(tmp_path: Path) -> None:
    model = SpotModel()
    run(mvtec(tmp_path, "disc"), model=model)
    assert len(model.asked) == 5
    model = SpotModel()
    run(mvtec(tmp_path / "other"), model=model)
    assert len(model.asked) == 10


@pytest.mark.parametrize(("mode", "preambles"), [("with", 5), ("without", 0)])
def test_one_way_of_asking_alone(tmp_path: Path, mode: str, preambles: int) -> None:
    model = SpotModel()
    told = as_json(run(mvtec(tmp_path), mode, model=model))
    assert sum("production process" in text for text in model.asked) == preambles
    assert len(model.asked) == 5
    assert set(told["products"]["plate"]["decision"]) == {"expert", "model"}
    assert told["process"] == mode
    assert told["products"]["plate"]["process"] == ("plate" if mode == "with" else None)


@pytest.mark.parametrize(("shots", "shown"), [(0, 1), (1, 2), (3, 2)])
def test_expert_gets_all_references_and_the_model_the_first(
    tmp_path: Path, shots: int, shown: int
) -> None:
    model = SpotModel()
    result = run(mvtec(tmp_path), "with", shots, model=model)
    assert len(result.products[0].references) == shots
    assert set(model.shown) == {shown}


def test_undecided_is_counted_and_right_for_neither(tmp_path: Path) -> None:
    model = SpotModel()
    model.choice_logits = lambda *a, **k: (0.1, 0.0)  # type: ignore[method-assign]
    decided = as_json(run(mvtec(tmp_path), "with", model=model))["products"]["plate"]["decision"]
    told = decided["model"]
    assert (told["undecided"], told["undecided_share"]) == (5, 1.0)
    assert (told["accuracy"], told["recall"], told["tnr"]) == (0.0, 0.0, 0.0)
    assert told["precision"] is None
    # the more likely letter is "A" for all: 3 of 5 are defective
    assert told["forced_choice"]["accuracy"] == pytest.approx(0.6)
    assert told["forced_choice"]["balanced_accuracy"] == pytest.approx(0.5)


def test_a_model_that_fails_on_one_photograph_is_told(tmp_path: Path) -> None:
    model = SpotModel()
    answer, count = model.choice_logits, [0]

    def fails_once(*args, **kwargs):
        count[0] += 1
        if count[0] == 2:
            raise ModelError("Out of memory.")
        return answer(*args, **kwargs)

    model.choice_logits = fails_once  # type: ignore[method-assign]
    product = run(mvtec(tmp_path), "with", model=model).products[0]
    assert product.by_model is not None
    assert product.by_model.defective + product.by_model.good == 4
    assert any("Out of memory." in note for note in product.notes)


def test_paired_references_and_boxes_in_a_manifest(tmp_path: Path) -> None:
    plate(tmp_path / "a.png", 10)
    plate(tmp_path / "b.png")
    plate(tmp_path / "own.png")
    good = {"product": "board", "split": "test", "label": "0", "path": "b.png",
            "reference": "own.png"}  # fmt: skip
    bad = {**good, "path": "a.png", "label": "1", "boxes": "[[30, 20, 40, 30]]"}
    result = run(manifest(tmp_path, [good, bad]), shots=4)
    product = result.products[0]
    assert (product.paired, product.references, product.truth) == (2, (), "boxes")
    assert product.sizes("model") is None  # boxes tell no size
    assert as_json(result)["products"]["board"]["by_defect_size"] is None
    assert product.by_expert.accuracy == 1.0


def test_progress_has_time_left_and_the_finished_product(tmp_path: Path) -> None:
    seen: list[Progress] = []
    run(mvtec(tmp_path), report=seen.append)
    assert [p.done for p in seen] == [0, 0, 1, 2, 3, 4, 5]
    assert seen[1].seconds_left is None
    assert all(p.seconds_left is not None and "left" in p.message for p in seen[2:6])
    assert seen[-1].finished is not None and seen[-1].seconds_left == 0


def test_an_unreadable_photograph_is_skipped_and_none_at_all_refused(tmp_path: Path) -> None:
    root = mvtec(tmp_path)
    broken = root / "plate" / "test" / "good" / "000.png"
    broken.write_bytes(b"no picture")
    result = run(root)
    assert [s.name for s in result.products[0].skipped] == ["plate/test/good/000.png"]
    assert "plate" in table(result)
    for path in (root / "plate" / "test").rglob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(EvaluationError, match="No photograph could be scored"):
        run(root)


def test_without_a_model_the_shape_is_the_same(tmp_path: Path) -> None:
    told = as_json(evaluate(open_data_set(mvtec(tmp_path)), CountingExpert(), Options(1)))
    assert {"expert", "shots", "products", "mean", "seconds_per_image"} <= set(told)
    assert told["mean"]["image_auroc"] == 1.0
    assert (told["model"], told["process"]) == (None, None)
    assert set(told["products"]["plate"]["decision"]) == {"expert"}
