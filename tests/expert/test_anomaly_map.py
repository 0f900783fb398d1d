"""Resizing, combining and the common scale."""

from __future__ import annotations

import numpy as np
import pytest

from triad_ui.expert.anomaly_map import combine, resize, smooth, squash, top_mean


def test_squash_is_monotone_and_has_its_threshold_at_a_half() -> None:
    distances = np.linspace(0, 3, 200, dtype=np.float32)
    values = squash(distances, 0.4, 4)
    assert values.dtype == np.float32 and values[0] == 0 and values.max() < 1.0001
    assert (np.diff(values) >= 0).all()
    assert squash(np.float32(0.4), 0.4, 4) == pytest.approx(0.5)
    assert squash(np.float32(0.2), 0.4, 4) < 0.1 < 0.9 < squash(np.float32(0.8), 0.4, 4)
    with pytest.raises(ValueError, match="threshold"):
        squash(distances, 0.0, 4)


def test_the_scale_does_not_depend_on_the_map() -> None:
    """A calm map stays calm beside a hot one: no min-max anywhere."""
    calm = np.random.default_rng(0).random((20, 20)).astype(np.float32) * 0.1
    hot = calm.copy()
    hot[3, 3] = 2.0
    rest = np.ones((20, 20), dtype=bool)
    rest[3, 3] = False
    assert np.array_equal(squash(calm, 0.3, 4)[rest], squash(hot, 0.3, 4)[rest])
    assert squash(calm, 0.3, 4).max() < 0.5


def test_combine_averages_on_one_grid() -> None:
    mixed = combine([np.zeros((4, 6)), np.ones((8, 12)), np.ones((2, 3))], (16, 24))
    assert mixed.shape == (16, 24) and mixed.dtype == np.float32
    assert np.allclose(mixed, 2 / 3)
    with pytest.raises(ValueError, match="one map"):
        combine([], (2, 2))


def test_resize_and_smooth_keep_place_and_mass() -> None:
    spot = np.zeros((20, 30), dtype=np.float32)
    spot[5, 21] = 1
    large = resize(spot, (80, 120))
    y, x = np.unravel_index(large.argmax(), large.shape)
    assert (y // 4, x // 4) == (5, 21)
    soft = smooth(spot, 1.5)
    assert soft.argmax() == spot.argmax() and soft.sum() == pytest.approx(1, abs=1e-3)
    assert smooth(spot, 0) is spot


def test_top_mean_takes_the_largest_share() -> None:
    values = np.arange(100, dtype=np.float32).reshape(10, 10)
    assert top_mean(values, 0.05) == pytest.approx(97)
    assert top_mean(values, 0.0001) == 99
