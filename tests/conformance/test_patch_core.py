"""PatchCore's coreset, distances, score and map equal the recorded ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.expert_cases import files
from tests.expert.recorded_patch_core import equals_recorded


@pytest.mark.parametrize("file", files("patch core"))
def test_patch_core_equals_the_recorded_one(file: Path) -> None:
    equals_recorded(file)
