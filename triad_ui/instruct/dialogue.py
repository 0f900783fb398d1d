"""The truth about a part -> a dialogue that a good inspector would have about it.

InstructIAD's three tasks in small (Triad, section 4: detection, attribute description, analysis)
and EIAD's location and kind questions, as turns of one conversation: the opening yes/no, then one
to three questions in any order. Wording varies; facts come from the truth and from nothing else, so
what the pictures do not tell is never said.
Knows no pictures and no model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triad_ui.records import Label, ManufacturingProcess

Exchange = tuple[str, str]
"""A question and its answer."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is so. The fields of a fault are empty for a normal part.

    kind: its name. location: 3x3 name. step: number of the contradicted step. expected, observed:
    noun phrases of a logical fault. one_shot: whether a known-good picture is shown.
    reference_agrees: False when that picture shows another product than the one ordered.
    """

    label: Label
    product: str
    process: ManufacturingProcess | None
    kind: str = ""
    location: str | None = None
    step: int | None = None
    expected: str = ""
    observed: str = ""
    one_shot: bool = False
    reference_agrees: bool = True


WHAT = (
    "What is wrong with it?",
    "What went wrong?",
    "What do you see?",
    "Describe the defect.",
    "Is there anything wrong with the {product}?",
    "What is the problem, and in which process step did it arise?",
    "Explain your judgement.",
    "What went wrong, in which step, and why?",
)
WHERE = ("Where is it?", "Where is the defect?", "In which part of the image?", "Where exactly?")
STEP = (
    "Which process step does it contradict?",
    "Which step went wrong?",
    "In which process step did this happen?",
    "What does the process say about it?",
)
KIND = ("What kind of defect is it?", "Name the defect.", "What type of fault is this?")
WHY = ("Why?", "Why do you think so?", "How do you know?", "What is the evidence?")
SURE = ("Can this part be used?", "Would you accept this part?", "Is the {product} good?")
CHECK = ("What should be checked on the line?", "What should we do on the line?", "What next?")


def dialogue(
    truth: Truth, rng: np.random.Generator, usual_question: str = WHAT[0]
) -> list[Exchange]:
    """One to three exchanges that may follow the opening yes/no, mostly a "what" question first.

    rng decides wording and which questions are asked. usual_question: the "what" question that the
    workbench proposes; asked more often than the others.
    """
    answers = {
        WHAT: _what, WHERE: _where, STEP: _step, KIND: _kind, WHY: _why, SURE: _sure, CHECK: _check,
    }  # fmt: skip
    later = [WHERE, STEP, KIND, WHY, SURE, CHECK]
    if truth.process is None or (truth.label == "defective" and truth.step is None):
        later.remove(STEP)
    asked = [WHAT, *(later[i] for i in rng.permutation(len(later))[: rng.integers(0, 3)])]
    if rng.random() < 0.15:
        asked = asked[1:] or [later[int(rng.integers(len(later)))]]
    exchanges = []
    for questions in asked:
        question = usual_question if questions is WHAT and rng.random() < 0.35 else ""
        question = question or _one(rng, *questions)
        exchanges.append((question.format(product=truth.product), answers[questions](truth, rng)))
    return exchanges


def _one(rng: np.random.Generator, *choices: str) -> str:
    return choices[int(rng.integers(len(choices)))]


def _article(phrase: str) -> str:
    if phrase.startswith(("a ", "an ", "the ", "no ")) or phrase[:1].isdigit():
        return phrase
    if phrase.endswith("s") or phrase in ("abrasion", "contamination", "discoloration"):
        return phrase
    return ("an " if phrase[:1] in "aeiou" else "a ") + phrase


def _plural(kind: str) -> bool:
    return kind.endswith("s")


def _this_is(kind: str) -> str:
    return f"{'These are' if _plural(kind) else 'This is'} {_article(kind)}"


def _there_is(kind: str) -> str:
    return f"There {'are' if _plural(kind) else 'is'} {_article(kind)}"


def _place(truth: Truth) -> str:
    if truth.location is None:
        return "on the part"
    return f"{'in' if truth.location == 'center' else 'at'} the {truth.location}"


def _step_text(truth: Truth) -> str:
    if truth.process is None or truth.step is None:
        return ""
    step = truth.process.steps[truth.step - 1]
    return step.text.rstrip(".")


def _against(truth: Truth) -> str:
    """What a normal part was held against."""
    if truth.process is not None and truth.one_shot and truth.reference_agrees:
        return "the reference and the process"
    return "the process" if truth.process is not None else (
        "the reference" if truth.one_shot else "what such a part should look like"
    )  # fmt: skip


def _what(truth: Truth, rng: np.random.Generator) -> str:
    if truth.label != "defective":
        against = _against(truth)
        return _one(
            rng,
            f"I see no defect. The {truth.product} agrees with {against}.",
            f"Nothing is wrong: the {truth.product} agrees with {against}.",
            f"No defect is visible. The {truth.product} matches {against}.",
        )
    if truth.expected and truth.process is not None and truth.step is not None:
        return _one(
            rng,
            f"The part shows {truth.observed} {_place(truth)}, but step {truth.step} calls for "
            f"{truth.expected}. {_this_is(truth.kind)}.",
            f"{_there_is(truth.kind)} {_place(truth)}: step {truth.step} calls for "
            f"{truth.expected}, and the part shows {truth.observed}.",
        )
    if truth.expected:
        return (
            f"{_there_is(truth.kind)} {_place(truth)}: the part shows {truth.observed}, the "
            f"reference {truth.expected}."
        )
    found = f"{_there_is(truth.kind)} {_place(truth)}."
    if truth.process is None or truth.step is None:
        return found
    return _one(
        rng,
        f"{found} It points to step {truth.step}: {_step_text(truth)}.",
        f"{found} This contradicts step {truth.step}: {_step_text(truth)}.",
    )


def _where(truth: Truth, rng: np.random.Generator) -> str:
    if truth.label != "defective":
        return "Nowhere: I see no defect."
    if truth.location is None:
        return "I cannot tell where."
    verb = "are" if _plural(truth.kind) else "is"
    return _one(
        rng, f"It is {_place(truth)} of the image.", f"The {truth.kind} {verb} {_place(truth)}."
    )


def _step(truth: Truth, rng: np.random.Generator) -> str:
    if truth.label != "defective":
        return "None. Every step agrees with what I see."
    if truth.expected:
        return (
            f"Step {truth.step}: {_step_text(truth)}. It calls for {truth.expected}, but the part "
            f"shows {truth.observed}."
        )
    return f"Step {truth.step}: {_step_text(truth)}."


def _kind(truth: Truth, rng: np.random.Generator) -> str:
    if truth.label != "defective":
        return "There is no defect to name."
    return f"{'They are' if _plural(truth.kind) else 'It is'} {_article(truth.kind)}."


def _why(truth: Truth, rng: np.random.Generator) -> str:
    if truth.label != "defective":
        return f"I find no place where the part differs from {_against(truth)}."
    if truth.expected:
        held = (
            f"step {truth.step} calls for" if truth.process is not None else "the reference shows"
        )
        return f"Because {held} {truth.expected}, and I see {truth.observed}."
    return f"Because the surface {_place(truth)} looks like {_article(truth.kind)}."


def _sure(truth: Truth, rng: np.random.Generator) -> str:
    if truth.label != "defective":
        return "Yes. I see no reason to reject it."
    return f"No. It should be rejected because of the {truth.kind} {_place(truth)}."


def _check(truth: Truth, rng: np.random.Generator) -> str:
    if truth.label != "defective":
        return "Nothing special: the part looks good."
    if truth.process is not None and truth.step is not None:
        return f"Check step {truth.step} ({_step_text(truth)}) and the parts made since."
    return f"Look for the source of the {truth.kind} and check the parts made since."
