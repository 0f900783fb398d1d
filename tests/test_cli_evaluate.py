"""The shell's `evaluate`: files that it writes, what it refuses, and that it goes on."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.evaluation.drawn_set import CountingExpert, SpotModel, mvtec
from tests.evaluation.test_process_files import AUTHORS
from triad_ui import wiring
from triad_ui.cli import main
from triad_ui.inspector import Inspector
from triad_ui.model.loader import ModelLoader


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """(expert, model) with which the command works, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TRIAD_OFFLINE", "1")
    expert, model = CountingExpert(), SpotModel()

    def build(settings, **more):
        loader = ModelLoader(lambda choice, report: model)
        return Inspector(lambda name: expert, loader.current), loader, lambda name: expert

    monkeypatch.setattr(wiring, "build_inspector", build)
    mvtec(tmp_path / "set", "bottle")
    (tmp_path / "p.txt").write_text("1. Blow the glass.\n")
    return expert, model


def test_all_files_are_written_and_agree(parts, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = ["--json", "o.json", "--csv", "o.csv", "--html", "o.html"]
    assert main(["evaluate", "set", "--shots", "1", *outputs]) == 0
    told = json.loads(Path("o.json").read_text())
    assert set(told) >= {"expert", "shots", "products", "mean", "seconds_per_image"}
    decided = told["products"]["bottle"]["decision"]
    assert set(decided) == {"expert", "model", "model_without_process"}
    assert told["products"]["bottle"]["process"] == "bottle"  # the library's
    with open("o.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert float(table[0]["model_accuracy"]) == decided["model"]["accuracy"]
    with open("o_photographs.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 5
    heading = "<h1>Evaluation of the expert fake and of a language model</h1>"
    assert heading in Path("o.html").read_text()
    shown = capsys.readouterr()
    assert "model without process" in shown.out
    assert "by size of defect" in shown.out
    assert not list(Path("cache").rglob("*.jsonl"))  # nothing is left of a run that is done


def test_a_record_is_kept_and_taken_up(parts, capsys: pytest.CaptureFixture[str]) -> None:
    expert, model = parts
    assert main(["evaluate", "set", "--record", "r.jsonl"]) == 0
    looks, asked = len(expert.scored), len(model.asked)
    assert main(["evaluate", "set", "--record", "r.jsonl"]) == 0
    assert (len(expert.scored), len(model.asked)) == (looks, asked)
    assert "5 photographs were taken from r.jsonl" in capsys.readouterr().err
    assert main(["evaluate", "set", "--record", "r.jsonl", "--fresh"]) == 0
    assert len(model.asked) == 2 * asked


def test_a_run_that_failed_goes_on_by_itself(parts) -> None:
    expert, model = parts
    answer = model.choice_logits

    def breaks(*args, **kwargs):
        if len(model.asked) == 4:
            raise KeyboardInterrupt
        return answer(*args, **kwargs)

    model.choice_logits = breaks
    assert main(["evaluate", "set"]) == 130
    assert len(list(Path("cache").rglob("*.jsonl"))) == 1
    model.choice_logits = answer
    looks = len(expert.scored)
    assert main(["evaluate", "set", "--json", "o.json"]) == 0
    assert len(model.asked) == 10
    assert len(expert.scored) == looks + 2 + 1  # two were left, and one look that is not counted
    assert json.loads(Path("o.json").read_text())["resumed"] == 2


def test_processes_may_be_named(parts) -> None:
    _, model = parts
    Path("bottle.txt").write_text("1. Blow the glass.\n")
    command = ["evaluate", "set", "--processes", "bottle.txt", "--process", "with"]
    assert main([*command, "--record", "r.jsonl"]) == 0
    assert len(model.asked) == 5
    assert all("1. Blow the glass." in text for text in model.asked)


def test_no_model_is_loaded_for_the_expert_alone(parts) -> None:
    _, model = parts
    assert main(["evaluate", "set", "--no-model", "--json", "o.json"]) == 0
    assert model.asked == []
    assert json.loads(Path("o.json").read_text())["model"] is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "not a folder"),
        (["set", "--products", "cap"], "no product called 'cap'"),
        (["set", "--json", "no/such/o.json"], "Make it first"),
        (["set", "--csv", "no/such/o.csv"], "Make it first"),
        (["set", "--processes", "none"], "nothing at"),
        (["set", "--record", "p.txt"], "not a record"),
    ],
)
def test_refusals_come_before_anything_is_measured(
    parts, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    expert, model = parts
    Path("p.txt").write_text("my notes\nof a week\n")
    assert main(["evaluate", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert (expert.scored, model.asked) == ([], [])


@pytest.mark.parametrize("shots", ["-1", "two"])
def test_shots_that_are_no_number_are_refused(
    parts, shots: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["evaluate", "set", "--shots", shots])
    assert exit.value.code == 2
    assert "Give a whole number, 0 or more." in capsys.readouterr().err


def test_the_authors_questions_are_asked_with_their_process_and_reference(parts) -> None:
    _, model = parts
    images = Path("set/bottle/test")
    rows = [
        {"question_id": number, "image": f"{kind}/000.png", "gt": gt, "text": AUTHORS,
         "sub_dataset": "red_cloth", "origin_path": f"red_cloth/test/{kind}/000.png",
         "reference": "good/001.png"}
        for number, (kind, gt) in enumerate((("spot", 1), ("good", 0)))
    ]  # fmt: skip
    Path("question.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    command = ["evaluate", "question.jsonl", "--images", str(images), "--shots", "1"]
    assert main([*command, "--json", "o.json"]) == 0
    told = json.loads(Path("o.json").read_text())["products"]["red_cloth"]
    assert told["counts"]["paired"] == 2
    assert told["process"] == "red_cloth"
    assert told["decision"]["model"]["accuracy"] == 1.0
    assert set(model.shown) == {2}
    assert model.asked[0].startswith("The following is the production process of the red cloths:")
    assert "an acceptable red cloth." in model.asked[1]
