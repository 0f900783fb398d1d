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


def said(seen: object, values: torch.Tensor, worst: int) -> tuple[str, str]:
    """Of the value that is blamed most."""
    values = values[:, : int((values[..., SORT] >= 0).sum())]
    blame = torch.full((values.shape[1],), -3.0)
    blame[worst] = 2.0
    return in_words(seen, values, blame)


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
