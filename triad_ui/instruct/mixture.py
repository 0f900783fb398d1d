"""Which task is asked about a part: weights, what a truth allows, and the conversation drawn.

The instruct mixture of training and export. Tasks that a truth can't answer are left out, never
answered by guessing. Knows no pictures, models or file formats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from triad_ui.instruct import chat, ddqa, description, reasoning
from triad_ui.instruct.dialogue import WHAT, dialogue
from triad_ui.instruct.text_case import TextCase
from triad_ui.instruct.truth import Exchange, Truth

Task = Callable[[Truth, np.random.Generator], list[Exchange] | None]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Questions and answers about one part.

    task: a key of `TASKS`, or "words", "talk". opened: the paper's yes/no question and its letter
    stand before them. pictured: the pictures (and the process, if there is one) stand before the
    first question; else the process alone, and in small talk nothing.
    """

    task: str
    exchanges: tuple[Exchange, ...]
    opened: bool = False
    pictured: bool = True


TASKS: Mapping[str, Task] = {
    "detection": description.detection,
    "caption": description.caption,
    "analysis": description.analysis,
    "attribute": description.attribute_question,
    "reasoning": reasoning.reasoning,
    "checklist": reasoning.checklist,
    "step": reasoning.step_check,
    "discrimination": ddqa.discrimination,
    "location": ddqa.rough_location,
    "box": ddqa.fine_mapping,
    "class": ddqa.classification,
    "unseen": chat.unseen,
    "elsewhere": lambda truth, rng: chat.elsewhere(rng),
}
"""InstructIAD, CoT-M with pictures, EIAD's DDQA, and what can't be answered; beside "dialogue"."""

WEIGHTS: Mapping[str, float] = {
    "dialogue": 8.0, "detection": 1.0, "caption": 2.0, "analysis": 2.0, "attribute": 2.0,
    "reasoning": 2.0, "checklist": 1.5, "step": 1.5, "discrimination": 0.8, "location": 1.0,
    "box": 0.7, "class": 1.0, "unseen": 0.7, "elsewhere": 0.3,
}  # fmt: skip
"""Shares of the tasks; the workbench's own dialogue most."""
FOLLOWED = ("detection", "analysis", "dialogue")
"""Tasks after which the talk may go on with a question of another task."""
AFTER = ("attribute", "step", "class", "location", "box", "unseen", "elsewhere")


def converse(
    truth: Truth,
    rng: np.random.Generator,
    weights: Mapping[str, float] = WEIGHTS,
    usual_question: str = WHAT[0],
) -> Conversation:
    """Draw a task that fits the truth, and hold it.

    usual_question: see `dialogue`. ValueError when no task of a positive weight fits.
    """
    names = [name for name, weight in weights.items() if weight > 0]
    while names:
        shares = np.array([weights[name] for name in names])
        name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
        exchanges = (
            dialogue(truth, rng, usual_question) if name == "dialogue" else TASKS[name](truth, rng)
        )
        if exchanges is None:
            names.remove(name)
            continue
        if name in FOLLOWED and rng.random() < 0.3:
            exchanges = exchanges + _further(truth, rng)
        return Conversation(name, tuple(exchanges), opened=name == "dialogue" or rng.random() < 0.5)
    raise ValueError("No task fits this part; give at least one that always does.")


def in_words(case: TextCase, rng: np.random.Generator) -> Conversation:
    """CoT-M's third mode: the process and a description, no picture."""
    return Conversation("words", tuple(reasoning.told_in_words(case, rng)), pictured=False)


def talk(rng: np.random.Generator) -> Conversation:
    """Small talk or a question about something else, before any part is shown."""
    exchanges = chat.elsewhere(rng) if rng.random() < 0.35 else chat.small_talk(rng)
    return Conversation("talk", tuple(exchanges), pictured=False)


def _further(truth: Truth, rng: np.random.Generator) -> list[Exchange]:
    name = AFTER[int(rng.integers(len(AFTER)))]
    return TASKS[name](truth, rng) or []
