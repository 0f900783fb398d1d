"""Which word is ordered and which is seen instead."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.model.embedded.spots_shown import process, shown, told
from triad_ui.model.embedded.colour_orders import COUNT, SORT, ordered
from triad_ui.model.embedded.colour_spots import ALIKE
from triad_ui.model.embedded.colour_words import in_words
from triad_ui.model.embedded.paint import COLOURS

ROW = np.array([(0.2, 0.5), (0.4, 0.5), (0.6, 0.5), (0.8, 0.5)])
LEFT = "Fit them from the left."
ANYWHERE = torch.full((9,), 1 / 9)


def said(seen: object, values: torch.Tensor, worst: int) -> tuple[str, str]:
    """Of the value that is blamed most."""
    values = values[:, : int((values[..., SORT] >= 0).sum())]
    blame = torch.full((values.shape[1],), -3.0)
    blame[worst] = 2.0
    written, there, where = in_words(seen, values, blame, ANYWHERE)
    assert where.sum() == pytest.approx(1.0)
    return written, there


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (("red", "yellow", "blue", "white"), ("green", "yellow")),
        (("red", "", "blue", "white"), ("green", "no")),
    ],
)
def test_of_a_list_the_place_that_does_not_fit_is_named(
    there: tuple[str, ...], expected: tuple[str, str]
) -> None:
    values = told((LEFT, "pins: red, green, blue, white"))
    # whichever of its step's values the reader blames: where it does not fit is to be seen
    assert said(shown(there, ROW), values, 3) == expected
    counted = ordered(process((LEFT, ("pins: 4", "from the left: red, green, blue, white"))))[None]
    assert said(shown(there, ROW), counted, 0) == expected


def test_instead_of_a_colour_the_one_is_named_that_nobody_ordered() -> None:
    seen = shown(("red", "blue", "blue", "white"), ROW)
    values = told(("Make it.", "plate: red"), ("Paint it.", "rim: green, white"))
    assert said(seen, values, 1) == ("green", "blue")
    assert said(shown(("red", "white"), ROW[:2]), values, 1) == ("green", "no")


def test_a_number_is_named_as_it_is_counted() -> None:
    seen = shown(("red", "red", "red", ""), ROW)
    seen.spots[0, COLOURS.index("red"), ALIKE] = 3
    values = told(("Fit them.", "pins: 4"), ("Turn it.", "lugs: 5"))
    assert said(seen, values, 0) == ("4", "")  # no colour of its step, nothing all around
    assert said(seen, told(("Fit them.", "pins: 4 red")), 0) == ("4", "3")
    seen.rounds[0, 6] = 0.8
    assert said(seen, values, 1) == ("5", "6")
    around = ("Mould it.", ("neck: red", "lugs around the neck: 5"))
    both = ordered(process(around))[None]
    assert said(seen, both, int((both[0, :, SORT] == COUNT).int().argmax())) == ("5", "6")


def test_what_no_picture_tells_is_not_named() -> None:
    seen = shown(("red",), ROW[:1])
    assert said(seen, told(("Print it.", "imprint: round")), 0) == ("", "")
    assert said(seen, told(("Fit it.", "clip: left")), 0) == ("left", "")


def where(seen: object, values: torch.Tensor, places: torch.Tensor = ANYWHERE) -> torch.Tensor:
    blame = torch.zeros(values.shape[1])
    return in_words(seen, values, blame, places)[2].view(3, 3)


def test_a_fault_lies_where_its_list_does_not_fit() -> None:
    values = told((LEFT, "pins: red, green, blue, white"))
    above = torch.tensor([0.3, 0.3, 0.3, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0])
    for nth, column in ((0, 0), (1, 1), (3, 2)):
        there = ["red", "green", "blue", "white"]
        there[nth] = "yellow"
        found = where(shown(there, ROW), values, above)
        # across the row's way the reader tells, along it the list does
        assert found.sum(0)[column] > 0.9
        assert found.sum(1).tolist() == pytest.approx([0.9, 0.1, 0.0], abs=1e-5)
    swapped = where(shown(("white", "green", "blue", "red"), ROW), values)
    assert int(swapped.sum(0).argmax()) == 1
    fitting = where(shown(("red", "green", "blue", "white"), ROW), values, above)
    assert torch.equal(fitting.flatten(), above)


def test_in_a_circle_both_ways_are_told() -> None:
    ordered_so = ["red", "green", "blue", "white"]
    values = told(("Fit them clockwise from the top.", f"wires: {', '.join(ordered_so)}"))
    turns = 2 * np.pi * np.arange(4) / 4 - np.pi / 2
    places = 0.5 + 0.35 * np.stack([np.cos(turns), np.sin(turns)], 1)
    for nth, (row, column) in enumerate(((0, 1), (1, 2), (2, 1), (1, 0))):
        there = ordered_so.copy()
        there[nth] = "yellow"
        found = where(shown(tuple(there), places), values)
        assert float(found[row, column]) > 0.9, (nth, found)
