"""Learning to read colours: what differs between two processes, and that it learns."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.model.embedded.as_painted import AsPainted
from tests.model.embedded.spots_shown import process
from tests.model.tiny import stub_tower
from tests.rounds.made_up import parts
from triad_ui.errors import TrainingError
from triad_ui.model.embedded.colour_orders import MOST, SORT, STEP, ordered
from triad_ui.model.embedded.colour_reader import ColourReader
from triad_ui.model.embedded.colour_sight import SIDE, shades
from triad_ui.model.embedded.scene import see
from triad_ui.records import ManufacturingProcess, ProcessStep
from triad_ui.rounds.colour_reading import WRONG, differing, lessons, orders, train_colours
from triad_ui.rounds.step_pictures import DRAWN, Shown
from triad_ui.synthesis.families.palette import NAMED


def told(*attributes: tuple[str, ...]) -> torch.Tensor:
    return ordered(process(*(("Do it.", each) for each in attributes)))


@pytest.mark.parametrize(
    ("other", "where"),
    [
        ([("rim: red", "pins: blue, red"), ("cap: white",)], [0, 0, 0, 0]),
        ([("rim: red", "pins: blue, green"), ("cap: white",)], [0, 0, 1, 0]),
        ([("rim: red", "pins: red, blue"), ("cap: white",)], [0, 1, 1, 0]),
        ([("rim: red", "pins: blue"), ("cap: black",)], [0, 1, 1]),
        ([("rim: red", "pins: 3"), ("cap: white",)], [0, 1, 0]),
        ([("rim: red", "pins: blue, red, red"), ("cap: white",)], [0, 1, 1, 1, 0]),
    ],
)
def test_what_differs_is_found_value_by_value(
    other: list[tuple[str, ...]], where: list[int]
) -> None:
    obeyed = told(("rim: red", "pins: blue, red"), ("cap: white",))
    assert differing(told(*other), obeyed).tolist() == [bool(each) for each in where]


def test_every_wrong_order_differs_from_what_is_shown_in_one_step() -> None:
    shown = parts(12, ["assembly", "cable"])
    made = orders(shown, DRAWN, np.random.default_rng(0))
    assert made.values.shape == (12, 1 + WRONG, MOST, 9)
    assert not made.differs[:, 0].any()
    on = made.values[..., SORT] >= 0
    assert not (made.differs & ~on).any()
    assert float(made.differs[:, 1:].any(2).float().mean()) > 0.8
    for row in range(12):
        for nth in range(1, 1 + WRONG):
            steps = made.values[row, nth, made.differs[row, nth], STEP].unique()
            assert len(steps) <= 1


class Cap:
    """A family of caps of one colour each."""

    def process(self, spec: dict, rng: np.random.Generator) -> ManufacturingProcess:
        step = ProcessStep(1, "Paint the cap.", (f"cap: {spec['cap']}",))
        return ManufacturingProcess("cap", "cap", "caps", (step,))

    def logical_defect(self, spec: dict, rng: np.random.Generator) -> SimpleNamespace:
        return SimpleNamespace(spec={"cap": str(rng.choice([*SEEN, *LATER]))})


SEEN, LATER = ("red", "green", "blue", "black"), ("yellow", "purple", "orange")


def caps(*names: str) -> list[Shown]:
    made = []
    for name in names:
        rgb = np.full((SIDE * 4, SIDE * 4, 3), NAMED["grey"], np.uint8)
        rgb[SIDE:-SIDE, SIDE:-SIDE] = NAMED[name]
        spec, nowhere = {"cap": name}, torch.zeros(0, 0)
        made.append(Shown("cap", spec, spec, False, see(rgb, stub_tower), nowhere))
    return made


def test_what_it_learns_of_some_colours_holds_for_others() -> None:
    torch.manual_seed(0)
    reader = ColourReader(3)
    reader.sight.paint = AsPainted()
    seen: list[tuple[int, int]] = []
    train_colours(
        reader, lessons(reader.sight, caps(*SEEN), {"cap": Cap()}, 0), steps=60, seconds=1e9,
        seed=0, batch_size=12, rate=4e-3,
        on_step=lambda step, steps, losses: seen.append((step, steps)),
    )  # fmt: skip
    assert seen[-1] == (60, 60) and not reader.training
    for shown in caps(*LATER):
        pixels = shades(shown.scene.picture[None])
        values = torch.stack([told((f"cap: {name}",)) for name in LATER])
        with torch.no_grad():
            found = reader(reader.sight(pixels).each(len(LATER)), values)
        for way in found:  # as it is read, as the colours add up, and of the one value
            assert LATER[int(way.flatten().argmin())] == shown.spec["cap"]


def test_families_that_are_kept_aside_are_not_learned_from() -> None:
    reader = ColourReader(3)
    given = lessons(reader.sight, caps(*SEEN), {"cap": Cap()}, 0)
    once = {"steps": 1, "seconds": 1e9, "seed": 0, "on_step": lambda *a: None}
    with pytest.raises(TrainingError, match="kept aside"):
        train_colours(reader, given, aside=["cap"], **once)
    chosen = reader.state_dict()["tell.weight"].clone()
    train_colours(reader, given, aside=["gear"], batch_size=4, **once)
    assert not torch.equal(reader.tell.weight, chosen)


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(TrainingError, match="draw some"):
        lessons(ColourReader(3).sight, [], DRAWN, 0)
