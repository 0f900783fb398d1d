"""The Evaluation tab's handlers over real runs, without a server."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr
import pytest

from tests.evaluating.drawn_data_set import draw_product
from tests.ui.evaluations import fake_evaluations
from triad_ui.evaluating.runs import Evaluations
from triad_ui.ui.evaluation_events import EvaluationEvents, wanted
from triad_ui.workbench import Workbench


@pytest.fixture
def runs(tmp_path: Path) -> Evaluations:
    return fake_evaluations(tmp_path)


@pytest.fixture
def events(runs: Evaluations, workbench: Workbench) -> EvaluationEvents:
    return EvaluationEvents(runs, workbench)


@pytest.fixture
def done(runs: Evaluations, events: EvaluationEvents) -> tuple:
    """What the page shows once a run over both products has ended."""
    seen = events.start("parts", "reference", 2, [], "no")[-1]
    runs.wait(60)
    return events.follow(seen)


def test_one_data_set_is_chosen_by_itself(events: EvaluationEvents) -> None:
    folder, expert, found, products, progress, table, *_ = events.shown(None, "")
    assert folder.choices == [("parts", "parts")] and folder.value == "parts"
    assert expert.choices == [("Reference", "reference")]
    assert found["lines"][0] == "2 products, 12 photographs to judge."
    assert products.choices == [("plate", "plate"), ("round_plate", "round_plate")]
    assert progress["phase"] == "none" and table is None


def test_what_was_typed_is_left_alone(events: EvaluationEvents) -> None:
    folder, _, found, *_ = events.shown("elsewhere", "")
    assert "value" not in folder.constructor_args and found == gr.skip()


def test_without_a_root_the_remedy_is_shown(tmp_path: Path, workbench: Workbench) -> None:
    events = EvaluationEvents(fake_evaluations(tmp_path, rooted=False), workbench)
    assert "--image-root" in events.shown(None, "")[2]["problem"]
    with pytest.raises(gr.Error, match="--image-root"):
        events.start("parts", "reference", 2, [], "no")


def test_what_is_wrong_with_a_folder_stays_beside_it(events: EvaluationEvents) -> None:
    found, products = events.look("../../etc")
    assert "There is no folder" in found["problem"] and products.choices == []
    assert "No folder was named" in events.look(None)[0]["problem"]


def test_products_that_lack_something_are_named(events: EvaluationEvents, tmp_path: Path) -> None:
    draw_product(tmp_path / "root/few/cap", bad=0)
    for file in (tmp_path / "root/few/cap/train/good").iterdir():
        file.unlink()
    lines = events.look("few")[0]["lines"]
    assert lines[1] == "No good part to compare with: cap."
    assert lines[2].startswith("Only good or only defective photographs, so no AUROC: cap")


def test_a_run_is_shown_as_it_ends(done: tuple) -> None:
    progress, table, one, kept, timer, button, seen = done
    assert (progress["phase"], progress["done"], progress["total"]) == ("done", 12, 12)
    assert [row["name"] for row in table["rows"]] == ["plate", "round_plate", "mean"]
    titles = [column["title"] for column in table["columns"]]
    shown = dict(zip(titles, table["rows"][0]["cells"], strict=True))
    assert shown["AUROC"] == "1.000" and shown["Photos"] == "3 + 3" and shown["Escape"] == "0%"
    assert "Model" not in titles and one["name"] == "plate"
    assert table["what"] == "parts: Reference, 2 references"
    assert kept["rows"][0]["auroc"] == "AUROC 1.000" and kept["rows"][0]["id"] == table["kept"]
    assert not timer.active and button.interactive and seen.endswith("done")


def test_nothing_is_drawn_twice(done: tuple, events: EvaluationEvents) -> None:
    _progress, *rest, _, _, seen = events.follow(done[-1])
    assert rest[:3] == [gr.skip()] * 3 and seen == done[-1]


def test_another_page_sees_the_same_run(done: tuple, events: EvaluationEvents) -> None:
    _, _, _, _, progress, table, one, *_ = events.shown("parts", "")
    assert table == done[1] and one["name"] == "plate" and progress == done[0]


def test_a_product_has_plots_worst_cases_and_scores(done: tuple, events: EvaluationEvents) -> None:
    one = events.choose("round_plate")
    assert one["facts"] == (
        "Reference: 3 good and 3 defective photographs, compared with 2 references."
    )
    assert one["called"] == "round plate" and len(one["good"]) == len(one["bad"]) == 3
    assert [figure["key"] for figure in one["figures"]] == ["histogram", "trade", "roc"]
    assert one["figures"][0]["layout"]["shapes"][0]["x0"] == 0.5
    assert [len(group["cases"]) for group in one["worst"]] == [3, 3]
    assert one["worst"][1]["cases"][0]["picture"].startswith("data:image/jpeg;base64,")
    assert json.loads(json.dumps(one)) == one
    with pytest.raises(gr.Error, match="no finished product"):
        events.choose("moon")


def test_a_threshold_is_kept_with_what_it_did(
    done: tuple, events: EvaluationEvents, workbench: Workbench
) -> None:
    said = {"run": done[1]["run"], "product": "round_plate", "called": "Round  Plate"}
    told = events.use(json.dumps(said | {"threshold": 0.3}))
    assert told["text"].startswith(
        "Saved for round plate: Reference calls a part defective above 0.300 from now on. "
        "Expected: escape 0%, overkill 33%."
    )
    kept = workbench.products.tuning.settings("round plate", "reference")
    assert (kept.threshold, kept.escape) == (0.3, 0.0) and len(kept.bad_scores) == 3
    with pytest.raises(gr.Error, match="begun meanwhile"):
        events.use(json.dumps(said | {"run": "older", "threshold": 0.3}))


@pytest.mark.parametrize(
    "said",
    ["", "null", "[" * 9000, json.dumps({"run": "r", "product": "p", "called": "c"}),
     json.dumps({"run": "r", "product": "p", "called": "c", "threshold": 1}),
     json.dumps({"run": "r", "product": "p", "called": "c", "threshold": "NaN"}),
     json.dumps({"run": 1, "product": "p", "called": "c", "threshold": 0.5})],
)  # fmt: skip
def test_what_no_page_sends_is_refused(events: EvaluationEvents, said: str) -> None:
    with pytest.raises(gr.Error, match="form that is not known"):
        events.use(said)


def test_a_threshold_needs_the_name_of_a_product() -> None:
    with pytest.raises(Exception, match="has no name"):
        wanted('{"run": "r", "product": "p", "called": " ", "threshold": 0.5}')


def test_refusals_come_at_once(events: EvaluationEvents) -> None:
    with pytest.raises(gr.Error, match="weights are not here"):
        events.start("parts", "absent", 2, [], "no")
    with pytest.raises(gr.Error, match="still loading"):
        events.start("parts", "reference", 2, [], "both")
    with pytest.raises(gr.Error, match="whether the language model"):
        events.start("parts", "reference", 2, [], "maybe")


def test_cancel_says_so(events: EvaluationEvents, runs: Evaluations) -> None:
    events.start("parts", "reference", 2, [], "no")
    assert events.cancel()[0]["phase"] in ("stopping", "stopped", "done")
    runs.wait(60)
