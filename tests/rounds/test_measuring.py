"""How far a list or a ring that does not fit speaks against a process."""

from __future__ import annotations

import math

import numpy as np
import torch

from tests.model.embedded.spots_shown import shown, told
from tests.model.embedded.test_colour_grid import ALL, ONE_LESS, spots
from tests.model.embedded.test_colour_grid import shown as grid_shown
from triad_ui.model.embedded.colour_beside import by_round
from triad_ui.model.embedded.colour_grid import IN_GRID
from triad_ui.model.embedded.colour_measured import Measured
from triad_ui.model.embedded.colour_rows import by_row
from triad_ui.model.embedded.colour_sight import joined
from triad_ui.model.embedded.scene import FINE
from triad_ui.rounds.colour_reading import Lessons, Orders
from triad_ui.rounds.measuring import weigh_measures

LEFT = "Fit them from the left."
LISTS = (("red", "green", "blue"), ("white", "red", "black"), ("blue", "blue", "green"))
ALONG = np.array([(x, 0.5) for x in (0.2, 0.5, 0.8)])


def given(numbers: tuple[int, ...] = ()) -> Lessons:
    """Parts with a list each, held against their own and another's; with so many lugs around."""
    seen, values, differs = [], [], []
    for nth, names in enumerate(LISTS):
        picture = shown(names, ALONG)
        lists = [names, LISTS[nth - 1]]
        steps = [[(LEFT, f"pins: {', '.join(each)}")] for each in lists]
        if numbers:
            picture.rounds[0, numbers[nth]] = 0.9
            for step, number in zip(steps, (numbers[nth], numbers[nth - 1]), strict=True):
                step.append(("Mill the lugs around it.", f"lugs: {number}"))
        processes = torch.cat([told(*step) for step in steps])
        seen.append(picture)
        values.append(processes)
        differs.append((processes != processes[:1]).any(-1))
    told_of = Orders(torch.stack(values), torch.stack(differs))
    pictures = torch.zeros(len(LISTS), 3, FINE, FINE, dtype=torch.uint8)
    return Lessons(np.array(["thing"] * len(LISTS)), told_of, joined(seen), pictures)


class Grids:
    """Sees a grid of red spots on blue in each picture, that lacks one where the first pixel is
    not black."""

    def shares(self, pictures: torch.Tensor) -> torch.Tensor:
        seen = [spots(without=(1, 1) if float(each[0, 0, 0]) > -1 else None) for each in pictures]
        return torch.cat([grid_shown(red=mask) for mask in seen])


def test_what_does_not_fit_speaks_against_a_process_and_what_fits_for_it() -> None:
    lessons, measured = given((4, 6, 9)), Measured()
    by_list, by_ring, by_grid = weigh_measures(measured, Grids(), lessons)
    assert max(by_list, by_ring) < 0.4 and math.isnan(by_grid)
    for values, wrong in ((lessons.told.values[:, 0], False), (lessons.told.values[:, 1], True)):
        rows, rounds = by_row(lessons.seen, values), by_round(lessons.seen, values)
        odds = measured(rows, rounds, torch.zeros(*values.shape[:2], IN_GRID), values)
        assert bool((odds[:, :3] > 1).all() if wrong else (odds[:, :3] < -1).all())
        assert bool((odds[:, 3] > 1).all() if wrong else (odds[:, 3] < -1).all())


def test_what_no_process_differs_in_is_left_as_it_was() -> None:
    lessons, measured = given(), Measured()
    by_list, by_ring, _ = weigh_measures(measured, Grids(), lessons)
    assert by_list < 0.4 and math.isnan(by_ring)
    assert not measured.rings.weight.any() and measured.rings.bias.tolist() == [-3.0]


def test_a_grid_speaks_as_far_as_it_tells_in_its_own_way_of_being_told() -> None:
    """Of each way right and wrong count alike, however often each is met."""
    lessons, measured = given(), Measured()
    whole, less = told(("Print it.", ALL)), told(("Print it.", ONE_LESS))
    values = torch.stack([torch.cat([whole, less])] * 8 + [torch.cat([less, whole])])
    differs = (values != values[:, :1]).any(-1)
    pictures = torch.zeros(9, 3, FINE, FINE, dtype=torch.uint8)
    pictures[[0, 8]] = 255  # one of those that order no hole has one; and the one that orders it
    seen = lessons.seen[torch.zeros(9, dtype=torch.long)]
    some = Lessons(np.array(["thing"] * 9), Orders(values, differs), seen, pictures)
    *_, by_grid = weigh_measures(measured, Grids(), some)
    assert by_grid < 0.5
    lacks, none = measured.grids.weight[0].tolist()
    assert lacks > 1 and none > 1
