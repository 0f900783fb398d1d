"""MuSc equals the published code step by step, on every recorded batch that is found."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.expert.recorded_musc import MAPS, RecordedMusc

SHARED = Path(__file__).resolve().parents[3] / "shared" / "conformance"
FOLDER = Path(os.environ.get("TRIAD_CONFORMANCE", SHARED)) / "experts"
FILES = [pytest.param(file, id=file.stem) for file in sorted(FOLDER.glob("musc_*.npz"))] or [
    pytest.param(None, id="absent", marks=pytest.mark.skip(reason=f"{FOLDER} is not here"))
]


@pytest.mark.parametrize("file", FILES)
def test_every_recorded_step_is_met(file: Path) -> None:
    RecordedMusc(file).check()


@pytest.mark.parametrize("file", FILES)
def test_one_picture_against_the_others_equals_the_batch(file: Path) -> None:
    case = RecordedMusc(file)
    layer, reach = case.layers[-1], case.reaches[-1]
    expected = case.expected(f"msm_r{reach}_l{layer}")
    for number in range(case.count):
        found = case.scores_of_one(layer, reach, number).numpy()
        np.testing.assert_allclose(found, expected[number], atol=MAPS, rtol=0)


@pytest.mark.parametrize("file", FILES)
def test_little_memory_gives_the_same(file: Path) -> None:
    case = RecordedMusc(file)
    layer, reach = case.layers[0], case.reaches[0]
    found = case.scores(layer, reach, memory_bytes=case.least_memory(layer)).numpy()
    expected = case.expected(f"msm_r{reach}_l{layer}")
    np.testing.assert_allclose(found, expected, atol=MAPS, rtol=0)
