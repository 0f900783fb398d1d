from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from triad_ui.records import LOCATIONS
from triad_ui.synthesis.examples import EXAMPLES, write_examples

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "examples"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    write_examples(folder, side=192)
    return folder


@pytest.mark.parametrize("folder", [None, ASSETS], ids=["drawn now", "shipped"])
def test_four_cases_of_the_right_sorts(folder: Path | None, drawn: Path):
    folder = folder or drawn
    cases = {e.folder: json.loads((folder / e.folder / "case.json").read_text()) for e in EXAMPLES}
    assert len(cases) == 4
    for name, case in cases.items():
        assert case["title"] and case["product"] and case["question"].endswith("?")
        assert case["process"].startswith("1. ")
        for file in ("query.jpg", "reference_1.jpg"):
            image = cv2.imread(str(folder / name / file))
            assert image is not None and image.shape[0] == image.shape[1] >= 192
        truth = case["truth"]
        if truth["label"] == "normal":
            assert truth["kind"] == "" and truth["location"] is None and truth["step"] is None
        else:
            assert truth["kind"] and truth["location"] in LOCATIONS
            assert f"\n{truth['step']}. " in f"\n{case['process']}"
    assert [c["truth"]["label"] for c in cases.values()].count("normal") == 1
    flipping = [c for c in cases.values() if c["other_process"]]
    assert len(flipping) == 1 and flipping[0]["other_process"] != flipping[0]["process"]


def test_shipped_cases_are_small():
    files = [path for path in ASSETS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 2_000_000
