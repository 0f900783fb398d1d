"""How often something comes back around a picture's middle."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from triad_ui.model.embedded.colour_orders import MOST_COUNT
from triad_ui.model.embedded.rounds_of import rounds_of
from triad_ui.model.embedded.scene import FINE


def lugs(count: int, x: float, y: float, *, light: float = 0.0) -> torch.Tensor:
    """A grey disc with `count` lugs around it, lit from one side; (1, 3, FINE, FINE)."""
    down, across = np.mgrid[:FINE, :FINE] / FINE
    far = np.hypot(across - x, down - y)
    way = np.arctan2(down - y, across - x) + 0.3
    shape = (far < 0.3) | (far < 0.36) & (np.cos(way * count) > 0.4)
    shade = np.where(shape, 0.3, -0.6) + light * across
    return torch.from_numpy(np.broadcast_to(shade, (1, 3, FINE, FINE)).astype(np.float32))


@pytest.mark.parametrize("count", [3, 4, 6, 9, 14])
@pytest.mark.parametrize("place", [(0.5, 0.5), (0.46, 0.53)])
def test_lugs_of_no_colour_of_their_own_are_counted(count: int, place: tuple[float, float]) -> None:
    found = rounds_of(lugs(count, *place, light=0.1))
    assert found.shape == (1, 1 + MOST_COUNT)
    assert float(found.min()) >= 0 and float(found.max()) <= 1
    assert int(found[0, 3:].argmax()) + 3 == count


def bolts(count: int) -> torch.Tensor:
    """A disc with a printed ring, `count` small bolts and a mark aside; (1, 3, FINE, FINE)."""
    down, across = np.mgrid[:FINE, :FINE] / FINE - 0.5
    far = np.hypot(across, down)
    shade = np.where(far < 0.42, 0.1, -0.6) + 0.4 * (abs(far - 0.33) < 0.01)
    for way in 2 * np.pi * np.arange(count) / count + 0.2:
        shade[np.hypot(across - 0.3 * np.cos(way), down - 0.3 * np.sin(way)) < 0.025] = -0.7
    shade[np.hypot(across - 0.2, down - 0.16) < 0.04] = 0.9
    return torch.from_numpy(np.broadcast_to(shade, (1, 3, FINE, FINE)).astype(np.float32))


@pytest.mark.parametrize("count", [3, 5, 6, 7, 8, 10])
def test_small_things_far_apart_are_counted_by_their_number_and_its_multiples(count: int) -> None:
    found = rounds_of(bolts(count))[0]
    assert int(found[3:].argmax()) + 3 == count
    assert float(found[count]) > 0.4
    # what comes back six times does so three times as well, but changes in none of these alone
    others = [n for n in range(3, 1 + MOST_COUNT) if n != count]
    assert float(found[others].max()) < float(found[count]) - 0.1


def test_where_nothing_comes_back_nothing_is_found() -> None:
    assert not rounds_of(torch.zeros(2, 3, FINE, FINE)).any()
    five = rounds_of(lugs(5, 0.5, 0.5))[0]
    assert float(five[[4, 6]].max()) < 0.6 * float(five[5])
