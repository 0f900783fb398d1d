"""Uploaded file names made fit for display.

It does not know where files are stored: originals are stored by their hash, never by a name.
"""

from __future__ import annotations

import unicodedata

MAX_NAME = 120


def display_name(name: str) -> str:
    """Return the last path part of `name` without control or direction marks, 1..120 characters.

    Both kinds of slash part a path. Categories C* (controls, NUL, the bidi marks U+202A..202E and
    U+2066..2069, surrogates, unassigned) and line or paragraph separators go. A long name keeps
    its extension. The result is plain text: whoever shows it still escapes it. Never raises.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029")
    kept = " ".join(kept.split())
    if kept.strip(". ") == "":
        return "image"
    if len(kept) > MAX_NAME:
        stem, dot, extension = kept.rpartition(".")
        if not dot or len(extension) > 8:
            return kept[: MAX_NAME - 1] + "…"
        kept = stem[: MAX_NAME - len(extension) - 2] + "…." + extension
    return kept
