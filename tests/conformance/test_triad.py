"""Triad's released code, recorded, against ours: every case of `../shared/conformance/triad`.

Passes on any folder of that layout (TRIAD_CONFORMANCE names it or its parent).
"""

from __future__ import annotations

import pytest

from tests.model import recorded_case
from tests.model.recorded_case import Case

pytestmark = pytest.mark.parametrize("case", recorded_case.cases(recorded_case.outside()))


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
