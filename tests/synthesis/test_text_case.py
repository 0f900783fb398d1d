"""Text cases from the real families: the truth follows from the two texts alone."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from triad_ui.instruct.attributes import differing
from triad_ui.instruct.text_case import SURFACE, text_case
from triad_ui.records import LOCATIONS
from triad_ui.synthesis.families import FAMILIES
from triad_ui.synthesis.families.recipe import ARISES

ALL = list(FAMILIES.values())


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_the_texts_differ_where_the_truth_says_and_nowhere_else(name: str) -> None:
    labels = []
    for seed in range(60):
        case = text_case(np.random.default_rng(seed), [FAMILIES[name]])
        labels.append(case.label)
        apart = differing(case.ordered, case.attributes)
        assert case.product == name and len(case.seen) >= len(case.attributes)
        if case.label == "normal":
            assert not apart and case.step is None
            assert (case.expected, case.observed, case.kind) == ("", "", "")
            continue
        assert apart and {(a or b).step for a, b in apart} == {case.step}
        assert case.expected and case.observed and case.kind
    assert 15 <= labels.count("defective") <= 45


def test_sentences_are_whole() -> None:
    rng = np.random.default_rng(5)
    for _ in range(1500):
        case = text_case(rng, ALL, surface=0.3)
        for text in (*case.seen, f"It has {case.expected or 'it'}."):
            assert text[0].isupper() and text.endswith(".")
            assert not re.search(r"  |\.\.|None| \.|: \.|: ,", text), text
            assert not re.search(r"\ba [aeio]|\ban [^aeiou]", text, re.IGNORECASE), text


def test_unusual_words_stand_before_good_parts_too() -> None:
    rng = np.random.default_rng(6)
    cases = [text_case(rng, ALL) for _ in range(3000)]
    with_no = [c for c in cases if re.search(r"\b[Nn]o(ne)? \w|: none", c.text.split("scratch")[0])]
    bad = np.mean([case.label == "defective" for case in with_no])
    assert 0.35 < bad < 0.65


def test_a_surface_defect_may_be_told() -> None:
    rng = np.random.default_rng(7)
    told = [c for c in (text_case(rng, ALL, surface=1.0) for _ in range(200)) if not c.expected]
    assert len(told) > 60
    for case in told:
        assert case.kind in SURFACE and case.location in LOCATIONS
        mark = rf"(is|see) (an? )?{case.kind} (at|in) the {case.location}\."
        assert sum(bool(re.search(mark, text)) for text in case.seen) == 1
        assert 1 <= case.step <= len(case.process.steps)
        assert case.truth.kind == case.kind and case.truth.label == "defective"
    assert set(SURFACE) <= set(ARISES)


def test_no_family_is_refused_and_many_are_drawn_a_second() -> None:
    with pytest.raises(ValueError, match="at least one"):
        text_case(np.random.default_rng(1), [])
    rng = np.random.default_rng(8)
    begin = time.process_time()
    for _ in range(300):
        text_case(rng, ALL)
    assert 300 / (time.process_time() - begin) > 500
