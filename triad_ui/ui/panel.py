"""Our own panels: a gr.HTML with an empty frame, filled by a script of assets/ from a JSON value.

The template never contains the value, so no string of a user or a model is ever parsed as markup;
the scripts set text with textContent. Knows no use case.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

ASSETS = Path(__file__).resolve().parents[2] / "assets"


BEFORE = {"viewer": ("regions",), "product": ("shares", "plots"), "how": ("shares",)}
"""Further scripts of a panel, which stand before its own."""


@lru_cache
def script(name: str) -> str:
    """The script of a panel with the small DOM tools before it."""
    parts = ("dom", *BEFORE.get(name, ()), name)
    return "\n".join((ASSETS / f"{part}.js").read_text("utf-8") for part in parts)


def panel(name: str, value: Any = None, **props: Any) -> gr.HTML:
    """A panel drawn by assets/<name>.js, which gets `root`, `props`, `watch` and `trigger`.

    A function and not a subclass: Gradio writes a .pyi file beside the source of each subclass.
    """
    return gr.HTML(
        value=value,
        html_template=f'<div class="tw-panel" data-panel="{name}"></div>',
        js_on_load=script(name),
        apply_default_css=False,
        padding=False,
        **props,
    )
