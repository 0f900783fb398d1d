"""The address of a model server, as people type it."""

from __future__ import annotations

import pytest

from triad_ui.errors import ModelError
from triad_ui.model.endpoint import parse_endpoint


@pytest.mark.parametrize(
    ("typed", "base", "host", "model"),
    [
        ("http://gpu:8000", "http://gpu:8000/v1", "gpu:8000", ""),
        (" http://gpu:8000/ ", "http://gpu:8000/v1", "gpu:8000", ""),
        ("http://gpu:8000/v1#triad-7b", "http://gpu:8000/v1", "gpu:8000", "triad-7b"),
        ("http://gpu/v1/#org/name%20x", "http://gpu/v1", "gpu", "org/name x"),
        ("https://h/openai/v1/chat/completions", "https://h/openai/v1", "h", ""),
        ("https://h/api/v3", "https://h/api/v3", "h", ""),
        ("http://[::1]:8000", "http://[::1]:8000/v1", "[::1]:8000", ""),
    ],
)
def test_addresses(typed: str, base: str, host: str, model: str) -> None:
    endpoint = parse_endpoint(typed)
    assert (endpoint.base, endpoint.host, endpoint.model) == (base, host, model)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "gpu:8000",
        "ftp://gpu",
        "file:///etc/passwd",
        "http://",
        "http://gpu:99999",
        "http://gpu:port",
        "http://[::1",
        "http://a b",
        "http://gpu\r\nHost: other",
        "http://gpu/" + "x" * 3000,
    ],
)
def test_what_is_no_address_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(ModelError, match="http://gpu-server:8000/v1"):
        parse_endpoint(typed)


@pytest.mark.parametrize("typed", ["http://me:secret@gpu/v1", "http://gpu/v1?key=secret"])
def test_a_key_in_the_address_is_refused_and_not_repeated(typed: str) -> None:
    with pytest.raises(ModelError, match="TRIAD_SERVED_KEY") as caught:
        parse_endpoint(typed)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "here"),
    [
        ("http://localhost:1", True),
        ("http://127.0.0.53", True),
        ("http://[::1]", True),
        ("http://192.168.0.7", False),
        ("http://localhost.evil.example", False),
    ],
)
def test_whether_it_is_this_machine(typed: str, here: bool) -> None:
    assert parse_endpoint(typed).here is here


def test_the_key_is_in_no_repr_and_must_be_one() -> None:
    endpoint = parse_endpoint("http://gpu", key="sk-1")
    assert "sk-1" not in repr(endpoint)
    assert endpoint.headers == {"Authorization": "Bearer sk-1"}
    assert parse_endpoint("http://gpu").headers == {}
    with pytest.raises(ModelError, match="Set it anew") as caught:
        parse_endpoint("http://gpu", key="sk-1\nX: 2")
    assert "sk-1" not in str(caught.value)
