"""The map's pictures: order seen in lightness, opacity with the value, outlines."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from triad_ui.expert.heatmap import COLOURS, contours, grey_map, heat_map
from triad_ui.records import AnomalyMap


def _map() -> AnomalyMap:
    values = np.zeros((20, 30), dtype=np.float32)
    values[5:9, 10:16] = 0.8
    values[15, 3] = 0.4
    return AnomalyMap(values, 0.8, True, "test@1")


def test_colours_climb_in_lightness() -> None:
    lightness = cv2.cvtColor(COLOURS[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0, :, 0]
    assert COLOURS.shape == (256, 3) and (np.diff(lightness) > -0.6).all()
    assert lightness[-1] - lightness[0] > 70


def test_heat_map_is_clear_where_calm() -> None:
    picture = heat_map(_map(), (300, 200))
    assert picture.shape == (200, 300, 4) and picture.dtype == np.uint8
    assert picture[190, 290, 3] == 0 and picture[70, 130, 3] == round(0.8 * 255)
    assert tuple(picture[70, 130, :3]) == tuple(COLOURS[204])


def test_grey_map_is_the_values() -> None:
    assert np.array_equal(grey_map(_map(), 1000), np.round(_map().values * 255).astype(np.uint8))
    assert grey_map(_map(), 15).shape == (10, 15)


def test_contours_outline_what_is_above() -> None:
    (outline,) = contours(_map(), (300, 200))
    x0, y0 = outline.min(axis=0)
    x1, y1 = outline.max(axis=0)
    assert (x0, y0, x1, y1) == pytest.approx((100, 50, 159, 89), abs=6)
    assert len(contours(_map(), (300, 200), 0.3)) == 2 and contours(_map(), (300, 200), 0.9) == []


def test_maps_and_regions_load_no_network() -> None:
    code = (
        "import sys, triad_ui.expert.roi, triad_ui.expert.heatmap, triad_ui.expert.anomaly_map, "
        "triad_ui.expert.expert; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
