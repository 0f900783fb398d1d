"""What is said in training about a part, and how it is laid out as positions to learn from.

Conversations come from the instruct mixture, about pictured parts or parts that are told in words
(CoT-M's third mode), and a little small talk. Knows no model, only its tokenizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from triad_ui.dialogue import prompt
from triad_ui.instruct.mixture import WEIGHTS, converse, in_words, talk
from triad_ui.instruct.text_case import TextCase, text_case
from triad_ui.instruct.truth import Truth
from triad_ui.model.chat import ChatTokenizer, ImageSlot
from triad_ui.records import LOCATIONS, ManufacturingProcess, Message
from triad_ui.rounds.examples import TRAINED
from triad_ui.synthesis.families import FAMILIES
from triad_ui.synthesis.lesson import messages_of

OPENING_WEIGHT = 8.0
"""The opening letter is one token among thirty, and the one that matters most."""
TOLD_WEIGHT = 4.0
"""Of the words of a place, and of those that tell what is there from what was ordered: they are as
few, and said by habit unless they are attended to."""
OPENED = 0.7
"""Share of parts told in words that ask the paper's yes/no question, the rest in other words."""
ASKED_FIRST = 0.85
"""Least share of conversations about pictures that begin with that question, as the page's do."""
OPENING = 3
"""Messages of it: system, question, letter."""
BRANCHES = 4
"""Conversations about a picture that go on, each for itself, from the same opening: what stands
before them, most of the positions, is read once for all."""
TALK = 0.03
STRANGE, STRANGE_ALIKE = 0.15, 0.5
"""Shares of `elsewhere`: with any process, and where one is of a product by the same name."""


@dataclass(frozen=True, slots=True, eq=False)
class Sequenced:
    """A dialogue, or several that begin alike, as positions. ids: -1 - k stands for visual row k of
    the example. weights: loss weight of predicting each position, 0 where nothing is learned.
    branches: 0 for positions that all of them share, else the number of the dialogue. places: how
    many positions stand before each in its own dialogue. steps: where each process step ends, and
    1.0 where what is there contradicts it."""

    ids: list[int]
    weights: list[float]
    branches: list[int]
    places: list[int]
    steps: tuple[tuple[int, float], ...] = ()


Dialogues = tuple[list[Message], list[list[Message]]]
"""What dialogues share, and how each of them goes on."""


def taught(
    truth: Truth, rng: np.random.Generator, weights: Mapping[str, float] = WEIGHTS
) -> Dialogues:
    """Conversations about a pictured part, tasks of the mixture by their weights, as the workbench
    holds them: most begin with the paper's question."""
    usual = prompt.DEFAULT_QUESTION
    if rng.random() >= ASKED_FIRST:
        return messages_of(converse(truth, rng, weights, usual), truth), []
    several = [
        messages_of(replace(converse(truth, rng, weights, usual), opened=True), truth)
        for _ in range(BRANCHES)
    ]
    return several[0][:OPENING], [each[OPENING:] for each in several]


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
    branches: Sequence[Sequence[Message]] = (),
) -> Sequenced:
    """Positions and loss weights of a dialogue, or of several that begin with `messages`.

    rows: visual rows of each image. truth: with it, the ends of the process's steps are found, and
    the words that tell what is expected from what is observed count more.
    """
    starts = np.concatenate([[0], np.cumsum(rows)]).tolist()
    words = {word for name in LOCATIONS for word in name.split()}
    if truth is not None and truth.contradicts:
        words |= {word for several in truth.apart for word in several}
    names = {tokenizer.encode(f" {word}")[0] for word in words}
    told = Sequenced([], [], [], [])
    for number, several in enumerate([messages, *branches]):
        for message in several:
            for piece, weight in _weighed(message, tokenizer, names):
                if isinstance(piece, ImageSlot):
                    image = range(starts[piece.index], starts[piece.index + 1])
                    told.ids.extend(-1 - row for row in image)
                    told.weights.extend([0.0] * len(image))
                else:
                    told.ids.append(piece)
                    told.weights.append(weight)
        new = len(told.ids) - len(told.places)
        before = told.branches.count(0) if number else 0
        told.places.extend(range(before, before + new))
        told.branches.extend([number] * new)
    return replace(told, steps=_steps(told.ids, tokenizer, truth))


def _weighed(
    message: Message, tokenizer: ChatTokenizer, names: set[int]
) -> Iterator[tuple[int | ImageSlot, float]]:
    """The pieces of a message and the weight of each; names: tokens of words that count more."""
    learned = 0
    if message.role == "assistant":
        learned = len(tokenizer.encode(message.text)) + 1
    pieces = tokenizer.pieces([message], answer=False)
    first = len(pieces) - 1 - learned  # the last piece is a newline after the end token
    for position, piece in enumerate(pieces):
        on = learned and first <= position < len(pieces) - 1
        letter = position == first and message.text in (prompt.YES, prompt.NO)
        heavy = OPENING_WEIGHT if letter else TOLD_WEIGHT if piece in names else 1.0
        yield piece, heavy if on else 0.0


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
