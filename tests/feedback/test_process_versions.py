"""Saved processes are numbered by name; what cases were inspected with is kept beside them."""

from __future__ import annotations

from dataclasses import replace

from tests.feedback.inspections import CABLE, inspection
from triad_ui.feedback.store import FeedbackStore


def test_processes_are_saved_as_versions(store: FeedbackStore) -> None:
    assert store.processes() == ()
    first = store.save_process(CABLE, at_least=4)
    assert first == replace(CABLE, version=4, source="saved")
    assert store.save_process(replace(CABLE, version=9), at_least=4) == first
    edited = store.save_process(replace(CABLE, steps=CABLE.steps[:1]))
    assert (edited.version, edited.source) == (5, "saved")
    back = store.save_process(CABLE)
    assert (back.version, back.steps) == (6, CABLE.steps)
    pill = store.save_process(replace(CABLE, name="pill", product="pill", plural="pills"))
    assert pill.version == 1
    assert store.processes() == (back, pill)
    assert store.process_versions("cable") == (first, edited, back)
    assert store.process_versions("nothing") == ()


def test_snapshots_of_cases_are_no_saved_versions(store: FeedbackStore) -> None:
    pasted = replace(CABLE, source="pasted", version=1)
    texts = [pasted, replace(pasted, steps=pasted.steps[1:]), replace(CABLE, source="saved")]
    ids = [store.add_case(inspection(process=text)) for text in texts]
    assert store.processes() == ()
    assert [store.case(case_id).process for case_id in ids] == texts
    saved = store.save_process(CABLE, at_least=3)
    assert saved == texts[2]
    assert store.processes() == (saved,)
