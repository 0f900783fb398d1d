"""What the workbench asks of a multimodal language model, whoever runs it.

One protocol for the embedded model, a local checkpoint and a served engine. Calls are made from any
thread; an implementation serialises them itself (one device, one lock).
Knows nothing of inspections, prompts' wording or the page.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from triad_ui.records import Message, VisualInput


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How to decode. temperature 0 is greedy; top_p in (0, 1]; seed makes sampling repeatable."""

    max_new_tokens: int = 160
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed answer.

    text: what is new since the last chunk, whole characters only. tokens: new tokens so far.
    prefill: seconds spent reading what had to be read before the first token.
    finished: True on the last chunk, when the answer ended by itself, reached max_new_tokens or
    was stopped (`stopped`).
    """

    text: str
    tokens: int
    prefill: float
    finished: bool = False
    stopped: bool = False


class LanguageModel(Protocol):
    """A loaded model."""

    @property
    def engine(self) -> str:
        """Base, adapter and precision in one line, e.g. "embedded smollm2-135m+triad@1f3a bf16"."""
        ...

    @property
    def context_limit(self) -> int:
        """Tokens that a conversation may have, answer included."""
        ...

    def visual_tokens(self, images: Sequence[VisualInput]) -> int:
        """Number of visual tokens that these images take in the context."""
        ...

    def render(self, images: Sequence[VisualInput], messages: Sequence[Message]) -> str:
        """The prompt as one string, images written as "<image>"; for the record."""
        ...

    def choice_logits(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        choices: Sequence[str],
        stop: threading.Event | None = None,
        *,
        urgent: bool = False,
    ) -> tuple[float, ...]:
        """Logit of each choice's first token as the next token after `messages`.

        urgent: a person waits for it, so it does not let other people's answers go first.
        Raises PromptTooLong with the counts; ModelError when stopped or failed.
        """
        ...

    def stream(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        options: GenerationOptions,
        stop: threading.Event,
    ) -> Iterator[Chunk]:
        """Answer `messages`, yielding chunks; closing the generator or setting `stop` ends the
        computation within one token. Raises PromptTooLong before the first chunk, ModelError later.
        """
        ...
