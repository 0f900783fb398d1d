"""One model server: asks it, leaves out what it does not accept, and finds its model's name.

Servers differ in the fields that they know. A field that only helps is left out once a server has
refused it, and that is remembered.
Knows nothing of images, verdicts or chunks.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from triad_ui.errors import ModelError
from triad_ui.model.endpoint import Endpoint
from triad_ui.model.exchange import Exchange, Patience, Reply
from triad_ui.model.refusals import NotAccepted, refusal
from triad_ui.model.served_answer import parsed
from triad_ui.model.served_prompt import without_system

CHAT = "/chat/completions"
_NO_SYSTEM = "system message"
_LISTED = 8
"""Names that are told when a server has several."""


class ModelServer:
    """Thread-safe: each request has a connection of its own, the server serialises."""

    def __init__(self, endpoint: Endpoint, patience: Patience) -> None:
        self.endpoint = endpoint
        self.patience = patience
        self._refused: frozenset[str] = frozenset()

    def models(self, stop: threading.Event) -> dict[str, dict[str, Any]]:
        """What the server says of each of its models, by name; empty when it tells none.

        Raises ModelError when it cannot be reached, asks for a key or is no such server.
        """
        with Exchange(self.endpoint, "GET", "/models", None, stop, self.patience) as exchange:
            reply = exchange.reply()
            said = exchange.body()
        if reply.status in (401, 403) or 300 <= reply.status < 400:
            raise self._refusal(reply.status, said, "")
        listed = parsed(said) if reply.status == 200 else {}
        if not isinstance(listed, dict):
            raise self.strange()
        entries = listed.get("data")
        found: dict[str, dict[str, Any]] = {}
        for entry in entries if isinstance(entries, list) else []:
            name = entry.get("id") if isinstance(entry, dict) else None
            if isinstance(name, str) and 0 < len(name) <= 400 and name.isprintable():
                found[name] = entry
        return found

    def only_model(self, names: Sequence[str]) -> str:
        """The one model of a server. Raises ModelError listing them when there are several."""
        if len(names) > 1:
            shown = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
            raise ModelError(
                f"The model server at {self.endpoint.host} has {len(names)} models: {shown}. Name "
                "one behind a # at the end of the address."
            )
        return names[0] if names else ""

    def ask(self, body: Mapping[str, Any], spare: Sequence[str], stop: threading.Event) -> Any:
        """One whole answer, as JSON. Raises ModelError, PromptTooLong, NotAccepted."""
        with self.answered(body, spare, stop) as (exchange, _):
            answer = parsed(exchange.body())
        if not isinstance(answer, dict):
            raise self.strange()
        return answer

    @contextmanager
    def answered(
        self, body: Mapping[str, Any], spare: Sequence[str], stop: threading.Event
    ) -> Iterator[tuple[Exchange, Reply]]:
        """The exchange once the server has accepted `body`, which is sent to its chat.

        spare: fields that only help; those that it refuses are left out. Raises PromptTooLong,
        NotAccepted and ModelError.
        """
        left_out = self._refused
        while True:
            sent = {name: value for name, value in body.items() if name not in left_out}
            if _NO_SYSTEM in left_out:
                sent["messages"] = without_system(sent["messages"])
            with Exchange(self.endpoint, "POST", CHAT, sent, stop, self.patience) as exchange:
                reply = exchange.reply()
                if reply.status == 200:
                    self._refused = left_out
                    yield exchange, reply
                    return
                said = exchange.body()
            error = self._refusal(reply.status, said, str(body.get("model", "")))
            blamed = _blamed(said, [name for name in sent if name in spare], sent)
            if not isinstance(error, NotAccepted) or not blamed - left_out:
                raise error
            left_out |= blamed

    def strange(self) -> ModelError:
        """The error for an answer that no model server gives."""
        return ModelError(
            f"What answers at {self.endpoint.host} is no OpenAI-compatible model server. Check the "
            "address; it usually ends in /v1."
        )

    def _refusal(self, status: int, said: bytes, model: str) -> ModelError:
        words = self.endpoint.masked(said.decode("utf-8", "replace"))
        return refusal(self.endpoint.host, model, status, words)


def _blamed(said: bytes, spare: Sequence[str], sent: Iterable[str]) -> frozenset[str]:
    """What to leave out next: the spare fields that are named; all of them when no field of what
    was sent is named."""
    text = said[:4000].decode("utf-8", "replace")
    if re.search(r"system (?:role|message|prompt)|roles must alternate", text, re.IGNORECASE):
        return frozenset({_NO_SYSTEM})
    named = frozenset(name for name in sent if re.search(rf"\b{name}\b", text))
    return named & frozenset(spare) if named else frozenset(spare)
