"""What a model server answers, read with distrust: streamed pieces, answers, log-probabilities.

Whatever is not as the OpenAI protocol has it is left out, never an exception of Python's.
Knows nothing of connections.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from triad_ui.model.refusals import words_of

UNLISTED = 0.1
"""How far below the smallest listed log-probability a choice is put that is not listed."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One piece of a stream.

    text: new words. thought: it thinks aloud instead. tokens: of the whole answer, when told.
    ended: the answer is complete. done: nothing follows. failure: the server's words for why it
    gave up, None when it did not.
    """

    text: str = ""
    thought: bool = False
    tokens: int | None = None
    ended: bool = False
    done: bool = False
    failure: str | None = None


def read_line(line: str) -> Delta | None:
    """A line of a server-sent stream; None for comments, empty and malformed lines."""
    field, _, data = line.partition(":")
    data = data.strip()
    if field != "data" or not data:
        return None
    if data == "[DONE]":
        return Delta(ended=True, done=True)
    found = parsed(data)
    if not isinstance(found, dict):
        # transformers 5.23 puts the words of an error into JSON without escaping them
        broken = re.match(r'\{"error": "(.*)"\}$', data, re.DOTALL)
        return Delta(failure=broken.group(1)[:2000]) if broken else None
    if found.get("error"):
        return Delta(failure=words_of(found))
    choice = first_choice(found)
    piece = choice.get("delta")
    piece = piece if isinstance(piece, dict) else {}
    text = piece.get("content")
    why = choice.get("finish_reason")
    if isinstance(why, dict) or why in ("abort", "error"):  # SGLang tells the reason in a table
        return Delta(failure=words_of(why) or "the answer was aborted")
    return Delta(
        text=text if isinstance(text, str) else "",
        thought=bool(piece.get("reasoning_content") or piece.get("reasoning")),
        tokens=answer_tokens(found),
        ended=bool(why),
    )


def parsed(data: str | bytes) -> Any:
    """The JSON value; None when it is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def choices_of(answer: Any) -> list[dict[str, Any]]:
    """The alternatives of an answer."""
    found = answer.get("choices") if isinstance(answer, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def first_choice(answer: Any) -> dict[str, Any]:
    """The first alternative, {} without one."""
    return next(iter(choices_of(answer)), {})


def text_of(choice: dict[str, Any]) -> str:
    """The words of a whole answer."""
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else None
    return text if isinstance(text, str) else ""


def answer_tokens(answer: Any) -> int | None:
    """Tokens of the answer as the server counts them."""
    return _count(answer, "completion_tokens")


def prompt_tokens(answer: Any) -> int | None:
    """Tokens of the question, pictures included, as the server counts them."""
    return _count(answer, "prompt_tokens")


def listed_logits(answer: Any, choices: Sequence[str]) -> tuple[float, ...] | None:
    """Log-probability of each choice as the next token; None when the server lists none.

    A token may carry a space or a sign for one; the likeliest variant counts. A choice that is
    not among the listed ones gets the smallest listed value less UNLISTED: an upper bound of
    what it has, so the probability that follows is no closer to 0 or 1 than the true one.
    """
    found = first_choice(answer).get("logprobs")
    content = found.get("content") if isinstance(found, dict) else None
    first = content[0] if isinstance(content, list) and content else None
    top = first.get("top_logprobs") if isinstance(first, dict) else None
    values = [
        (str(each.get("token", "")).strip(" \n\t▁Ġ"), float(each["logprob"]))
        for each in (top if isinstance(top, list) else [])
        if isinstance(each, dict)
        and isinstance(each.get("logprob"), int | float)
        and math.isfinite(each["logprob"])
    ]
    if not values:
        return None
    bound = min(value for _, value in values) - UNLISTED
    return tuple(
        max((value for token, value in values if token == choice), default=bound)
        for choice in choices
    )


def counted_logits(answers: Sequence[str], choices: Sequence[str]) -> tuple[float, ...]:
    """log(n + 1/2) of each choice, n: how many of the sampled answers begin with it.

    Their differences estimate those of the logits, log((yes + 1/2) / (no + 1/2)). When no answer
    is one of the choices all are equal: the model is undecided.
    """
    counts = [
        sum(bool(re.match(rf"\W*{re.escape(choice)}(?!\w)", answer)) for answer in answers)
        for choice in choices
    ]
    return tuple(math.log(count + 0.5) for count in counts)


def _count(answer: Any, name: str) -> int | None:
    usage = answer.get("usage") if isinstance(answer, dict) else None
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and 0 <= count < 1 << 31 else None
