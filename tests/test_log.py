"""The log shows what the program says, not what other packages advise."""

from __future__ import annotations

import subprocess
import sys

from triad_ui.settings import REPOSITORY

SAID = """
import logging
from triad_ui import log
log.begin({level!r})
logging.getLogger("triad_ui.model").info("loading")
logging.getLogger("triad_ui.model").debug("step by step")
logging.getLogger("httpx").info("GET /")
logging.getLogger("httpx").warning("slow")
logging.getLogger("bitsandbytes.backends.cpu.ops").warning("pip install kernels")
logging.getLogger("bitsandbytes.backends.cpu.ops").error("broken")
"""


def shown(level: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-c", SAID.format(level=level)],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ended.stderr.splitlines()


def test_own_lines_are_shown_from_the_level_on_and_others_advice_is_not() -> None:
    assert shown("info") == ["INFO loading", "WARNING slow", "ERROR broken"]
    assert shown("warning") == ["WARNING slow", "ERROR broken"]
    assert shown("error") == ["ERROR broken"]
