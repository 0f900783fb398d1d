"""The library as shipped, and pasted text in the shapes that people paste."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triad_ui.dialogue.processes import MAX_CHARACTERS, MAX_STEPS, find, load_library, parse
from triad_ui.errors import ProcessError
from triad_ui.records import ManufacturingProcess, ProcessStep

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "processes"
LIBRARY = load_library(FOLDER)
MVTEC = [
    "bottle", "cable", "capsule", "carpet", "grid", "hazelnut", "leather", "metal_nut", "pill",
    "screw", "tile", "toothbrush", "transistor", "wood", "zipper",
]  # fmt: skip
PAPER = [*MVTEC, "grey_cloth", "grid_cloth", "yellow_cloth", "pink_flower", "pcb6", "pcb7"]
SHARED = ["magnetic_tile", "casting", "solar_cell_mono", "bare_pcb", "toy_figure"]


def steps(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(step.text, step.attributes) for step in parse(text).steps]


def test_library_has_the_products_of_the_paper_and_of_the_shared_pictures() -> None:
    assert len(PAPER) == 21
    assert set(LIBRARY) == {*PAPER, *SHARED}


@pytest.mark.parametrize("name", LIBRARY)
def test_library_process_is_short_and_checkable(name: str) -> None:
    process = LIBRARY[name]
    assert (process.name, process.source, process.version) == (name, "library", 1)
    assert process.product
    assert process.plural
    assert 4 <= len(process.steps) <= 7
    assert len(process.text.split()) <= 110
    for number, step in enumerate(process.steps, 1):
        assert step.number == number
        assert step.text.count(".") == 1  # one sentence
        assert step.text.endswith(".")
        assert 1 <= len(step.attributes) <= 3
    assert parse(process.text).steps == process.steps


@pytest.mark.parametrize(
    ("asked", "name"),
    [("Metal Nut", "metal_nut"), ("metal-nut", "metal_nut"), ("PILLS", "pill"),
     ("pump impeller", "casting"), ("grey cloth", "grey_cloth"), ("PCB 7", "pcb7")],
)  # fmt: skip
def test_found_however_it_is_written(asked: str, name: str) -> None:
    assert find(LIBRARY, asked).name == name


def test_unknown_name_is_told_with_close_ones() -> None:
    with pytest.raises(ProcessError, match=r"called 'zippr'.*zipper"):
        find(LIBRARY, "zippr")
    with pytest.raises(ProcessError, match=r"There are: bare_pcb, bottle"):
        find(LIBRARY, "qqqqqq")


TWO = [("Cut the wire.", ("5 mm", "clean")), ("Strip it.", ())]


@pytest.mark.parametrize(
    "text",
    [
        "1. Cut the wire. (5 mm; clean)\n2. Strip it.",
        "1) Cut the wire. (5 mm;clean)\r\n\r\n2) Strip it.\r\n",
        "(1) Cut the wire. (5 mm; clean;)\n(2) Strip it.",
        "Step 1: Cut the wire. (5 mm; clean)\nSTEP 2 - Strip it.",
        "step 1 Cut the wire. (5 mm; clean)\nstep 2 Strip it.",
        "10. Cut the wire. (5 mm; clean)\n20. Strip it.",
        "- Cut the wire. (5 mm; clean)\n- Strip it.",
        "• Cut the wire. (5 mm; clean)\n\u2022\tStrip it.",
        "Cut the wire. (5 mm; clean)\rStrip it.",
        "\ufeffHow cables are made:\n1. Cut the\n   wire. (5 mm; clean)\n2. Strip\u202e it.\x00",
        "1. Cut the wire.\n   - 5 mm\n   - clean\n2. Strip it.",
        "  Cut   the wire.\t(5 mm; clean)  \u2028  Strip it. ",
    ],
)
def test_shapes_that_people_paste(text: str) -> None:
    assert steps(text) == TWO


def test_numbers_and_parentheses_inside_a_step_stay() -> None:
    assert steps("2.5 mm wire is cut\n3 wires are twisted") == [
        ("2.5 mm wire is cut", ()),
        ("3 wires are twisted", ()),
    ]
    assert steps("Cut (5 mm (+-1); no burr)") == [("Cut", ("5 mm (+-1)", "no burr"))]
    assert steps("Use glue (type B) sparingly") == [("Use glue (type B) sparingly", ())]
    assert steps("Odd a) b)") == [("Odd a) b)", ())]
    assert steps("Nothing ( ; )") == [("Nothing ( ; )", ())]
    assert steps("(all in brackets)") == [("(all in brackets)", ())]


def test_pasted_process_keeps_what_it_is_told_about_itself() -> None:
    process = parse("Cut", name="mine", product="rod", plural="rods", version=3, source="saved")
    assert process == ManufacturingProcess(
        "mine", "rod", "rods", (ProcessStep(1, "Cut"),), 3, "saved"
    )


@pytest.mark.parametrize("text", ["", " \n\t\r\n", "1.\n2.", "\x00\u202e"])
def test_empty_is_refused(text: str) -> None:
    with pytest.raises(ProcessError, match="empty"):
        parse(text)


def test_too_long_is_refused_with_the_count() -> None:
    assert len(parse("a step\n" * MAX_STEPS).steps) == MAX_STEPS
    with pytest.raises(ProcessError, match="41 steps; at most 40"):
        parse("a step\n" * 41)
    with pytest.raises(ProcessError, match="20,001 characters; at most 20,000"):
        parse("x" * (MAX_CHARACTERS + 1))


@given(st.text(alphabet=st.sampled_from("ab1.2)(;: -*\n•Step\u2028\r"), max_size=80))
def test_what_was_read_once_is_written_and_read_back_the_same(text: str) -> None:
    try:
        process = parse(text)
    except ProcessError:
        return
    assert parse(process.text).text == process.text


WORDS = st.text(alphabet="abcXYZ 0123,.'µ°±", min_size=1).map(str.split).map(" ".join).filter(bool)


@given(st.lists(st.tuples(WORDS, st.lists(WORDS, max_size=3)), min_size=1, max_size=6))
def test_every_ordinary_process_comes_back_exactly(items: list[tuple[str, list[str]]]) -> None:
    made = ManufacturingProcess(
        "pasted", "part", "parts",
        tuple(ProcessStep(n, text, tuple(attrs)) for n, (text, attrs) in enumerate(items, 1)),
        source="pasted",
    )  # fmt: skip
    assert parse(made.text) == made


def test_broken_library_file_is_named(tmp_path: Path) -> None:
    for content in ('product = "x"', "product = ", 'product="x"\nplural="y"\nstep=[]',
                    'product="x"\nplural="y"\n[[step]]\ntext="a\\nb"'):  # fmt: skip
        (tmp_path / "rod.toml").write_text(content)
        with pytest.raises(ProcessError, match=r"rod\.toml cannot be used"):
            load_library(tmp_path)
