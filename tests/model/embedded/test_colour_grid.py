"""Grids of like spots that lack one, or none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.model.embedded.spots_shown import GROUND, told
from triad_ui.model.embedded.colour_grid import NO_GRID, asks, by_grid, lacking
from triad_ui.model.embedded.paint import COLOURS, SIDE

NOTHING = np.zeros((SIDE, SIDE), bool)


def spots(
    columns: int = 5, rows: int = 4, *, without: tuple[int, int] | None = None, turn: float = 0.0
) -> np.ndarray:
    """A grid of round spots in the middle of the picture, bool (SIDE, SIDE)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    mask = NOTHING.copy()
    for column in range(columns):
        for row in range(rows):
            if (column, row) != without:
                u, v = at(column, row, columns, rows, turn)
                mask |= (x - u) ** 2 + (y - v) ** 2 < 16
    return mask


def at(column: int, row: int, columns: int = 5, rows: int = 4, turn: float = 0.0) -> np.ndarray:
    """Where a spot lies."""
    way = np.array([(column - (columns - 1) / 2) * 14, (row - (rows - 1) / 2) * 16])
    return SIDE / 2 + np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ way


@pytest.mark.parametrize("turn", [0.0, 0.2, -0.15])
@pytest.mark.parametrize("shape", [(5, 4), (3, 3), (7, 3)])
def test_a_grid_lacks_what_lies_nowhere(shape: tuple[int, int], turn: float) -> None:
    assert lacking(spots(*shape, turn=turn), NOTHING) == 0
    for without in ((1, 1), (0, 1), (0, 0), (shape[0] - 1, shape[1] - 1)):
        assert lacking(spots(*shape, without=without, turn=turn), NOTHING) == 1, without


def test_what_lies_on_a_spot_may_hide_it() -> None:
    mask, over = spots(without=(2, 1)), NOTHING.copy()
    u, v = at(2, 1).astype(int)
    over[v - 5 : v + 6, u - 5 : u + 6] = True
    assert lacking(mask, NOTHING) == 1 and lacking(mask, over) == 0


def test_spots_in_no_grid_lack_nothing() -> None:
    generator = np.random.default_rng(2)
    scattered = NOTHING.copy()
    for x, y in generator.integers(5, SIDE - 5, (14, 2)):
        scattered[y - 2 : y + 3, x - 2 : x + 3] = True
    for mask in (scattered, spots(7, 1), spots(2, 2), NOTHING, ~NOTHING):
        assert lacking(mask, NOTHING) == NO_GRID


def shown(**masks: np.ndarray) -> torch.Tensor:
    """Shares of paints, each where its mask is, on blue: (1, 1 + len(COLOURS), SIDE, SIDE)."""
    shares = torch.zeros(1, GROUND + 1, SIDE, SIDE)
    shares[0, COLOURS.index("blue")] = 1.0
    for name, mask in masks.items():
        there = torch.from_numpy(mask)
        shares[0, :, there] = 0.0
        shares[0, COLOURS.index(name), there] = 1.0
    return shares


ALL, ONE_LESS, ONE_BLACK = "all dots: red", "dots: red, one left out", "dots: red, one black"


@pytest.mark.parametrize(
    ("attribute", "without", "amiss"),
    [
        (ALL, None, [0, 0, 0]),
        (ALL, (1, 1), [1, 0, 0]),
        (ONE_LESS, (4, 2), [0, 0, 1]),
        (ONE_LESS, None, [0, 1, 1]),
        (ONE_BLACK, None, [0, 1, 1]),
    ],
)
def test_a_grid_is_held_against_how_it_is_told(
    attribute: str, without: tuple[int, int] | None, amiss: list[int]
) -> None:
    values = told(("Make it.", "plate: blue"), ("Print it.", attribute))
    found = by_grid(shown(red=spots(without=without)), values)[0]
    of_grid = values[0, :, 5] == 1
    assert not found[~of_grid].any()
    assert found[of_grid].tolist() == [[1.0, *amiss]] * int(of_grid.sum())


def test_another_colour_at_a_place_is_a_spot_that_is_lacking_or_a_mark_that_hides_one() -> None:
    u, v = at(2, 1).astype(int)
    odd = NOTHING.copy()
    odd[v - 4 : v + 5, u - 4 : u + 5] = True
    picture = shown(red=spots(without=(2, 1)), black=odd)
    alone = told(("Make it.", "plate: blue"), ("Print it.", ALL))
    marked = told(("Make it.", "plate: blue"), ("Print it.", ALL), ("Mark it.", "tag: black"))
    assert by_grid(picture, alone)[0, :, 1].any()
    assert not by_grid(picture, marked)[0, :, 1].any()
    assert by_grid(picture, told(("Print it.", ONE_BLACK)))[0, :3, :2].tolist() == [[1.0, 0.0]] * 3


@pytest.mark.parametrize(
    ("attribute", "asked"),
    [
        (ALL, True), (ONE_LESS, True), (ONE_BLACK, True), ("dots: red", False),
        ("dots: red, blue, green", False), ("dots: 4 red", False), ("all dots: 4", False),
        ("dots: none", False),
    ],
)  # fmt: skip
def test_only_what_is_told_of_all_or_of_all_but_one_asks_for_a_grid(
    attribute: str, asked: bool
) -> None:
    assert asks(told(("Print it.", attribute))[0]) is asked
