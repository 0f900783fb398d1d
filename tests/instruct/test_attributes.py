"""Attributes as a process writes them become phrases and sentences; two sets of them line up."""

from __future__ import annotations

import re

import numpy as np
import pytest

from triad_ui.instruct.attributes import (
    attribute,
    attributes_of,
    differing,
    is_plural,
    paired,
    sentence,
)
from triad_ui.records import ManufacturingProcess, ProcessStep

PHRASES = {
    "ring: red": "a red ring",
    "ring: none": "no ring",
    "holes: 3": "3 holes",
    "holes: 1": "1 hole",
    "glass: brown": "brown glass",
    "strands: copper": "copper strands",
    "chip: top left": "the chip at the top left",
    "yellow clip: right end": "the yellow clip at the right end",
    "hand at: left": "the hand at the left",
    "imprint: K47": "the imprint K47",
    "unit: mm": "the unit mm",
    "pills: 8 white, 1 red": "8 white pills and 1 red",
    "plugs: 1 red": "1 red plug",
    "pockets: 3 rows of 5": "3 rows of 5 pockets",
    "grid: 3 x 4": "a 3 x 4 grid",
    "all stripes: blue": "only blue stripes",
    "stripes: blue, one red": "blue stripes, one red",
    "holes: round only": "only round holes",
    "LEDs: red, none, blue": "LEDs: red, none, blue",
    "lugs around the neck: 1": "1 lug around the neck",
    "no seams": "no seams",
    "evenly spaced teeth": "evenly spaced teeth",
    "orange patch at the tip": "an orange patch at the tip",
}


@pytest.mark.parametrize("written", PHRASES)
def test_a_written_attribute_is_told_as_a_phrase(written: str) -> None:
    seen = attribute(2, written)
    assert seen.step == 2 and seen.written == written
    assert seen.phrase == PHRASES[written]


@pytest.mark.parametrize("written", PHRASES)
def test_every_sentence_is_whole_and_holds_the_value(written: str) -> None:
    seen = attribute(1, written)
    told = {sentence(seen, np.random.default_rng(seed)) for seed in range(40)}
    assert len(told) >= 3
    for text in told:
        assert text[0].isupper() and text.endswith(".") and "  " not in text
        assert not re.search(r"\ba [aeio]|\ban [^aeiou]", text, re.IGNORECASE), text
        assert not re.search(r"\b(is|a|an) \d+ \w+s\b", text), text
        for word in seen.value.removeprefix("no ").split(","):
            last = word.split()[-1]
            assert last.removesuffix("s") in text or last in ("none", "only"), text


def test_verbs_follow_the_noun() -> None:
    assert is_plural("wires") and is_plural("lugs around the neck") and is_plural("teeth")
    assert not is_plural("glass") and not is_plural("ring")
    for seed in range(30):
        rng = np.random.default_rng(seed)
        assert " is " not in sentence(attribute(1, "strands: copper"), rng)
        assert " are " not in sentence(attribute(1, "ring: red"), rng)


def test_ordered_and_shown_line_up_by_step_and_name() -> None:
    def made(*steps: tuple[str, ...]) -> ManufacturingProcess:
        numbered = tuple(ProcessStep(k, "Do it.", told) for k, told in enumerate(steps, 1))
        return ManufacturingProcess("cap", "cap", "caps", numbered)

    ordered = attributes_of(made(("ring: red", "holes: 3"), (), ("all dots: blue", "lid: red")))
    shown = attributes_of(made(("ring: red", "holes: 2"), (), ("dots: blue, one red",)))
    told = [(a and a.written, b and b.written, (a or b).step) for a, b in differing(ordered, shown)]
    assert told == [
        ("holes: 3", "holes: 2", 1),
        ("all dots: blue", "dots: blue, one red", 3),
        ("lid: red", None, 3),
    ]
    assert len(paired(ordered, shown)) == 4
    assert paired(shown, ordered)[-1][0] is None
    assert differing(ordered, ordered) == []
