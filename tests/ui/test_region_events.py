"""The handlers of regions over the real workbench, without a server."""

from __future__ import annotations

import json

import gradio as gr
import pytest

from tests.ui.conftest import png
from triad_ui.records import Case
from triad_ui.settings import Settings
from triad_ui.ui.case_events import CaseEvents
from triad_ui.ui.layout_events import LayoutEvents
from triad_ui.ui.region_events import RegionEvents
from triad_ui.ui.region_panel import FOUND, chosen, looks
from triad_ui.workbench import Workbench


@pytest.fixture
def case(workbench: Workbench) -> Case:
    query = workbench.add_image(png(True), "bad.png")
    case = workbench.inspect(query, [workbench.add_image(png(False), "good.png")])
    workbench.judge(case.id)
    return workbench.case(case.id)


@pytest.fixture
def events(workbench: Workbench, settings: Settings) -> RegionEvents:
    return RegionEvents(workbench, settings)


def message(case: Case, number: int = 1, **wanted: object) -> str:
    return json.dumps({"case": case.id, "edit": number, **wanted})


def test_drawn_boxes_come_back_with_the_number_of_the_change(
    events: RegionEvents, case: Case, workbench: Workbench
) -> None:
    viewer, verdict, policy = events.edited(case.id, message(case, 7, boxes=[[10, 20, 60, 70]]))
    assert viewer["edit"] == 7
    assert viewer["rois"][0]["box"] == [10, 20, 60, 70]
    assert viewer["rois"][0]["source"] == "user"
    assert verdict["model"] is None and verdict["busy"]
    assert policy == "user"
    assert workbench.case(case.id).verdict is None


def test_reset_is_a_choice_like_any_other(events: RegionEvents, case: Case) -> None:
    events.edited(case.id, message(case, boxes=[]))
    viewer, _, policy = events.edited(case.id, message(case, 2, choose=FOUND))
    assert [tuple(roi["box"]) for roi in viewer["rois"]] == [roi.box for roi in case.rois]
    assert policy == FOUND


def test_a_change_belongs_to_the_case_that_it_was_made_on(
    events: RegionEvents, case: Case, workbench: Workbench
) -> None:
    other = workbench.inspect(case.query)
    values = events.edited(other.id, message(case, boxes=[[10, 20, 60, 70]]))
    assert all(value == gr.skip() for value in values)
    assert workbench.case(case.id).rois[0].box == (10, 20, 60, 70)
    assert workbench.case(other.id).rois == other.rois


@pytest.mark.parametrize(
    "wanted",
    [{"boxes": [[0, 0, 1, 1]]}, {"boxes": [[1, 2, 3]]}, {"boxes": 3}, {"boxes": [[0, 0, "x", 9]]},
     {"boxes": [[0, 0, 50, 50]] * 5}, {"choose": "whatever"}, {}],
)  # fmt: skip
def test_what_is_no_region_is_refused_in_words(
    events: RegionEvents, case: Case, workbench: Workbench, wanted: dict
) -> None:
    with pytest.raises(gr.Error) as refused:
        events.edited(case.id, message(case, **wanted))
    assert "reference" not in str(refused.value)  # words, not the apology for a defect
    assert workbench.case(case.id).rois == case.rois
    for broken in ("", "[]", "{", "null", "3"):
        with pytest.raises(gr.Error):
            events.edited(case.id, broken)


def test_one_begins_to_draw_where_nothing_was_drawn(events: RegionEvents, case: Case) -> None:
    viewer, verdict, policy = events.choose(case.id, "user")
    assert viewer["begin"] is True
    assert (verdict, policy) == (gr.skip(), FOUND)
    events.edited(case.id, message(case, boxes=[[10, 20, 60, 70]]))
    events.choose(case.id, "null")
    viewer, _, policy = events.choose(case.id, "user")
    assert "begin" not in viewer
    assert (viewer["rois"][0]["box"], policy) == ([10, 20, 60, 70], "user")


def test_found_is_the_policy_that_is_set_up(workbench: Workbench, case: Case) -> None:
    for set_up, meant in (("faithful", "faithful"), ("null", "ranked"), ("ranked", "ranked")):
        events = RegionEvents(workbench, Settings(policy=set_up))
        events.choose(case.id, "anyres")
        events.choose(case.id, FOUND)
        assert workbench.case(case.id).policy == meant
    with pytest.raises(gr.Error, match="no inspected photo"):
        events.choose("", "anyres")


def test_the_strip_shows_with_a_case_and_the_vote_with_a_good_part(
    case: Case, workbench: Workbench
) -> None:
    assert looks(None).strip.visible is False
    strip, policy, vote = looks(case)
    assert (strip.visible, policy.value, vote.visible) == (True, FOUND, True)
    alone = workbench.inspect(case.query, policy="anyres")
    assert looks(alone).vote.visible is False
    assert chosen(alone) == "anyres"


def test_the_vote_of_the_page_goes_before_the_one_that_is_set_up(
    workbench: Workbench, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    judge = workbench.judge

    def recorded(case_id: str, *, vote: bool = False):
        asked.append(vote)
        return judge(case_id, vote=vote)

    monkeypatch.setattr(workbench, "judge", recorded)
    settings = Settings(vote=True)
    events = CaseEvents(workbench, settings, LayoutEvents(workbench, ()))
    assert len(list(events.judge(case.id))) == 1  # there is a judgement already
    values = list(events.judge_anew(case.id, False))
    assert values[0]["busy"] and values[0]["model"] is None
    assert values[-1]["model"]["label"] == "defective"
    list(events.judge_anew(case.id))
    assert asked == [False, True]
