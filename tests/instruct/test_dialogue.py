"""Training dialogues say what the truth says, in sentences, and nothing else."""

from __future__ import annotations

import re
from itertools import product as combinations

import numpy as np
import pytest

from triad_ui.dialogue.verdict import DEFECT_KINDS, find_kind, find_location, find_step
from triad_ui.instruct.dialogue import Truth, dialogue
from triad_ui.records import LOCATIONS, ManufacturingProcess, ProcessStep

PROCESS = ManufacturingProcess(
    "cap",
    "cap",
    "caps",
    tuple(ProcessStep(n, text) for n, text in enumerate(("Press it.", "Print it.", "Pack it."), 1)),
)
SURFACE, LOGICAL = DEFECT_KINDS[:15], DEFECT_KINDS[15:]


def truths() -> list[Truth]:
    """Every sort of case that training draws."""
    out = []
    for number, (with_process, one_shot, agrees) in enumerate(
        combinations((True, False), (True, False), (True, False))
    ):
        process = PROCESS if with_process else None
        out.append(Truth("normal", "cap", process, one_shot=one_shot, reference_agrees=agrees))
        for order, kind in enumerate(SURFACE):
            place = LOCATIONS[(number + order) % 9]
            out.append(
                Truth("defective", "cap", process, kind, place, 1 + order % 3, one_shot=one_shot)
            )
        if with_process or one_shot:
            for order, kind in enumerate(LOGICAL):
                out.append(
                    Truth(
                        "defective", "cap", process, kind, LOCATIONS[(number + order) % 9],
                        1 + order % 3, "three blue wires", "two blue wires", one_shot, agrees,
                    )
                )  # fmt: skip
    return out


def held(seed: int, truth: Truth) -> list[tuple[str, str]]:
    return dialogue(truth, np.random.default_rng(seed), "What is wrong with it, and where?")


def many() -> list[tuple[Truth, list[tuple[str, str]]]]:
    every = truths()
    return [(every[seed % len(every)], held(seed, every[seed % len(every)])) for seed in range(600)]


def test_sentences_are_whole() -> None:
    for _truth, exchanges in many():
        assert 1 <= len(exchanges) <= 3
        assert len({question for question, _ in exchanges}) == len(exchanges)
        for question, answer in exchanges:
            assert question.endswith("?") or question.endswith(".")
            assert answer.endswith(".")
            for text in (question, answer):
                assert text == text.strip()
                assert text[0].isupper()
                assert not re.search(r"[{}]|  |\.\.|None[^.]|,\.| \.", text), text
                assert not re.search(r"\ba [aeio]|\ban [^aeiou]", text, re.IGNORECASE), text
                assert not re.search(r"\b(a|an|is|This is) swapped parts\b", text), text
                assert not re.search(r"\b(\w+) \1\b", text), text


def test_of_a_good_part_no_kind_place_or_step_is_named() -> None:
    for truth, exchanges in many():
        if truth.label == "normal":
            for _, answer in exchanges:
                assert find_kind(answer) == "", answer
                assert find_location(answer) is None, answer
                assert find_step(answer) is None, answer


def test_of_a_fault_only_its_own_kind_place_and_step_are_named() -> None:
    for truth, exchanges in many():
        if truth.label == "defective":
            for _, answer in exchanges:
                assert find_kind(answer) in ("", truth.kind), answer
                assert find_location(answer) in (None, truth.location), answer
                assert find_step(answer) in (None, truth.step), answer


def test_the_usual_question_is_answered_with_kind_place_and_step() -> None:
    for seed in range(60):
        truth = Truth("defective", "cap", PROCESS, "dent", "top left", 1)
        for question, answer in held(seed, truth):
            if question == "What is wrong with it, and where?":
                assert find_kind(answer) == "dent"
                assert find_location(answer) == "top left"
                assert find_step(answer) == 1


def test_who_asks_for_the_step_is_told_the_fault_too() -> None:
    asked = {"Which process step does it contradict?", "Which step is to blame?"}
    answers = [
        answer
        for seed in range(300)
        for question, answer in held(
            seed, Truth("defective", "cap", PROCESS, "dent", "top left", 1)
        )
        if question in asked
    ]
    assert answers
    for answer in answers:
        assert (find_step(answer), find_kind(answer)) == (1, "dent")
        assert find_location(answer) == "top left"


def test_no_step_is_asked_or_named_without_a_process() -> None:
    for truth, exchanges in many():
        if truth.process is None:
            for _question, answer in exchanges:
                assert find_step(answer) is None, answer
                assert "step" not in answer.lower() or truth.label == "normal"


def test_a_reference_is_spoken_of_only_where_one_is_shown() -> None:
    for truth, exchanges in many():
        if not truth.one_shot or (truth.process is not None and not truth.reference_agrees):
            for _, answer in exchanges:
                assert "reference" not in answer, answer


@pytest.mark.parametrize("process", [PROCESS, None])
def test_an_unknown_place_and_step_are_not_made_up(process: ManufacturingProcess | None) -> None:
    truth = Truth("defective", "cap", process, "dent", one_shot=True)
    for seed in range(100):
        for _, answer in held(seed, truth):
            assert find_location(answer) is None, answer
            assert "None" not in answer
            assert find_step(answer) is None


def test_the_seed_decides_the_words() -> None:
    truth = Truth("defective", "cap", PROCESS, "dent", "top", 1)
    assert held(3, truth) == held(3, truth)
    assert len({tuple(held(seed, truth)) for seed in range(30)}) > 15
