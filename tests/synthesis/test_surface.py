from __future__ import annotations

import numpy as np
import pytest

from tests.synthesis.fakes import FAMILIES
from triad_ui.synthesis import families as catalogue
from triad_ui.synthesis.surface import SURFACE_KINDS, apply, damage


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def _product(name: str, seed: int, size: int = 192):
    family = FAMILIES.get(name) or catalogue.FAMILIES[name]
    return family.render(family.draw_spec(_rng(seed)), _rng(seed + 1), size)


def test_there_are_kinds_enough():
    assert len(SURFACE_KINDS) == len(set(SURFACE_KINDS)) >= 10
    assert {"texture fault", "pasted patch"} <= set(SURFACE_KINDS)


@pytest.mark.parametrize("kind", SURFACE_KINDS)
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_mask_is_what_changed_and_the_change_is_seen(kind: str, name: str):
    for seed in range(4):
        part = _product(name, seed)
        before = part.rgb.copy()
        rgb, mask = apply(kind, part.rgb, part.foreground, _rng(100 + seed))
        assert np.array_equal(part.rgb, before), "the input is not to be painted on"
        change = np.abs(rgb.astype(int) - before).max(axis=2)
        assert mask.dtype == bool and 6 <= mask.sum() <= 0.2 * mask.size
        # whatever changed strongly is in the mask (a through hole changes at the camera)
        assert not (change > 12)[~mask].any()
        if kind not in ("hole", "chip"):
            assert change[mask].mean() >= 12
            assert ((change > 8) & mask).sum() >= 0.6 * mask.sum()


@pytest.mark.parametrize("name", sorted(catalogue.FAMILIES))
def test_every_kind_is_drawn_on_every_family(name: str):
    part = _product(name, 3, 160)
    for kind in SURFACE_KINDS:
        done = damage(kind, part.rgb, part.foreground, _rng(7))
        touched = np.abs(done.rgb.astype(int) - part.rgb).max(axis=2) > 8
        assert done.mask.any(), kind
        assert (touched | (done.foreground != part.foreground)).any(), kind


def test_sizes_vary_widely():
    part = _product("weave", 1)
    areas = [damage("stain", part.rgb, part.foreground, _rng(k)).mask.mean() for k in range(40)]
    assert max(areas) > 8 * min(areas)


def test_wrong_input_is_refused():
    part = _product("disc", 1)
    with pytest.raises(KeyError):
        apply("wormhole", part.rgb, part.foreground, _rng(0))
    with pytest.raises(ValueError, match="foreground"):
        apply("stain", part.rgb, np.zeros_like(part.foreground), _rng(0))
