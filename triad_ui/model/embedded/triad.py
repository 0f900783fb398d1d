"""The embedded Triad: EG-RoI visual tokens and words, read and answered by SmolLM2-135M.

Implements `LanguageModel`. Visual tokens are computed once per set of images and kept; the read
state of a conversation is kept by the decoder.
Knows nothing of where weights come from (`load.py`) or how they were trained (`rounds/`).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from triad_ui.errors import ModelError, PromptTooLong
from triad_ui.model.embedded.chat import ChatTokenizer, ImageSlot
from triad_ui.model.embedded.projector import Projector
from triad_ui.model.embedded.views import Tower, count, encode
from triad_ui.model.generate import STOPPED, Decoder, Prompt
from triad_ui.model.language_model import Chunk, GenerationOptions
from triad_ui.records import Message, VisualInput

CONTEXT_LIMIT = 2048
"""SmolLM2 reads 8192 positions; ours has been trained on short ones and gets slow beyond this."""
KEPT_IMAGES = 8
UNFINISHED = "�"


class EmbeddedTriad:
    """A loaded embedded model. Thread-safe: one lock for tokens, one in the decoder."""

    def __init__(
        self,
        language: PreTrainedModel,
        tokenizer: ChatTokenizer,
        projector: Projector,
        tower: Tower,
        engine: str,
        context_limit: int = CONTEXT_LIMIT,
    ) -> None:
        self._language = language
        self._tokenizer = tokenizer
        self._projector = projector
        self._tower = tower
        self._engine = engine
        self._limit = context_limit
        self._decoder = Decoder(language)
        self._tokens: OrderedDict[Hashable, list[Tensor]] = OrderedDict()
        self._tokens_lock = threading.Lock()

    @property
    def engine(self) -> str:
        return self._engine

    @property
    def context_limit(self) -> int:
        return self._limit

    def visual_tokens(self, images: Sequence[VisualInput]) -> int:
        return count(images)

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
        logits = self._decoder.next_logits(self._prompt(images, messages, room=1), stop)
        return tuple(float(logits[token]) for token in first)

    def stream(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        options: GenerationOptions,
        stop: threading.Event,
    ) -> Iterator[Chunk]:
        started = time.perf_counter()
        prompt = self._prompt(images, messages, room=options.max_new_tokens)
        tokens = self._decoder.tokens(prompt, options, stop, self._tokenizer.end)
        ids: list[int] = []
        shown, prefill, stopped = "", 0.0, False
        try:
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
            tokens.close()
        rest = self._tokenizer.decode(ids)[len(shown) :].replace(UNFINISHED, "")
        yield Chunk(rest, len(ids), prefill, finished=True, stopped=stopped)

    def _prompt(
        self, images: Sequence[VisualInput], messages: Sequence[Message], room: int
    ) -> Prompt:
        """The sequence of words and visual tokens; `room` tokens are left for the answer."""
        pieces = self._tokenizer.pieces(messages)
        words = sum(not isinstance(piece, ImageSlot) for piece in pieces)
        seen = count(images)
        if words + seen + room > self._limit:
            raise PromptTooLong(
                f"This conversation has {words} words and signs (tokens), the pictures take {seen} "
                f"and the answer up to {room}: {words + seen + room} in all. The model reads "
                f"{self._limit}. Shorten the process text or start the conversation anew.",
                tokens=words + seen + room,
                limit=self._limit,
            )
        visual = self._visual(images)
        identity = _identity(images)
        keys: list[Hashable] = []
        for piece in pieces:
            if isinstance(piece, ImageSlot):
                rows = len(visual[piece.index])
                keys += [(identity, piece.index, row) for row in range(rows)]
            else:
                keys.append(piece)

        def embed(start: int, end: int) -> Tensor:
            table = self._language.get_input_embeddings().weight
            rows = [
                visual[key[1]][key[2]] if isinstance(key, tuple) else table[key].float()
                for key in keys[start:end]
            ]
            return torch.stack(rows)

        return Prompt(tuple(keys), embed)

    def _visual(self, images: Sequence[VisualInput]) -> list[Tensor]:
        identity = _identity(images)
        with self._tokens_lock, torch.inference_mode():
            if identity not in self._tokens:
                cells = encode(images, self._tower)
                self._tokens[identity] = [self._projector(group) for group in cells]
                while len(self._tokens) > KEPT_IMAGES:
                    self._tokens.popitem(last=False)
            self._tokens.move_to_end(identity)
            return self._tokens[identity]


def _identity(images: Sequence[VisualInput]) -> Hashable:
    """Everything that the visual tokens depend on: pixels, regions and map of every image."""
    parts = []
    for image in images:
        amap = image.anomaly_map
        seen = None
        if amap is not None:
            seen = (amap.expert, amap.calibrated, amap.values.shape, hash(amap.values.tobytes()))
        parts.append((image.key, tuple(roi.box for roi in image.rois), seen, image.is_reference))
    return tuple(parts)
