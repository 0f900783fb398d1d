"""What servers say when they refuse, and what the inspector reads."""

from __future__ import annotations

import json

import pytest

from triad_ui.errors import ModelError, PromptTooLong
from triad_ui.model.refusals import NotAccepted, failed, refusal, words_of


def told(status: int, said: object) -> ModelError:
    return refusal(
        "gpu:8000", "triad-7b", status, said if isinstance(said, str) else json.dumps(said)
    )


@pytest.mark.parametrize(
    ("said", "tokens", "limit"),
    [
        (
            "This model's maximum context length is 4096 tokens. However, you requested 5123 "
            "tokens (5000 in the messages, 123 in the completion). Please reduce the length.",
            5123,
            4096,
        ),
        (
            "This model's maximum context length is 4096 tokens. However, your request has 5000 "
            "input tokens. Please reduce the length of the input messages.",
            5000,
            4096,
        ),
        (
            "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
            5000,
            4096,
        ),
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum "
            "context length is 4096 tokens and your request has 4000 input tokens (512 > 4096 - "
            "4000).",
            4512,
            4096,
        ),
        (
            "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
            5000,
            4096,
        ),
        (
            "Requested token count exceeds the model's maximum context length of 4096 tokens. You "
            "requested a total of 5123 tokens: 5000 tokens from the input messages and 123 tokens "
            "for the completion.",
            5123,
            4096,
        ),
        (
            "request (5000 tokens) exceeds the available context size (4096 tokens), try "
            "increasing it",
            5000,
            4096,
        ),
    ],
)
def test_a_long_conversation_carries_its_counts(said: str, tokens: int, limit: int) -> None:
    for error in (told(400, {"error": {"message": said}}), failed("gpu:8000", said)):
        assert isinstance(error, PromptTooLong)
        assert (error.tokens, error.limit) == (tokens, limit)
        assert "Shorten the process text" in str(error)


def test_counts_beside_the_words_are_read_too() -> None:
    said = {"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 4096}}
    error = told(400, said)
    assert isinstance(error, PromptTooLong)
    assert (error.tokens, error.limit) == (5000, 4096)


def test_a_long_conversation_without_counts_is_said_in_words() -> None:
    error = told(400, {"error": "exceeds the context window"})
    assert not isinstance(error, PromptTooLong)
    assert "Shorten the process text" in str(error)


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (401, {"error": "no"}, "TRIAD_SERVED_KEY"),
        (403, "", "TRIAD_SERVED_KEY"),
        (302, "", "sends its callers to another address"),
        (404, {"detail": "Not Found"}, "usually ends in /v1"),
        (404, {"message": "The model `x` does not exist."}, "does not serve triad-7b"),
        (400, {"detail": "Server is pinned to 'a'; requested 'b'."}, "does not serve triad-7b"),
        (400, {"message": "triad-7b is not a multimodal model"}, "takes no pictures"),
        (500, {"error": {"message": "image input is not supported - hint: mmproj"}}, "takes no"),
        (
            400,
            {"message": "At most 0 image(s) may be provided in one prompt."},
            "takes no pictures",
        ),
        (400, {"message": "At most 1 image(s) may be provided in one prompt."}, "--limit-mm-per-"),
        (413, "<html>nginx</html>", "that many bytes"),
        (503, {"error": {"message": "Loading model"}}, "busy or just starting"),
        (500, "Internal Server Error", "Look at its log"),
        (400, {"message": "what?"}, "refused the question (400). It says: “what?”"),
    ],
)
def test_each_refusal_has_its_remedy(status: int, said: object, words: str) -> None:
    error = told(status, said)
    assert words in str(error)
    assert "gpu:8000" in str(error)


def test_only_an_unknown_reason_may_be_a_field() -> None:
    assert isinstance(told(400, {"message": "what?"}), NotAccepted)
    assert isinstance(told(422, {"detail": [{"msg": "extra fields"}]}), NotAccepted)
    assert not isinstance(told(400, {"message": "image is not supported"}), NotAccepted)
    assert not isinstance(told(500, "what?"), NotAccepted)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('{"error": {"message": "a\\nb\\u0000"}}', "a b"),
        ('{"detail": [{"msg": "deep"}]}', "deep"),
        ("<!doctype html><p>nginx", ""),
        ("[" * 100000, "[" * 4000),
        ('{"error": 7}', ""),
        ("plain", "plain"),
    ],
)
def test_the_servers_words_are_short_and_on_one_line(said: str, words: str) -> None:
    assert words_of(said) == words
    assert len(str(told(400, said))) < 600
