"""The Evaluation tab: how good an expert is on a folder of photographs whose truth is known.

Builds components and connects each event to one handler. Knows the other tabs only through what
page.py connects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from triad_ui.ui.evaluation_events import EvaluationEvents
from triad_ui.ui.panel import panel

if TYPE_CHECKING:
    from triad_ui.evaluating.runs import Evaluations
    from triad_ui.workbench import Workbench

POLL_SECONDS = 1.0
SHOTS = 4
ASKED = (
    ("Not asked", "no"),
    ("With the process", "with"),
    ("Without it", "without"),
    ("Both ways", "both"),
)
WANTED = "() => window.triadWanted || ''"


class EvaluationTab(NamedTuple):
    """refresh: the handler that fills `outputs` when the tab comes to the front."""

    refresh: Any
    inputs: list[Any]
    outputs: list[Any]


def build_evaluation_tab(runs: Evaluations, workbench: Workbench, first: str) -> EvaluationTab:
    """Build the tab; call inside gr.Tab. first: the expert that is chosen at first."""
    events = EvaluationEvents(runs, workbench)
    wanted = gr.Textbox(visible="hidden", elem_id="wanted-product", label="Wanted product")
    seen = gr.State("")
    with gr.Column(elem_id="evaluate", elem_classes="tw-box", min_width=0):
        gr.Markdown("## Evaluate an expert on photographs whose truth is known",
                    elem_classes="tw-heading")  # fmt: skip
        with gr.Row(elem_classes="tw-pair"):
            with gr.Column(min_width=0, elem_classes="tw-fields"):
                folder = gr.Dropdown(
                    choices=[], value=None, label="Folder", allow_custom_value=True,
                    filterable=True, elem_id="data-set",
                    info="With manifest.csv or question.jsonl, or laid out as MVTec AD: "
                    "PRODUCT/train/good, PRODUCT/test/good, PRODUCT/test/KIND.",
                )  # fmt: skip
                found = panel("seen", elem_id="data-set-seen")
                products = gr.Dropdown(
                    choices=[], value=[], multiselect=True, label="Products",
                    allow_custom_value=True, info="None chosen: all of them.", elem_id="products",
                )  # fmt: skip
            with gr.Column(min_width=0, elem_classes="tw-fields"):
                expert = gr.Dropdown(
                    choices=[(first, first)], value=first, label="Expert",
                    allow_custom_value=True, elem_id="evaluated-expert",
                )  # fmt: skip
                shots = gr.Slider(
                    0, 16, value=SHOTS, step=1, label="References a product", elem_id="shots",
                    info="Good parts that it compares with.",
                )  # fmt: skip
                model = gr.Radio(
                    list(ASKED), value="no", label="Language model's verdict",
                    info="Takes seconds a photograph. The process comes from the library.",
                    elem_id="with-model", elem_classes="tw-segments",
                )  # fmt: skip
        start = gr.Button("Evaluate", variant="primary", elem_id="start-evaluation")
    progress = panel("progress", elem_id="evaluation-progress")
    table = panel("results", elem_id="results")
    one = panel("product", elem_id="evaluated")
    used = panel("used", elem_id="used")
    kept = panel("kept", elem_id="kept")
    timer = gr.Timer(POLL_SECONDS, active=False)

    free = {"concurrency_limit": None, "show_progress": "hidden"}
    follow = [progress, table, one, kept, timer, start, seen]
    folder.input(
        events.look, [folder], [found, products], api_name="look_at_data_set",
        trigger_mode="always_last", **free,
    )  # fmt: skip
    start.click(
        events.start, [folder, expert, shots, products, model], follow, api_name="evaluate", **free
    )
    progress.cancel(events.cancel, None, follow, api_name="cancel_evaluation", **free)
    timer.tick(events.follow, [seen], follow, api_name="evaluation", **free)
    table.choose(events.choose, [wanted], [one], js=WANTED, api_name="evaluated_product", **free)
    one.use(events.use, [wanted], [used], js=WANTED, api_name="use_threshold", **free)
    return EvaluationTab(events.shown, [folder, seen], [folder, expert, found, products, *follow])
