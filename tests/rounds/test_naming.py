"""Faults against a process learn their names and places from drawn parts."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.model.embedded.as_painted import AsPainted
from tests.rounds.made_up import parts
from triad_ui.errors import TrainingError
from triad_ui.model.embedded.colour_orders import MOST, SORT
from triad_ui.model.embedded.colour_reader import ColourReader
from triad_ui.model.embedded.colour_sight import shades
from triad_ui.model.embedded.scene import FINE
from triad_ui.rounds.naming import Faults, faults, train_naming
from triad_ui.rounds.step_pictures import DRAWN
from triad_ui.rounds.train_embedded import LOGICAL_KINDS
from triad_ui.synthesis.families.palette import NAMED


def test_each_part_has_a_process_that_it_contradicts() -> None:
    shown = parts(8, ["cable", "tablet", "bottle cap"])
    told = faults(shown, DRAWN, LOGICAL_KINDS, np.random.default_rng(0))
    coloured = sum(not each.grey for each in shown)
    assert 0.6 * coloured <= len(told.kinds) <= coloured
    assert told.pixels.shape[1:] == (3, FINE, FINE)
    assert told.values.shape[1:] == (MOST, 9)
    assert (told.values[:, 0, SORT] >= 0).all()
    assert set(told.kinds.tolist()) <= set(range(len(LOGICAL_KINDS)))
    assert set(told.places.tolist()) <= set(range(9))


def test_a_missing_part_is_one_that_the_order_has_and_the_picture_lacks() -> None:
    class Rings:
        """A ring, or none."""

        def logical_defect(self, spec: dict, rng: object) -> object:
            kind = "missing part" if spec["ring"] else "extra part"
            return SimpleNamespace(spec={"ring": not spec["ring"]}, kind=kind)

        def process(self, spec: dict, rng: object) -> object:
            return DRAWN["tablet"].process(DRAWN["tablet"].draw_spec(rng), rng)

        def render(self, spec: dict, rng: object, size: int) -> object:
            rgb = np.full((size, size, 3), 90, np.uint8)
            if spec["ring"]:
                rgb[: size // 4, : size // 4] = 250
            return SimpleNamespace(rgb=rgb, foreground=np.ones((size, size), bool))

    shown = [each for each in parts(6, ["tablet"]) if not each.grey]
    for ring, kind in ((True, "extra part"), (False, "missing part")):
        made = [
            replace(each, family="ring", spec={"ring": ring}, ordered={"ring": ring})
            for each in shown
        ]
        told = faults(made, {"ring": Rings()}, LOGICAL_KINDS, np.random.default_rng(0))
        assert {LOGICAL_KINDS[kind] for kind in told.kinds.tolist()} == {kind}
        assert set(told.places.tolist()) == {0}  # top left


def test_training_learns_names_and_places_and_leaves_the_reading_alone() -> None:
    """Where the blamed colour lies is where the fault is; what is ordered tells the kind."""
    torch.manual_seed(0)
    reader = ColourReader(3)
    reader.sight.paint = AsPainted()
    pixels = torch.zeros(18, 3, FINE, FINE, dtype=torch.uint8)
    values = torch.full((18, MOST, 9), -1)
    places, kinds = torch.arange(18) % 9, torch.arange(18) // 9
    third = FINE // 3
    for row, (place, kind) in enumerate(zip(places.tolist(), kinds.tolist(), strict=True)):
        top, left = place // 3 * third, place % 3 * third
        red = torch.tensor(NAMED["red"], dtype=torch.uint8)[:, None, None]
        pixels[row, :, top : top + third, left : left + third] = red
        values[row, 0] = torch.tensor([kind, 2, 0, 0, 1, 0, 1, 0, 0])
    told = Faults(pixels, values, kinds, places)
    before = {name: value.clone() for name, value in reader.state_dict().items()}
    noted: list[tuple[int, int]] = []
    train_naming(
        reader, told, steps=150, seed=0, batch_size=18, rate=1e-2,
        on_step=lambda step, steps, losses: noted.append((step, steps)),
    )  # fmt: skip
    assert noted[-1] == (150, 150) and not reader.training
    after = reader.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed and all(name.startswith("naming.") for name in changed)
    with torch.no_grad():
        *_, named, placed = reader.named(reader.sight(shades(pixels)), values[:, :1])
    assert (named.argmax(1) == kinds).float().mean() == 1
    assert (placed.argmax(1) == places).float().mean() > 0.8


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(TrainingError, match="draw more"):
        faults([], DRAWN, LOGICAL_KINDS, np.random.default_rng(0))
