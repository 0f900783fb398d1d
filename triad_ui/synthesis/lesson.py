"""A drawn case -> what is to be learned from it: the truth, and the conversation as messages.

Puts a task's questions behind pictures and process in the very words of the workbench's prompt.
Knows no models and no files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from triad_ui.dialogue import prompt
from triad_ui.instruct.mixture import Conversation, converse, in_words, talk
from triad_ui.instruct.text_case import text_case
from triad_ui.instruct.truth import Truth
from triad_ui.records import Message
from triad_ui.synthesis import families as catalogue
from triad_ui.synthesis.sample import Sample, make_sample

UNPROCESSED = 0.2  # of the cases that need no process: shown without one
WITHOUT_REFERENCE = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """One item to learn. name: unique by seed. task: see `Conversation`. pictures: uint8
    (S, S, 3), in the order in which the messages show them. messages: system message first."""

    name: str
    task: str
    pictures: tuple[np.ndarray, ...]
    messages: tuple[Message, ...]


def lessons(
    seed: int,
    count: int,
    *,
    size: int = 384,
    families: Sequence[str] | None = None,
    words: float = 0.15,
    chat: float = 0.03,
) -> Iterator[Lesson]:
    """Draw `count` lessons, each from a seed of its own: seed, seed + 1, ...

    families: names to draw from (all when None). words: share told in words alone. chat: share of
    small talk. The rest shows a picture, mostly with a reference and a process.
    """
    names = sorted(catalogue.FAMILIES) if families is None else list(families)
    for number in range(seed, seed + count):
        rng = np.random.Generator(np.random.PCG64([number, 11]))
        lot = rng.random()
        pictures: tuple[np.ndarray, ...] = ()
        if lot < words:
            case = text_case(rng, [catalogue.FAMILIES[name] for name in names], surface=0.15)
            held, truth = in_words(case, rng), case.truth
        elif lot < words + chat:
            held, truth = talk(rng), Truth("normal", "part", None)
        else:
            alone = rng.random() < WITHOUT_REFERENCE
            sample = make_sample(number, size=size, families=names, references=0 if alone else 1)
            # against the process alone, or against a reference that disobeys it, too
            needed = sample.flipped or (sample.logical and alone)
            truth = truth_of(sample, with_process=needed or rng.random() >= UNPROCESSED)
            held = converse(truth, rng)
            pictures = (sample.query, *sample.references)
        yield Lesson(f"{number:09d}", held.task, pictures, tuple(messages_of(held, truth)))


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
