"""One name for a product however it is typed. Knows nothing of what is kept under it."""

from __future__ import annotations

UNNAMED = "part"


def product_key(name: str) -> str:
    """The name under which things are kept: lower case, single spaces; "part" for none."""
    return " ".join(name.split()).casefold() or UNNAMED
