"""MuSc equals the published code step by step, on every recorded batch that is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.expert_cases import files
from tests.expert.recorded_musc import RecordedMusc, near_maps

EACH = pytest.mark.parametrize("file", files("musc"))


@EACH
def test_every_recorded_step_is_met(file: Path) -> None:
    RecordedMusc(file).check()


@EACH
def test_one_picture_against_the_others_equals_the_batch(file: Path) -> None:
    case = RecordedMusc(file)
    layer, reach = case.layers[-1], case.reaches[-1]
    expected = case.expected(f"msm_r{reach}_l{layer}")
    for number in range(case.count):
        found = case.scores_of_one(layer, reach, number)
        near_maps(found, expected[number])


@EACH
def test_little_memory_gives_the_same(file: Path) -> None:
    case = RecordedMusc(file)
    layer, reach = case.layers[0], case.reaches[0]
    found = case.scores(layer, reach, memory_bytes=case.least_memory(layer))
    expected = case.expected(f"msm_r{reach}_l{layer}")
    near_maps(found, expected)
