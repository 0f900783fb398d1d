"""The left side's components: photo, references, process, grey levels, Inspect, examples."""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr

from triad_ui.ui.examples import Example
from triad_ui.ui.layout_events import Levels
from triad_ui.ui.panel import panel

SUFFIXES = [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"]


class LayoutPanel(NamedTuple):
    """panel: photo and reference cards, and the examples; fires "example", "drop_reference"."""

    panel: gr.HTML
    photo: gr.File
    good: gr.File
    levels: Levels
    process: gr.Dropdown
    text: gr.Textbox
    product: gr.Textbox
    save: gr.Button
    saved: gr.Markdown
    inspect: gr.Button


def build_layout(examples: tuple[Example, ...]) -> LayoutPanel:
    """Build the left side; call inside its column."""
    cards = [
        {"name": e.name, "title": e.title, "truth": e.truth, "thumb": f"example/{e.name}.png"}
        for e in examples
    ]
    laid = panel(
        "layout", {"query": None, "references": []}, examples=cards, elem_id="layout",

    )  # fmt: skip
    with gr.Row(elem_classes="tw-drops"):
        photo = gr.File(
            label="Photo to inspect", file_types=SUFFIXES, elem_id="photo-drop", height=84,
            elem_classes="tw-drop", min_width=0,
        )  # fmt: skip
        good = gr.File(
            label="Good parts (references)", file_types=SUFFIXES, file_count="multiple",
            elem_id="reference-drop", elem_classes="tw-drop", height=84, min_width=0,
        )  # fmt: skip
    with gr.Group(visible=False, elem_id="levels") as group:
        page = gr.Slider(1, 2, value=1, step=1, label="Page", visible=False)
        black = gr.Slider(0, 255, value=0, label="Shown as black", visible=False)
        white = gr.Slider(0, 255, value=255, label="Shown as white", visible=False)
    process = gr.Dropdown(
        choices=[], value="", label="Manufacturing process", allow_custom_value=True,
        filterable=True, elem_id="process", info="Pick one, or type a new name.",
    )  # fmt: skip
    product = gr.Textbox(label="Product", placeholder="for example: cable", elem_id="product")
    text = gr.Textbox(
        label="Process steps", lines=5, max_lines=12, elem_id="process-text",
        placeholder="1. One step a line, numbered.\n2. Without steps the model judges the photo "
        "alone.",
    )  # fmt: skip
    with gr.Row(elem_classes="tw-line"):
        save = gr.Button("Save as new version", size="sm", elem_id="save-process", min_width=0)
        saved = gr.Markdown(elem_id="process-saved", elem_classes="tw-note")
    inspect = gr.Button("Inspect", variant="primary", elem_id="inspect")
    return LayoutPanel(
        laid, photo, good, Levels(group, page, black, white), process, text, product, save,
        saved, inspect,
    )  # fmt: skip
