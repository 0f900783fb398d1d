"""Reading colours against a process: what is read, and that no colour is known by its name."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from tests.model.embedded.as_painted import PAINT, AsPainted
from tests.model.embedded.spots_shown import process
from tests.model.tiny import stub_tower, visual
from triad_ui.model.embedded.colour_orders import (
    ABSENT,
    ATTRIBUTE,
    BEFORE,
    COLOUR,
    COUNT,
    MOST,
    NAME,
    NTH,
    OF,
    OTHER,
    PLACE,
    PLACES,
    SORT,
    STEP,
    VALUE,
    WAYS,
    ordered,
    readable,
)
from triad_ui.model.embedded.colour_reader import NEVER, WAYS_READ, ColourReader
from triad_ui.model.embedded.colour_sight import CELLS, SHAPE, Seen, shades
from triad_ui.model.embedded.colour_spots import SPOTS, TOLD
from triad_ui.model.embedded.paint import COLOURS, METALS
from triad_ui.model.embedded.scene import FINE, close_look, see
from triad_ui.synthesis.families.palette import METALS as BARE
from triad_ui.synthesis.families.palette import NAMED


@pytest.fixture
def reader() -> ColourReader:
    torch.manual_seed(0)
    made = ColourReader(3).eval().requires_grad_(False)
    made.sight.paint = AsPainted()
    return made


def stripes(*names: str) -> torch.Tensor:
    """A picture (1, 3, FINE, FINE) of upright stripes."""
    column = torch.arange(FINE) * len(names) // FINE
    colours = torch.tensor([PAINT[name] for name in names])
    return colours[column].T[None, :, None].expand(1, 3, FINE, FINE)


def test_the_words_for_colours_are_those_that_parts_are_painted_in() -> None:
    assert set(COLOURS[:-METALS]) == set(NAMED)
    assert [name.split()[-1] for name in BARE] == list(COLOURS[-METALS:])


def test_a_process_is_read_value_by_value() -> None:
    values = ordered(
        process(
            ("Take stock.", ()),
            ("Fit the wires, left to right.", ("wires: red, 2 blue", "red clip: none")),
            ("Clean.", ("no burrs", "even grey")),
            ("Print.", ("code: P23 in one corner",)),
        )
    )
    sorts = [COLOUR, COUNT, COLOUR, COLOUR, ABSENT, OTHER, OTHER, OTHER, COUNT, PLACE]
    # "P23" is read as a letter and a number too large to count
    assert values[:, SORT].tolist() == sorts
    red, blue = COLOURS.index("red"), COLOURS.index("blue")
    corner = PLACES.index("corner")
    assert values[:, VALUE].tolist() == [red, 2, blue, red, 0, 0, 0, 0, 1, corner]
    assert values[:, NAME].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert values[:, NTH].tolist() == [0, 1, 2, 0, 0, 0, 1, 2, 3, 4]
    assert values[:, OF].tolist() == [3, 3, 3, 1, 1, 5, 5, 5, 5, 5]
    assert values[:, ATTRIBUTE].tolist() == [0, 0, 0, 1, 1, 4, 4, 4, 4, 4]
    assert values[:, STEP].tolist() == [2] * 5 + [4] * 5
    assert values[:, BEFORE].tolist() == [0, 0, 2, 0, 0, 0, 0, 0, 0, 0]
    told = sum(1 << PLACES.index(word) for word in ("left", "right"))
    assert values[:, WAYS].tolist() == [told] * 5 + [0] * 5
    long = ordered(process(("Dye it.", ("stripes: " + ", ".join(["red"] * 99),))))
    assert long.shape == (MOST, 9) and int(long[:, NTH].max()) == int(long[:, OF].max()) == 15


def test_the_picture_is_that_of_the_scene() -> None:
    image = visual(3)
    scene = see(image.rgb, stub_tower)
    shown = shades(scene.picture[None])[0]
    assert shown.shape == (3, FINE, FINE)
    fine = cv2.resize(image.rgb, (FINE, FINE), interpolation=cv2.INTER_AREA)
    assert torch.allclose(shown, torch.from_numpy(fine).permute(2, 0, 1) / 127.5 - 1, atol=0.01)
    assert not close_look(image.rgb, stub_tower).picture.numel()
    kept = scene.half()
    assert kept.near.dtype == torch.float16 and torch.equal(kept.picture, scene.picture)


def test_colours_are_seen_where_they_are(reader: ColourReader) -> None:
    found = reader.sight(stripes("red", "blue"))
    seen = found.colours[0]
    assert seen.shape == (len(COLOURS), SHAPE + CELLS**2)
    assert found.spots.shape == (1, len(COLOURS) + 2, TOLD)
    spots = dict(zip(COLOURS, found.spots[0, :, SPOTS].tolist()))
    assert {name for name, count in spots.items() if count} == {"red", "blue"}
    for name, half in (("red", slice(0, 5)), ("blue", slice(5, 10))):
        cells = seen[COLOURS.index(name), SHAPE:].view(CELLS, CELLS)
        assert float(cells[:, half].min()) > 5 * float((cells.sum() - cells[:, half].sum()) / 50)
    again = reader.sight(stripes("red", "blue", "red")).spots[0, :, SPOTS]
    assert again[COLOURS.index("red")] == 2 and again[COLOURS.index("blue")] == 1


def test_what_is_darker_or_lighter_than_around_it_is_counted(reader: ColourReader) -> None:
    picture = stripes("grey").clone()
    picture += torch.linspace(-0.6, 0.6, FINE)  # light from the right
    for top, left, more in ((20, 20, 0.8), (60, 20, -0.8), (60, 80, -0.8)):
        picture[..., top : top + 8, left : left + 8] += more
    dark, light = reader.sight(picture).spots[0, -2:, SPOTS].tolist()
    assert (dark, light) == (2, 1)


def test_no_colour_is_known_by_its_name(reader: ColourReader) -> None:
    """Two colours that change places in the picture and in the process leave all as it was."""
    told = ordered(process(("Lay them.", ("wires: red, 2 blue, red", "green clip: left"))))[None]
    seen = reader.sight(stripes("red", "blue", "blue", "red", "green"))
    order = torch.arange(len(COLOURS))
    red, yellow = COLOURS.index("red"), COLOURS.index("yellow")
    order[[red, yellow]] = order[[yellow, red]]
    other = told.clone()
    colour = other[..., SORT] == COLOUR
    other[..., VALUE] = torch.where(colour, order[other[..., VALUE]], other[..., VALUE])
    assert not torch.equal(told, other)
    with torch.no_grad():
        found = reader(seen, told)
        uneven = torch.arange(len(COLOURS), len(COLOURS) + 2)
        none = torch.tensor([len(COLOURS)])
        turned = Seen(
            seen.colours[:, order], seen.spots[:, torch.cat([order, uneven])],
            seen.maps[:, torch.cat([order, none])], seen.rounds,
        )  # fmt: skip
        again = reader(turned, other)
        only_said = reader(seen, other)
    for one, two, three in zip(found, again, only_said, strict=True):
        assert torch.allclose(one, two, atol=1e-5)
        assert not torch.allclose(one, three, atol=1e-4)


def test_what_stands_beside_it_in_a_batch_changes_nothing(reader: ColourReader) -> None:
    short = ordered(process(("Fit it.", ("ring: red",))))
    long = ordered(process(("Fit them.", ("pins: red, green, blue, white",))))
    both = torch.full((2, len(long), 9), -1)
    both[0, : len(short)], both[1] = short, long
    seen = reader.sight(torch.cat([stripes("red", "white"), stripes("green", "blue")]))
    with torch.no_grad():
        *odds, blame = reader(seen, both)
        *alone, blamed = reader(seen[torch.tensor([0])], short[None])
    assert len(odds) == WAYS_READ
    for one, by_itself in zip(odds, alone, strict=True):
        assert torch.allclose(one[0], by_itself[0], atol=1e-5)
    assert torch.allclose(blame[0, : len(short)], blamed[0], atol=1e-5)
    assert blame[0, len(short) :].tolist() == [NEVER] * (len(long) - len(short))


def test_a_contradiction_is_told_of_each_step_with_attributes(reader: ColourReader) -> None:
    scene = see(visual(1).rgb, stub_tower)
    told = process(("Take.", ()), ("Fit.", ("ring: red", "pins: 3")), ("Look.", ("no cracks",)))
    found = reader.contradiction(scene, told)
    assert found is not None and found.odds.shape == (WAYS_READ,) and found.steps.shape == (2,)
    assert float(found.steps[0]) > NEVER and float(found.steps[1]) == NEVER
    assert reader.contradiction(scene, process(("Take.", ()))) is None


def test_a_monochrome_sensor_contradicts_no_colour(reader: ColourReader) -> None:
    """Else every part that is photographed without colours would be called faulty."""
    told = process(("Fit.", ("ring: red",)))
    rgb = visual(1).rgb
    grey = np.repeat(rgb.mean(2, keepdims=True), 3, 2).astype(np.uint8)
    assert reader.contradiction(see(grey, stub_tower), told) is None
    tinted = np.clip(grey * np.array([1.04, 1.0, 0.97]), 0, 255).astype(np.uint8)
    for colours in (rgb, tinted):
        assert reader.contradiction(see(colours, stub_tower), told) is not None


def test_a_value_alone_knows_no_other_step(reader: ColourReader) -> None:
    """What any value alone contradicts is the same in whatever process its step stands."""
    seen = reader.sight(stripes("red", "blue", "white"))
    told = [
        ordered(process(("Fit it.", (one,)), ("Do it.", (other,))))[None]
        for one in ("rim: red", "rim: green")
        for other in ("pin: blue", "pin: black")
    ]
    with torch.no_grad():
        odds = [reader(seen, values)[2].exp() for values in told]
    assert torch.allclose(odds[0] - odds[1], odds[2] - odds[3], atol=1e-6)
    assert not torch.equal(odds[0], odds[1])


def test_what_is_not_read_of_a_process_makes_it_less_readable() -> None:
    def share(*attributes: str) -> float:
        asked = process(("Make it.", attributes))
        return readable(asked, ordered(asked))

    assert share("rim: red", "pins: 4", "clip: left", "mark: none") == 1.0
    assert share("rim: red", "imprint: round") == 0.5
    assert share("rim: red", "evenly spaced teeth") == 0.5
    # of what such a phrase orders, a colour is seen that nobody seems to have ordered
    assert share("rim: red", "pins: 4", "green patch at the tip") == 0.0
    assert share("no cracks") == 0.0
