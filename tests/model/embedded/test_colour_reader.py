"""Reading colours against a process: what is read, and that no colour is known by its name."""

from __future__ import annotations

import pytest
import torch

from tests.model.tiny import stub_tower, visual
from triad_ui.model.embedded.colour_reader import (
    ABSENT,
    ATTRIBUTE,
    BEFORE,
    COLOUR,
    COUNT,
    MOST,
    NAME,
    NEVER,
    NTH,
    OF,
    OTHER,
    PLACE,
    PLACES,
    SORT,
    STEP,
    VALUE,
    WAYS,
    ColourReader,
    ordered,
)
from triad_ui.model.embedded.colour_sight import (
    CELLS,
    COLOURS,
    METALS,
    SHAPE,
    SIDE,
    colours_of,
)
from triad_ui.model.embedded.scene import see
from triad_ui.records import ManufacturingProcess, ProcessStep
from triad_ui.rounds.colour_reading import start
from triad_ui.synthesis.families.palette import METALS as BARE
from triad_ui.synthesis.families.palette import NAMED

PAINT = {name: [value / 127.5 - 1 for value in rgb] for name, rgb in NAMED.items()}


def process(*steps: tuple[str, tuple[str, ...]]) -> ManufacturingProcess:
    told = tuple(ProcessStep(n, text, attributes) for n, (text, attributes) in enumerate(steps, 1))
    return ManufacturingProcess("thing", "thing", "things", told)


@pytest.fixture
def reader() -> ColourReader:
    torch.manual_seed(0)
    made = ColourReader(3).eval().requires_grad_(False)
    start(made)
    return made


def stripes(*names: str) -> torch.Tensor:
    """A picture (1, 3, SIDE, SIDE) of upright stripes."""
    column = torch.arange(SIDE) * len(names) // SIDE
    colours = torch.tensor([PAINT[name] for name in names])
    return colours[column].T[None, :, None].expand(1, 3, SIDE, SIDE)


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
    shown = colours_of(scene.near[None])[0]
    assert shown.shape == (3, SIDE, SIDE)
    height, width = image.rgb.shape[:2]
    mean = torch.from_numpy(image.rgb).float().view(SIDE, height // SIDE, SIDE, width // SIDE, 3)
    assert torch.allclose(shown, mean.mean((1, 3)).permute(2, 0, 1) / 127.5 - 1, atol=0.05)


def test_colours_are_seen_where_they_are(reader: ColourReader) -> None:
    reader.sight.name[2].weight.data.zero_()  # by paint alone, before anything is learned
    reader.sight.name[2].bias.data.zero_()
    seen = reader.sight(stripes("red", "blue"))[0]
    assert seen.shape == (len(COLOURS), SHAPE + CELLS**2)
    for name, half in (("red", slice(0, 5)), ("blue", slice(5, 10))):
        cells = seen[COLOURS.index(name), SHAPE:].view(CELLS, CELLS)
        assert float(cells[:, half].min()) > 5 * float((cells.sum() - cells[:, half].sum()) / 50)
    maps = reader.sight.maps(stripes("green"))[0]
    assert float(maps[COLOURS.index("green")].mean()) > 0.5
    assert float(maps.sum(0).max()) <= 1 + 1e-5


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
        again = reader(seen[:, order], other)
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
        read, summed, blame = reader(seen, both)
        alone = reader(seen[:1], short[None])
    assert torch.allclose(read[0], alone[0][0], atol=1e-5)
    assert torch.allclose(summed[0], alone[1][0], atol=1e-5)
    assert torch.allclose(blame[0, : len(short)], alone[2][0], atol=1e-5)
    assert blame[0, len(short) :].tolist() == [NEVER] * (len(long) - len(short))


def test_a_contradiction_is_told_of_each_step_with_attributes(reader: ColourReader) -> None:
    scene = see(visual(1).rgb, stub_tower)
    told = process(("Take.", ()), ("Fit.", ("ring: red", "pins: 3")), ("Look.", ("no cracks",)))
    found = reader.contradiction(scene, told)
    assert found is not None and found.odds.shape == () and found.steps.shape == (2,)
    assert float(found.steps[0]) > NEVER and float(found.steps[1]) == NEVER
    assert reader.contradiction(scene, process(("Take.", ()))) is None
