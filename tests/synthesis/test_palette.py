"""Shades that a person would call by a colour's name."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from triad_ui.model.embedded.paint import COLOURS
from triad_ui.rounds.step_pictures import paint_of
from triad_ui.synthesis.assembly import Assembly
from triad_ui.synthesis.families.palette import NAMED, REGIONS, anywhere

WAYS = np.random.default_rng(0).uniform(-1, 1, (200, 3))


def inside(rgb: np.ndarray, name: str, more: float = 0.0) -> bool:
    """Whether a shade lies in a name's region, as much nearer its middle as `more` says."""
    hue, light, strength = colorsys.rgb_to_hls(*(rgb / 255))
    spans = REGIONS[name]
    hues = (hue, hue - 1) if strength > 0.12 or name not in ("white", "black", "grey") else (0.3,)
    within = [low + more <= value <= high - more
              for value, (low, high) in zip((light, strength), spans[1:])]  # fmt: skip
    return all(within) and any(spans[0][0] <= each <= spans[0][1] for each in hues)


@pytest.mark.parametrize("name", NAMED)
def test_no_shade_of_a_colour_is_called_by_another_name(name: str) -> None:
    assert set(REGIONS) == set(NAMED)
    shades = [anywhere(name, *way) for way in WAYS]
    assert all(rgb.shape == (3,) and 0 <= rgb.min() <= rgb.max() <= 255 for rgb in shades)
    others = [other for other in NAMED if other != name]
    assert not [other for rgb in shades for other in others if inside(rgb, other, 0.02)]
    # not all alike: a tan as well as a dark brown
    assert np.ptp([rgb.mean() for rgb in shades]) > 15


def test_a_colour_as_it_is_told_is_one_of_its_shades() -> None:
    for name in ("red", "green", "blue", "yellow", "orange", "purple", "brown"):
        assert inside(np.array(NAMED[name], float), name), name


def test_parts_in_any_shade_are_told_by_the_paint_of_its_name() -> None:
    family, rng = Assembly(), np.random.default_rng(5)
    while True:
        spec = {**family.draw_spec(rng), "ground": "brown", "outline": "field", "any": True}
        if spec["band"] and len(set(spec["items"])) == 1 and spec["items"][0] != "brown":
            break
    drawn = [family.render(spec, np.random.default_rng(seed), 96).rgb for seed in range(6)]
    assert np.std([rgb[:4].mean() for rgb in drawn]) > 8
    for seed in range(6):
        paint = paint_of(family.paint(spec, np.random.default_rng(seed), 96).rgb)
        assert (paint == COLOURS.index("brown")).mean() > 0.3
