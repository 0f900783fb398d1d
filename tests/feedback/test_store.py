"""The store keeps records exactly, keeps earlier states, and says what it does not have."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import fields, replace
from pathlib import Path

import pytest

from tests.feedback.inspections import CABLE, assert_same, correction, inspection, picture, turn
from triad_ui.errors import NotFound, NotSaved
from triad_ui.feedback.store import FeedbackStore
from triad_ui.records import Correction, Roi, Verdict


def test_a_case_comes_back_exactly(store: FeedbackStore, url: str) -> None:
    given = inspection(seed=3, side=61)
    before = time.time()
    case_id = store.add_case(given)
    turns = (
        turn(),
        turn(question="And?", state="failed", verdict=None, error="no memory", rois=()),
    )
    turns = tuple(replace(each, id=store.save_turn(case_id, each)) for each in turns)
    said = (correction(turn_id=turns[0].id), Correction(agrees=True), correction(rois=()))
    for each in said:
        store.add_correction(case_id, each)
    verdict = Verdict("undecided", 0.5000000001, "bottom", 2, "scratch")
    store.set_verdict(case_id, verdict)
    store.close()

    case = FeedbackStore(url).case(case_id)

    assert before <= case.created <= time.time()
    expected = {
        "id": case_id,
        "created": case.created,
        "product": given.product,
        "query": given.query.record,
        "references": tuple(each.record for each in given.references),
        "process": CABLE,
        "anomaly_map": given.anomaly_map,
        "rois": given.rois,
        "policy": "faithful",
        "verdict": verdict,
        "timings": given.timings,
        "turns": turns,
        "corrections": said,
    }
    assert expected.keys() == {field.name for field in fields(case)}
    for name, value in expected.items():
        assert_same(getattr(case, name), value)
    assert case.anomaly_map.values.flags.writeable


def test_the_same_picture_may_be_query_and_reference(store: FeedbackStore) -> None:
    shot = picture()
    again = replace(shot, record=replace(shot.record, name="renamed.png"))
    case_id = store.add_case(replace(inspection(), query=shot, references=(again, shot)))
    case = store.case(case_id)
    assert [case.query.name, *(r.name for r in case.references)] == [
        "part.png",
        "renamed.png",
        "part.png",
    ]


def test_new_regions_clear_the_verdict_and_keep_the_old(store: FeedbackStore, url: str) -> None:
    case_id = store.add_case(inspection())
    store.set_verdict(case_id, Verdict("defective", 0.9))
    store.set_rois(case_id, (Roi(1, 1, 2, 2, None, "user"),), "user")
    case = store.case(case_id)
    assert case.verdict is None and case.policy == "user"
    assert case.rois == (Roi(1, 1, 2, 2, None, "user"),)
    store.set_verdict(case_id, Verdict("normal", 0.1))
    store.close()
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        kept = connection.execute(
            "SELECT revision, policy, verdict_label, json_array_length(rois) FROM case_regions"
        ).fetchall()
    connection.close()
    assert kept == [(1, "faithful", "defective", 2), (2, "user", "normal", 1)]


def test_a_turn_grows_and_an_ended_one_stays(store: FeedbackStore) -> None:
    case_id = store.add_case(inspection())
    growing = turn(state="streaming", answer="", verdict=None)
    growing = replace(growing, id=store.save_turn(case_id, growing))
    store.save_turn(case_id, replace(growing, answer="A str"))
    assert store.case(case_id).turns == (replace(growing, answer="A str"),)
    final = replace(growing, answer="A strand", state="complete")
    assert store.save_turn(case_id, final) == growing.id
    store.save_turn(case_id, replace(growing, answer="A stra"))
    assert store.case(case_id).turns == (final,)


def test_a_crash_leaves_turns_stopped(store: FeedbackStore, url: str) -> None:
    case_id = store.add_case(inspection())
    growing = turn(state="streaming", answer="So f")
    turn_id = store.save_turn(case_id, growing)
    # A second program opens the file as after a crash of the first.
    other = FeedbackStore(url)
    assert other.case(case_id).turns == (replace(growing, id=turn_id, state="stopped"),)
    other.close()
    # The first was alive after all: its final answer counts.
    store.save_turn(case_id, replace(growing, id=turn_id, state="complete", answer="So far."))
    assert store.case(case_id).turns[0].answer == "So far."


def test_a_correction_with_the_same_key_is_stored_once(store: FeedbackStore) -> None:
    case_id, other_id = store.add_case(inspection()), store.add_case(inspection(1))
    first = store.add_correction(case_id, correction(), key="k")
    assert store.add_correction(case_id, correction(note="changed"), key="k") == first
    assert store.add_correction(other_id, correction(), key="k") != first
    assert store.add_correction(case_id, correction()) != store.add_correction(
        case_id, correction()
    )
    assert len(store.case(case_id).corrections) == 3
    assert store.case(case_id).corrections[0].note == "seen twice"


def test_what_is_not_there_is_said(store: FeedbackStore) -> None:
    case_id, other_id = store.add_case(inspection()), store.add_case(inspection(1))
    foreign = store.save_turn(other_id, turn())
    for call in (
        lambda: store.case("nothing"),
        lambda: store.set_rois("nothing", (), "user"),
        lambda: store.set_verdict("nothing", Verdict("normal", 0.0)),
        lambda: store.save_turn("nothing", turn()),
        lambda: store.save_turn(case_id, turn(id="nothing")),
        lambda: store.save_turn(case_id, turn(id=foreign)),
        lambda: store.add_correction("nothing", correction()),
        lambda: store.add_correction(case_id, correction(turn_id=foreign)),
    ):
        with pytest.raises(NotFound):
            call()
    assert store.case(case_id).turns == () == store.case(case_id).corrections


def test_what_sqlite_cannot_hold_is_not_saved(store: FeedbackStore) -> None:
    case_id = store.add_case(inspection())
    for bad in (turn(question="\ud800"), turn(seed=2**70)):
        with pytest.raises(NotSaved, match="cannot be stored"):
            store.save_turn(case_id, bad)
    store.save_turn(case_id, turn(question="\0 & 😀"))
    assert [each.question for each in store.case(case_id).turns] == ["\0 & 😀"]


def test_it_can_be_closed_twice_and_leaves_one_file(store: FeedbackStore, url: str) -> None:
    store.add_case(inspection())
    store.close()
    store.close()
    folder = Path(url.removeprefix("sqlite:///")).parent
    assert [path.name for path in folder.iterdir()] == ["sessions.db"]
