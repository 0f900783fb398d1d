"""What a setting's value may be: each turns what was written into the value.

ValueError says what is allowed. Does not know which setting it reads, nor from where.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path


def choice(*allowed: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if str(value).lower() not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return str(value).lower()

    return read


def integer(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        digits = str(value).strip().replace("_", "")
        if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,20}", digits):
            raise ValueError(f"a whole number from {low} to {high}")
        if not low <= int(digits) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(digits)

    return read


def matching(pattern: str, allowed: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(allowed)
        return value

    return read


def yes_no(value: object) -> bool:
    word = str(value).lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError("1, true, yes or on; 0, false, no or off")


def folder(value: object) -> Path:
    if not isinstance(value, str | Path) or "\0" in str(value):
        raise ValueError("the path of a folder")
    return Path(value).expanduser()


def model(value: object) -> str | Path:
    """A name, an endpoint, or (with a separator in it) a path."""
    text = str(value).strip()
    if isinstance(value, str | Path) and "\0" not in text:
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
            return text.lower()
        if re.fullmatch(r"https?://\S+", text):
            return text
        if re.search(r"[/\\~]", text) and "://" not in text:
            return Path(text).expanduser()
    raise ValueError(
        "embedded, none, the name of a preset (`python -m triad_ui models` lists them), the path "
        "of a checkpoint folder (./NAME for one in this folder), or the http(s) URL of an endpoint"
    )
