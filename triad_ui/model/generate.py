"""Reading a prompt and decoding an answer: chunked prefill, prefix reuse, stop, one device lock.

Works on input embeddings, so that words and visual tokens are one sequence. What has been read is
kept; a prompt that begins alike is read only from where it differs, so each later turn of a
conversation costs its own tokens.
Knows nothing of templates or images: a prompt is a list of keys and a function that embeds them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from triad_ui.errors import ModelError
from triad_ui.model.language_model import GenerationOptions

CHUNK = 256
"""Positions read at once; between two chunks a stop is seen."""
KEPT = 6
"""Conversations whose read state is kept."""

STOPPED = "Stopped before the answer began. Ask again when you are ready."


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """keys: one hashable per position, equal keys mean equal embeddings. embed(start, end) gives
    float (end - start, width)."""

    keys: tuple[Hashable, ...]
    embed: Callable[[int, int], Tensor]


@dataclass(slots=True, eq=False)
class _Read:
    """A cache and the keys of the positions that it holds."""

    cache: DynamicCache
    keys: list[Hashable] = field(default_factory=list)


class Decoder:
    """One causal language model on one device; every call holds its lock."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._kept: list[_Read] = []

    def next_logits(self, prompt: Prompt, stop: threading.Event | None = None) -> Tensor:
        """float32 (vocabulary,): logits of the token after the prompt.

        Raises ModelError when stopped while reading.
        """
        with self._lock, torch.inference_mode():
            return self._read(prompt, stop or threading.Event())[1]

    def tokens(
        self, prompt: Prompt, options: GenerationOptions, stop: threading.Event, end: int
    ) -> Generator[int, None, bool]:
        """Yield new token ids; returns True when stopped, False at `end` or the length limit.

        Closing the generator stops within one token. Raises ModelError when stopped while reading.
        """
        random = torch.Generator().manual_seed(options.seed)
        with self._lock:
            with torch.inference_mode():
                read, logits = self._read(prompt, stop)
            for _ in range(options.max_new_tokens):
                if stop.is_set():
                    return True
                token = pick(logits, options, random)
                if token == end:
                    return False
                yield token
                if stop.is_set():
                    return True
                with torch.inference_mode():
                    ids = torch.tensor([[token]], device=self._model.device)
                    embedded = self._model.get_input_embeddings()(ids)
                    logits = self._forward(read, embedded, [token])
            return False

    def forget(self) -> None:
        """Drop everything that was kept."""
        with self._lock:
            self._kept.clear()

    def _read(self, prompt: Prompt, stop: threading.Event) -> tuple[_Read, Tensor]:
        read = self._reuse(prompt.keys)
        logits = None
        position = len(read.keys)
        while position < len(prompt.keys):
            if stop.is_set():
                raise ModelError(STOPPED)
            until = min(position + CHUNK, len(prompt.keys))
            embedded = prompt.embed(position, until)[None]
            embedded = embedded.to(self._model.device, self._model.dtype)
            logits = self._forward(read, embedded, prompt.keys[position:until])
            position = until
        assert logits is not None
        return read, logits

    def _reuse(self, keys: Sequence[Hashable]) -> _Read:
        """The kept state that begins most alike, cut to what is common, or a fresh one.

        One position is always left to read, since its logits are asked for.
        """
        best, common = None, 0
        for read in self._kept:
            length = _common(read.keys, keys[:-1])
            if length > common:
                best, common = read, length
        # a state that shares little is left to its own conversation
        if best is None or common * 2 < min(len(best.keys), len(keys)):
            best, common = _Read(DynamicCache(config=self._model.config)), 0
        else:
            self._kept.remove(best)
        surplus = len(best.keys) - common
        if surplus:
            best.cache.crop(-surplus)
            del best.keys[common:]
        self._kept.append(best)
        del self._kept[:-KEPT]
        return best

    def _forward(self, read: _Read, embedded: Tensor, keys: Sequence[Hashable]) -> Tensor:
        try:
            output = self._model(
                inputs_embeds=embedded,
                past_key_values=read.cache,
                use_cache=True,
                logits_to_keep=1,
            )
        except BaseException:
            # the cache may hold half of a step: it must not be used again
            if read in self._kept:
                self._kept.remove(read)
            raise
        read.keys.extend(keys)
        return output.logits[0, -1].float()


def pick(logits: Tensor, options: GenerationOptions, random: torch.Generator) -> int:
    """The next token id: the likeliest at temperature 0, else sampled from the top_p nucleus."""
    if options.temperature <= 0:
        return int(logits.argmax())
    probabilities = torch.softmax(logits.cpu() / options.temperature, -1)
    ordered, ids = probabilities.sort(descending=True)
    before = ordered.cumsum(0) - ordered
    ordered = torch.where(before < options.top_p, ordered, torch.zeros_like(ordered))
    return int(ids[torch.multinomial(ordered, 1, generator=random)])


def _common(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    for index, (a, b) in enumerate(zip(left, right)):
        if a != b:
            return index
    return min(len(left), len(right))
