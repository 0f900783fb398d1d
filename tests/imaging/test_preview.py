"""Previews, crops, PNGs, and the arithmetic between frames."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from triad_ui.errors import ImageError
from triad_ui.imaging.preview import (
    box_to_original,
    box_to_preview,
    crop,
    png_bytes,
    preview,
    preview_size,
    to_original,
    to_preview,
)
from triad_ui.records import Roi

RGB = np.random.default_rng(6).integers(0, 256, (30, 40, 3)).astype(np.uint8)
SIDES = st.integers(1, 65_535)


def test_a_preview_is_the_area_mean() -> None:
    small = preview(RGB, 20)
    expected = RGB.reshape(15, 2, 20, 2, 3).mean(axis=(1, 3))
    assert small.shape == (15, 20, 3) and small.dtype == np.uint8
    assert np.abs(small - expected).max() <= 0.75
    spot = np.zeros((1000, 1000, 3), np.uint8)
    spot[500:505, 500:505] = 255
    assert preview(spot, 100).max() > 60, "a small defect must stay visible"


def test_a_preview_is_never_enlarged_and_always_a_copy() -> None:
    same = preview(RGB, 999)
    assert np.array_equal(same, RGB) and not np.shares_memory(same, RGB)
    assert preview_size((65_535, 10), 100) == (100, 1)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(width=SIDES, height=SIDES, longest=st.integers(1, 4096), share=st.data())
def test_round_trips(width: int, height: int, longest: int, share: st.DataObject) -> None:
    original = (width, height)
    shown = preview_size(original, longest)
    x0, y0 = share.draw(st.integers(0, width - 1)), share.draw(st.integers(0, height - 1))
    x1, y1 = share.draw(st.integers(x0 + 1, width)), share.draw(st.integers(y0 + 1, height))
    box = (x0, y0, x1, y1)
    assert box_to_original(box_to_preview(box, original, shown), original, shown) == box
    x, y = to_original(*to_preview(x0, y0, original, shown), original, shown)
    assert abs(x - x0) < 1e-6 and abs(y - y0) < 1e-6
    # A box drawn on the preview comes back to within one of its pixels.
    drawn = (0, 0, share.draw(st.integers(1, shown[0])), share.draw(st.integers(1, shown[1])))
    there = box_to_preview(box_to_original(drawn, original, shown), original, shown)
    assert max(abs(a - b) for a, b in zip(there, drawn)) <= 1


def test_boxes_are_put_in_order_and_inside() -> None:
    assert box_to_original((9, 8, -3, 2), (100, 100), (10, 10)) == (0, 20, 90, 80)
    assert box_to_original((99, 99, 99, 99), (100, 50), (10, 5)) == (99, 49, 100, 50)
    assert box_to_original((0.2, 0.2, 0.2, 0.2), (10, 10), (10, 10)) == (0, 0, 1, 1)


def test_crop_is_a_copy_cut_at_the_edges() -> None:
    piece = crop(RGB, Roi(5, 6, 15, 20))
    assert np.array_equal(piece, RGB[6:20, 5:15]) and not np.shares_memory(piece, RGB)
    assert crop(RGB, Roi(-5, -5, 99, 99)).shape == RGB.shape
    for roi in (Roi(40, 0, 50, 10), Roi(5, 5, 5, 9), Roi(-9, 0, 0, 9)):
        with pytest.raises(ImageError, match="outside"):
            crop(RGB, roi)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_bytes_are_lossless(channels: int) -> None:
    pixels = np.squeeze(
        np.random.default_rng(7).integers(0, 256, (9, 8, channels)).astype(np.uint8)
    )
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(pixels)))), pixels)
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(png_bytes(pixels[::2, ::2])))), pixels[::2, ::2]
    )
    with pytest.raises(TypeError):
        png_bytes(pixels.astype(np.uint16))
