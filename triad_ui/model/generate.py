"""Reading a prompt and decoding an answer: prefix reuse, stop, letting others go first.

Works on input embeddings, so that words and visual tokens are one sequence. What has been read is
kept; a prompt that begins alike is read only from where it differs, so each later turn of a
conversation costs its own tokens. A prompt that is being read by another request is waited for,
never read twice.
Knows nothing of templates or images: a prompt is a list of keys and a function that embeds them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor
from transformers import PreTrainedModel

from triad_ui.errors import ModelError
from triad_ui.model.device_queue import POLL, STOPPED, DeviceQueue, Place
from triad_ui.model.growing_cache import bytes_per_position
from triad_ui.model.kept import KeptState, KeptStates, common
from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.out_of_memory import ensure_room, in_words
from triad_ui.model.packed_attention import use_packed_attention
from triad_ui.model.sampling import pick

__all__ = ["CHUNK", "STOPPED", "Decoder", "Prompt"]

CHUNK = 256
"""Positions read at once on a processor. Smaller ones take longer in all, larger ones more memory
and no less time; a stop is seen between two layers."""
CHUNK_CUDA = 1024
_SHAPING = ("final_logit_softcapping", "logit_scale", "logits_scaling")
"""Settings of models that do more with logits than the head does; none that is loaded here."""
KEPT_BYTES = 2 * 2**30
"""Memory for what is kept of conversations, on a processor."""


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """keys: one hashable per position, equal keys mean equal embeddings. embed(start, end) gives
    float (end - start, width)."""

    keys: tuple[Hashable, ...]
    embed: Callable[[int, int], Tensor]


@dataclass(slots=True, eq=False)
class _Request:
    """read: set once the prompt has been read, or cannot be."""

    keys: Sequence[Hashable]
    place: Place
    stop: threading.Event
    read: threading.Event = field(default_factory=threading.Event)


class Decoder:
    """One causal language model on one device; thread-safe.

    kept_bytes: memory for what is kept of conversations; None: 2 GB on a processor, on a GPU a
    quarter of what is free now. chunk: positions read at once; None: what suits the device.
    """

    def __init__(
        self, model: PreTrainedModel, kept_bytes: int | None = None, chunk: int | None = None
    ) -> None:
        self._model = model
        self._language = model.get_decoder()
        self._cuda = model.device.type == "cuda"
        use_packed_attention(self._language)
        if kept_bytes is None:
            kept_bytes = torch.cuda.mem_get_info(model.device)[0] // 4 if self._cuda else KEPT_BYTES
        self._chunk = chunk or (CHUNK_CUDA if self._cuda else CHUNK)
        self._each = bytes_per_position(model.config, model.dtype.itemsize)
        self._kept = KeptStates(model.config, model.dtype.itemsize, kept_bytes)
        self._queue = DeviceQueue()
        self._reading: list[_Request] = []
        self._reading_lock = threading.Lock()

    def choice_logits(
        self,
        prompt: Prompt,
        tokens: Sequence[int],
        stop: threading.Event | None = None,
        *,
        urgent: bool = False,
    ) -> tuple[float, ...]:
        """Logits of some tokens as the next one after the prompt, in float32 whatever the model's
        type: bfloat16 tells two logits apart in steps of 0.125 or more.

        urgent: a person waits; else the reading lets answers go first. Raises ModelError when
        stopped while reading.
        """
        with torch.inference_mode():
            hidden = self._hidden(prompt, stop or threading.Event(), urgent)
            head = self._model.get_output_embeddings()
            text = self._model.config.get_text_config(decoder=True)
            shaped = any(getattr(text, name, None) is not None for name in _SHAPING)
            if shaped or not head.weight.is_floating_point():
                return tuple(self._logits(hidden)[list(tokens)].tolist())
            rows = torch.tensor(list(tokens), device=head.weight.device)
            logits = head.weight[rows].float() @ hidden.float()
            if getattr(head, "bias", None) is not None:
                logits += head.bias[rows].float()
            return tuple(logits.tolist())

    def next_logits(self, prompt: Prompt, stop: threading.Event | None = None) -> Tensor:
        """float32 (vocabulary,): logits of the token after the prompt, as the model gives them.

        Raises ModelError when stopped while reading.
        """
        with torch.inference_mode():
            return self._logits(self._hidden(prompt, stop or threading.Event(), False))

    def tokens(
        self, prompt: Prompt, options: GenerationOptions, stop: threading.Event, end: int
    ) -> Generator[int, None, bool]:
        """Yield new token ids; returns True when stopped, False at `end` or the length limit.

        Closing the generator ends the computation. While a token is with the consumer nothing is
        computed; others go on when it is not fetched for long. Raises ModelError when stopped
        while reading, or when memory runs out.
        """
        random = torch.Generator().manual_seed(options.seed)
        with self._request(prompt, options.max_new_tokens, stop, urgent=True) as (request, state):
            with torch.inference_mode():
                logits = self._logits(self._read(request, state, prompt))
            for _ in range(options.max_new_tokens):
                if stop.is_set():
                    return True
                token = pick(logits, options, random)
                if token == end:
                    return False
                self._queue.rest(request.place)
                yield token
                try:
                    self._queue.resume(request.place, stop)
                    with torch.inference_mode(), self._told("answer", state):
                        ids = torch.tensor([[token]], device=self._model.device)
                        embedded = self._model.get_input_embeddings()(ids)
                        logits = self._logits(self._step(request, state, embedded, [token]))
                except ModelError as error:
                    if str(error) == STOPPED:
                        return True
                    raise
            return False

    def forget(self) -> None:
        """Drop everything that is kept; a running request keeps its own until it ends."""
        self._kept.clear()

    def _hidden(self, prompt: Prompt, stop: threading.Event, urgent: bool) -> Tensor:
        if not stop.is_set() and (known := self._kept.answered(prompt.keys)) is not None:
            return known
        with self._request(prompt, 0, stop, urgent) as (request, state):
            return self._read(request, state, prompt)

    @contextmanager
    def _request(
        self, prompt: Prompt, room: int, stop: threading.Event, urgent: bool
    ) -> Iterator[tuple[_Request, KeptState]]:
        """Holds the device and a state for the prompt; both are given back whatever happens."""
        with self._reading_lock:
            request = _Request(prompt.keys, self._queue.take_place(urgent), stop)
            self._reading.append(request)
        state = None
        try:
            self._join(request)
            self._queue.enter(request.place, stop)
            with torch.inference_mode(), self._told("read"):
                state = self._kept.take(prompt.keys, room)
            missing = len(prompt.keys) + room - len(state.keys)
            ensure_room(missing * self._each, self._kept.clear_idle)
            yield request, state
        finally:
            self._done_reading(request)
            if state is not None:
                self._kept.give(state)
            self._queue.leave(request.place)

    def _join(self, request: _Request) -> None:
        """Wait while an earlier request reads most of this one's beginning, in this one's haste."""
        while True:
            begun = self._kept.begun(request.keys)
            with self._reading_lock:
                earlier = self._reading[: self._reading.index(request)]
            for leader in earlier:
                shared = common(leader.keys, request.keys)
                if shared > begun and shared * 2 >= len(leader.keys):
                    break
            else:
                return
            if request.place.urgent:
                self._queue.hurry(leader.place)
            while not leader.read.wait(POLL):
                if request.stop.is_set():
                    raise ModelError(STOPPED)

    def _read(self, request: _Request, state: KeptState, prompt: Prompt) -> Tensor:
        """The last hidden state of the prompt, float (width,)."""
        total = len(prompt.keys)
        with self._told("read", state):
            while (position := len(state.keys)) < total:
                self._queue.give_way(request.place, request.stop)
                until = min(position + self._chunk, total)
                embedded = prompt.embed(position, until)[None]
                embedded = embedded.to(self._model.device, self._model.dtype)
                hidden = self._step(request, state, embedded, prompt.keys[position:until])
                if self._cuda:  # else all chunks would be queued at once and no stop be seen
                    torch.cuda.synchronize(self._model.device)
                if until == total:
                    state.ends[total] = hidden.clone()
        self._done_reading(request)
        return state.ends[total]

    def _step(
        self, request: _Request, state: KeptState, embedded: Tensor, keys: Sequence[Hashable]
    ) -> Tensor:
        """One pass through the layers; a stop or a failure leaves the state as it was before."""
        state.cache.between = lambda: self._queue.give_way(request.place, request.stop)
        try:
            output = self._language(
                inputs_embeds=embedded, past_key_values=state.cache, use_cache=True
            )
        except BaseException:
            state.truncate(len(state.keys))
            raise
        finally:
            del state.cache.between
        state.keys.extend(keys)
        return output.last_hidden_state[0, -1]

    def _logits(self, hidden: Tensor) -> Tensor:
        return self._model.get_output_embeddings()(hidden[None])[0].float()

    def _done_reading(self, request: _Request) -> None:
        request.read.set()
        with self._reading_lock:
            if request in self._reading:
                self._reading.remove(request)

    def _told(
        self, doing: Literal["read", "answer"], state: KeptState | None = None
    ) -> AbstractContextManager[None]:
        """Memory that runs out is told in words, and all that waits for later is let go."""

        def free_up() -> None:
            self._kept.clear_idle()
            if state is not None:
                self._kept.drop(state)

        return in_words(free_up, doing=doing)
