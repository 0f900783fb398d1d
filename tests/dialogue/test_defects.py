"""Descriptions of defects read from whatever a chat model writes, and the question for them."""

from __future__ import annotations

from triad_ui.dialogue.defects import (
    LONGEST_TEXT,
    WANTED,
    proposal_prompt,
    read_descriptions,
)
from triad_ui.dialogue.processes import parse
from triad_ui.records import DefectDescription


def read(answer: str, *known: str) -> list[tuple[str, str]]:
    found = read_descriptions(answer, [DefectDescription(kind, "") for kind in known])
    assert all(each.source == "model" for each in found)
    return [(each.kind, each.text) for each in found]


def test_lists_of_every_kind_are_read() -> None:
    for answer in (
        "scratch: a thin line\ndent: a hollow",
        "Here are the defects:\n\n1. **Scratch**: a thin line.\n2. **Dent** - a hollow.\n",
        "- scratch – a thin line\n* dent = a hollow",
        "(1) `scratch`:  a thin   line\nb) dent: a hollow\nI hope this helps!",
    ):
        assert [(kind.lower(), text) for kind, text in read(answer)] == [
            ("scratch", "a thin line"),
            ("dent", "a hollow"),
        ]


def test_each_kind_comes_once_and_none_that_is_known() -> None:
    answer = "Scratch: a line\nscratch: another\nDENT: a hollow\nrust: brown spots"
    assert read(answer, "dent ") == [("Scratch", "a line"), ("rust", "brown spots")]


def test_what_is_no_description_is_left_out() -> None:
    assert read("") == []
    assert read("I cannot see any part.") == []
    assert read("12: 34\n: nothing\nscratch:\n*** : ***") == []
    assert read(f"{'very ' * 10}long name: a line") == []
    assert read("hole-shaped pit: a well-known dark spot") == [
        ("hole-shaped pit", "a well-known dark spot")
    ]


def test_it_is_bounded() -> None:
    many = "\n".join(f"kind {chr(97 + n)}: it looks" for n in range(20))
    assert len(read(many)) == WANTED
    ((_, text),) = read("scratch: " + "word " * 100)
    assert len(text) <= LONGEST_TEXT and text.endswith("word")


def test_the_question_names_product_and_process() -> None:
    system, user = proposal_prompt("cable")
    assert (system.role, user.role, user.images) == ("system", "user", ())
    assert "on a cable" in user.text
    process = parse("1. Draw the copper wire.\n2. Coat it.", product="cable", plural="cables")
    assert proposal_prompt("cable", process)[1].text.startswith(
        "The following is the production process of the cables:\n1. Draw"
    )
