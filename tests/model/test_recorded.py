"""A few of the recorded cases stand in the project itself, so that a clone alone proves exactness.

They cover shrunk tiles, the authors' truncation, no, one and several regions, two images, and
regions in the tiles' place. See `recorded/README.md`; all cases: `tests/conformance/test_triad.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.model import recorded_case
from tests.model.recorded_case import Case

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
