"""A language model that says given words, waits where a test wants it to, and fails on demand."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from triad_ui.errors import ModelError
from triad_ui.model.generate import STOPPED
from triad_ui.model.language_model import Chunk, GenerationOptions
from triad_ui.records import Message, VisualInput


class ScriptedModel:
    """yes: logit of "A" over "B". fail_after: words said before `failure` is raised.

    passes: how many images each yes/no was asked of; alone: logit of "A" when it was one image.
    hold: when set by a test to an Event, decoding waits for it before every word after the first,
    and `said_first` tells that the first word is out. asked: the conversations that were read.
    """

    engine = "scripted fp32"
    context_limit = 512

    def __init__(
        self,
        words: Sequence[str] = ("There ", "is ", "a dent ", "at the top left ", "from step 1."),
        yes: float = 3.0,
        fail_after: int | None = None,
        failure: Exception | None = None,
    ) -> None:
        self.words, self.yes = tuple(words), yes
        self.alone: float | None = None
        self.passes: list[int] = []
        self.judged: list[tuple[VisualInput, ...]] = []
        self.fail_after = fail_after
        self.failure = failure or ModelError("The model ran out of memory. Close other programs.")
        self.hold: threading.Event | None = None
        self.hold_reading: threading.Event | None = None
        self.said_first, self.reading, self.closed = (threading.Event() for _ in range(3))
        self.urgent: list[bool] = []
        self.asked: list[tuple[Message, ...]] = []
        self.shown: list[tuple[VisualInput, ...]] = []

    def visual_tokens(self, images: Sequence[VisualInput]) -> int:
        return 50 * len(images)

    def render(self, images: Sequence[VisualInput], messages: Sequence[Message]) -> str:
        return "|".join(message.text for message in messages)

    def choice_logits(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        choices: Sequence[str],
        stop: threading.Event | None = None,
        *,
        urgent: bool = False,
    ) -> tuple[float, ...]:
        self.passes.append(len(images))
        self.urgent.append(urgent)
        self.judged.append(tuple(images))
        self.reading.set()
        if self.hold_reading is not None:
            self.hold_reading.wait(20)
        if stop is not None and stop.is_set():
            raise ModelError(STOPPED)
        return (self.alone if self.alone is not None and len(images) == 1 else self.yes), 0.0

    def stream(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        options: GenerationOptions,
        stop: threading.Event,
    ) -> Iterator[Chunk]:
        self.asked.append(tuple(messages))
        self.shown.append(tuple(images))
        count = 0
        try:
            for count, word in enumerate(self.words, 1):
                if self.fail_after is not None and count > self.fail_after:
                    raise self.failure
                if count > 1 and self.hold is not None:
                    self.hold.wait(20)
                if stop.is_set():
                    count -= 1
                    break
                yield Chunk(word, count, 0.01)
                self.said_first.set()
            yield Chunk("", count, 0.01, finished=True, stopped=stop.is_set())
        finally:
            self.closed.set()
