"""A vision-language model on an OpenAI-compatible server, as a `LanguageModel`.

For users who outgrow one machine: vLLM, SGLang, `transformers serve`, llama.cpp, Ollama. The
server makes its own visual tokens, so regions go to it as pictures of their own: an approximation
of EG-RoI, and `engine` says so. The photos leave this machine unless the server runs on it;
`remote` tells where to.
Knows nothing of what the server runs; imports no torch.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from triad_ui.errors import ModelError
from triad_ui.model.endpoint import parse_endpoint
from triad_ui.model.exchange import BROKEN_OFF, STOPPED, Patience
from triad_ui.model.language_model import Chunk, GenerationOptions
from triad_ui.model.model_server import ModelServer
from triad_ui.model.refusals import failed
from triad_ui.model.served_answer import (
    Delta,
    answer_tokens,
    choices_of,
    first_choice,
    parsed,
    prompt_tokens,
    read_line,
    text_of,
)
from triad_ui.model.served_choice import SAMPLES, ServedChoice
from triad_ui.model.served_images import PictureCoder
from triad_ui.model.served_prompt import as_text, request_body, wire_messages, without_pictures
from triad_ui.records import Message, Roi, VisualInput
from triad_ui.settings import served_key

DEFAULT_CONTEXT = 32768
"""Tokens of a conversation when the server does not tell."""
KEPT_JUDGEMENTS = 64
LONGEST_TOKEN = 64
"""Characters a token is taken to have at most: a server that ignores max_tokens is cut there."""
REPORT_EVERY = 0.5
"""Seconds between two reports of `connect`."""
AFTER_END = 2.0
"""Seconds waited for the token count once an answer is complete."""


def connect(
    address: str,
    *,
    key: str | None = None,
    patience: Patience | None = None,
    report: Callable[[str], None] | None = None,
) -> ServedTriad:
    """A served model that has answered: is it there, does it see pictures, does it talk.

    address: "http://host:8000", ".../v1" or ".../v1#model". key: None: the environment's
    TRIAD_SERVED_KEY. report: told a sentence about twice a second; what it raises ends the wait.
    Raises ModelError with what is wrong and what to do.
    """
    stop = _Waiting(report, address) if report else threading.Event()
    model = ServedTriad(address, key=key, patience=patience, stop=stop)
    model.check(stop)
    return model


class ServedTriad:
    """A model of one server. Thread-safe; requests run side by side, the server orders them.

    model: its name there; None: the one in the address, else the only one that the server has
    (ModelError listing them when there are several). context_limit: None: what the server tells
    (vLLM and SGLang do), else DEFAULT_CONTEXT; a longer conversation is refused by the server.
    """

    def __init__(
        self,
        address: str,
        model: str | None = None,
        *,
        key: str | None = None,
        context_limit: int | None = None,
        patience: Patience | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        endpoint = parse_endpoint(address, key=served_key() if key is None else key)
        self._server = ModelServer(endpoint, patience or Patience())
        self._coder = PictureCoder()
        self._model = model or endpoint.model
        self._shown = self._model
        self._limit = context_limit or DEFAULT_CONTEXT
        self._judged: OrderedDict[Hashable, tuple[float, ...]] = OrderedDict()
        self._lock = threading.Lock()
        if not self._model or context_limit is None:
            known = self._server.models(stop or threading.Event())
            self._model = self._model or self._server.only_model(tuple(known))
            self._shown = self._model
            told = known.get(self._model, {}).get("max_model_len")
            if context_limit is None and isinstance(told, int) and told > 0:
                self._limit = told
        self._choice = ServedChoice(self._server, self._model)

    @property
    def engine(self) -> str:
        guessed = f"; probabilities estimated from {SAMPLES} samples"
        return (
            f"served {self._shown or 'model'} at {self._server.endpoint.host} (regions as extra "
            f"images: an approximation of EG-RoI{guessed if self._choice.sampled else ''})"
        )

    @property
    def remote(self) -> str:
        """Where the photos are sent, "gpu-server:8000"; "" when the server is on this machine."""
        return "" if self._server.endpoint.here else self._server.endpoint.host

    @property
    def context_limit(self) -> int:
        return self._limit

    def visual_tokens(self, images: Sequence[VisualInput]) -> int:
        """Always 0: how many tokens a picture takes on a server is not known here."""
        return 0

    def render(self, images: Sequence[VisualInput], messages: Sequence[Message]) -> str:
        return as_text(wire_messages(self._coder, images, messages))

    def choice_logits(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        choices: Sequence[str],
        stop: threading.Event | None = None,
        *,
        urgent: bool = False,
    ) -> tuple[float, ...]:
        """Log-probability of each choice as the next token, or its estimate from samples.

        From the server's 20 likeliest tokens; a choice that is not among them is put just below
        the last, which bounds it (`listed_logits`). Where the server tells no probabilities, from
        SAMPLES answers of one token at temperature 1 (`counted_logits`; `engine` says so). The
        same question is asked once. Raises PromptTooLong, and ModelError when stopped or failed.
        """
        shown = tuple((image.key, _boxes(image.rois), image.is_reference) for image in images)
        asked = (shown, tuple(messages), tuple(choices))
        with self._lock:
            if asked in self._judged:
                self._judged.move_to_end(asked)
                return self._judged[asked]
        wire = wire_messages(self._coder, images, messages)
        logits = self._choice.logits(wire, choices, stop or threading.Event())
        with self._lock:
            self._judged[asked] = logits
            while len(self._judged) > KEPT_JUDGEMENTS:
                self._judged.popitem(last=False)
        return logits

    def stream(
        self,
        images: Sequence[VisualInput],
        messages: Sequence[Message],
        options: GenerationOptions,
        stop: threading.Event,
    ) -> Iterator[Chunk]:
        started = time.perf_counter()
        body = request_body(self._model, wire_messages(self._coder, images, messages), options)
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        said, pieces, told, prefill = 0, 0, None, 0.0
        ended = stopped = thought = False
        try:
            for delta in self._deltas(body, stop):
                if delta.text:
                    prefill = prefill or time.perf_counter() - started
                    said, pieces = said + len(delta.text), pieces + 1
                    yield Chunk(delta.text, pieces, prefill)
                thought = thought or delta.thought
                told = told if delta.tokens is None else delta.tokens
                too_much = said > LONGEST_TOKEN * options.max_new_tokens
                ended = ended or delta.ended or too_much
                if delta.done or too_much:
                    break
        except ModelError as error:
            stopped = str(error) == STOPPED and not ended
            if not ended and not stopped:
                raise
        if not ended and not stopped:
            raise ModelError(BROKEN_OFF.format(self._server.endpoint.host))
        if ended and thought and not said:
            raise ModelError(
                f"The model {self._shown} thought aloud and gave no answer. Start the server with "
                "thinking switched off, or allow longer answers."
            )
        yield Chunk("", pieces if told is None else told, prefill, finished=True, stopped=stopped)

    def check(self, stop: threading.Event) -> None:
        """Ask for one letter and for a few words on a small picture. Raises ModelError.

        A server that drops pictures without a word is found by its own count of tokens.
        """
        # never the same twice: some servers do not count what they had read before
        rgb = np.random.default_rng().integers(180, 220, (112, 112, 3), np.uint8)
        rgb[40:72, 40:72] = 40
        picture = VisualInput(rgb, (Roi(24, 24, 88, 88),), None, "self-test")
        text = "Is there a dark spot in this picture?\nA. Yes\nB. No\nAnswer with the letter."
        wire = wire_messages(self._coder, [picture], [Message("user", text, (0,))])
        first = GenerationOptions(max_new_tokens=1)
        seen = self._server.ask(request_body(self._model, wire, first), ("seed",), stop)
        unseen = self._server.ask(
            request_body(self._model, without_pictures(wire), first), ("seed",), stop
        )
        if not choices_of(seen):
            raise self._server.strange()
        with_picture, without = prompt_tokens(seen), prompt_tokens(unseen)
        if with_picture is not None and without is not None and with_picture <= without:
            raise ModelError(
                f"The model server at {self._server.endpoint.host} leaves pictures out without a "
                "word. Let it run a vision-language model."
            )
        name = seen.get("model")
        if not self._shown and isinstance(name, str) and name.isprintable():
            self._shown = name[:200]
        self._choice.logits(wire, ("A", "B"), stop)
        few = GenerationOptions(max_new_tokens=4)
        for chunk in self.stream([picture], [Message("user", text, (0,))], few, stop):
            if chunk.stopped:
                raise ModelError(STOPPED)

    def _deltas(self, body: dict[str, Any], stop: threading.Event) -> Iterator[Delta]:
        spare = ("stream_options", "seed", "generation_config")
        host = self._server.endpoint.host
        with self._server.answered(body, spare, stop) as (exchange, reply):
            if reply.kind == "application/json":  # it does not stream
                answer = parsed(exchange.body())
                if not choices_of(answer):
                    raise self._server.strange()
                text = text_of(first_choice(answer))
                yield Delta(text, tokens=answer_tokens(answer), ended=True, done=True)
                return
            understood = False
            for line in exchange.lines():
                if (delta := read_line(line)) is None:
                    continue
                understood = True
                if delta.failure is not None:
                    raise failed(host, self._server.endpoint.masked(delta.failure))
                exchange.heard(AFTER_END if delta.ended else None)
                yield delta
            if not understood:
                raise self._server.strange()


class _Waiting(threading.Event):
    """A stop event that is never set, and reports as long as somebody looks at it."""

    def __init__(self, report: Callable[[str], None], address: str) -> None:
        super().__init__()
        self._report = report
        self._host = parse_endpoint(address, key="").host
        self._since = time.monotonic()
        self._next = 0.0

    def is_set(self) -> bool:
        spent = time.monotonic() - self._since
        if spent >= self._next:
            self._next = spent + REPORT_EVERY
            told = f" {spent:.0f} seconds so far" if spent >= 2 else ""
            self._report(f"Asking the model server at {self._host} ...{told}")
        return False


def _boxes(rois: Sequence[Roi]) -> tuple[tuple[int, int, int, int], ...]:
    return tuple(roi.box for roi in rois)
