"""CoT-M: from a process, step by step, to the verdict (Triad, section 3.4).

Three modes: a caption and the process interleaved (a); a checklist of the process alone, each step
ticked off in turn (b); and the same from words without any picture (c). Each answer ends in the
verdict, and each line of it can be read off the process and the truth; so the chain never says what
is not so. Short, because a small model must say it.
Knows no pictures and no model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from triad_ui.instruct.attributes import Attribute, attributes_of, paired
from triad_ui.instruct.text_case import TextCase
from triad_ui.instruct.truth import Exchange, Truth, at, capital, one, place, with_article

REASON = (
    "Compare what you see with the process, step by step.",
    "Think it through along the process, then judge.",
    "Go through the process and reason about each step.",
    "Reason from the process to a verdict.",
    "Was the {product} made as its process says? Reason step by step.",
)
CHECKLIST = (
    "Work through the process as a checklist.",
    "Tick off each step of the process.",
    "Make a checklist from the process and fill it in.",
    "Check every step in turn, then give the verdict.",
    "Use the process as a checklist for this {product}.",
)
STEP_CHECK = (
    "Was step {step} done right?", "Does the {product} agree with step {step}?",
    "Check step {step}.", "Is step {step} all right?", "What about step {step}?",
)  # fmt: skip
TOLD = (
    "An inspector writes of one of them: {text}\nDoes it agree with the process?",
    "This is seen on a {product}: {text}\nIs it good or defective?",
    "{text}\nThat is what the {product} looks like. Was it made as ordered?",
    "Description: {text}\nCompare it with the process.",
    "The camera shows this: {text}\nIs anything wrong?",
    "A colleague says: {text}\nDoes that fit the process?",
)


def reasoning(truth: Truth, rng: np.random.Generator) -> list[Exchange] | None:
    """Mode a; None without a process or a description."""
    if truth.process is None or not truth.seen or not _speakable(truth):
        return None
    return [(one(rng, *REASON).format(product=truth.product), _chain(truth, rng))]


def checklist(truth: Truth, rng: np.random.Generator) -> list[Exchange] | None:
    """Mode b; None without a process. Needs no description: the fault alone decides."""
    if truth.process is None or not _speakable(truth):
        return None
    lines = []
    for step in truth.process.steps:
        ordered = [a for a in attributes_of(truth.process) if a.step == step.number]
        if truth.contradicts and step.number == truth.step:
            told = f"{capital(truth.expected)} called for, {truth.observed} seen: wrong"
        elif ordered:
            told = f"{capital(_listed(ordered))}: {_state(ordered, truth)}"
        else:
            told = "Nothing to see"
        lines.append(f"{step.number}. {told}.")
    lines.append(_ending(truth))
    return [(one(rng, *CHECKLIST).format(product=truth.product), "\n".join(lines))]


def step_check(truth: Truth, rng: np.random.Generator) -> list[Exchange] | None:
    """One step asked about, the contradicted one in half of the faults; None without a process."""
    if truth.process is None or not _speakable(truth):
        return None
    steps = len(truth.process.steps)
    number = int(rng.integers(1, steps + 1))
    if truth.step is not None and rng.random() < 0.5:
        number = truth.step
    question = one(rng, *STEP_CHECK).format(step=number, product=truth.product)
    ordered = [a for a in attributes_of(truth.process) if a.step == number]
    if truth.contradicts and number == truth.step:
        answer = f"No: it calls for {truth.expected}, and I see {truth.observed}."
    elif truth.defective and not truth.expected and number == truth.step:
        answer = f"No: {with_article(truth.kind)} {place(truth)} points to it."
    elif not ordered:
        answer = one(rng, "I see nothing against it.", "Yes, as far as the picture tells.")
    elif any(truth.grey and a.coloured for a in ordered):
        answer = "I can't tell: the picture shows no colours."
    else:
        answer = one(rng, f"Yes: {_listed(ordered)}.", f"Yes. I see {_listed(ordered)}.")
    return [(question, answer)]


def told_in_words(case: TextCase, rng: np.random.Generator) -> list[Exchange]:
    """Mode c: a description in place of a picture; the answer is a word, a reason or a chain."""
    truth = case.truth
    question = one(rng, *TOLD).format(product=truth.product, text=case.text)
    style = rng.random()
    if style < 0.25:
        return [(question, _chain(truth, rng))]
    return [(question, _reason(truth, rng) if style < 0.8 else _verdict(truth))]


def _chain(truth: Truth, rng: np.random.Generator) -> str:
    """Each step's order beside what is there; the sound ones briefly."""
    wanted = attributes_of(truth.process) if truth.process is not None else ()
    pairs = paired(wanted, truth.seen)
    lines = []
    for number in sorted({(a or b).step for a, b in pairs}):
        own = [(a, b) for a, b in pairs if (a or b).step == number]
        if truth.contradicts and number == truth.step:
            lines.append(f"Step {number} calls for {truth.expected}, but I see {truth.observed}.")
            continue
        told = _listed([a for a, _ in own if a is not None])
        agrees = one(rng, "and so it is", "and I see it", "which agrees")
        if any(truth.grey and a is not None and a.coloured for a, _ in own):
            agrees = "but a grey picture can't show that"
        lines.append(f"Step {number} calls for {told}, {agrees}.")
    return " ".join([*lines, _ending(truth)])


def _reason(truth: Truth, rng: np.random.Generator) -> str:
    if not truth.defective:
        return one(
            rng,
            "It is good: everything agrees with the process.",
            "It was made as ordered. Nothing differs.",
            "It agrees with every step.",
            "Every step was followed: it is good.",
        )
    if not truth.expected:
        fault = f"{with_article(truth.kind)}{at(truth)}"
        return f"It is defective: {fault}. It points to step {truth.step}."
    return one(
        rng,
        f"It is defective: step {truth.step} calls for {truth.expected}, but it has "
        f"{truth.observed}.",
        f"It differs: step {truth.step} calls for {truth.expected}, and this says "
        f"{truth.observed}.",
        f"It contradicts step {truth.step}: {truth.expected} ordered, {truth.observed} seen.",
    )


def _verdict(truth: Truth) -> str:
    return f"Defective, step {truth.step}." if truth.defective else "Good."


def _ending(truth: Truth) -> str:
    if not truth.defective:
        return "Verdict: good."
    if truth.expected:
        return f"Verdict: defective, step {truth.step}, {truth.kind}."
    return f"There is {with_article(truth.kind)}{at(truth)}. Verdict: defective, step {truth.step}."


def _speakable(truth: Truth) -> bool:
    """A fault is reasoned about with its step, or not at all."""
    return not truth.defective or (
        truth.step is not None and (truth.contradicts or not truth.expected)
    )


def _listed(attributes: Sequence[Attribute]) -> str:
    return ", ".join(a.phrase for a in attributes)


def _state(ordered: Sequence[Attribute], truth: Truth) -> str:
    return "no colours to see" if any(truth.grey and a.coloured for a in ordered) else "yes"
