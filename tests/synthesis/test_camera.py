from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.synthesis.fakes import FAMILIES
from triad_ui.synthesis.camera import draw_station, framing_of, shoot


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def _part(name: str, size: int = 192):
    family = FAMILIES[name]
    return family.render(family.draw_spec(_rng(0)), _rng(1), size)


def test_framing():
    assert framing_of(_part("disc").foreground) == "object"
    assert framing_of(_part("weave").foreground) == "full"
    cable = np.zeros((64, 64), bool)
    cable[28:36] = True
    assert framing_of(cable) == "through"


def test_mask_moves_with_the_picture():
    for seed in range(12):
        part = _part("disc")
        rgb, mask = part.rgb.copy(), np.zeros(part.foreground.shape, bool)
        mask[60:84, 100:130] = True
        rgb[mask] = (255, 0, 255)
        station = draw_station(_rng(seed), rgb, part.foreground, aligned=False)
        flat = np.ones_like(station.light)
        station = replace(station, noise=0.1, grey=False, light=flat, white=np.ones(3, "f4"))
        station = replace(station, colours=np.eye(3, dtype="f4"), curve=np.arange(256, dtype="u1"))
        shot = shoot(station, rgb, part.foreground, mask, _rng(seed + 50))
        picture = shot.rgb.astype(int)
        magenta = (picture[..., 0] > 150) & (picture[..., 2] > 150) & (picture[..., 1] < 110)
        both, either = (magenta & shot.mask).sum(), (magenta | shot.mask).sum()
        assert both / either > 0.75


def test_two_shots_differ_but_come_from_one_station():
    part = _part("disc")
    nothing = np.zeros(part.foreground.shape, bool)
    station = draw_station(_rng(3), part.rgb, part.foreground, aligned=True)
    first, second = (
        shoot(station, part.rgb, part.foreground, nothing, _rng(k)).rgb.astype(float)
        for k in (1, 2)
    )
    assert 0.3 < np.abs(first - second).mean() < 20
    assert np.abs(first.mean(axis=(0, 1)) - second.mean(axis=(0, 1))).max() < 12


def test_grey_camera_is_grey():
    part = _part("disc")
    station = draw_station(_rng(3), part.rgb, part.foreground, aligned=True)
    station = replace(station, grey=True, quality=None)
    nothing = np.zeros(part.foreground.shape, bool)
    rgb = shoot(station, part.rgb, part.foreground, nothing, _rng(1)).rgb
    assert (rgb[..., 0] == rgb[..., 2]).all()
