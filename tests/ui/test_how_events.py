"""The handlers of "How to look" over the real workbench and stores, without a server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from tests.evaluating.drawn_data_set import plate
from tests.fakes import FakeModel, fake_settings, fake_workbench, ready
from tests.ui.conftest import png
from triad_ui.records import Correction
from triad_ui.settings import Settings
from triad_ui.ui import present
from triad_ui.ui.case_events import CaseEvents, CaseShown
from triad_ui.ui.how_events import HowEvents
from triad_ui.ui.layout_events import LayoutEvents
from triad_ui.ui.session import Draft
from triad_ui.workbench import Workbench

NAMED = "scratch: a thin bright line"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(fake_settings(tmp_path), image_root=tmp_path / "root")


@pytest.fixture
def workbench(settings: Settings) -> Iterator[Workbench]:
    made = fake_workbench(settings, ready(FakeModel(f"- {NAMED}\n- stain: a dark spot")))
    made.wait_for_model(10)
    yield made
    made.close()


@pytest.fixture
def events(workbench: Workbench, settings: Settings) -> HowEvents:
    return HowEvents(workbench, settings)


@pytest.fixture
def folder(settings: Settings) -> Path:
    assert settings.image_root
    made = settings.image_root / "plates"
    for number in range(3):
        plate(made / f"{number}.png", level=150 + number)
    (made / "broken.png").write_bytes(b"no picture")
    return made


def inspected(workbench: Workbench, settings: Settings, expert: str = "") -> present.Json:
    """The viewer after Inspect."""
    events = CaseEvents(workbench, settings, LayoutEvents(workbench, ()))
    draft = Draft(
        workbench.add_image(png(True), "bad.png"), (workbench.add_image(png(False), "good.png"),)
    )
    *case, _ = list(events.inspect(draft, "", "", "plate", expert))[-1]
    return CaseShown(*case).viewer


def test_what_is_shown_at_first(events: HowEvents, folder: Path) -> None:
    shown = events.refresh("", " Plate ")
    assert shown["product"] == "plate" and shown["experts"]["chosen"] == "reference"
    assert shown["experts"]["ready"][0]["name"] == "reference"
    absent = {offer["name"]: offer["problem"] for offer in shown["experts"]["lacking"]}
    assert "hf download" in absent["musc"] and "--local-dir" in absent["musc"]
    assert shown["threshold"] == {"at": 0.5, "set": False, "good": [], "bad": []}
    assert (shown["defects"], shown["pool"], shown["folders"]) == ([], 0, ["plates"])
    assert json.loads(json.dumps(shown)) == shown


def test_only_experts_that_are_ready_can_be_chosen(events: HowEvents) -> None:
    assert events.pick("patch-core-embedded", "", "plate")[0] == "patch-core-embedded"
    chosen, shown = events.pick("musc", "patch-core-embedded", "plate")
    assert chosen == "patch-core-embedded" and shown["problem"]["part"] == "expert"
    assert "not on this machine" in shown["problem"]["text"]
    assert events.pick("nobody", "", "plate")[0] == "reference"


def test_the_chosen_expert_inspects(workbench: Workbench, settings: Settings) -> None:
    asked = []
    made = workbench._inspector.expert
    workbench._inspector.expert = lambda name: asked.append(name) or made(name)  # type: ignore[method-assign]
    inspected(workbench, settings, "patch-core-embedded")
    inspected(workbench, settings)
    assert asked == ["patch-core-embedded", "reference"]


def test_a_saved_threshold_is_used_and_named(
    events: HowEvents, workbench: Workbench, settings: Settings
) -> None:
    before = inspected(workbench, settings)
    shown = events.save_threshold("0.25", "", "Plate")
    assert shown["threshold"]["at"] == 0.25 and shown["threshold"]["set"]
    assert shown["done"]["text"] == "Saved for plate. It counts from the next Inspect on."
    after = inspected(workbench, settings)
    assert after["score"] >= before["score"]
    assert after["made"] == (
        "fake, compared with 1 good part; threshold of plate: 0.250 of the expert's own scale"
    )
    assert events.reset_threshold("", "", "plate")["threshold"]["at"] == 0.5
    assert "threshold" not in inspected(workbench, settings)["made"]


@pytest.mark.parametrize("said", ["0", "1", "nan", "much", "", "1e99"])
def test_a_threshold_that_cannot_be_used_is_told_beside_it(events: HowEvents, said: str) -> None:
    shown = events.save_threshold(said, "", "plate")
    assert shown["problem"]["part"] == "threshold" and shown["problem"]["text"]
    assert not shown["threshold"]["set"]


def test_a_threshold_from_corrected_cases(
    events: HowEvents, workbench: Workbench, settings: Settings
) -> None:
    assert "Nobody has said" in events.measure_threshold("", "fake", "plate")["problem"]["text"]
    for label in ("defective", "normal"):
        case = workbench.case(inspected(workbench, settings, "fake")["case"])
        workbench.correct(case.id, Correction(label == "defective", label=label))  # type: ignore[arg-type]
    shown = events.measure_threshold("", "fake", "plate")
    assert shown["done"]["text"].startswith("Saved 0.") and len(shown["threshold"]["good"]) == 1


def test_known_defects_are_typed_removed_and_brought_back(events: HowEvents) -> None:
    shown = events.add_defect(f"{NAMED}\n\nstain: dark", "", "plate")
    assert [each["kind"] for each in shown["defects"]] == ["scratch", "stain"]
    assert shown["typed"] == "" and events.other_product("", "cap")["defects"] == []
    shown = events.remove_defect(shown["defects"][0]["id"], "", "plate")
    assert [each["kind"] for each in shown["defects"]] == ["stain"]
    shown = events.bring_back_defect(shown["undo"], "", "plate")
    assert len(shown["defects"]) == 2


@pytest.mark.parametrize("said", ["", "scratch", ": thin", "scratch:", f"{NAMED}\nstain", "{}"])
def test_what_describes_no_defect_is_told_and_stays_typed(events: HowEvents, said: str) -> None:
    shown = events.add_defect(said, "", "plate")
    assert shown["problem"]["part"] == "defects" and "scratch: a thin" in shown["problem"]["text"]
    assert shown["defects"] == [] and "typed" not in shown


def test_the_model_proposes_and_a_person_accepts(events: HowEvents) -> None:
    shown = events.propose_defects("", "plate", "", "")
    assert [each["kind"] for each in shown["proposed"]] == ["scratch", "stain"]
    assert shown["defects"] == []
    shown = events.add_defect(json.dumps(shown["proposed"][:1]), "", "plate")
    assert [(each["kind"], each["source"]) for each in shown["defects"]] == [("scratch", "model")]


def test_a_folder_is_put_into_the_pool(events: HowEvents, folder: Path) -> None:
    shown, timer = events.add_folder("plates", "", "plate")
    assert shown["filling"]["phase"] in ("running", "done") and timer.active
    events._filling.wait(20)
    shown, timer = events.follow_pool("", "plate")
    assert shown["pool"] == 3 and not timer.active
    assert shown["filling"]["message"].startswith("3 added. 1 left out. broken.png: ")
    assert events.clear_pool("", "", "plate")["pool"] == 0


def test_a_folder_outside_is_refused(events: HowEvents, folder: Path) -> None:
    events.add_folder("../..", "", "plate")
    events._filling.wait(20)
    shown, _ = events.follow_pool("", "plate")
    assert shown["filling"]["phase"] == "failed" and shown["pool"] == 0
    assert "There is no folder" in shown["filling"]["message"]


def test_uploads_are_put_into_the_pool_and_the_copies_removed(
    events: HowEvents, folder: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copy(folder / "0.png", tmp_path / "up.png"))
    cleared, _, timer = events.add_uploads([str(copy)], "", "plate")
    assert cleared is None and timer.active
    events._filling.wait(20)
    assert events.follow_pool("", "plate")[0]["pool"] == 1 and not copy.exists()
    assert isinstance(events.cancel_pool("", "plate")[1], gr.Timer)
