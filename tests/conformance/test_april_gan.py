"""April-GAN's maps and scores, zero- and few-shot, equal the recorded ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.expert.april_gan_case import check_recorded

SHARED = Path(__file__).resolve().parents[3] / "shared" / "conformance"
FOLDER = Path(os.environ.get("TRIAD_CONFORMANCE", SHARED)) / "experts"
FILES = sorted(FOLDER.glob("april_gan*.safetensors"))


@pytest.mark.skipif(not FILES, reason=f"{FOLDER} holds no case of April-GAN")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_maps_and_scores_equal_the_recorded_ones(file: Path) -> None:
    check_recorded(file)
