"""The Inspect tab's handlers over the real workbench, without a server."""

from __future__ import annotations

import time
from pathlib import Path

import gradio as gr
import pytest

from tests.fakes import ANSWER, FakeModel, fake_workbench, ready
from tests.ui.conftest import deep_tiff, png
from triad_ui.errors import ModelError
from triad_ui.model.choice import ModelChoice
from triad_ui.model.loader import Report
from triad_ui.records import Correction, Turn
from triad_ui.settings import Settings
from triad_ui.ui.case_events import (
    CaseEvents,
    CaseShown,
    correction_of,
    database_name,
    paced,
)
from triad_ui.ui.examples import read_examples
from triad_ui.ui.layout_events import LayoutEvents, level_range
from triad_ui.ui.session import Draft
from triad_ui.workbench import Workbench


def inspected(events: CaseEvents, draft: Draft, process: str = "") -> CaseShown:
    *case, _ = list(events.inspect(draft, process, "", process or "plate"))[-1]
    return CaseShown(*case)


@pytest.fixture
def events(workbench: Workbench, settings: Settings) -> CaseEvents:
    return CaseEvents(workbench, settings, LayoutEvents(workbench, read_examples()))


@pytest.fixture
def draft(workbench: Workbench) -> Draft:
    return Draft(
        workbench.add_image(png(True), "bad.png"), (workbench.add_image(png(False), "good.png"),)
    )


@pytest.fixture
def shown(events: CaseEvents, draft: Draft) -> CaseShown:
    return inspected(events, draft, "cable")


def test_inspect_needs_a_photo(events: CaseEvents) -> None:
    with pytest.raises(gr.Error, match="no photo yet"):
        list(events.inspect(Draft(), "", "", ""))


def test_inspect_stores_a_case_and_shows_map_and_regions(
    shown: CaseShown, workbench: Workbench
) -> None:
    assert workbench.case(shown.case_id).product == "cable"
    assert shown.viewer["rois"][0]["place"] == "right"
    assert shown.verdict["model"] is None and shown.verdict["busy"]


def test_judge_follows_with_the_verdict_and_does_not_ask_twice(
    shown: CaseShown, events: CaseEvents
) -> None:
    values = list(events.judge(shown.case_id))
    assert values[0]["busy"] and values[-1]["model"]["label"] == "defective"
    assert len(list(events.judge(shown.case_id))) == 1


def test_ask_streams_and_is_stored(
    shown: CaseShown, events: CaseEvents, workbench: Workbench
) -> None:
    relayed = list(events.ask(shown.case_id, "What is wrong?"))
    assert relayed[0][1] == ""
    assert relayed[-1][0][-1]["content"][0]["text"] == ANSWER
    assert workbench.case(shown.case_id).turns[0].state == "complete"
    again = list(events.again(shown.case_id))
    assert [m["role"] for m in again[-1][0]] == ["user", "assistant"] * 2


def test_a_closed_page_stops_the_model_and_keeps_what_was_said(
    settings: Settings, draft: Draft, workbench: Workbench
) -> None:
    slow = fake_workbench(settings, ready(FakeModel(delay=0.05)))
    events = CaseEvents(slow, settings, LayoutEvents(slow, ()))
    case_id = inspected(events, draft).case_id
    stream = events.ask(case_id, "Why?")
    for chat, _, _ in stream:
        if "defect" in chat[-1]["content"][0]["text"]:
            break
    stream.close()
    turn = slow.case(case_id).turns[0]
    assert turn.state == "stopped" and "defect" in turn.answer and turn.answer != ANSWER
    slow.close()


def test_a_failed_switch_does_not_keep_the_old_model_from_judging(
    settings: Settings, draft: Draft
) -> None:
    def load(choice: ModelChoice, report: Report) -> FakeModel:
        if choice.kind == "folder":
            raise ModelError("It does not fit.")
        return FakeModel()

    workbench = fake_workbench(settings, load)
    workbench.wait_for_model(10)
    workbench.switch_model(ModelChoice("folder", "/models/large"))
    assert workbench.wait_for_model(10).state == "failed"
    events = CaseEvents(workbench, settings, LayoutEvents(workbench, ()))
    case = inspected(events, draft)
    assert case.verdict["busy"]
    assert list(events.judge(case.case_id))[-1]["model"]["label"] == "defective"
    workbench.close()


def test_an_unknown_case_is_no_error(events: CaseEvents) -> None:
    values = events.open_case("no-such-case")
    assert all(value == gr.skip() for value in values)


def test_open_case_brings_everything_back(shown: CaseShown, events: CaseEvents) -> None:
    draft, layout, *_ = events.open_case(shown.case_id)
    assert draft.query.name == "bad.png" and layout["references"][0]["name"] == "good.png"


def test_a_correction_is_stored_once_for_one_press(
    shown: CaseShown, events: CaseEvents, workbench: Workbench
) -> None:
    form = ("incorrect", "normal", "top", 2, " dent ", "", "", "QA")
    before = Draft(nonce="n")
    after, line, verdict = events.correct(shown.case_id, before, "", *form)
    events.correct(shown.case_id, before, "", *form)
    stored = workbench.case(shown.case_id).corrections
    assert len(stored) == 1 and stored[0].kind == "dent" and stored[0].step == 2
    assert line.startswith("Saved to sessions.db at ") and after.nonce != "n"
    assert verdict["correction"]["word"] == "Normal"


def test_a_correction_must_say_whether_the_model_was_right() -> None:
    assert correction_of("correct", None, None, 0, "", "", "", "") == Correction(True)
    with pytest.raises(Exception, match="Correct or Incorrect"):
        correction_of(None, "normal", None, 0, "", "", "", "")


def test_paced_keeps_first_and_last() -> None:
    def turns():
        for count in range(50):
            time.sleep(0.002)
            yield Turn(str(count), "q")

    relayed = [turn.id for turn in paced(turns(), per_second=15)]
    assert relayed[0] == "0" and relayed[-1] == "49" and len(relayed) <= 8


def test_uploads_are_stored_and_the_copy_removed(workbench: Workbench, tmp_path: Path) -> None:
    layout = LayoutEvents(workbench, ())
    path = tmp_path / "deep.tif"
    path.write_bytes(deep_tiff())
    draft, drop, value, viewer, *_ = layout.add_photo(Draft(), str(path))
    assert drop is None and not path.exists()
    assert draft.query.window.high == 4095 and level_range(draft.query) == (0.0, 4095.0)
    assert value["query"]["name"] == "deep.tif" and viewer["case"] == ""
    changed, *_ = layout.set_levels(draft, 1, 100, 2000)
    assert changed.query.window.low == 100


def test_what_is_no_picture_is_refused_in_words(workbench: Workbench, tmp_path: Path) -> None:
    path = tmp_path / "evil.png"
    path.write_bytes(b"<svg onload=alert(1)>")
    with pytest.raises(gr.Error):
        LayoutEvents(workbench, ()).add_photo(Draft(), str(path))
    assert not path.exists()


def test_database_name() -> None:
    assert database_name("sqlite:////srv/triad/sessions.db") == "sessions.db"
    assert database_name("postgresql+psycopg://u:secret@host/db") == "postgresql"
