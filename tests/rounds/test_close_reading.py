"""Close looks: what is drawn for them, that kinds are learned, and how they are weighed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.model.tiny import stub_tower
from tests.rounds.made_up import example, four, looked_at, projector
from triad_ui.errors import TrainingError
from triad_ui.model.embedded.close_reader import CloseReader
from triad_ui.model.embedded.scene import CLOSE_GRID
from triad_ui.rounds import logistic
from triad_ui.rounds.close_reading import (
    close_losses,
    close_of,
    image_scores,
    train_close,
    weigh_looks,
)
from triad_ui.rounds.close_ups import CLEAR, TEXTURE, draw_texture, frames_of, shown_close
from triad_ui.rounds.step_pictures import draw_part
from triad_ui.synthesis.surface import SURFACE_KINDS


@pytest.mark.parametrize("families", [("hex nut", "label"), (TEXTURE,)])
def test_frames_are_about_the_fault_and_clear_of_it(families: tuple[str, ...]) -> None:
    kinds = set()
    for seed in range(30):
        textured = families == (TEXTURE,)
        part = draw_texture(seed) if textured else draw_part(seed, families, 0.7)
        if textured:
            again = draw_texture(seed)
            assert np.array_equal(part.rgb, again.rgb) and np.array_equal(part.mask, again.mask)
            assert bool(part.fault) == part.mask.any()
        boxes = frames_of(part, np.random.default_rng(seed))
        assert boxes == frames_of(part, np.random.default_rng(seed))
        looks = [shown_close(part, box, stub_tower) for box in boxes]
        for (x0, y0, x1, y1), look in zip(boxes, looks, strict=True):
            assert 0 <= x0 < x1 <= 384 and 0 <= y0 < y1 <= 384 and x1 - x0 == y1 - y0 >= 48
            share = part.mask[y0:y1, x0:x1].mean()
            assert look.fault == (part.fault if share > CLEAR else "")
            assert look.masked.shape == (CLOSE_GRID, CLOSE_GRID)
            assert float(look.masked.float().mean()) == pytest.approx(
                share if look.fault else 0.0, abs=2e-3
            )
        assert [bool(look.fault) for look in looks][-1:] in ([False], [True])
        if part.fault:
            x0, y0, x1, y1 = boxes[0]
            assert part.mask[y0:y1, x0:x1].sum() > 0.6 * part.mask.sum()
            kinds.add(part.fault)
    assert len(kinds) > 6


def test_training_lowers_the_loss_and_frames_of_a_fault_are_told_apart() -> None:
    torch.manual_seed(0)
    some = looked_at(12, ["hex nut"])
    assert {bool(frame.fault) for frame in some} == {True, False}
    reader, seen = CloseReader(len(SURFACE_KINDS)), []
    train_close(
        reader, some, steps=60, seed=0, batch_size=16, rate=1e-2,
        on_step=lambda step, steps, losses: seen.append(losses),
    )  # fmt: skip
    for name in ("close", "cell"):
        assert np.mean([x[name] for x in seen[-5:]]) < 0.8 * seen[0][name]
    frames = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).expand(len(some), 4)
    odds = reader.look([frame.scene for frame in some], frames).odds
    ill = torch.tensor([bool(frame.fault) for frame in some])
    assert float(odds[ill].mean()) > float(odds[~ill].mean()) + 0.1


def test_the_losses_are_those_of_a_loop() -> None:
    torch.manual_seed(1)
    some, reader = looked_at(3, ["label"]), CloseReader(len(SURFACE_KINDS)).eval()
    got = close_losses(reader, some)
    kind = cell = 0.0
    for frame in some:
        with torch.no_grad():
            cells, kinds = reader(frame.scene.near.float()[None], frame.scene.far.float()[None])
        logs = kinds[0].log_softmax(0)
        row = 1 + SURFACE_KINDS.index(frame.fault) if frame.fault else 0
        kind += -float(0.95 * logs[row] + 0.05 * logs.mean()) / len(some)
        p = cells[0].sigmoid()
        ill = frame.masked.float() > 0.08
        cell -= float(torch.where(ill, 2 * p.log(), (1 - p).log()).mean()) / len(some)
    assert got["close"].item() == pytest.approx(kind, rel=1e-4)
    assert got["cell"].item() == pytest.approx(cell, rel=1e-4)


def test_looks_are_weighed_on_what_the_picture_shows() -> None:
    torch.manual_seed(0)
    made = projector()
    made.eval()
    told = [example(n, defective=bool(n % 2)) for n in range(12)]
    with torch.no_grad():  # as sure as a trained one, of half of them
        made.close.tell[-1].weight *= 40
        made.close.tell[-1].bias *= 40
    seen = [float(close_of(made, each).odds.max()) for each in told]
    order = np.argsort(seen)
    with torch.no_grad():
        made.close.tell[-1].bias[0] += np.median(seen)
    # whichever frames it finds faulty, let them be so
    some = []
    for rank, index in enumerate(order):
        label = "defective" if rank >= 6 else "normal"
        some.append(replace(told[index], truth=replace(told[index].truth, label=label)))
    hidden = [replace(each, visible=False) for each in some[:3]]
    loss = weigh_looks(made, [*some, *hidden])
    assert loss < 0.6
    scores = image_scores(made, some)
    assert scores[6:].mean() > scores[:6].mean()
    with pytest.raises(TrainingError, match="make some more"):
        weigh_looks(made, hidden)


def test_nothing_to_look_at_is_told() -> None:
    with pytest.raises(TrainingError, match="draw some parts"):
        train_close(CloseReader(2), [], steps=1, seed=0, on_step=lambda *_: None)


def test_a_logistic_fit_finds_the_odds_that_made_the_truth() -> None:
    generator = torch.Generator().manual_seed(0)
    told = torch.randn(4000, 2, generator=generator)
    odds = told @ torch.tensor([1.5, -2.0]) + 0.5
    truth = (torch.rand(4000, generator=generator) < odds.sigmoid()).float()
    layer = torch.nn.Linear(2, 1).requires_grad_(False)
    loss = logistic.fit([layer], [told], truth, small=0.0)
    assert layer.weight[0].tolist() == pytest.approx([1.5, -2.0], abs=0.15)
    assert float(layer.bias) == pytest.approx(0.5, abs=0.12)
    found = torch.nn.functional.binary_cross_entropy_with_logits(layer(told)[:, 0], truth)
    assert loss == pytest.approx(float(found), abs=1e-5)
    logistic.fit([layer], [told], truth, nonnegative=True)
    assert float(layer.weight.min()) >= 0 and float(layer.weight[0, 0]) > 0.5


def test_either_of_two_is_enough() -> None:
    generator = torch.Generator().manual_seed(1)
    one, other = torch.randn(2, 6000, 1, generator=generator)
    odds = torch.logaddexp(2.5 * one[:, 0] - 1, 3 * other[:, 0] - 2)
    truth = (torch.rand(6000, generator=generator) < odds.sigmoid()).float()
    layers = [torch.nn.Linear(1, 1).requires_grad_(False) for _ in range(2)]
    logistic.fit(layers, [one, other], truth, small=0.0)
    found = [float(layer.weight) for layer in layers]
    assert found == pytest.approx([2.5, 3.0], abs=0.35)


def test_an_example_looks_where_its_regions_are() -> None:
    for each in four():
        close = close_of(projector(), each)
        assert close.frames.shape == (len(each.closer), 4)
        assert bool((close.frames[:, 2:] > close.frames[:, :2]).all())
        assert close.cells.shape == (len(each.closer), CLOSE_GRID, CLOSE_GRID)
