"""EG-RoI cells: how many, where, and what they say of the reference and the map."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.model.tiny import real_tower, stub_tower, visual
from triad_ui.model.embedded import views

MIDDLE_OF_RESIDUAL = slice(
    sum(views.CELL_PARTS[:5]), sum(views.CELL_PARTS[:5]) + sum(views.CELL_PARTS[5:7])
)
MAP = slice(sum(views.CELL_PARTS[:7]), sum(views.CELL_PARTS[:7]) + 2)
PER_REGION = {0: 0, 1: 36, 2: 9, 3: 9, 4: 9, 5: 9}


@pytest.mark.parametrize("rois", range(6))
@pytest.mark.parametrize("one_shot", [False, True])
def test_count_is_the_number_of_cells(rois: int, one_shot: bool) -> None:
    images = [visual(0, rois)]
    if one_shot:
        images.append(visual(1, rois, mapped=False, is_reference=True))
    cells = views.encode(images, stub_tower)
    regions = min(rois, 4) * PER_REGION[rois]
    assert [len(group) for group in cells] == [64 + regions, 16 + regions][: len(images)]
    assert views.count(images) == sum(len(group) for group in cells)
    for group in cells:
        assert group.vectors.shape == (len(group), views.CELL_CHANNELS)
        assert group.places.shape == (len(group), 3)
        assert bool(group.vectors.isfinite().all())


def test_the_real_network_has_the_widths_that_cells_want() -> None:
    cells = views.encode([visual(0, 2), visual(1, 2, is_reference=True)], real_tower)
    assert [len(group) for group in cells] == [82, 34]
    assert cells[0].vectors.dtype == torch.float32


@pytest.mark.parametrize("rois", [1, 3])
def test_cells_of_a_region_lie_inside_it_row_by_row(rois: int) -> None:
    image = visual(0, rois)
    cells = views.encode([image], stub_tower)[0]
    height, width = image.rgb.shape[:2]
    for number, roi in enumerate(image.rois):
        chosen = (cells.kinds == views.ROI) & (cells.index == number)
        places = cells.places[chosen]
        assert len(places) == PER_REGION[rois]
        xs, ys = places[:, 0] * width, places[:, 1] * height
        assert bool(((xs > roi.x0) & (xs < roi.x1)).all())
        assert bool(((ys > roi.y0) & (ys < roi.y1)).all())
        assert float(xs.mean()) == pytest.approx((roi.x0 + roi.x1) / 2, abs=1e-3)
        side = math.isqrt(len(places))
        assert xs[0] < xs[1]
        assert ys[0] == ys[side - 1] < ys[side]
        share = max((roi.x1 - roi.x0) / width, (roi.y1 - roi.y0) / height)
        assert float(places[0, 2]) == pytest.approx(math.log2(share))


def test_the_base_view_covers_the_image_and_comes_first() -> None:
    cells = views.encode([visual(0, 2), visual(1, 2, is_reference=True)], stub_tower)
    assert cells[0].kinds.tolist() == [views.BASE] * 64 + [views.ROI] * 18
    assert cells[1].kinds.tolist() == [views.REFERENCE_BASE] * 16 + [views.REFERENCE_ROI] * 18
    assert cells[0].index.tolist() == [0] * 64 + [0] * 9 + [1] * 9
    assert cells[0].places[0].tolist() == pytest.approx([1 / 16, 1 / 16, 0.0])
    assert cells[0].places[63].tolist() == pytest.approx([15 / 16, 15 / 16, 0.0])


@pytest.mark.parametrize("rois", [0, 1])
def test_nothing_differs_from_itself(rois: int) -> None:
    """With two to four regions the pooled cells are held against finer ones, so there it does."""
    query = visual(0, rois)
    itself = replace(query, anomaly_map=None, is_reference=True)
    residual = views.encode([query, itself], real_tower)[0].vectors[:, MIDDLE_OF_RESIDUAL]
    assert float(residual.abs().max()) < 1e-5
    other = views.encode([query, visual(1, rois, is_reference=True)], real_tower)[0]
    assert float(other.vectors[:, MIDDLE_OF_RESIDUAL].abs().max()) > 0.05


def test_without_a_reference_there_is_no_residual() -> None:
    cells = views.encode([visual(0, 2)], stub_tower)[0]
    assert float(cells.vectors[:, MIDDLE_OF_RESIDUAL].abs().max()) == 0.0
    assert cells.vectors[:, -1].unique().tolist() == [0.0]


def test_the_map_stands_in_the_cell_that_it_belongs_to() -> None:
    image = visual(0, 1)
    values = np.zeros((80, 80), np.float32)
    values[70:, :10] = 1.0  # bottom left
    amap = replace(image.anomaly_map, values=values)
    rows = views.encode([replace(image, anomaly_map=amap)], stub_tower)[0].vectors[:64, MAP]
    assert rows[56].tolist() == pytest.approx([1.0, 1.0])
    assert rows[7].tolist() == rows[0].tolist() == rows[63].tolist() == [0.0, 0.0]
    assert float(views.encode([visual(mapped=False)], stub_tower)[0].vectors[:, MAP].max()) == 0.0


def test_flags_say_calibrated_and_reference() -> None:
    image = visual(0, 0)
    rough = replace(image, anomaly_map=replace(image.anomaly_map, calibrated=False))
    reference = visual(1, 0, mapped=False, is_reference=True)

    def flags(*images: object) -> list[float]:
        return views.encode(images, stub_tower)[0].vectors[0, -2:].tolist()

    assert flags(image) == [1.0, 0.0]
    assert flags(rough, reference) == [0.0, 1.0]
