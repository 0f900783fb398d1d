"""Memory that ran out, told in words, with what was held given back so that the next request works.

Knows the errors of torch's allocators (GPU and processor), of cuBLAS and cuDNN, of bitsandbytes and
of Python; knows nothing of models. torch is looked at only where it is loaded already.
"""

from __future__ import annotations

import errno
import gc
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from triad_ui.errors import ModelError
from triad_ui.model.machine import machine

_LOG = logging.getLogger(__name__)

Doing = Literal["load", "see", "read", "answer"]

_WHILE: dict[Doing, str] = {
    "load": "loading the model",
    "see": "looking at the pictures",
    "read": "reading the prompt",
    "answer": "answering",
}
_REMEDY: dict[Doing, str] = {
    "load": "Load it in nf4 (4 bits), close other programs, or take a smaller model.",
    "see": "Use fewer regions or a smaller picture, close other programs, or load the model in nf4 "
    "(4 bits).",
    "read": "Use fewer or smaller regions, shorten the process text, close other programs, or load "
    "the model in nf4 (4 bits).",
    "answer": "Start the conversation anew, use fewer or smaller regions, close other programs, or "
    "load the model in nf4 (4 bits).",
}

_SIGNS = re.compile(
    r"out of memory|DefaultCPUAllocator|can't allocate memory|cannot allocate memory"
    r"|not enough memory|\w+_STATUS_ALLOC_FAILED|unable to allocate|failed to allocate",
    re.IGNORECASE,
)
_ASKED = re.compile(r"allocate ([\d.]+) (bytes|[KMGTPE]i?B)", re.IGNORECASE)
_UNITS = {"bytes": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50, "e": 2**60}


@contextmanager
def in_words(
    free_up: Callable[[], object] | None = None, *, doing: Doing = "answer"
) -> Iterator[None]:
    """Turn memory that runs out inside into a ModelError: where, how much, and what to do.

    free_up: drops what is kept for later; it is called on the failing thread, so it must not wait
    for a lock that this thread holds. Other errors pass unchanged.
    """
    try:
        yield
    except Exception as error:
        if not ran_out(error):
            raise
        told = _in_words(error, doing)
        _LOG.warning("memory ran out while %s", _WHILE[doing], exc_info=error)
        _let_go(error)
    else:
        return
    _give_back(free_up)
    raise ModelError(told)


def ensure_room(
    size: int, free_up: Callable[[], object] | None = None, *, doing: Doing = "read"
) -> None:
    """Refuse what would take more main memory than there is: ModelError, as `in_words` gives.

    size: bytes about to be taken. For work on a processor: Linux lends memory that it does not
    have, then kills the whole application instead of refusing. On a GPU, or when what is free is
    unknown, nothing is done.
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return
    with in_words(free_up, doing=doing):
        free = machine().free
        if free and size > free:
            raise MemoryError(f"unable to allocate {size} bytes")


def ran_out(error: BaseException) -> bool:
    """True when `error`, or what caused it, says that memory ran out."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        if isinstance(at, MemoryError) or getattr(at, "errno", None) == errno.ENOMEM:
            return True
        if type(at).__name__ == "OutOfMemoryError":
            return True
        if not isinstance(at, ModelError) and _SIGNS.search(str(at)):
            return True
        at = at.__cause__
    return False


def _in_words(error: Exception, doing: Doing) -> str:
    asked = _ASKED.search(str(error))
    facts = f"Memory ran out while {_WHILE[doing]}"
    if asked:
        unit = asked[2].lower()
        size = float(asked[1]) * _UNITS["bytes" if unit == "bytes" else unit[0]]
        facts += f": {_gb(size)} more were asked for"
    try:
        here = machine()
    except Exception:  # a GPU that has failed does not tell
        here = None
    if here is not None and here.free:
        facts += f"{',' if asked else ':'} {_gb(here.free)} are free on {here.device}"
    kept = "" if doing == "load" else " What had been read was dropped to make room; ask again."
    return f"{facts}.{kept} {_REMEDY[doing]}"


def _let_go(error: BaseException | None) -> None:
    """Drop the tensors that the failed calls still hold through the error's frames."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _give_back(free_up: Callable[[], object] | None) -> None:
    if free_up is not None:
        free_up()
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        try:
            torch.cuda.empty_cache()
        except RuntimeError:
            _LOG.warning("the GPU's unused memory could not be given back", exc_info=True)


def _gb(size: float) -> str:
    return f"{size / 2**30:.1f} GB" if size >= 2**30 / 10 else f"{size / 2**20:.0f} MB"
