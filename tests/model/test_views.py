"""Views of an image: sizes, padding, boxes and counts, against transformers' own arithmetic."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers.image_processing_utils import get_patch_output_size, select_best_resolution
from transformers.image_utils import ChannelDimension
from transformers.models.llava_onevision.modeling_llava_onevision import unpad_image

from triad_ui.errors import ModelError
from triad_ui.model.layout import VisualLayout
from triad_ui.model.views import best_canvas, boxes_within, cut, tile_plan, token_count
from triad_ui.records import Roi, VisualInput

ONEVISION = VisualLayout(
    "anyres_rois", 384, 27, tuple((384 * i, 384 * j) for i in range(1, 7) for j in range(1, 7))
)
NEXT = VisualLayout(
    "anyres_rois", 336, 24, ((672, 336), (336, 672), (672, 672), (336, 1008), (1008, 336)), None
)
SMALL = VisualLayout(
    "anyres_rois", 28, 3, tuple((28 * i, 28 * j) for i in range(1, 7) for j in range(1, 7))
)
SIZES = st.tuples(st.integers(1, 3000), st.integers(1, 3000))


def picture(width: int, height: int, rois: tuple[Roi, ...] = ()) -> VisualInput:
    rgb = np.random.default_rng(width * 7919 + height).integers(0, 256, (height, width, 3))
    return VisualInput(rgb.astype(np.uint8), rois, None, f"{width}x{height}")


@given(size=SIZES)
@example(size=(1, 3000))
@example(size=(3000, 1))
@example(size=(384, 384))
@pytest.mark.parametrize("layout", [ONEVISION, NEXT], ids=["onevision", "next"])
@settings(max_examples=200, deadline=None)
def test_canvas_and_fitted_size_are_those_of_transformers(
    layout: VisualLayout, size: tuple[int, int]
) -> None:
    width, height = size
    turned = [(h, w) for w, h in layout.pinpoints]
    plan = tile_plan(size, layout)
    assert plan.canvas[::-1] == select_best_resolution((height, width), turned)
    blank = np.broadcast_to(np.uint8(0), (3, height, width))
    fitted = get_patch_output_size(blank, plan.canvas[::-1], ChannelDimension.FIRST)
    assert plan.fitted[::-1] == tuple(fitted)


@given(size=SIZES)
@example(size=(750, 1750))
@example(size=(1750, 750))
@pytest.mark.parametrize("layout", [ONEVISION, NEXT], ids=["onevision", "next"])
@settings(max_examples=200, deadline=None)
def test_only_a_product_just_below_a_whole_number_is_unpadded_otherwise_than_in_transformers(
    layout: VisualLayout, size: tuple[int, int]
) -> None:
    width, height = size
    plan = tile_plan(size, layout)
    rows, columns = plan.rows * layout.grid, plan.columns * layout.grid
    theirs = tuple(unpad_image(torch.zeros(1, rows, columns), (height, width)).shape[1:])
    if theirs == plan.unpadded:
        return
    wide = width / height > columns / rows
    exact = height * (columns / width) if wide else width * (rows / height)
    assert 0 < math.ceil(exact) - exact < 1e-7  # they round to 7 digits first, the authors do not
    assert sum(theirs) - sum(plan.unpadded) == 2


def test_the_authors_truncate_where_transformers_rounds() -> None:
    """Recorded as `ov_750x1750_unpad_rounding`: 125.99... rows."""
    plan = tile_plan((750, 1750), ONEVISION)
    whole = torch.zeros(1, plan.rows * 27, plan.columns * 27)
    assert plan.unpadded == (125, 54)
    assert unpad_image(whole, (1750, 750)).shape[1:] == (127, 54)
    assert tile_plan((1750, 750), ONEVISION).unpadded == (54, 125)


@given(size=st.tuples(st.integers(1, 300), st.integers(1, 300)), rois=st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_views_are_squares_and_tiles_hold_the_fitted_image_on_black(
    size: tuple[int, int], rois: int
) -> None:
    image = picture(*size, rois=tuple(Roi(0, 0, size[0], size[1]) for _ in range(rois)))
    views = cut(image, SMALL)
    plan = views.plan
    assert plan
    assert all(view.shape == (28, 28, 3) and view.dtype == np.uint8 for view in views.pixels)
    assert views.kinds == ("base", *["tile"] * (plan.columns * plan.rows), *["roi"] * rois)
    assert len(views.pixels) == len(views.kinds)
    tiles = np.stack(views.pixels[1 : len(views.pixels) - rois])
    rows = [
        np.concatenate(list(tiles[row * plan.columns : (row + 1) * plan.columns]), 1)
        for row in range(plan.rows)
    ]
    canvas = np.concatenate(rows)
    assert canvas.shape[:2] == plan.canvas[::-1]
    x, y = (plan.canvas[0] - plan.fitted[0]) // 2, (plan.canvas[1] - plan.fitted[1]) // 2
    held = canvas[y : y + plan.fitted[1], x : x + plan.fitted[0]]
    whole = Image.fromarray(image.rgb)
    assert np.array_equal(held, np.asarray(whole.resize(plan.fitted)))
    assert canvas.sum(dtype=np.int64) == held.sum(dtype=np.int64)
    for view in views.pixels[len(views.pixels) - rois :]:
        # a region that is the whole image is the base view
        assert np.array_equal(view, views.pixels[0])


def test_a_region_is_the_resized_crop() -> None:
    image = picture(90, 70, (Roi(10, 20, 60, 31),))
    expected = Image.fromarray(image.rgb[20:31, 10:60]).resize((28, 28))
    assert np.array_equal(cut(image, SMALL).pixels[-1], np.asarray(expected))


def test_regions_in_the_tiles_place() -> None:
    layout = replace(SMALL, mode="rois")
    views = cut(picture(90, 70, (Roi(0, 0, 9, 9), Roi(5, 5, 30, 30))), layout)
    assert (views.kinds, views.plan) == (("base", "roi", "roi"), None)


def test_a_box_drawn_half_outside_is_clipped() -> None:
    image = picture(90, 70, (Roi(-10, -5, 20, 30), Roi(80, 60, 200, 90)))
    assert boxes_within(image) == ((0, 0, 20, 30), (80, 60, 90, 70))
    inside = picture(90, 70, (Roi(0, 0, 20, 30), Roi(80, 60, 90, 70)))
    for ours, theirs in zip(cut(image, SMALL).pixels, cut(inside, SMALL).pixels):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    "box", [(90, 0, 95, 9), (0, 70, 9, 80), (-9, 0, 0, 9), (5, 5, 5, 9), (9, 9, 5, 20)]
)
@pytest.mark.parametrize("ask", [cut, token_count], ids=["cut", "count"])
def test_a_box_without_a_pixel_is_refused_by_number(ask, box: tuple[int, int, int, int]) -> None:
    image = picture(90, 70, (Roi(0, 0, 9, 9), Roi(*box)))
    with pytest.raises(ModelError, match=r"Region 2 .* 90 x 70\. Draw it again or remove it"):
        ask(image, SMALL)


def test_more_than_four_regions_are_refused_not_dropped() -> None:
    image = picture(90, 70, (Roi(0, 0, 9, 9),) * 6)
    with pytest.raises(ModelError, match=r"up to 4 regions.* 6 are marked\. Remove 2"):
        token_count(image, SMALL)


def test_counts_of_the_reference_table() -> None:
    counts = {
        mode: [
            token_count(
                picture(1024, 1024, (Roi(0, 0, 9, 9),) * rois), replace(ONEVISION, mode=mode)
            )
            for rois in range(5)
        ]
        for mode in ("anyres_rois", "rois")
    }
    assert counts["anyres_rois"] == [7371, 8100, 7709, 7878, 8047]
    assert counts["rois"] == [730, 1459, 1068, 1237, 1406]


def test_the_first_of_equal_canvases_is_taken() -> None:
    """A small square fits a wide and a high canvas alike: the order of the list decides, so
    (height, width) lists of transformers must be turned, not merely read."""
    assert best_canvas((300, 300), ((672, 336), (336, 672))) == (672, 336)
    assert best_canvas((300, 300), ((336, 672), (672, 336))) == (336, 672)


def test_a_strided_image_is_read_like_a_copy() -> None:
    image = picture(90, 70)
    turned = replace(image, rgb=image.rgb[::-1].copy()[::-1])
    for ours, theirs in zip(cut(turned, SMALL).pixels, cut(image, SMALL).pixels):
        assert np.array_equal(ours, theirs)
