"""Probabilities of a served model: listed by the server, or estimated from drawn answers."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator

import pytest

from tests.model.fake_model_server import FakeModelServer, Request, letter, running
from triad_ui.errors import ModelError
from triad_ui.model.served import ServedTriad
from triad_ui.model.served_answer import counted_logits, listed_logits
from triad_ui.records import Message

ASKED = (Message("user", "Are there defects?"),)
AB = ("A", "B")


@pytest.fixture
def server() -> Iterator[FakeModelServer]:
    with running() as server:
        yield server


def test_the_likeliest_variant_of_a_listed_token_counts(server: FakeModelServer) -> None:
    top = {"B": -3.0, " A": -0.2, "A": -5.0, "Ab": -0.1, "▁B": -2.0}
    server.on_chat = lambda request: request.json(letter("A", top))
    model = ServedTriad(server.url, key="")
    assert model.choice_logits((), ASKED, AB) == (-0.2, -2.0)
    sent = server.chats[0]
    assert (sent["max_tokens"], sent["temperature"], sent["top_logprobs"]) == (1, 0.0, 20)
    assert "estimated" not in model.engine


def test_a_choice_that_is_not_listed_is_bounded_by_the_last() -> None:
    def logits(top: dict[str, float]) -> tuple[float, ...] | None:
        return listed_logits(letter("A", top), AB)

    assert logits({"A": -0.1, "The": -4.0}) == (-0.1, pytest.approx(-4.1))
    assert logits({"The": -0.1, "It": -4.0}) == (pytest.approx(-4.1), pytest.approx(-4.1))
    assert logits({}) is None


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"choices": []},
        {"choices": [{"logprobs": {"content": []}}]},
        {"choices": [{"logprobs": {"content": [{"top_logprobs": "many"}]}}]},
        {"choices": [{"logprobs": {"content": [{"top_logprobs": [{"token": "A"}]}]}}]},
        {"choices": [{"logprobs": {"content": [{"top_logprobs": [{"logprob": math.nan}]}]}}]},
    ],
)
def test_what_is_no_list_is_none(answer: object) -> None:
    assert listed_logits(answer, AB) is None


def test_the_same_question_is_asked_once(server: FakeModelServer) -> None:
    model = ServedTriad(server.url, key="")
    first = model.choice_logits((), ASKED, AB)
    assert model.choice_logits((), ASKED, AB) == first
    assert len(server.chats) == 1
    model.choice_logits((), (Message("user", "And now?"),), AB)
    assert len(server.chats) == 2


def test_a_server_that_lists_fewer_is_asked_for_fewer(server: FakeModelServer) -> None:
    def answer(request: Request) -> None:
        if request.content.get("top_logprobs", 0) > 5:
            said = "Requested sample logprobs of 20, which is greater than max allowed: 5"
            request.json({"object": "error", "message": said}, 400)
        else:
            request.json(letter("A", {"A": -1.0, "B": -2.0}))

    server.on_chat = answer
    model = ServedTriad(server.url, key="")
    assert model.choice_logits((), ASKED, AB) == (-1.0, -2.0)
    model.choice_logits((), (Message("user", "And now?"),), AB)
    assert [sent["top_logprobs"] for sent in server.chats] == [20, 5, 5]


def test_without_a_list_eight_answers_are_drawn_in_one_request(server: FakeModelServer) -> None:
    def answer(request: Request) -> None:
        if "logprobs" in request.content:
            request.json({"error": {"message": "logprobs are not supported"}}, 400)
        else:
            texts = ["A", " A", "A.", "B", "A", "The", "A", "Apple"][: request.content["n"]]
            request.json({"choices": [{"message": {"content": text}} for text in texts]})

    server.on_chat = answer
    model = ServedTriad(server.url, key="")
    yes, no = model.choice_logits((), ASKED, AB)
    assert yes - no == pytest.approx(math.log(5.5 / 1.5))
    drawn = server.chats[-1]
    assert (drawn["n"], drawn["temperature"], drawn["max_tokens"]) == (8, 1.0, 1)
    assert model.engine.endswith("; probabilities estimated from 8 samples)")
    model.choice_logits((), (Message("user", "And now?"),), AB)
    assert [("logprobs" in sent) for sent in server.chats] == [True, True, False, False]


@pytest.mark.parametrize("refuses", [True, False])
def test_a_server_that_draws_one_is_asked_eight_times(
    server: FakeModelServer, refuses: bool
) -> None:
    def answer(request: Request) -> None:
        if refuses and "n" in request.content:
            request.json({"error": "only n = 1 is supported"}, 422)
        else:
            request.json(letter("B" if request.content["seed"] % 2 else "A"))

    server.on_chat = answer
    yes, no = ServedTriad(server.url, key="").choice_logits((), ASKED, AB)
    assert (yes, no) == (pytest.approx(math.log(4.5)), pytest.approx(math.log(4.5)))
    assert sorted(sent["seed"] for sent in server.chats if sent["temperature"])[-8:] == [*range(8)]


def test_no_letter_in_any_answer_is_undecided(server: FakeModelServer) -> None:
    assert counted_logits(["The", "It", "Any", "Ba"], AB) == counted_logits([], AB)
    yes, no = counted_logits(["no"], AB)
    assert yes == no


def test_a_failure_says_its_own_reason_and_spoils_nothing(server: FakeModelServer) -> None:
    server.on_chat = lambda request: request.json({"message": "the picture is broken"}, 400)
    model = ServedTriad(server.url, key="")
    with pytest.raises(ModelError, match="the picture is broken"):
        model.choice_logits((), ASKED, AB)
    server.on_chat = lambda request: request.json(letter("A", {"A": -1.0, "B": -2.0}))
    assert model.choice_logits((), ASKED, AB) == (-1.0, -2.0)
    assert "estimated" not in model.engine


def test_stop_is_seen_within_and_between_requests(server: FakeModelServer) -> None:
    stop, stopped = threading.Event(), []

    def answer(request: Request) -> None:
        if len(server.chats) == 3:
            stopped.append(time.monotonic())
            stop.set()
            request.left(10)
        else:
            request.json(letter("A"))

    server.on_chat = answer
    model = ServedTriad(server.url, key="")
    with pytest.raises(ModelError, match="Stopped before"):
        model.choice_logits((), ASKED, AB, stop)
    assert time.monotonic() - stopped[0] < 2  # and not the ten seconds of the server
    assert len(server.chats) == 3
