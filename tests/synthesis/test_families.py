"""Every family keeps the promises of `product.Family`: numbers, texts, pictures, faults."""

from __future__ import annotations

import numpy as np
import pytest

from triad_ui.synthesis.families import FAMILIES, HELD_OUT
from triad_ui.synthesis.families.palette import NAMED
from triad_ui.synthesis.surface import SURFACE_KINDS

SIZE = 192
SEEDS = range(8)
KINDS = {
    "wrong colour", "missing part", "extra part", "swapped parts", "wrong count",
    "wrong position", "wrong text",
}  # fmt: skip
HANDLED = {"scratch", "abrasion", "contamination"}
SURFACE = ("scratch", "dent", "crack", "hole", "stain", "print smear", "dust", "no such kind")

pytestmark = pytest.mark.parametrize("name", sorted(FAMILIES))


def _rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_process_is_short_and_numbered(name: str) -> None:
    family = FAMILIES[name]
    assert family.name == name and family.plural
    told = set()
    for seed in SEEDS:
        rng = _rng(seed)
        process = family.process(family.draw_spec(rng), rng)
        assert [step.number for step in process.steps] == list(range(1, len(process.steps) + 1))
        assert 3 <= len(process.steps) <= 6
        assert len(process.text.split()) <= 70
        assert any(step.attributes for step in process.steps)
        assert process.product == name and process.plural == family.plural
        told.add(process.text)
    assert len(told) > len(SEEDS) // 2


def test_equal_states_give_equal_pictures(name: str) -> None:
    family = FAMILIES[name]
    spec = family.draw_spec(_rng(3))
    assert dict(spec) == dict(family.draw_spec(_rng(3)))
    first, again = (family.render(spec, _rng(4), SIZE) for _ in range(2))
    assert first.rgb.shape == (SIZE, SIZE, 3) and first.rgb.dtype == np.uint8
    assert first.foreground.shape == (SIZE, SIZE) and first.foreground.dtype == bool
    assert 0.08 < first.foreground.mean() <= 1
    assert np.array_equal(first.rgb, again.rgb)
    assert np.array_equal(first.foreground, again.foreground)
    assert not np.array_equal(first.rgb, family.render(spec, _rng(5), SIZE).rgb)


def test_generator_moves_on_equally_for_every_spec(name: str) -> None:
    family = FAMILIES[name]
    spec = family.draw_spec(_rng(6))
    wrong = family.logical_defect(spec, _rng(7)).spec
    one, other = _rng(8), _rng(8)
    family.render(spec, one, SIZE)
    family.render(wrong, other, SIZE)
    assert one.random() == other.random()


def test_logical_defects_are_visible_and_name_their_step(name: str) -> None:
    family = FAMILIES[name]
    kinds = set()
    for seed in range(24):
        rng = _rng(seed, 1)
        spec = family.draw_spec(rng)
        before = dict(spec)
        defect = family.logical_defect(spec, rng)
        process = family.process(spec, rng)
        assert dict(spec) == before and dict(defect.spec) != before
        assert defect.kind in KINDS
        ordered, seen = (family.process(made, _rng(seed)).steps for made in (spec, defect.spec))
        differing = [a.number for a, b in zip(ordered, seen) if a.attributes != b.attributes]
        assert differing == [defect.step], (defect, "its own process would order what is seen")
        step = next(step for step in process.steps if step.number == defect.step)
        assert step.attributes, "a contradicted step has something to check"
        assert defect.expected and defect.observed and defect.expected != defect.observed
        for colour in NAMED:
            told = f" {colour}" in f" {defect.expected} "
            if told and defect.kind == "wrong colour":
                assert colour in " ".join(step.attributes) + step.text
        good = family.render(spec, _rng(seed, 2), SIZE)
        bad = family.render(defect.spec, _rng(seed, 2), SIZE)
        change = np.abs(good.rgb.astype(int) - bad.rgb).max(2) > 24
        change |= good.foreground != bad.foreground
        whole = good.foreground.mean() > 0.6 and defect.kind == "wrong colour"
        assert change.mean() >= 0.005, (seed, defect)
        assert change.mean() <= 0.6 or whole, (seed, defect)
        kinds.add(defect.kind)
    assert len(kinds) >= 2


def test_surface_steps_are_valid(name: str) -> None:
    family = FAMILIES[name]
    for seed in SEEDS:
        spec = family.draw_spec(_rng(seed))
        last = len(family.process(spec, _rng(seed)).steps)
        for kind in SURFACE:
            assert 1 <= family.surface_step(kind, spec) <= last
        assert family.surface_step("no such kind", spec) == last


def test_every_surface_kind_arises_in_a_sensible_step(name: str) -> None:
    """Shaping, finishing and thread work leave the packing step to what handling does."""
    family = FAMILIES[name]
    for seed in SEEDS:
        spec = family.draw_spec(_rng(seed))
        pack = len(family.process(spec, _rng(seed)).steps)
        steps = {kind: family.surface_step(kind, spec) for kind in SURFACE_KINDS}
        assert {kind for kind in SURFACE_KINDS if steps[kind] == pack} == HANDLED
        form = family.surface_step("crack", spec)
        assert steps["texture fault"] == steps["pasted patch"] == steps["hole"] == form
        assert steps["stain"] == steps["print smear"] == steps["discoloration"]


def test_names_say_what_they_are(name: str) -> None:
    assert name == name.lower() and "_" not in name
    assert len(HELD_OUT) >= 4 and set(HELD_OUT) < set(FAMILIES)
