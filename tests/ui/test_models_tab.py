"""The Models tab's handlers over the real workbench and loader, with made-up models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from tests.fakes import fake_settings
from tests.offering import NO_CHECKPOINT, TORN, Played, offering_workbench
from triad_ui.model.choice import ModelChoice
from triad_ui.ui.engine_line import EngineEvents
from triad_ui.ui.models_tab import ModelEvents, choice_of, folder_choice, served_choice
from triad_ui.workbench import Workbench

SMALL = {"kind": "hub", "source": "llava-hf/llava-onevision-qwen2-0.5b-ov-hf", "adapter": ""}
TORN_ONE = {"kind": "folder", "source": "/data/triad-torn", "adapter": ""}
OLD = "embedded  bf16"


def wanted(choice: dict[str, str], precision: str = "auto") -> str:
    return json.dumps(choice | {"precision": precision})


@pytest.fixture
def played() -> Played:
    return Played()


@pytest.fixture
def workbench(tmp_path: Path, played: Played) -> Iterator[Workbench]:
    made = offering_workbench(fake_settings(tmp_path), played)
    made.wait_for_model(10)
    yield made
    played.let_go.set()
    made.close()


@pytest.fixture
def events(workbench: Workbench) -> ModelEvents:
    return ModelEvents(workbench, EngineEvents(workbench, coming=True).engine)


def test_what_is_in_use_and_what_is_offered(events: ModelEvents) -> None:
    used, offers = events.refresh()
    assert used["title"] == "Embedded model (SmolLM2 135M)"
    assert used["facts"][0] == ["Precision", "Full (bf16)"]
    keys = {card["key"]: card["inUse"] for card in offers["offers"]}
    assert list(keys) == ["embedded", "llava-ov-0.5b", "llava-ov-7b", "llava-1.6-7b", "folder"]
    assert [key for key, is_used in keys.items() if is_used] == ["embedded"]


def test_load_shows_progress_beside_the_model_that_answers(
    events: ModelEvents, workbench: Workbench, played: Played
) -> None:
    line, timer = events.switch(wanted(SMALL, "int8"))
    assert line["state"] in ("loading", "fetching") and line["engine"] == OLD
    assert timer.active
    played.let_go.set()
    assert workbench.wait_for_model(10).state == "ready"
    assert played.loaded[-1] == ModelChoice("hub", SMALL["source"], "int8")
    used, offers = events.refresh()
    assert used["title"] == "LLaVA-OneVision 0.5B"
    assert used["facts"] == [["Precision", "8-bit (int8)"], ["Memory", "about 2.3 GB"]]
    assert [card["key"] for card in offers["offers"] if card["inUse"]] == ["llava-ov-0.5b"]


def test_cancel_leaves_the_old_model(events: ModelEvents, workbench: Workbench) -> None:
    events.switch(wanted(SMALL))
    line, _ = events.cancel()
    assert (line["state"], line["engine"]) == ("ready", OLD)
    assert events.refresh()[0]["title"] == "Embedded model (SmolLM2 135M)"


def test_a_failure_keeps_the_old_model_and_its_message(
    events: ModelEvents, workbench: Workbench, played: Played
) -> None:
    played.let_go.set()
    events.switch(wanted(TORN_ONE))
    workbench.wait_for_model(10)
    line, timer = events._poll()
    assert (line["state"], line["message"], line["engine"]) == ("failed", TORN, OLD)
    assert not timer.active
    assert events.refresh()[0]["title"] == "Embedded model (SmolLM2 135M)"
    line, _ = events.cancel()
    assert line["state"] == "ready"


def test_unloaded_is_told_as_absent_and_not_as_starting(events: ModelEvents) -> None:
    line, _ = events.unload()
    assert (line["state"], line["engine"]) == ("absent", "")
    assert "was unloaded" in line["message"]
    assert events.refresh()[0]["title"] == ""


def test_a_folder_is_looked_at(events: ModelEvents) -> None:
    card = events.examine_folder(' "/data/triad-ov" ', "/data/adapter")["offers"][0]
    assert card["choice"] == {
        "kind": "folder", "source": "/data/triad-ov", "adapter": "/data/adapter",
    }  # fmt: skip
    assert card["ways"][3]["fit"] == "fits" and card["ways"][1]["fit"] == "not"
    assert choice_of(json.dumps(card["choice"] | {"precision": "nf4"})) == ModelChoice(
        "folder", "/data/triad-ov", "nf4", Path("/data/adapter")
    )


def test_what_is_wrong_with_a_folder_stays_in_the_tab(events: ModelEvents) -> None:
    assert events.examine_folder("/data/photos", "") == {
        "offers": [], "refused": NO_CHECKPOINT.format("/data/photos"),
    }  # fmt: skip
    assert "No folder was named" in events.examine_folder("  ", "")["refused"]
    assert "not the path" in events.examine_folder("a\0b", "")["refused"]
    assert "not the path" in events.examine_folder("/data/triad", "\0")["refused"]
    assert "No address was named" in events.examine_served("")["refused"]


def test_a_defect_of_ours_is_an_apology(events: ModelEvents, workbench: Workbench) -> None:
    workbench._catalogue.examine = lambda choice: 1 / 0  # type: ignore[method-assign]
    with pytest.raises(gr.Error, match="report reference"):
        events.examine_folder("/data/triad", "")


def test_a_remote_engine_is_named_before_it_is_used(events: ModelEvents) -> None:
    card = events.examine_served(" http://gpu-server:8000/v1#triad ")["offers"][0]
    assert "go to gpu-server:8000" in card["leaves"]
    assert card["choice"]["source"] == "http://gpu-server:8000/v1#triad"


@pytest.mark.parametrize(
    "said",
    ["", "null", "[]", "{}", "1", "[" * 100_000, wanted(SMALL, "int3"),
     wanted(SMALL | {"kind": "shell"}), wanted(SMALL | {"source": "x" * 5000}),
     json.dumps({"kind": ["hub"], "source": "", "adapter": "", "precision": "auto"}),
     json.dumps({"kind": "hub", "source": 3, "adapter": "", "precision": {}})],
)  # fmt: skip
def test_what_no_card_sends_is_refused(events: ModelEvents, played: Played, said: str) -> None:
    with pytest.raises(gr.Error, match="No model was named"):
        events.switch(said)
    assert len(played.loaded) == 1


def test_a_browser_cannot_ask_for_pickle() -> None:
    said = json.dumps(SMALL | {"precision": "auto", "allow_pickle": True})
    assert choice_of(said).allow_pickle is False


def test_typed_paths_and_addresses() -> None:
    assert folder_choice("~/m", "").source == str(Path("~/m").expanduser())
    assert folder_choice("~nobody-at-all/m", "").source == "~nobody-at-all/m"
    assert served_choice(" http://h:8000 ").source == "http://h:8000"
