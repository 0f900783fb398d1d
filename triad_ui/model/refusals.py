"""What a model server says when it refuses -> an error with a remedy.

The servers (vLLM, SGLang, llama.cpp, transformers, Ollama) say the same things in their own words;
their words are quoted in short, never trusted to be short or plain.
Knows nothing of connections.
"""

from __future__ import annotations

import json
import re
from typing import Any

from triad_ui.errors import ModelError, PromptTooLong

QUOTED = 240
"""Characters of a server's own words that are shown."""

_CONTEXT = re.compile(
    r"context.{0,10}(length|size|window)|maximum model length|max_model_len|too many tokens"
    r"|longer than the model|exceed_context",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"(?:context length|context size|context window|model length|max_model_len|n_ctx)"
    r"[^\d]{0,20}(\d+)",
    re.IGNORECASE,
)
_COUNTS = (
    re.compile(r"requested (?:a total of )?(\d+)", re.IGNORECASE),
    re.compile(r"prompt \(length (\d+)", re.IGNORECASE),
    re.compile(r"input \((\d+) tokens", re.IGNORECASE),
    re.compile(r"n_prompt_tokens\D{0,5}(\d+)"),
    re.compile(r"(?:has|contains|request of) (?:at least )?(\d+) (?:input )?tokens", re.IGNORECASE),
    re.compile(r"request \((\d+) tokens", re.IGNORECASE),
)
_PICTURES = re.compile(
    r"not (?:a )?multi-?modal|image input is not|(?:does not|doesn't|not) support(?:ed)? "
    r"(?:image|vision|multi)|images? (?:is|are) not supported|mmproj|unknown part type"
    r"|At most 0 image",
    re.IGNORECASE,
)
_FEWER_PICTURES = re.compile(r"at most (\d+) image", re.IGNORECASE)


class NotAccepted(ModelError):
    """Refused for a reason that is not known here: it may be a field that can be left out."""


def words_of(answer: Any) -> str:
    """The server's own message out of its answer, on one line and in short; "" when it gives none.

    answer: what was read from JSON, or a text that may be JSON.
    """
    found = answer
    if isinstance(answer, str) and answer.lstrip()[:1] in ("{", "["):
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError):
            found = answer
    elif isinstance(answer, str) and answer.lstrip().startswith("<"):
        return ""  # the page of a proxy
    for _ in range(4):
        if isinstance(found, dict):
            names = ("error", "message", "detail", "msg")
            found = next((found[name] for name in names if found.get(name)), "")
        elif isinstance(found, list):
            found = found[0] if found else ""
    if not isinstance(found, str):
        return ""
    return "".join(each if each.isprintable() else " " for each in found[:4000]).strip()


def refusal(host: str, model: str, status: int, body: str) -> ModelError:
    """The error for an answer that is no success. Never holds the key that was sent."""
    said = words_of(body)
    everything = f"{said} {body[:4000]}"
    if 300 <= status < 400:
        return ModelError(
            f"The model server at {host} sends its callers to another address, which is not "
            "followed. Give the address where it really is."
        )
    if status in (401, 403):
        return ModelError(
            f"The model server at {host} asks for a key, or refuses the one it got. Set the "
            "environment variable TRIAD_SERVED_KEY to its key and start the workbench again."
        )
    if status in (400, 413, 422, 500) and _CONTEXT.search(everything):
        return _too_long(host, everything)
    few = _FEWER_PICTURES.search(said)
    if few and few.group(1) != "0":
        return ModelError(
            f"The model server at {host} takes at most {few.group(1)} pictures in a question; "
            "the photos and their regions are up to 10. Start it with a higher limit "
            "(vLLM: --limit-mm-per-prompt '{\"image\": 10}') or draw fewer regions."
        )
    if _PICTURES.search(said):
        return ModelError(
            f"The model {model} at {host} takes no pictures. Let the server run a vision-language "
            f"model. It says: {_quoted(said)}"
        )
    if status == 404 and "model" not in said.lower():
        return ModelError(
            f"There is no OpenAI-compatible model server at {host}: the address is not known "
            "there. Check it; it usually ends in /v1."
        )
    if status == 404 or re.search(
        r"model\b.{0,80}\b(not found|does not exist|not exist|unknown)|pinned to", said, re.I
    ):
        return ModelError(
            f"The model server at {host} does not serve {model or 'a model without a name'}. Put "
            f"the right name behind a # at the end of the address. It says: {_quoted(said)}"
        )
    if status == 413:
        return ModelError(
            f"The model server at {host} does not take that many bytes in one question. Raise the "
            "limit of the server or of the proxy before it, or draw fewer regions."
        )
    if status in (429, 502, 503, 504):
        return ModelError(
            f"The model server at {host} is busy or just starting ({status}). Wait a little and "
            f"ask again.{_it_says(said)}"
        )
    if status >= 500:
        return ModelError(
            f"The model server at {host} failed ({status}). Look at its log, then ask again."
            f"{_it_says(said)}"
        )
    return NotAccepted(
        f"The model server at {host} refused the question ({status}).{_it_says(said)}"
    )


def failed(host: str, said: str) -> ModelError:
    """The error for a failure that is told in the middle of a stream."""
    if _CONTEXT.search(said):
        return _too_long(host, said)
    return ModelError(
        f"The model server at {host} failed in the middle of the answer. What it said is kept. "
        f"Look at its log, then ask again.{_it_says(said)}"
    )


def _too_long(host: str, said: str) -> ModelError:
    limit = _LIMIT.search(said)
    counts = [int(found.group(1)) for each in _COUNTS if (found := each.search(said))]
    tokens = max(counts, default=0)
    if room := re.search(r"too large: (\d+)", said):  # the question fits, the answer does not
        tokens += int(room.group(1))
    if limit and tokens > int(limit.group(1)):
        return PromptTooLong(
            f"This conversation and its pictures have {tokens} tokens, answer included where the "
            f"server counts it. The model at {host} reads {limit.group(1)}. Shorten the process "
            "text, start the conversation anew, or start the server with a longer context.",
            tokens=tokens,
            limit=int(limit.group(1)),
        )
    return ModelError(
        f"This conversation and its pictures are longer than the model at {host} reads. Shorten "
        "the process text, start the conversation anew, or start the server with a longer "
        f"context. It says: {_quoted(said)}"
    )


def _it_says(said: str) -> str:
    return f" It says: {_quoted(said)}" if said else ""


def _quoted(said: str) -> str:
    return f"“{said[:QUOTED]}{' ...' if len(said) > QUOTED else ''}”"
