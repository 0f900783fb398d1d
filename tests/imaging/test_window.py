"""The default window: readable, the same each time, alike for alike pictures."""

from __future__ import annotations

import numpy as np
import pytest

from triad_ui.imaging.window import default_window, render, value_range
from triad_ui.records import Window


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_a_full_picture_is_shown_over_its_camera_bits(bits: int) -> None:
    top = (1 << bits) - 1
    values = np.linspace(0, top, 10_000).astype(np.uint16).reshape(100, 100)
    assert default_window(values, 16) == Window(0.0, float(top))
    brighter = np.clip(values, 0, top - top // 5).astype(np.uint16)
    assert default_window(brighter, 16) == Window(0.0, float(top)), "a part and its reference alike"


def test_bits_that_the_file_states_are_believed() -> None:
    values = np.linspace(0, 1000, 10_000).astype(np.uint16).reshape(100, 100)
    assert default_window(values, 11) == default_window(values, 11)
    assert default_window(np.clip(values * 2, 0, 2047), 11) == Window(0.0, 2047.0)


def test_a_dim_picture_is_stretched_over_its_percentiles() -> None:
    values = (30_000 + np.random.default_rng(0).integers(0, 500, (200, 200))).astype(np.uint16)
    values[0, 0], values[0, 1] = 0, 65535  # two broken camera pixels
    window = default_window(values, 16)
    assert 30_000 <= window.low < 30_010 and 30_490 < window.high <= 30_500
    shown = render(values, window)
    assert shown[0, 0, 0] == 0 and shown[0, 1, 0] == 255 and shown.std() > 60


def test_flat_pictures_have_a_window_too() -> None:
    flat = np.full((5, 5), 7, np.uint32)
    window = default_window(flat, 32)
    assert window.low < window.high and (render(flat, window) == 0).all()
    spot = flat.copy()
    spot[2, 2] = 90
    assert default_window(np.tile(spot, (1, 1)), 32).high > 50
    wide = np.zeros((100, 100), np.float32)
    wide[3, 3] = 5.0
    assert default_window(wide) == Window(0.0, 5.0), "one bright spot on nothing is not lost"


def test_hidden_pixels_do_not_count() -> None:
    values = np.full((50, 50), 100.0, np.float32)
    values[:, :25] = 1e6
    values[:, 25:] += np.arange(25)
    clear = np.zeros((50, 50), np.uint8)
    clear[:, 25:] = 255
    assert default_window(values, alpha=clear).high <= 124


def test_window_survives_its_own_print() -> None:
    values = np.random.default_rng(1).normal(0, 1e-3, (64, 64)).astype(np.float32)
    window = default_window(values)
    assert float(f"{window.low:g}") == window.low and float(f"{window.high:g}") == window.high


def test_levels_far_from_zero_keep_their_digits() -> None:
    values = np.arange(4_294_967_000, 4_294_967_200, dtype=np.uint32).reshape(10, 20)
    shown = render(values, default_window(values, 32))[..., 0]
    assert shown[0, 0] == 0 and shown[-1, -1] == 255 and len(np.unique(shown)) > 190


def test_extreme_floats_do_not_overflow() -> None:
    values = np.array([[-1.7e308, 0.0], [np.nan, 1.7e308]])
    shown = render(values, default_window(values))
    assert shown[0, 0, 0] == 0 and shown[1, 0, 0] == 0
    assert value_range(values) == (-1.7e308, 1.7e308)


def test_bands_join_without_a_seam() -> None:
    values = np.random.default_rng(2).random((700, 11)).astype(np.float32)
    whole = np.rint(values.astype(np.float64) * 255).astype(np.uint8)
    assert np.array_equal(render(values, Window(0, 1))[..., 2], whole)
