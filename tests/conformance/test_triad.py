"""Triad's released code, recorded, against ours: every case of `../shared/conformance/triad`.

Passes on any folder of that layout (TRIAD_CONFORMANCE names its parent).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.model import recorded_case
from tests.model.recorded_case import Case

SHARED = Path(__file__).resolve().parents[3] / "shared" / "conformance"
CASES = recorded_case.cases(Path(os.environ.get("TRIAD_CONFORMANCE", SHARED)) / "triad")

pytestmark = pytest.mark.parametrize("case", CASES)


def test_regions_of_the_map_equal_the_recorded_boxes(case: Case) -> None:
    recorded_case.check_boxes(case)


def test_views_equal_by_hash_before_and_after_scaling(case: Case) -> None:
    recorded_case.check_views(case)


def test_counts_and_places_of_the_visual_tokens(case: Case) -> None:
    recorded_case.check_layout(case)


def test_prompt_and_its_token_ids(case: Case) -> None:
    recorded_case.check_prompt(case)


def test_visual_tokens(case: Case) -> None:
    recorded_case.check_tokens(case)


def test_logits_after_the_prompt(case: Case) -> None:
    recorded_case.check_logits(case)


def test_greedy_answer(case: Case) -> None:
    recorded_case.check_greedy(case)
