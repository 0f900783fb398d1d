"""One door between use cases and a person: errors become words.

A `TriadError` is shown as it is; anything else is a defect of ours: logged with its trace under a
reference id, and shown as a plain apology that carries the id.
Knows nothing of what a handler does.
"""

from __future__ import annotations

import functools
import html
import inspect
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import gradio as gr

from triad_ui.errors import TriadError

_LOG = logging.getLogger(__name__)
_SECONDS = 12.0

Handler = TypeVar("Handler", bound=Callable[..., Any])


def guard(handler: Handler) -> Handler:
    """Wrap a handler (function or generator function) so that every error reads well."""
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def relay(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _worded(handler.__name__):
                yield from handler(*args, **kwargs)

        return relay  # type: ignore[return-value]

    @functools.wraps(handler)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _worded(handler.__name__):
            return handler(*args, **kwargs)

    return call  # type: ignore[return-value]


def apology(reference: str) -> str:
    """What is said of a defect of ours."""
    return (
        "Something went wrong in the workbench itself. What was saved is safe; try once more. "
        f"If it happens again, report reference {reference}; the log has the details under it."
    )


@contextmanager
def _worded(name: str) -> Iterator[None]:
    try:
        yield
    except gr.Error:
        raise
    except TriadError as error:
        raise _shown(str(error), "Not done") from error
    except Exception as error:
        reference = secrets.token_hex(4)
        _LOG.exception("reference %s: %s failed", reference, name)
        raise _shown(apology(reference), "Not done") from error


def _shown(message: str, title: str) -> gr.Error:
    # The page renders an error's text as HTML; a file's name in it must stay text.
    return gr.Error(
        html.escape(message, quote=False), duration=_SECONDS, print_exception=False, title=title
    )
