"""How likely each of a few answers is, asked of a model server.

From the log-probabilities that it lists, or, where it lists none, from answers drawn at random.
Knows nothing of images: the messages are already in the protocol's form.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.model_server import ModelServer
from triad_ui.model.refusals import NotAccepted
from triad_ui.model.served_answer import choices_of, counted_logits, listed_logits, text_of
from triad_ui.model.served_prompt import request_body

SAMPLES = 8
"""Answers that a probability is estimated from when the server gives none."""
LISTED = (20, 5)
"""Likeliest tokens that are asked for: the second when a server does not list so many."""


class ServedChoice:
    """Asks one model of one server; remembers in which way it answers."""

    def __init__(self, server: ModelServer, model: str) -> None:
        self._server = server
        self._model = model
        self._listed = LISTED

    @property
    def sampled(self) -> bool:
        """Whether probabilities are estimated from SAMPLES answers."""
        return not self._listed

    def logits(
        self, wire: list[dict[str, Any]], choices: Sequence[str], stop: threading.Event
    ) -> tuple[float, ...]:
        """Log-probability of each choice (`listed_logits`) or its estimate (`counted_logits`).

        Raises PromptTooLong, and ModelError when stopped or failed.
        """
        for at, listed in enumerate(self._listed):
            body = request_body(self._model, wire, GenerationOptions(max_new_tokens=1))
            body |= {"logprobs": True, "top_logprobs": listed}
            try:
                answer = self._server.ask(body, ("seed",), stop)
            except NotAccepted:  # perhaps for this field: without it the true reason shows
                continue
            found = listed_logits(answer, choices)
            if found is None:  # the field was passed over without a word
                break
            self._listed = self._listed[at:]
            return found
        drawn = self._drawn(wire, stop)
        self._listed = ()
        return counted_logits(drawn, choices)

    def _drawn(self, wire: list[dict[str, Any]], stop: threading.Event) -> list[str]:
        """SAMPLES answers of one token at temperature 1, in as few requests as the server takes."""
        found: list[str] = []
        while len(found) < SAMPLES:
            once = GenerationOptions(max_new_tokens=1, temperature=1.0, seed=len(found))
            body = request_body(self._model, wire, once) | {"n": SAMPLES - len(found)}
            answer = self._server.ask(body, ("n", "seed", "generation_config"), stop)
            texts = [text_of(each) for each in choices_of(answer)]
            if not texts:
                raise self._server.strange()
            found += texts
        return found[:SAMPLES]
