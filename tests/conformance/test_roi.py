"""`faithful` regions equal the published code's on every recorded case, box for box."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.model.recorded_case import outside
from triad_ui.expert.roi import choose, faithful_mask

FOLDER = outside() / "cases"


def _recorded() -> list:
    cases = []
    for path in sorted(FOLDER.glob("*/expected.json")):
        for index, image in enumerate(json.loads(path.read_text(encoding="utf-8"))["images"]):
            if image["boxes_source"] == "anomaly_map":
                cases.append(pytest.param(path.parent, image, id=f"{path.parent.name}-{index}"))
    return cases or [
        pytest.param(None, {}, id="absent", marks=pytest.mark.skip(reason=f"no cases in {FOLDER}"))
    ]


@pytest.mark.parametrize(("folder", "image"), _recorded())
def test_boxes_equal_the_recorded_ones(folder: Path, image: dict) -> None:
    path = folder / image["map_file"]
    values = np.load(path) if path.suffix == ".npy" else np.asarray(Image.open(path))
    size = tuple(image["size_wh"])
    boxes = [roi.box for roi in choose(values, size, "faithful")]
    expected = [(x0, y0, x1 + 1, y1 + 1) for x0, y0, x1, y1 in image["boxes_inclusive_xyxy"]]
    assert boxes == expected
    mask = faithful_mask(values, size)
    assert hashlib.sha256(mask.tobytes()).hexdigest() == image["binary_mask_sha256"]
