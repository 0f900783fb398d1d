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
from triad_ui.model.device_queue import DeviceQueue
from triad_ui.model.generate import STOPPED, Decoder, Prompt
from triad_ui.model.language_model import Chunk, GenerationOptions
from triad_ui.model.out_of_memory import in_words
from triad_ui.records import Message, VisualInput

KEPT_IMAGES, KEPT_IMAGE_BYTES = 16, 512 * 2**20
"""Visual tokens are kept of so many images and bytes; those of a running request always."""
NUMBERED = 4096
"""Images whose numbers are remembered, so that what was read of one is known again."""
UNFINISHED = "�"


class VisualEncoder(Protocol):
    """Pixels, map and regions -> visual tokens. `LocalTriad` calls `encode` once at a time."""

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
    """A loaded model. Thread-safe: one queue for visual tokens, one in the decoder, so that
    looking at one case's pictures does not hold up the answer to another.

    language: takes `inputs_embeds`; for a whole vision-language model its own tower is not used
    through it. context_limit: tokens of a conversation, answer included. kept_bytes: memory for
    what is kept of conversations, None: what suits the device.
    """

    def __init__(
        self,
        language: PreTrainedModel,
        tokenizer: ChatTokenizer,
        encoder: VisualEncoder,
        engine: str,
        context_limit: int,
        kept_bytes: int | None = None,
    ) -> None:
        self._language = language
        self._tokenizer = tokenizer
        self._encoder = encoder
        self._engine = engine
        self._limit = context_limit
        self._decoder = Decoder(language, kept_bytes)
        self._tokens: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._numbers: OrderedDict[Hashable, int] = OrderedDict()
        self._numbered = 0
        self._tokens_lock = threading.Lock()
        self._looking = DeviceQueue()

    @property
    def engine(self) -> str:
        return self._engine

    @property
    def context_limit(self) -> int:
        return self._limit

    @property
    def held_bytes(self) -> int:
        """Bytes of its weights, which unloading it would free."""
        weights = (*self._language.parameters(), *self._language.buffers())
        return sum(each.numel() * each.element_size() for each in weights)

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
        *,
        urgent: bool = False,
    ) -> tuple[float, ...]:
        """As in `LanguageModel`; urgent: a person waits, so it does not let answers go first."""
        first = [self._tokenizer.encode(choice)[0] for choice in choices]
        if len(set(first)) < len(first):
            raise ModelError(f"The choices {', '.join(choices)} begin alike. Name others.")
        stop = stop or threading.Event()
        prompt = self.prompt(images, messages, 1, stop, urgent=urgent)
        return self._decoder.choice_logits(prompt, first, stop, urgent=urgent)

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
            prompt = self.prompt(images, messages, options.max_new_tokens, stop, urgent=True)
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
        *,
        urgent: bool = False,
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
        visual = self._visual(images, stop, urgent)
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

    def forget(self) -> None:
        """Free what is kept of pictures and conversations, before another model takes its place."""
        self._decoder.forget()
        with self._tokens_lock:
            self._tokens.clear()

    def _visual(
        self, images: Sequence[VisualInput], stop: threading.Event, urgent: bool
    ) -> list[tuple[int, Tensor]]:
        """Of each image a number of its own and its visual tokens."""
        identities = self._encoder.keys(images)
        place = self._looking.take_place(urgent)
        found = self._known(identities)
        if not all(key in found for key in identities):
            self._looking.enter(place, stop)
            try:
                found = self._known(identities)  # another request may have looked meanwhile
                wanted = [at for at, key in enumerate(identities) if key not in found]
                if wanted:
                    with torch.inference_mode(), in_words(self.forget, doing="see"):
                        rows = self._encoder.encode(images, wanted, stop)
                    found.update((identities[at], each) for at, each in zip(wanted, rows))
            finally:
                self._looking.leave(place)
        with self._tokens_lock:
            for key in identities:
                self._tokens[key] = found[key]
                self._tokens.move_to_end(key)
            while len(self._tokens) > len(set(identities)) and (
                len(self._tokens) > KEPT_IMAGES
                or sum(rows.nbytes for rows in self._tokens.values()) > KEPT_IMAGE_BYTES
            ):
                self._tokens.popitem(last=False)
            return [(self._number(key), found[key]) for key in identities]

    def _known(self, identities: Sequence[Hashable]) -> dict[Hashable, Tensor]:
        with self._tokens_lock:
            return {key: self._tokens[key] for key in identities if key in self._tokens}

    def _number(self, identity: Hashable) -> int:
        """Always the same for the same image; called with the lock held."""
        if identity not in self._numbers:
            self._numbered += 1
            self._numbers[identity] = self._numbered
        self._numbers.move_to_end(identity)
        while len(self._numbers) > NUMBERED:
            self._numbers.popitem(last=False)
        return self._numbers[identity]
