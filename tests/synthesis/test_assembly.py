"""Assemblies of plain shapes."""

from __future__ import annotations

import numpy as np

from triad_ui.synthesis.assembly import AROUND, Assembly


def test_things_all_around_stand_on_round_parts_others_on_any() -> None:
    rng, family = np.random.default_rng(3), Assembly()
    drawn = [family.draw_spec(rng) for _ in range(400)]
    around = {spec["outline"] for spec in drawn if spec["how"] == AROUND}
    others = {spec["outline"] for spec in drawn if spec["how"] != AROUND}
    assert around == {"disc", "field"} < others == {"plate", "disc", "hexagon", "field"}
