"""Errors become words; a defect of ours never shows its inside."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import gradio as gr
import pytest

from triad_ui.errors import NotFound
from triad_ui.ui.guard import guard


def test_own_errors_are_shown_as_they_are_and_as_text() -> None:
    @guard
    def handler() -> None:
        raise NotFound("No such <b>case</b>. Pick another.")

    with pytest.raises(gr.Error) as caught:
        handler()
    assert caught.value.message == "No such &lt;b&gt;case&lt;/b&gt;. Pick another."


def test_defects_are_logged_under_a_reference_and_apologised_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @guard
    def handler() -> None:
        raise KeyError("secret/path")

    with caplog.at_level(logging.ERROR), pytest.raises(gr.Error) as caught:
        handler()
    assert "secret" not in caught.value.message
    reference = caught.value.message.split("reference ")[1].split(";")[0]
    assert reference in caplog.text and "secret/path" in caplog.text


def test_a_closed_stream_closes_the_handler() -> None:
    closed = []

    @guard
    def handler() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    stream = handler()
    assert next(stream) == 1
    stream.close()
    assert closed == [True]


def test_an_error_in_a_stream_is_worded_too() -> None:
    @guard
    def handler() -> Iterator[int]:
        yield 1
        raise NotFound("Gone. Reload.")

    stream = handler()
    assert next(stream) == 1
    with pytest.raises(gr.Error, match="Gone"):
        next(stream)
