"""A multimodal language model that runs here: visual tokens and words, read and answered.

Implements `LanguageModel` for the embedded model and for every checkpoint: they differ in how
pixels become tokens (`VisualEncoder`) and in the template (`ChatTokenizer`). Visual tokens are
computed once an image and kept; the read state of a conversation is kept by the decoder.
Knows nothing of where weights come from.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from triad_ui.errors import ModelError, PromptTooLong
from triad_ui.model.chat import ChatTokenizer, ImageSlot
from triad_ui.model.generate import STOPPED, Decoder, Prompt
from triad_ui.model.language_model import Chunk, GenerationOptions
from triad_ui.records import Message, VisualInput

KEPT_IMAGES = 16
UNFINISHED = "�"


class VisualEncoder(Protocol):
    """Pixels, map and regions -> visual tokens. Called under the lock of `LocalTriad`."""

    def count(self, images: Sequence[VisualInput]) -> int:
        """Number of visual tokens of these images together, without computing them."""
        ...

    def keys(self, images: Sequence[VisualInput]) -> tuple[Hashable, ...]:
        """One key an image, of all that its tokens depend on: equal keys, equal tokens."""
        ...

    def encode(
        self, images: Sequence[VisualInput], wanted: Sequence[int], stop: threading.Event
    ) -> list[Tensor]:
        """Visual tokens float (N, width) of the images numbered `wanted`, in that order.

        Raises ModelError(STOPPED) soon after `stop` is set.
        """
        ...


class LocalTriad:
    """A loaded model. Thread-safe: one lock for visual tokens, one in the decoder.

    language: takes `inputs_embeds`; for a whole vision-language model its own tower is not used
    through it. context_limit: tokens of a conversation, answer included.
    """

    def __init__(
        self,
        language: PreTrainedModel,
        tokenizer: ChatTokenizer,
        encoder: VisualEncoder,
        engine: str,
        context_limit: int,
    ) -> None:
        self._language = language
        self._tokenizer = tokenizer
        self._encoder = encoder
        self._engine = engine
        self._limit = context_limit
        self._decoder = Decoder(language)
        self._tokens: OrderedDict[Hashable, tuple[int, Tensor]] = OrderedDict()
        self._numbered = 0
        self._tokens_lock = threading.Lock()

    @property
    def engine(self) -> str:
        return self._engine

    @property
    def context_limit(self) -> int:
        return self._limit

    def visual_tokens(self, images: Sequence[VisualInput]) -> int:
        return self._encoder.count(images)

    def render(self, images: Sequence[VisualInput], messages: Sequence[Message]) -> str:
        return self._tokenizer.render(messages)

    def choice_logits(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        choices: Sequence[str],
        stop: threading.Event | None = None,
    ) -> tuple[float, ...]:
        first = [self._tokenizer.encode(choice)[0] for choice in choices]
        if len(set(first)) < len(first):
            raise ModelError(f"The choices {', '.join(choices)} begin alike. Name others.")
        stop = stop or threading.Event()
        logits = self._decoder.next_logits(self.prompt(images, messages, 1, stop), stop)
        return tuple(float(logits[token]) for token in first)

    def stream(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        options: GenerationOptions,
        stop: threading.Event,
    ) -> Iterator[Chunk]:
        started = time.perf_counter()
        ids: list[int] = []
        shown, prefill, stopped = "", 0.0, False
        tokens = None
        try:
            prompt = self.prompt(images, messages, options.max_new_tokens, stop)
            tokens = self._decoder.tokens(prompt, options, stop, self._tokenizer.end)
            while True:
                try:
                    ids.append(next(tokens))
                except StopIteration as end:
                    stopped = bool(end.value)
                    break
                prefill = prefill or time.perf_counter() - started
                text = self._tokenizer.decode(ids)
                # a character of several tokens is shown once it is whole
                if not text.endswith(UNFINISHED) and len(text) > len(shown):
                    yield Chunk(text[len(shown) :], len(ids), prefill)
                    shown = text
        except ModelError as error:
            if str(error) != STOPPED:
                raise
            stopped = True
        finally:
            if tokens is not None:
                tokens.close()
        rest = self._tokenizer.decode(ids)[len(shown) :].replace(UNFINISHED, "")
        yield Chunk(rest, len(ids), prefill, finished=True, stopped=stopped)

    def token_losses(self, text: str) -> Tensor:
        """How unlikely each token of plain text is after those before it, for the self-test.

        Returns float32 (n - 1,) in nats, on the processor; n: tokens with the template's opening.
        """
        begin = self._tokenizer.pieces((), answer=False)
        ids = torch.tensor([[*begin, *self._tokenizer.encode(text)]], device=self._language.device)
        with torch.inference_mode():
            embedded = self._language.get_input_embeddings()(ids)
            logits = self._language(inputs_embeds=embedded, use_cache=False).logits[0, :-1]
            likely = logits.float().log_softmax(-1).gather(1, ids[0, 1:, None])
        return -likely[:, 0].cpu()

    def prompt(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        room: int,
        stop: threading.Event,
    ) -> Prompt:
        """The sequence of words and visual tokens; `room` tokens are left for the answer.

        Raises PromptTooLong, and ModelError when stopped.
        """
        pieces = self._tokenizer.pieces(messages)
        words = sum(not isinstance(piece, ImageSlot) for piece in pieces)
        seen = self._encoder.count(images)
        if words + seen + room > self._limit:
            raise PromptTooLong(
                f"This conversation has {words} words and signs (tokens), the pictures take {seen} "
                f"and the answer up to {room}: {words + seen + room} in all. The model reads "
                f"{self._limit}. Shorten the process text or start the conversation anew.",
                tokens=words + seen + room,
                limit=self._limit,
            )
        visual = self._visual(images, stop)
        keys: list[Hashable] = []
        runs: list[tuple[int, Tensor | list[int]]] = []
        for piece in pieces:
            if isinstance(piece, ImageSlot):
                number, rows = visual[piece.index]
                runs.append((len(keys), rows))
                keys += [(number, row) for row in range(len(rows))]
            else:
                if not runs or not isinstance(runs[-1][1], list):
                    runs.append((len(keys), []))
                runs[-1][1].append(piece)
                keys.append(piece)

        def embed(start: int, end: int) -> Tensor:
            table = self._language.get_input_embeddings()
            parts = []
            for first, run in runs:
                rows = run[max(0, start - first) : max(0, end - first)]
                if isinstance(rows, list):
                    if rows:
                        parts.append(table(torch.tensor(rows, device=table.weight.device)))
                elif len(rows):
                    parts.append(rows.to(table.weight))
            return torch.cat(parts)

        return Prompt(tuple(keys), embed)

    def _visual(
        self, images: Sequence[VisualInput], stop: threading.Event
    ) -> list[tuple[int, Tensor]]:
        """Of each image a number of its own and its visual tokens."""
        identities = self._encoder.keys(images)
        with self._tokens_lock, torch.inference_mode():
            wanted = [at for at, key in enumerate(identities) if key not in self._tokens]
            if wanted:
                for at, rows in zip(wanted, self._encoder.encode(images, wanted, stop)):
                    self._numbered += 1
                    self._tokens[identities[at]] = (self._numbered, rows)
            for key in identities:
                self._tokens.move_to_end(key)
            found = [self._tokens[key] for key in identities]
            while len(self._tokens) > KEPT_IMAGES:
                self._tokens.popitem(last=False)
            return found
