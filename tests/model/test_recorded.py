"""A few of the recorded cases stand in the project itself, so that a clone alone proves exactness.

They cover shrunk tiles, the authors' truncation, no, one and several regions, two images, and
regions in the tiles' place. See `recorded/README.md`; all cases: `tests/conformance/test_triad.py`.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.model import recorded_case
from tests.model.recorded_case import Case
from triad_ui.model.assemble import load_checkpoint
from triad_ui.model.generate import Decoder
from triad_ui.records import Message, Roi

CASES = recorded_case.cases(Path(__file__).parent / "recorded")


@pytest.mark.parametrize("case", CASES)
def test_regions_views_and_prompt_equal_the_recorded_ones(case: Case) -> None:
    recorded_case.check_boxes(case)
    recorded_case.check_views(case)
    recorded_case.check_layout(case)
    recorded_case.check_prompt(case)


@pytest.mark.parametrize("case", CASES)
def test_visual_tokens_logits_and_answer_equal_the_recorded_ones(case: Case) -> None:
    recorded_case.check_tokens(case)
    recorded_case.check_logits(case)
    recorded_case.check_greedy(case)


def test_what_was_read_is_gone_on_with_and_the_logits_are_those_of_reading_all_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = Case(Path(__file__).parent / "recorded", "ov_oneshot_640x480_copied")
    asked = recorded_case.messages(case)
    later = (*asked, Message("assistant", "A"), Message("user", "Where is it?"))
    shown = recorded_case.images(case)
    edited = (replace(shown[0], rois=(Roi(10, 20, 300, 290), Roi(350, 90, 500, 400))), shown[1])
    step, read = Decoder._step, []

    def counted(self: Decoder, request: Any, state: Any, embedded: Any, keys: Any) -> Any:
        read.append(len(keys))
        return step(self, request, state, embedded, keys)

    monkeypatch.setattr(Decoder, "_step", counted)
    kept, anew = (
        load_checkpoint(recorded_case.opened(case), precision="fp32", device="cpu")
        for _ in range(2)
    )
    spent = []
    for images, words in ((shown, asked), (shown, later), (edited, later), (shown, later)):
        logits = []
        for model in (kept, anew):
            anew.forget()
            read.clear()
            prompt = model.prompt(images, words, 8, threading.Event())
            logits.append(model._decoder.next_logits(prompt))
            if model is kept:
                spent.append((sum(read), len(prompt.keys)))
        torch.testing.assert_close(logits[0], logits[1], rtol=0, atol=2e-4)
    (first, whole), (follow_up, _), (after_edit, anew_whole), (undone, _) = spent
    assert first == whole and after_edit > anew_whole / 2
    assert follow_up < 40 and undone == 0


def test_the_cases_stand_in_the_project() -> None:
    names = {parameter.id for parameter in CASES}
    assert {"ov_750x1750_unpad_rounding", "roi_300x260_one_blob"} <= names


@pytest.mark.parametrize("inner", ["", "triad"])
def test_other_cases_are_found_in_the_named_folder_or_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inner: str
) -> None:
    case = tmp_path / inner / "cases" / "mine"
    case.mkdir(parents=True)
    (case / "expected.json").write_text("{}")
    monkeypatch.setenv("TRIAD_CONFORMANCE", str(tmp_path))
    assert recorded_case.outside() == tmp_path / inner
    assert [each.id for each in recorded_case.cases(recorded_case.outside())] == ["mine"]
