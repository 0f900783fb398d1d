"""The truth about a part -> a dialogue that a good inspector would have about it.

InstructIAD's three tasks in small (Triad, section 4: detection, attribute description, analysis)
and EIAD's location and kind questions, as turns of one conversation: the opening yes/no, then one
to three questions in any order: what, where, which step, which kind, why, how sure, compared with
the good part, what to check on the line. Wording varies; what the pictures do not tell is never
said. Knows no pictures and no model.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from triad_ui.instruct.truth import (
    Exchange,
    Truth,
    against,
    at,
    capital,
    one,
    place,
    several,
    step_text,
    there_is,
    this_is,
    with_article,
)

__all__ = ["Exchange", "Truth", "dialogue"]

WHAT = (
    "What is wrong with it?", "What went wrong?", "What do you see?", "Describe the defect.",
    "Is there anything wrong with the {product}?", "What is the problem?",
    "What is the problem, and in which process step did it arise?", "Explain your judgement.",
    "What went wrong, in which step, and why?", "Tell me what you found.", "What did you find?",
    "Please explain.", "Describe what is wrong and where.", "Is the {product} all right?",
)  # fmt: skip
WHERE = (
    "Where is it?", "Where is the defect?", "In which part of the image?", "Where exactly?",
    "Show me where.", "Where should I look?", "In which area of the {product}?",
)  # fmt: skip
STEP = (
    "Which process step does it contradict?", "Which step went wrong?",
    "In which process step did this happen?", "What does the process say about it?",
    "Which step is to blame?", "At which step of the process did it arise?",
    "Does the {product} follow its process?", "Was it made as the process says?",
)  # fmt: skip
KIND = (
    "What kind of defect is it?", "Name the defect.", "What type of fault is this?",
    "How would you call this fault?", "What is it called?",
)  # fmt: skip
WHY = (
    "Why?", "Why do you think so?", "How do you know?", "What is the evidence?",
    "What makes you think so?", "Give me a reason.",
)  # fmt: skip
USE = (
    "Can this part be used?", "Would you accept this part?", "Is the {product} good?",
    "Shall I reject it?", "Accept or reject?", "Can I ship it?",
)  # fmt: skip
SURE = ("How sure are you?", "Are you sure?", "Are you certain?", "Could you be wrong?",
        "How certain is that?")  # fmt: skip
CHECK = (
    "What should be checked on the line?", "What should we do on the line?", "What next?",
    "What do you advise?", "What should the operator check?",
)  # fmt: skip
COMPARE = (
    "How does it differ from the reference?", "Compare it with the reference.",
    "Compare it with the good part.", "What is different from the good {product}?",
    "Does it look like the reference?",
)  # fmt: skip


def dialogue(
    truth: Truth, rng: np.random.Generator, usual_question: str = WHAT[0]
) -> list[Exchange]:
    """One to three exchanges that may follow the opening yes/no, mostly a "what" question first.

    rng decides wording and which questions are asked. usual_question: the "what" question that the
    workbench proposes; asked more often than the others.
    """
    answers: dict[tuple[str, ...], Callable[[Truth, np.random.Generator], str]] = {
        WHAT: what, WHERE: _where, STEP: _step, KIND: _kind, WHY: _why, USE: _use, SURE: _sure,
        CHECK: _check, COMPARE: _compare,
    }  # fmt: skip
    later = [WHERE, STEP, KIND, WHY, USE, SURE, CHECK, COMPARE]
    if truth.process is None or (truth.defective and truth.step is None):
        later.remove(STEP)
    # a good part of another order beside it: the process alone tells, there is no comparing
    if not truth.one_shot or (not truth.reference_agrees and not truth.contradicts):
        later.remove(COMPARE)
    asked = [WHAT, *(later[i] for i in rng.permutation(len(later))[: rng.integers(0, 3)])]
    if rng.random() < 0.15:
        asked = asked[1:] or [later[int(rng.integers(len(later)))]]
    exchanges = []
    for questions in asked:
        question = usual_question if questions is WHAT and rng.random() < 0.35 else ""
        question = question or one(rng, *questions)
        exchanges.append((question.format(product=truth.product), answers[questions](truth, rng)))
    return exchanges


def what(truth: Truth, rng: np.random.Generator) -> str:
    """What is wrong, where, and against which step; or that nothing is."""
    if not truth.defective:
        held = against(truth)
        return one(
            rng,
            f"I see no defect. The {truth.product} agrees with {held}.",
            f"Nothing is wrong: the {truth.product} agrees with {held}.",
            f"No defect is visible. The {truth.product} matches {held}.",
            f"The {truth.product} is good. It agrees with {held}.",
        )
    if truth.contradicts:
        # the kind first: "3 holes" said before it would be read as a hole
        return one(
            rng,
            f"{this_is(truth.kind)}: the part shows {truth.observed}{at(truth)}, but step "
            f"{truth.step} calls for {truth.expected}.",
            f"{there_is(truth.kind)}{at(truth)}: step {truth.step} calls for "
            f"{truth.expected}, and the part shows {truth.observed}.",
            f"{this_is(truth.kind)}. Step {truth.step} calls for {truth.expected}, and I see "
            f"{truth.observed}{at(truth)}.",
        )
    if truth.expected:
        return (
            f"{there_is(truth.kind)}{at(truth)}: the part shows {truth.observed}, the "
            f"reference {truth.expected}."
        )
    found = f"{there_is(truth.kind)}{at(truth)}."
    if truth.process is None or truth.step is None:
        return found
    return one(
        rng,
        f"{found} It points to step {truth.step}: {step_text(truth)}.",
        f"{found} This contradicts step {truth.step}: {step_text(truth)}.",
        f"{found} It probably arose in step {truth.step}: {step_text(truth)}.",
    )


def _where(truth: Truth, rng: np.random.Generator) -> str:
    if not truth.defective:
        return one(rng, "Nowhere: I see no defect.", "There is no defect to point at.")
    if truth.location is None:
        return "I cannot tell where."
    verb = "are" if several(truth.kind) else "is"
    return one(
        rng,
        f"It is {place(truth)} of the image.",
        f"The {truth.kind} {verb} {place(truth)}.",
        f"Look {place(truth)}.",
    )


def _step(truth: Truth, rng: np.random.Generator) -> str:
    if not truth.defective:
        return one(rng, "None. Every step agrees with what I see.", "No step is contradicted.")
    if truth.expected:
        # the kind first, as in `what`: after a quoted step a small model counts on from its number
        return (
            f"Step {truth.step}: {step_text(truth)}. {this_is(truth.kind)}: it calls for "
            f"{truth.expected}, but the part shows {truth.observed}."
        )
    return f"Step {truth.step}: {step_text(truth)}. {this_is(truth.kind)}{at(truth)}."


def _kind(truth: Truth, rng: np.random.Generator) -> str:
    if not truth.defective:
        return "There is no defect to name."
    return one(
        rng,
        f"{'They are' if several(truth.kind) else 'It is'} {with_article(truth.kind)}.",
        f"{capital(with_article(truth.kind))}.",
    )


def _why(truth: Truth, rng: np.random.Generator) -> str:
    if not truth.defective:
        return f"I find no place where the part differs from {against(truth)}."
    if truth.expected:
        held = (
            f"step {truth.step} calls for" if truth.process is not None else "the reference shows"
        )
        return f"Because {held} {truth.expected}, and I see {truth.observed}."
    return f"Because the surface {place(truth)} looks like {with_article(truth.kind)}."


def _use(truth: Truth, rng: np.random.Generator) -> str:
    if not truth.defective:
        return one(
            rng, "Accept it. I see no reason to reject it.", "It can be used: I see no fault."
        )
    return one(
        rng,
        f"It should be rejected because of the {truth.kind}{at(truth)}.",
        f"Reject it: {there_is(truth.kind).lower()}{at(truth)}.",
    )


def _sure(truth: Truth, rng: np.random.Generator) -> str:
    end = one(
        rng, "I can be wrong, so please look.", "Please check it yourself.", "Look for yourself."
    )
    if not truth.defective:
        return f"I found nothing that differs from {against(truth)}. {end}"
    if truth.contradicts:
        return f"Step {truth.step} says {truth.expected}, and I see {truth.observed}. {end}"
    return f"I see {with_article(truth.kind)}{at(truth)}. {end}"


def _check(truth: Truth, rng: np.random.Generator) -> str:
    if not truth.defective:
        return one(rng, "Nothing special: the part looks good.", "Nothing. Carry on.")
    if truth.process is not None and truth.step is not None:
        return one(
            rng,
            f"Check step {truth.step} ({step_text(truth)}) and the parts made since.",
            f"Stop at step {truth.step} ({step_text(truth)}) and check the last parts.",
        )
    return f"Look for the source of the {truth.kind} and check the parts made since."


def _compare(truth: Truth, rng: np.random.Generator) -> str:
    if not truth.defective:
        return one(
            rng,
            "I see no difference that matters.",
            "They look alike. Only light and position differ.",
        )
    if not truth.reference_agrees:
        return (
            f"They look alike: both show {truth.observed}. But step {truth.step} calls for "
            f"{truth.expected}."
        )
    if truth.expected:
        return f"The reference shows {truth.expected}, this part {truth.observed}."
    return f"The reference is sound there. This part has {with_article(truth.kind)}{at(truth)}."
