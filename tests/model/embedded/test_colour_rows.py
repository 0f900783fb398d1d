"""Lists of colours laid over a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.model.embedded.spots_shown import process, shown, told
from triad_ui.model.embedded.colour_orders import ATTRIBUTE, COLOUR, MOST, SORT, ordered
from triad_ui.model.embedded.colour_rows import IN_ROW, SHORTEST, by_row

SPOTS = ("red", "green", "blue", "white")
ALONG = np.array([0.2, 0.4, 0.6, 0.8])
WAY = 2 * np.pi * np.arange(4) / 4 - np.pi / 2
LAID = {
    "Fit them from the left.": np.stack([ALONG, 0 * ALONG + 0.55], 1),
    "Fit them from the top.": np.stack([0 * ALONG + 0.45, ALONG], 1),
    "Fit them clockwise from the top.": 0.5 + 0.3 * np.stack([np.cos(WAY), np.sin(WAY)], 1),
    "Fit them row by row.": np.array([(0.35, 0.35), (0.65, 0.35), (0.35, 0.65), (0.65, 0.65)]),
    "Fit them.": np.stack([ALONG, 0 * ALONG + 0.55], 1),
}


@pytest.mark.parametrize("text", LAID)
def test_a_list_fits_where_its_colours_stand_in_their_order(text: str) -> None:
    seen = shown(SPOTS, LAID[text])
    right = by_row(seen, told((text, f"pins: {', '.join(SPOTS)}")))[0]
    assert right.shape == (MOST, IN_ROW)
    assert right[:4].tolist() == [[1.0, 0.0, 0.0, 0.0]] * 4 and not right[4:].any()
    for wrong in ("red, blue, green, white", "red, green, blue, black", "green, red, white, blue"):
        found = by_row(seen, told((text, f"pins: {wrong}")))[0]
        assert float(found[0, 1]) > 0.2 and float(found[0, 2]) > 0.9, wrong


def test_the_values_that_do_not_fit_are_told_apart() -> None:
    seen = shown(SPOTS, LAID["Fit them from the left."])
    found = by_row(seen, told(("Fit them from the left.", "pins: red, green, yellow, white")))[0]
    assert found[:4, 3].gt(0.9).tolist() == [False, False, True, False]


def test_an_empty_place_of_a_list_may_show_anything_but_the_others_must_fit() -> None:
    left = "Fit them from the left."
    seen = shown(("red", "", "blue", "white"), LAID[left])
    assert not by_row(seen, told((left, "pins: red, none, blue, white")))[0, :, 1].any()
    assert by_row(seen, told((left, "pins: red, green, blue, white")))[0, 1, 3] > 0.9


def test_only_lists_of_single_colours_are_laid_over_a_picture() -> None:
    seen = shown(SPOTS, LAID["Fit them."])
    for value in ("red, green", "2 red, 1 green, 1 blue", "red, green, round", "4"):
        assert not by_row(seen, told(("Fit them.", f"pins: {value}"))).any(), value
    both = by_row(seen, told(("Paint it.", "rim: red"), ("Fit them.", "pins: red, blue, white")))
    assert both[0, :, 0].tolist()[: 1 + SHORTEST] == [0.0] + [1.0] * SHORTEST


def test_each_list_of_a_process_is_laid_by_itself_the_top_row_in_a_row() -> None:
    names = ("red", "green", "blue", "white", "black", "red")
    seen = shown(names, np.array([(x, y) for y in (0.35, 0.65) for x in (0.3, 0.5, 0.7)]))
    step = ("Fit them.", ("top row: red, green, blue", "bottom row: white, black, red"))
    values = torch.full((1, MOST, 9), -1)
    found = ordered(process(step))
    values[0, : len(found)] = found
    lists = [values[0, :, ATTRIBUTE] == number for number in (0, 1)]
    own = values[0, :, SORT] == COLOUR
    right = by_row(seen, values)[0]
    for each in lists:
        assert right[each & own].tolist() == [[1.0, 0.0, 0.0, 0.0]] * 3
    swapped = ("Fit them.", ("top row: red, green, blue", "bottom row: black, white, red"))
    values[0, : len(found)] = ordered(process(swapped))
    wrong = by_row(seen, values)[0]
    assert not wrong[lists[0] & own, 2].any() and float(wrong[lists[1] & own, 2].min()) > 0.9
