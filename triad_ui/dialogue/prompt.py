"""Process + reference + question -> conversation, in the words of the paper.

The order is system, images, process, question (Triad, section 4 and the released evaluation code),
so that all that is costly to read stands first and can be kept between turns. The conversation
opens with the detection question, answered by the model's own more likely choice; what a person
asks comes after it, so that later answers know the verdict they belong to.
Knows nothing of chat templates, tokens or pixels: a message names its images by index.
"""

from __future__ import annotations

from collections.abc import Sequence

from triad_ui.records import ManufacturingProcess, Message, Turn

SYSTEM = "You are a helpful assistant."
YES, NO = "A", "B"
CHOICES = (
    f"\n{YES}. Yes\n{NO}. No\nAnswer with the option's letter from the given choices directly."
)
DEFAULT_QUESTION = "What is wrong with it, where is it, and which process step does it contradict?"


def detection_question(product: str, *, one_shot: bool) -> str:
    """The paper's yes/no question; `one_shot` when a known-good image is shown second."""
    if one_shot:
        asked = (
            f"The second image shows an acceptable {product}. Compare with the acceptable "
            f"{product}, find out whether there are defects on the {product} in the first image."
        )
    else:
        asked = f"Are there any defects on the {product} in this image?"
    return asked + CHOICES


def process_preamble(process: ManufacturingProcess | None) -> str:
    """The process as the paper introduces it, ending in a newline; empty without a process."""
    if process is None:
        return ""
    return f"The following is the production process of the {process.plural}:\n{process.text}\n"


def opening(
    product: str, process: ManufacturingProcess | None, images: int
) -> tuple[Message, Message]:
    """System and first user message: images, process, detection question.

    images: how many are shown, the query first, then at most one reference.
    """
    text = process_preamble(process) + detection_question(product, one_shot=images > 1)
    return Message("system", SYSTEM), Message("user", text, tuple(range(images)))


def conversation(
    product: str,
    process: ManufacturingProcess | None,
    images: int,
    opening_answer: str,
    history: Sequence[Turn],
    question: str,
) -> tuple[Message, ...]:
    """The whole conversation up to the question that is to be answered now.

    opening_answer: the model's own choice, `YES` or `NO`. history: earlier turns, oldest first;
    failed ones and those without any answer are left out, stopped ones are kept as far as they go.
    """
    messages = [*opening(product, process, images), Message("assistant", opening_answer)]
    for turn in history:
        if turn.answer and turn.state != "failed":
            messages += [Message("user", turn.question), Message("assistant", turn.answer)]
    messages.append(Message("user", question))
    return tuple(messages)
