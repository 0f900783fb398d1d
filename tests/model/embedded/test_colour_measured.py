"""Lists and rings that are measured, as log-odds of a contradiction."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.model.embedded.spots_shown import shown, told
from triad_ui.model.embedded.colour_beside import by_round
from triad_ui.model.embedded.colour_grid import IN_GRID
from triad_ui.model.embedded.colour_measured import NEVER, Measured, counted_around
from triad_ui.model.embedded.colour_orders import COUNT, SORT
from triad_ui.model.embedded.colour_rows import by_row
from triad_ui.model.embedded.colour_sight import Seen

LEFT = "Fit them from the left."
ALONG = np.array([(x, 0.5) for x in (0.2, 0.5, 0.8)])


def odds_of(measured: Measured, seen: Seen, values: torch.Tensor) -> torch.Tensor:
    """Of each value of one process, where there is no grid, (L,)."""
    grids = torch.zeros(*values.shape[:2], IN_GRID)
    return measured(by_row(seen, values), by_round(seen, values), grids, values)[0].detach()


@pytest.fixture
def measured() -> Measured:
    made = Measured()
    with torch.no_grad():
        for layer in (made.lists, made.rings, made.grids):
            layer.weight.fill_(3.0)
            layer.bias.fill_(-1.0)
    return made


@pytest.mark.parametrize(
    ("text", "attribute", "counted"),
    [
        ("Mill the lugs.", "lugs around the neck: 6", True),
        ("Mill the lugs all around.", "lugs: 6", True),
        ("Mill the lugs.", "lugs: 6", False),
        ("Mill the lugs all around.", "lugs: 2", False),
        ("Paint the edge all around.", "edge: red", False),
        ("Set 6 lugs around it.", "6 lugs: red", False),
    ],
)
def test_numbers_of_things_all_around_are_counted(text: str, attribute: str, counted: bool) -> None:
    values = told((text, attribute))
    assert bool(counted_around(values).any()) is counted
    assert not counted_around(values)[values[..., SORT] != COUNT].any()


def test_a_list_that_does_not_fit_speaks_against_each_of_its_values(measured: Measured) -> None:
    seen = shown(("red", "green", "blue"), ALONG)
    odds = []
    for pins in ("red, green, blue", "red, blue, green"):
        values = told(("Paint it.", "rim: red"), (LEFT, f"pins: {pins}"))
        found = odds_of(measured, seen, values)
        assert found[0] == NEVER and (found[4:] == NEVER).all()
        odds.append(found[1:4])
    assert odds[0].tolist() == [-1.0] * 3 and float(odds[1].min()) > 2


def test_a_number_that_the_rings_do_not_show_is_spoken_against(measured: Measured) -> None:
    seen = shown((), np.zeros((0, 2)))
    seen.rounds[0, 5], seen.rounds[0, 6] = 0.2, 0.8
    found = {}
    for number in (5, 6):
        values = told(("Mill the lugs.", f"lugs around it: {number}"))
        found[number] = float(odds_of(measured, seen, values).max())
    assert found[6] == pytest.approx(-1 - 3 * 0.8 - 3 * 0.6)
    assert found[5] == pytest.approx(-1 - 3 * 0.2 + 3 * 0.6)


def test_before_it_is_weighed_it_says_nothing() -> None:
    seen = shown(("red", "green", "blue"), ALONG)
    values = told((LEFT, "pins: blue, green, red"))
    assert float(odds_of(Measured(), seen, values).max()) == -3.0


def test_a_grid_that_lacks_what_it_is_not_to_lack_is_spoken_against(measured: Measured) -> None:
    seen = shown((), np.zeros((0, 2)))
    values = told(("Print it.", "dots: red, one black"))
    grids = torch.zeros(*values.shape[:2], IN_GRID)
    found = []
    for amiss in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)):
        grids[0, :3] = torch.tensor([1.0, *amiss, 1.0])
        odds = measured(by_row(seen, values), by_round(seen, values), grids, values)[0].detach()
        assert (odds[3:] == NEVER).all()
        found.append(odds[:3].tolist())
    assert found == [[-1.0] * 3, [2.0] * 3, [2.0] * 3]
