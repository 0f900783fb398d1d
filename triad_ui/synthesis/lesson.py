"""A drawn case -> what is to be learned from it: the truth, and the conversation as messages.

Puts a task's questions behind pictures and process in the very words of the workbench's prompt.
Knows no models and no files.
"""

from __future__ import annotations

import numpy as np

from triad_ui.dialogue import prompt
from triad_ui.instruct.mixture import Conversation
from triad_ui.instruct.truth import Truth
from triad_ui.records import Message
from triad_ui.synthesis.sample import Sample


def truth_of(sample: Sample, *, with_process: bool = True) -> Truth:
    """The truth of a sample, with or without its process."""
    return Truth(
        label=sample.label,
        product=sample.family,
        process=sample.process if with_process else None,
        kind=sample.kind,
        location=sample.location,
        step=sample.step if with_process else None,
        expected=sample.expected,
        observed=sample.observed,
        one_shot=bool(sample.references),
        reference_agrees=not sample.flipped,
        seen=sample.attributes,
        extent=extent_of(sample.mask),
        grey=sample.grey,
    )


def extent_of(mask: np.ndarray) -> tuple[float, float, float, float] | None:
    """Box x0, y0, x1, y1 about a mask bool (H, W), as shares 0..1; None when it is empty."""
    ys, xs = np.nonzero(mask)
    if not len(ys):
        return None
    height, width = mask.shape
    x0, x1 = int(xs.min()) / width, (int(xs.max()) + 1) / width
    y0, y1 = int(ys.min()) / height, (int(ys.max()) + 1) / height
    return x0, y0, x1, y1


def messages_of(held: Conversation, truth: Truth) -> list[Message]:
    """The whole conversation, system message first; pictures are 0 and, one-shot, 1."""
    exchanges = list(held.exchanges)
    images = 2 if truth.one_shot else 1
    if held.opened:
        letter = prompt.YES if truth.defective else prompt.NO
        messages = [*prompt.opening(truth.product, truth.process, images)]
        messages.append(Message("assistant", letter))
    else:
        question, answer = exchanges.pop(0)
        before = "" if held.task == "talk" else prompt.process_preamble(truth.process)
        shown: tuple[int, ...] = ()
        if held.pictured:
            shown = tuple(range(images))
            if truth.one_shot:
                before += f"The second image shows an acceptable {truth.product}.\n"
        messages = [Message("system", prompt.SYSTEM), Message("user", before + question, shown)]
        messages.append(Message("assistant", answer))
    for question, answer in exchanges:
        messages += [Message("user", question), Message("assistant", answer)]
    return messages
