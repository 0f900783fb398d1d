"""What is ordered beside what is seen: numbers, orders and places."""

from __future__ import annotations

import torch

from tests.model.embedded.spots_shown import process
from triad_ui.model.embedded.colour_beside import (
    COUNTED,
    IN_COLOUR,
    IN_HOLE,
    IN_NUMBER,
    IN_ORDER,
    IN_ROUND,
    by_colour,
    by_hole,
    by_order,
    by_round,
    by_value,
    places_at,
    spots_told,
)
from triad_ui.model.embedded.colour_orders import MOST_COUNT, ordered
from triad_ui.model.embedded.colour_sight import ACROSS, CELLS, DOWN, SHAPE, SIDE, Seen
from triad_ui.model.embedded.colour_spots import HOLES, MEDIAN, SPOTS, TOLD
from triad_ui.model.embedded.paint import COLOURS


def told(*attributes: tuple[str, ...]) -> torch.Tensor:
    return ordered(process(*(("Do it.", each) for each in attributes)))[None]


def seen(spots: dict[str, int], at: dict[str, tuple[float, float]] | None = None) -> Seen:
    colours = torch.zeros(1, len(COLOURS), SHAPE + CELLS**2)
    counts = torch.zeros(1, len(COLOURS) + 2, TOLD)
    for name, number in spots.items():
        counts[0, COLOURS.index(name), COUNTED] = float(number)
    for name, (across, down) in (at or {}).items():
        colours[0, COLOURS.index(name), [ACROSS, DOWN]] = torch.tensor([across, down])
    maps = torch.zeros(1, len(COLOURS) + 1, SIDE, SIDE, dtype=torch.uint8)
    return Seen(colours, counts, maps, torch.zeros(1, 1 + MOST_COUNT))


def test_spots_are_told_in_logarithms_and_roots() -> None:
    shown = seen({"red": 3})
    shown.spots[0, 0, MEDIAN] = 0.25
    found = spots_told(shown)[0, 0]
    assert torch.isclose(found[SPOTS], torch.tensor(4.0).log()) and float(found[MEDIAN]) == 2


def test_what_is_seen_of_a_colour_stands_beside_what_is_ordered_of_it() -> None:
    pieces = torch.zeros(1, len(COLOURS))
    pieces[0, :3] = torch.tensor([3.0, 3.0, 1.0])
    found = by_colour(seen({"red": 3, "green": 5, "yellow": 2}), pieces)[0]
    assert found.shape == (len(COLOURS), IN_COLOUR)
    assert found[0].tolist() == [0.0] * 4 + [1.0] * 4  # as many
    assert found[1].tolist() == [1.0] * 4 + [0.0] * 4  # two more, in halves
    assert found[2].tolist() == [-0.5] * 4 + [0.0] * 4  # none of one
    assert not found[3:].any()  # yellow was not ordered


def test_a_number_stands_beside_its_colours_spots() -> None:
    values = told(("eggs: 4 white, 1 brown",), ("holes: 3",))
    found = by_value(seen({"white": 4, "brown": 2, "black": 3}), values)[0]
    assert found.shape == (5, IN_NUMBER)
    number, white, _, brown, holes = found
    half = IN_COLOUR
    assert white[:half].tolist() == [0.0] * 4 + [1.0] * 4
    assert brown[:half].tolist() == [0.5] * 4 + [0.0] * 4
    assert not white[half:].any() and not number[:half].any() and not holes[:half].any()
    # of its step three spots on average; white comes nearest
    assert number[half : half + 4].tolist() == [-0.5] * 4
    assert number[2 * half : 2 * half + 4].tolist() == [0.0] * 4
    assert holes[half : half + 4].tolist() == [-1.5] * 4  # its step orders no colour
    assert holes[2 * half : 2 * half + 4].tolist() == [0.0] * 4  # black ones


def test_colours_out_of_their_order_are_told() -> None:
    values = told(("wires: red, green, blue, white",), ("clip: red",))
    at = {"red": (-0.9, 0.1), "green": (-0.3, 0.1), "blue": (0.3, 0.1), "white": (0.9, 0.1)}
    right = by_order(seen({}, at), values)[0]
    at["green"], at["blue"] = at["blue"], at["green"]
    wrong = by_order(seen({}, at), values)[0]
    assert right.shape == (5, IN_ORDER)
    assert float(right[:4, 3].min()) > 0.9 and float(right[:4, 4].abs().max()) < 1e-3
    assert float(right[:4, 5].max()) < 0.1 < float(wrong[1:3, 5].min())
    assert float(wrong[0, 3]) < float(right[0, 3])
    assert not right[4].any()  # one alone has no order


def test_a_list_from_right_to_left_is_an_order_too() -> None:
    values = told(("wires: red, green, blue",))
    at = {"red": (0.8, 0.0), "green": (0.0, 0.0), "blue": (-0.8, 0.0)}
    found = by_order(seen({}, at), values)[0]
    assert float(found[:, 3].max()) < -0.9 and float(found[:, 5].max()) < 0.1


def test_a_place_stands_beside_its_colours_middle() -> None:
    values = told(("yellow clip: left end", "red: none"), ("tip: bottom",))
    found = places_at(seen({}, {"yellow": (-0.5, 0.25), "red": (0.9, 0.9)}), values)[0]
    assert found[:3].tolist() == [[-0.5, 0.25]] * 3
    assert found[-1].tolist() == [0.0, 0.0]


def test_rows_beyond_a_processs_end_change_nothing() -> None:
    values = told(("wires: red, 2 green, blue",))
    longer = torch.cat([values, torch.full((1, 3, values.shape[2]), -1)], 1)
    shown = seen({"red": 1, "green": 2}, {"red": (0.5, 0.0), "green": (-0.5, 0.2)})
    for tell in (by_value, by_order, places_at):
        short, long = tell(shown, values), tell(shown, longer)
        assert torch.allclose(short, long[:, : values.shape[1]])
        assert torch.isfinite(long).all()


def test_a_number_stands_beside_what_comes_back_around_the_middle() -> None:
    shown = seen({})
    shown.rounds[0, 2], shown.rounds[0, 4], shown.rounds[0, 5] = 0.9, 0.7, 0.1
    found = by_round(shown, told(("lugs: 4",), ("teeth: 5", "ends: 2", "rim: red")))[0]
    assert found.shape == (4, IN_ROUND)
    expected = torch.tensor([[0.7, 0.6, 0.7, 0.6], [0.1, -0.6, -0.6, 0.1]])
    torch.testing.assert_close(found[:2], expected)
    assert not found[2:].any()  # twice says nothing, a colour neither


def test_a_grid_that_lacks_a_spot_stands_beside_whether_it_is_to() -> None:
    values = told(("dots: red, one left out", "all squares: blue"))
    shown = seen({})
    shown.spots[0, COLOURS.index("blue"), HOLES] = 1.0
    red, *_, blue = by_hole(shown, values)[0].tolist()
    assert by_hole(shown, values).shape == (1, 6, IN_HOLE)
    assert red == [1.0, 0.0, 0.0, 1.0, 0.0]  # is to lack one, and does not
    assert blue == [0.0, 0.5, 1.0, 0.0, 0.0]  # lacks one, and is not to
    shown.spots[0, COLOURS.index("red"), HOLES] = 2.0
    assert by_hole(shown, values)[0, 0].tolist() == [1.0, 1.0, 0.0, 0.0, 1.0]
