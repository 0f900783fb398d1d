"""What answers claim, and which do not read well; the sentences are those that models say."""

from __future__ import annotations

import numpy as np
import pytest

from triad_ui.evaluation.answer_reading import (
    claims_defect,
    contradicts,
    cut_off,
    denies_defect,
    loops,
    reading_faults,
)
from triad_ui.instruct.dialogue import Truth, dialogue
from triad_ui.records import ManufacturingProcess, ProcessStep

CLAIMS = [
    "There is a scratch at the top left. It points to step 2: Polish the face.",
    "The part shows a red wire at the left, but step 2 calls for a green one. This is a wrong "
    "colour.",
    "There is a missing part in the center: step 3 calls for a cap, and the part shows no cap.",
    "No. It should be rejected because of the dent at the top.",
    "It is chipped.",
    "I see no scratch, but there is a stain at the bottom.",
]
DENIALS = [
    "I see no defect. The bottle agrees with the process.",
    "Nothing is wrong: the bottle agrees with the reference and the process.",
    "No defect is visible. The tablet matches the process.",
    "I don't see any defects.",
    "The part is free from defects.",
    "Yes. I see no reason to reject it.",
]


@pytest.mark.parametrize("text", CLAIMS)
def test_claims(text: str) -> None:
    assert claims_defect(text)
    assert not denies_defect(text)


@pytest.mark.parametrize("text", DENIALS)
def test_denials(text: str) -> None:
    assert denies_defect(text)
    assert not claims_defect(text)


@pytest.mark.parametrize(
    "text",
    ["The whole bottle is visible.", "There is no visible scratch or crack on the surface.",
     "It is at the left.", "I find no place where the part differs from the process.",
     "They look alike. Only light and position differ.", "I can be wrong, so please look.",
     "It is without any dent.", "Is there a scratch?", "It isn't damaged."],
)  # fmt: skip
def test_neither_claimed(text: str) -> None:
    assert not claims_defect(text)


@pytest.mark.parametrize(
    ("text", "label", "is_so"),
    [
        (CLAIMS[0], "defective", False),
        (CLAIMS[0], "normal", True),
        (CLAIMS[0], "undecided", False),
        (DENIALS[0], "normal", False),
        (DENIALS[0], "defective", True),
        (DENIALS[0], "undecided", False),
        ("I see no defect. There is a scratch at the top.", "undecided", True),
        ("There is a dent. The rest of the part is good, no defect there.", "defective", False),
        ("It is at the left.", "defective", False),
    ],
)
def test_contradictions(text: str, label: str, is_so: bool) -> None:
    assert contradicts(text, label) is is_so  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "It is a scratch at the left. It is a scratch at the left.",
        "the the the part",
        "There is a dent, a dent, a dent, a dent.",
        "Step 2 calls for a red cap. So step 2 calls for a red one, as step 2 calls for a red lid.",
    ],
)
def test_loops_are_seen(text: str) -> None:
    assert loops(text)


@pytest.mark.parametrize("text", [*CLAIMS, *DENIALS, "No. No. It is fine."])
def test_plain_answers_do_not_loop_and_are_whole(text: str) -> None:
    assert not loops(text)
    assert not cut_off(text)


@pytest.mark.parametrize("text", ["There is a scratch at the", "It is (at the top.", "Step 3:"])
def test_answers_that_break_off(text: str) -> None:
    assert cut_off(text)


def test_all_faults_of_an_answer_are_named() -> None:
    assert reading_faults("  ", "normal") == ("empty",)
    assert reading_faults("a dent a dent a dent", "normal") == ("loop", "cut off", "contradiction")
    assert reading_faults(CLAIMS[0], "defective") == ()


def test_the_answers_that_models_are_taught_read_well() -> None:
    steps = (ProcessStep(1, "Mould the body."), ProcessStep(2, "Print the label.", ("blue",)))
    process = ManufacturingProcess("cap", "cap", "caps", steps)
    rng = np.random.default_rng(0)
    truths = [
        Truth("normal", "cap", process, one_shot=True),
        Truth("defective", "cap", process, "scratch", "top left", 1),
        Truth("defective", "cap", process, "wrong colour", "center", 2, "a blue label",
              "a red label"),
        Truth("defective", "cap", None, "holes", "left"),
    ]  # fmt: skip
    count = 0
    for truth in truths:
        for _ in range(60):
            for question, answer in dialogue(truth, rng):
                assert reading_faults(answer, truth.label) == (), (question, answer)
                count += 1
    assert count > 240
