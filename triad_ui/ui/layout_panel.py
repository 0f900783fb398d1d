"""The left side's components: photo, references, process, grey levels, Inspect, examples."""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr

from triad_ui.ui.examples import Example
from triad_ui.ui.how_panel import SUFFIXES, HowPanel, build_how_panel
from triad_ui.ui.layout_events import Levels
from triad_ui.ui.panel import panel


class LayoutPanel(NamedTuple):
    """laid: photo and reference cards, fires "drop_reference". examples: fires "example"."""

    laid: gr.HTML
    examples: gr.HTML
    photo: gr.File
    good: gr.File
    levels: Levels
    process: gr.Dropdown
    text: gr.Textbox
    product: gr.Textbox
    save: gr.Button
    saved: gr.Markdown
    how: HowPanel
    inspect: gr.Button


def build_layout(examples: tuple[Example, ...], expert: str) -> LayoutPanel:
    """Build the left side; call inside its column. expert: the one that is chosen at first."""
    cards = [
        {"name": e.name, "title": e.title, "truth": e.truth, "thumb": f"example/{e.name}.png"}
        for e in examples
    ]
    drop = {"file_types": SUFFIXES, "elem_classes": "tw-drop", "height": 62, "min_width": 0}
    with gr.Row(elem_id="drops"):
        photo = gr.File(label="Photo to inspect", elem_id="photo-drop", **drop)
        good = gr.File(label="Good parts", elem_id="reference-drop", file_count="multiple", **drop)
    laid = panel("layout", {"query": None, "references": []}, elem_id="layout")
    with gr.Column(visible=False, elem_id="levels", min_width=0) as group:
        page = gr.Slider(1, 2, value=1, step=1, label="Page", visible=False)
        black = gr.Slider(0, 255, value=0, label="Shown as black", visible=False)
        white = gr.Slider(0, 255, value=255, label="Shown as white", visible=False)
    process = gr.Dropdown(
        choices=[], value="", label="Manufacturing process", allow_custom_value=True,
        filterable=True, elem_id="process",
    )  # fmt: skip
    product = gr.Textbox(
        label="Product", placeholder="for example: cable", elem_id="product", max_lines=1
    )
    text = gr.Textbox(
        label="Process steps", lines=4, max_lines=12, elem_id="process-text",
        placeholder="1. One numbered step a line, or nothing: then the photo alone is judged.",
    )  # fmt: skip
    with gr.Row(elem_classes="tw-line"):
        save = gr.Button("Save as new version", size="sm", elem_id="save-process", min_width=0)
        saved = gr.Markdown(elem_id="process-saved", elem_classes="tw-note")
    how = build_how_panel(expert)
    inspect = gr.Button("Inspect", variant="primary", elem_id="inspect")
    shipped = panel("examples", cards, elem_id="examples", visible=bool(cards))
    return LayoutPanel(
        laid, shipped, photo, good, Levels(group, page, black, white), process, text, product,
        save, saved, how, inspect,
    )  # fmt: skip
