"""Records to JSON: what the page is given, whatever was typed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import numpy as np

from triad_ui.model.status import EngineStatus
from triad_ui.records import (
    LOCATIONS,
    AnomalyMap,
    Case,
    CaseSummary,
    Correction,
    ImageRecord,
    ManufacturingProcess,
    ProcessStep,
    Roi,
    Turn,
    Verdict,
    Window,
)
from triad_ui.ui import present

RECORD = ImageRecord("a" * 64, "<b>part</b>.png", 300, 150, "RGB 8-bit")
PROCESS = ManufacturingProcess(
    "cable", "cable", "cables", (ProcessStep(1, "Draw the wire."), ProcessStep(2, "Sheathe it."))
)
CASE = Case(
    id="c1", created=0.0, product="cable", query=RECORD, references=(), process=PROCESS,
    anomaly_map=AnomalyMap(np.zeros((4, 8), np.float32), 0.7, False, "fake@1", "single image"),
    rois=(Roi(200, 0, 300, 50, 0.8), Roi(0, 100, 100, 150)),
    verdict=Verdict("defective", 0.9, "top right", 2, "scratch"),
)  # fmt: skip


def test_place_of_names_every_ninth() -> None:
    ninths = [(x, y) for y in (4, 14, 24) for x in (4, 14, 24)]
    names = [present.place_of(Roi(x, y, x + 2, y + 2), (30, 30)) for x, y in ninths]
    assert tuple(names) == LOCATIONS
    assert present.place_of(Roi(0, 0, 30, 30), (30, 30)) == "center"


def test_viewer_numbers_regions_and_says_what_is_not_calibrated() -> None:
    value = present.viewer(CASE)
    assert [r["n"] for r in value["rois"]] == [1, 2]
    assert value["rois"][0]["place"] == "top right"
    assert value["rois"][1]["score"] is None
    assert "not calibrated" in value["notes"][0]
    assert value["photo"] == "case/c1/photo.png"
    json.dumps(value)


def test_viewer_says_what_made_the_map_and_what_it_looks_like() -> None:
    assert present.viewer(CASE)["made"] == "fake, compared with itself"
    scratched = replace(
        CASE.anomaly_map, expert="musc-embedded@3", basis="references", threshold=0.25,
        kinds=(("scratch", 0.612), ("<i>dent</i>", 0.3), ("stain", 0.2), ("hole", 0.1)),
    )  # fmt: skip
    value = present.viewer(replace(CASE, references=(RECORD, RECORD), anomaly_map=scratched))
    assert value["made"] == (
        "MuSc, embedded, compared with 2 good parts and what is in the pool; threshold of cable: "
        "0.250 of the expert's own scale"
    )
    assert value["kinds"] == [["scratch", "0.61"], ["<i>dent</i>", "0.30"], ["stain", "0.20"]]
    pooled = replace(CASE.anomaly_map, expert="reference@1", basis="pool")
    line = present.made_by(replace(CASE, anomaly_map=pooled))
    assert line == "Reference, compared with the pool of the product"


def test_region_address_changes_with_its_box() -> None:
    moved = replace(CASE, rois=(Roi(10, 0, 110, 50, 0.8),))
    assert present.viewer(CASE)["rois"][0]["url"] != present.viewer(moved)["rois"][0]["url"]


def test_verdict_cites_the_step_and_the_last_correction() -> None:
    corrections = (Correction(True), Correction(False, label="normal", step=1, author="A"))
    value = present.verdict(replace(CASE, corrections=corrections))
    assert value["model"]["step"] == "Step 2: Sheathe it."
    assert value["correction"]["word"] == "Normal"
    assert value["correction"]["step"] == "Step 1: Draw the wire."
    assert value["corrections"] == 2


def test_a_step_that_the_process_lacks_is_named_by_its_number() -> None:
    assert present.step_line(replace(CASE, process=None), 7) == "Step 7"
    assert present.step_line(CASE, None) == ""


def test_answers_say_how_they_ended() -> None:
    assert present.answer_text(Turn("1", "q")) == present.WAITING
    assert present.answer_text(Turn("1", "q", "Half", "stopped")) == "Half\n\nStopped here."
    failed = Turn("1", "q", "Half", "failed", error="Too long. Ask less.")
    assert present.answer_text(failed) == "Half\n\nNot finished: Too long. Ask less."


def test_chat_keeps_markup_as_text() -> None:
    messages = present.chat([Turn("1", "<img src=x onerror=alert(1)>", "<b>no</b>", "complete")])
    assert [m["role"] for m in messages] == ["user", "assistant"]
    assert messages[0]["content"][0]["text"] == "&lt;img src=x onerror=alert(1)&gt;"


def test_history_shows_one_page_and_knows_of_more() -> None:
    rows = [CaseSummary(str(i), 1.0, "cable", RECORD, 0.4, None, None, 0) for i in range(3)]
    value = present.history(rows, 50, 2, filtered=False)
    assert [row["id"] for row in value["rows"]] == ["0", "1"]
    assert value["more"] and value["first"] == 51
    assert value["rows"][0]["word"] == "Not judged"


def test_lines_for_people() -> None:
    assert present.saved_line("sessions.db", datetime(2026, 1, 2, 14, 3)) == (
        "Saved to sessions.db at 14:03."
    )
    deep = replace(RECORD, mode="grey 16-bit", window=Window(0, 4095), pages=3, page=1)
    assert present.picture_line(deep) == "300 × 150, grey 16-bit, page 2 of 3, shown 0 to 4095"
    assert present.engine(EngineStatus("fetching", "m", 0.5))["fraction"] == 0.5


def test_choices_for_the_correction() -> None:
    turn = Turn("t1", "Why?\nReally " + "x" * 80, "Because", "complete")
    assert present.about_choices(replace(CASE, turns=(turn,)))[1][1] == "t1"
    assert len(present.about_choices(replace(CASE, turns=(turn,)))[1][0]) < 64
    assert [number for _, number in present.step_choices(CASE)] == [0, 1, 2]
