"""Learning which paint a picture shows: what is told of a drawn part, and that it is learned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from tests.rounds.made_up import parts
from triad_ui.errors import TrainingError
from triad_ui.model.embedded.colour_sight import shades
from triad_ui.model.embedded.paint import COLOURS, SIDE, Paint
from triad_ui.rounds.painting import train_paint
from triad_ui.rounds.step_pictures import DRAWN, PAINTS, draw_part, paint_of
from triad_ui.synthesis.families.palette import METALS, NAMED


@pytest.mark.parametrize("family", ["cable", "carpet", "perforated sheet", "assembly"])
def test_plain_paint_lies_where_the_part_is_drawn(family: str) -> None:
    made = DRAWN[family]
    spec = made.draw_spec(np.random.default_rng(3))
    drawn, flat = (how(spec, np.random.default_rng(5), 192) for how in (made.render, made.paint))
    assert np.array_equal(drawn.foreground, flat.foreground)
    one, two = (each.rgb[drawn.foreground].astype(float) for each in (drawn, flat))
    assert len(np.unique(two, axis=0)) < len(np.unique(one, axis=0)) / 2
    assert np.abs(one.mean(0) - two.mean(0)).max() < 60


def test_the_paint_of_a_part_is_what_it_is_told_to_have() -> None:
    """In its place in the photograph: where it is told to be red, the photograph is reddish."""
    seen = 0
    for seed in range(12):
        part = draw_part(seed, ["assembly"], 0.0, painted=True)
        assert part.paint.shape == (SIDE, SIDE) and part.paint.max() <= len(COLOURS)
        assert draw_part(seed, ["assembly"], 0.0).paint.shape == (0, 0)
        ground = part.spec["ground"].split()[-1]
        assert (part.paint == COLOURS.index(ground)).mean() > 0.05
        if part.grey:
            continue
        rgb = cv2.resize(part.rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for name, channel in (("red", 0), ("green", 1), ("blue", 2)):
            where = part.paint == COLOURS.index(name)
            if where.sum() > 200:
                seen += 1
                assert rgb[where].mean(0).argmax() == channel
    assert seen > 2


def test_a_shade_is_its_paint_and_nothing_else_is() -> None:
    assert len(PAINTS) == len(COLOURS) == len(NAMED) + len(METALS)
    flat = np.zeros((SIDE, SIDE, 3), np.uint8)
    for row, paint in enumerate(PAINTS):
        flat[row] = np.clip(paint + 8, 0, 255)
    flat[len(PAINTS) :] = (255, 0, 255)
    found = paint_of(flat)
    assert [set(row.tolist()) for row in found] == [{min(row, len(COLOURS))} for row in range(SIDE)]


def test_paint_is_learned() -> None:
    torch.manual_seed(0)
    shown = [part for part in parts(24, ["assembly", "cable"]) if not part.grey]
    paint, noted = Paint(), []
    train_paint(
        paint, shown, steps=120, seconds=1e9, seed=0, batch_size=8, rate=1e-2,
        on_step=lambda step, steps, losses: noted.append((step, steps, losses["paint"])),
    )  # fmt: skip
    assert noted[-1][:2] == (120, 120) and not paint.training
    assert np.mean([loss for *_, loss in noted[-10:]]) < 0.75 * np.mean(
        [loss for *_, loss in noted[:5]]
    )
    pictures = shades(torch.stack([part.scene.picture for part in shown]))
    truth = torch.stack([part.paint for part in shown])
    with torch.no_grad():
        found = paint(pictures)
    assert found.shape == (len(shown), 1 + len(COLOURS), SIDE, SIDE)
    most = torch.bincount(truth.flatten().long()).max() / truth.numel()
    assert float((found.argmax(1) == truth).float().mean()) > float(most) + 0.05


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(TrainingError, match="draw some"):
        train_paint(Paint(), [], steps=1, seconds=1, seed=0, on_step=lambda *a: None)
