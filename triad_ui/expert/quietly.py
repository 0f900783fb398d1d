"""Loading a part of a published model without transformers' report on the parts that are left out.

Whether weights are missing is checked by who loads; what is surplus is meant to be. It does not
know what is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging


@contextmanager
def quietly() -> Iterator[None]:
    """While it lasts transformers prints neither warnings nor progress bars."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
