"""PatchCore's coreset, distances, score and map equal the recorded ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.expert.recorded_patch_core import equals_recorded

SHARED = Path(__file__).resolve().parents[3] / "shared" / "conformance"
FOLDER = Path(os.environ.get("TRIAD_CONFORMANCE", SHARED)) / "experts"
FILES = sorted(FOLDER.glob("patchcore*.npz"))


def _cases() -> list:
    return [pytest.param(file, id=file.stem) for file in FILES] or [
        pytest.param(None, id="absent", marks=pytest.mark.skip(reason=f"{FOLDER} is not here"))
    ]


@pytest.mark.parametrize("file", _cases())
def test_patch_core_equals_the_recorded_one(file: Path) -> None:
    equals_recorded(file)
