"""Regions over real stores: a person's, others' choice, and what is judged while they change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes import FakeExpert, fake_settings, fake_workbench, ready
from tests.scripted_model import ScriptedModel
from tests.ui.conftest import png
from triad_ui.errors import ModelError, NotFound, RegionError
from triad_ui.records import Case, Roi
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


def new_case(workbench: Workbench) -> Case:
    query = workbench.add_image(png(True), "query.png")
    good = workbench.add_image(png(False), "good.png")
    return workbench.inspect(query, [good], workbench.process("cable"))


def test_regions_of_a_person_are_what_the_model_is_shown_next(make: Make) -> None:
    model = ScriptedModel()
    workbench = make(model)
    case = new_case(workbench)
    list(workbench.ask(case.id, "Why?"))
    drawn = Roi(240, 90, 320, 160, source="user")
    changed = workbench.set_rois(case.id, [drawn])
    assert (changed.rois, changed.policy, changed.verdict) == ((drawn,), "user", None)
    list(workbench.ask(case.id, "And there?"))
    assert model.shown[1][0].rois == (drawn,)
    assert [turn.rois for turn in workbench.case(case.id).turns] == [case.rois, (drawn,)]


def test_drawn_regions_are_checked_and_an_experts_box_keeps_its_score(make: Make) -> None:
    workbench = make(ScriptedModel())
    case = new_case(workbench)
    found = case.rois[0]
    changed = workbench.set_rois(case.id, [Roi(*found.box, source="user"), Roi(-9, 200, 40, 999)])
    assert changed.rois == (found, Roi(0, 200, 40, 240, source="user"))
    with pytest.raises(RegionError, match="too little"):
        workbench.set_rois(case.id, [Roi(0, 0, 2, 2)])
    with pytest.raises(RegionError, match="4 at most"):
        workbench.set_rois(case.id, [Roi(0, 0, 20, 20)] * 5)
    assert workbench.case(case.id).rois == changed.rois
    assert workbench.set_rois(case.id, []).rois == ()
    assert workbench.set_rois(case.id, [found]).rois == (found,)
    with pytest.raises(NotFound):
        workbench.set_rois("no such case", [])


def test_who_chooses_the_regions_can_be_changed_without_the_expert(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel()
    workbench = make(model)
    case = new_case(workbench)
    monkeypatch.setattr(FakeExpert, "score", None)  # would fail if it ran again
    with pytest.raises(NotFound, match="Edit regions"):
        workbench.choose_rois(case.id, "user")
    workbench.judge(case.id)
    plain = workbench.choose_rois(case.id, "anyres")
    assert (plain.policy, plain.rois, plain.verdict) == ("anyres", (), None)
    list(workbench.ask(case.id, "Now?"))
    assert model.shown[-1][0].rois == ()
    assert model.shown[-1][0].anomaly_map is None
    chance = workbench.choose_rois(case.id, "null", seed=2)
    assert {roi.source for roi in chance.rois} == {"random"}
    drawn = workbench.set_rois(case.id, [Roi(5, 5, 60, 60)])
    back = workbench.choose_rois(case.id, "ranked")
    assert (back.policy, back.rois) == (case.policy, case.rois)
    assert workbench.choose_rois(case.id, "user").rois == drawn.rois
    assert workbench.case(case.id).turns[0].rois == ()  # as it was asked
    assert model.shown[-1][0].rois == ()


def test_choosing_what_is_chosen_keeps_the_verdict(make: Make) -> None:
    workbench = make(ScriptedModel())
    case = new_case(workbench)
    workbench.judge(case.id)
    assert workbench.choose_rois(case.id, "ranked").verdict is not None


def test_a_judgement_of_regions_that_were_changed_begins_anew(make: Make) -> None:
    model = ScriptedModel(yes=3.0)
    model.hold_reading = threading.Event()
    workbench = make(model)
    case = new_case(workbench)
    thread = threading.Thread(target=lambda: workbench.judge(case.id))
    thread.start()
    assert model.reading.wait(20)
    drawn = workbench.set_rois(case.id, [Roi(5, 5, 60, 60)]).rois
    assert workbench.case(case.id).verdict is None
    model.yes = -3.0
    model.hold_reading.set()
    thread.join(20)
    after = workbench.case(case.id)
    assert after.rois == drawn
    assert after.verdict is not None
    assert after.verdict.label == "normal"
    assert len(model.passes) == 2
    assert [seen[0].rois for seen in model.judged] == [case.rois, drawn]


def test_an_answer_goes_on_when_regions_change_but_its_verdict_is_not_theirs(make: Make) -> None:
    model = ScriptedModel()
    model.hold = threading.Event()
    workbench = make(model)
    case = new_case(workbench)
    thread = threading.Thread(target=lambda: list(workbench.ask(case.id, "Why?")))
    thread.start()
    assert model.said_first.wait(20)
    drawn = workbench.set_rois(case.id, [Roi(5, 5, 60, 60)]).rois
    model.hold.set()
    thread.join(20)
    after = workbench.case(case.id)
    assert (after.turns[0].state, after.turns[0].rois) == ("complete", case.rois)
    assert after.turns[0].verdict is not None
    assert (after.rois, after.verdict) == (drawn, None)


def test_a_question_asked_while_the_judgement_reads_is_answered(make: Make) -> None:
    model = ScriptedModel()
    model.hold_reading = threading.Event()
    workbench = make(model)
    case = new_case(workbench)
    judging = threading.Thread(target=lambda: workbench.judge(case.id))
    judging.start()
    assert model.reading.wait(20)
    asking = threading.Thread(target=lambda: list(workbench.ask(case.id, "Why?")))
    asking.start()
    while len(model.passes) < 2:
        time.sleep(0.01)
    with pytest.raises(ModelError, match="still answering"):  # of answers there is one at a time
        list(workbench.ask(case.id, "Where?"))
    model.hold_reading.set()
    judging.join(20)
    asking.join(20)
    after = workbench.case(case.id)
    assert [turn.state for turn in after.turns] == ["complete"]
    assert after.verdict is not None
    assert model.urgent == [False, True]  # a person waits for the second only


def test_stop_ends_judgement_and_answer_together(make: Make) -> None:
    model = ScriptedModel()
    model.hold_reading = threading.Event()
    workbench = make(model)
    case = new_case(workbench)
    refused: list[str] = []

    def judge() -> None:
        try:
            workbench.judge(case.id)
        except ModelError as error:
            refused.append(str(error))

    threads = [
        threading.Thread(target=judge),
        threading.Thread(target=lambda: list(workbench.ask(case.id, "Why?"))),
    ]
    for count, thread in enumerate(threads, 1):
        thread.start()
        while len(model.passes) < count:
            time.sleep(0.01)
    assert workbench.stop(case.id)
    model.hold_reading.set()
    for thread in threads:
        thread.join(20)
    assert len(refused) == 1
    assert [turn.state for turn in workbench.case(case.id).turns] == ["stopped"]
    assert not workbench.stop(case.id)


def test_stop_ends_a_judgement_for_good(make: Make) -> None:
    model = ScriptedModel()
    model.hold_reading = threading.Event()
    workbench = make(model)
    case = new_case(workbench)
    said: list[str] = []

    def judge() -> None:
        try:
            workbench.judge(case.id)
        except ModelError as error:
            said.append(str(error))

    thread = threading.Thread(target=judge)
    thread.start()
    assert model.reading.wait(20)
    assert workbench.stop(case.id)
    model.hold_reading.set()
    thread.join(20)
    assert len(said) == 1
    assert workbench.case(case.id).verdict is None


def test_the_vote_reaches_judgement_and_answer(make: Make) -> None:
    model = ScriptedModel(yes=0.5)
    model.alone = -4.0
    workbench = make(model)
    case = new_case(workbench)
    assert workbench.judge(case.id).label == "defective"
    assert workbench.judge(case.id, vote=True).label == "normal"
    list(workbench.ask(case.id, "Why?", vote=True))
    verdict = workbench.case(case.id).verdict
    assert verdict is not None
    assert verdict.label == "normal"
