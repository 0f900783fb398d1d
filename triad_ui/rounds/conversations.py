"""What is said in training about a part, and how it is laid out as positions to learn from.

Conversations come from the instruct mixture, about pictured parts or parts that are told in words
(CoT-M's third mode), and a little small talk. Knows no tensors and no model, only its tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from triad_ui.dialogue import prompt
from triad_ui.instruct.mixture import converse, in_words, talk
from triad_ui.instruct.text_case import TextCase, text_case
from triad_ui.instruct.truth import Truth
from triad_ui.model.chat import ChatTokenizer, ImageSlot
from triad_ui.records import LOCATIONS, ManufacturingProcess, Message
from triad_ui.rounds.examples import TRAINED
from triad_ui.synthesis.families import FAMILIES
from triad_ui.synthesis.lesson import messages_of

OPENING_WEIGHT = 8.0
"""The opening letter is one token among thirty, and the one that matters most."""
PLACE_WEIGHT = 4.0
"""Of the words of a place, which are as few, and said by habit unless they are attended to."""
OPENED = 0.7
"""Share of parts told in words that ask the paper's yes/no question, the rest in other words."""
ASKED_FIRST = 0.85
"""Least share of conversations about pictures that begin with that question, as the page's do."""
TALK = 0.03
STRANGE, STRANGE_ALIKE = 0.15, 0.5
"""Shares of `elsewhere`: with any process, and where one is of a product by the same name."""


@dataclass(frozen=True, slots=True, eq=False)
class Sequenced:
    """A dialogue as positions. ids: -1 - k stands for visual row k of the example. weights: loss
    weight of predicting each position, 0 where nothing is learned. steps: where each process step
    ends, and 1.0 where what is there contradicts it."""

    ids: list[int]
    weights: list[float]
    steps: tuple[tuple[int, float], ...] = ()


def taught(truth: Truth, rng: np.random.Generator) -> list[Message]:
    """A conversation about a pictured part, one task of the mixture, as the workbench holds it."""
    held = converse(truth, rng, usual_question=prompt.DEFAULT_QUESTION)
    if rng.random() < ASKED_FIRST:
        held = replace(held, opened=True)
    return messages_of(held, truth)


def told(rng: np.random.Generator) -> tuple[list[Message], Truth]:
    """A conversation without any picture, small talk or a part that is told in words; and what is
    so."""
    if rng.random() < TALK:
        truth = Truth("normal", "part", None)
        return messages_of(talk(rng), truth), truth
    case = text_case(rng, [FAMILIES[name] for name in TRAINED], surface=0.15)
    if rng.random() < OPENED:
        return opened(case), case.truth
    return messages_of(in_words(case, rng), case.truth), case.truth


def elsewhere(
    truth: Truth, processes: Sequence[ManufacturingProcess], rng: np.random.Generator
) -> Truth:
    """The same part under a process as people write them, now and then.

    Drawn processes all sound alike. Where the process decides nothing, so for good parts beside a
    reference that agrees and for faults of the surface, one of `processes` may stand there instead:
    it must not sway the verdict. Of the product by the same name, if there is one.
    """
    alike = [process for process in processes if process.product in truth.product]
    share = STRANGE_ALIKE if alike else STRANGE
    decides = truth.expected or not truth.reference_agrees or not truth.one_shot
    if truth.process is None or decides or not processes or rng.random() >= share:
        return truth
    among = alike or processes
    process = among[int(rng.integers(len(among)))]
    return replace(truth, process=process, product=process.product, step=None, seen=())


def opened(case: TextCase) -> list[Message]:
    """The paper's question on a part that is told where its picture would stand."""
    system, asked = prompt.opening(case.product, case.process, 1)
    letter = prompt.YES if case.label == "defective" else prompt.NO
    text = f"What the image shows: {case.text}\n{asked.text}"
    return [system, Message("user", text), Message("assistant", letter)]


def sequenced(
    messages: Sequence[Message],
    rows: Sequence[int],
    tokenizer: ChatTokenizer,
    truth: Truth | None = None,
) -> Sequenced:
    """Positions and loss weights of a dialogue.

    rows: visual rows of each image. truth: with it, the ends of the process's steps are found.
    """
    starts = np.concatenate([[0], np.cumsum(rows)]).tolist()
    ids: list[int] = []
    weights: list[float] = []
    places = {tokenizer.encode(f" {word}")[0] for name in LOCATIONS for word in name.split()}
    for message in messages:
        learned = 0
        if message.role == "assistant":
            learned = len(tokenizer.encode(message.text)) + 1
        pieces = tokenizer.pieces([message], answer=False)
        first = len(pieces) - 1 - learned  # the last piece is a newline after the end token
        for position, piece in enumerate(pieces):
            if isinstance(piece, ImageSlot):
                image = range(starts[piece.index], starts[piece.index + 1])
                ids += [-1 - row for row in image]
                weights += [0.0] * len(image)
                continue
            ids.append(piece)
            on = learned and first <= position < len(pieces) - 1
            letter = position == first and message.text in (prompt.YES, prompt.NO)
            heavy = OPENING_WEIGHT if letter else PLACE_WEIGHT if piece in places else 1.0
            weights.append(heavy if on else 0.0)
    return Sequenced(ids, weights, _steps(ids, tokenizer, truth))


def _steps(
    ids: Sequence[int], tokenizer: ChatTokenizer, truth: Truth | None
) -> tuple[tuple[int, float], ...]:
    """The last position of each step's line and whether the part contradicts it; none where the
    process does not stand there as the workbench writes it."""
    if truth is None or truth.process is None:
        return ()
    written = tokenizer.encode(prompt.process_preamble(truth.process))
    lead = written[: written.index(tokenizer.encode("\n")[0]) + 1]
    for start in range(len(ids) - len(written) + 1):
        if list(ids[start : start + len(lead)]) == lead:
            break
    else:
        return ()
    newline, ends = lead[-1], []
    for position in range(start + len(lead), len(ids)):
        if ids[position] == newline:
            ends.append(position)
        if len(ends) == len(truth.process.steps):
            break
    wrong = truth.step if truth.contradicts else 0
    return tuple((end, float(number == wrong)) for number, end in enumerate(ends, 1))
