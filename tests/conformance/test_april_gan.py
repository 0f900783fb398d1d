"""April-GAN's maps and scores, zero- and few-shot, equal the recorded ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.expert_cases import files
from tests.expert.april_gan_case import check_recorded


@pytest.mark.parametrize("file", files("april gan"))
def test_maps_and_scores_equal_the_recorded_ones(file: Path) -> None:
    check_recorded(file)
