"""The panel "How to look": expert, threshold, known defects and pool, closed until it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import gradio as gr

from triad_ui.ui.how_events import HowEvents
from triad_ui.ui.panel import panel

if TYPE_CHECKING:
    from triad_ui.settings import Settings
    from triad_ui.ui.layout_panel import LayoutPanel
    from triad_ui.workbench import Workbench

SUFFIXES = [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"]
POLL_SECONDS = 1.0
SAID = "(_, expert, product) => [window.triadWanted || '', expert, product]"
CALLED = "(name) => { window.dispatchEvent(new CustomEvent('tw-called', {detail: name})); }"
TURNS = {"concurrency_id": "how", "concurrency_limit": 1, "show_progress": "hidden"}
"""Changes of what is kept take turns."""
FREE = {"concurrency_limit": None, "show_progress": "hidden"}
GPU = {"concurrency_id": "gpu", "concurrency_limit": 1, "show_progress": "hidden"}
CHANGES = (
    "save_threshold", "reset_threshold", "measure_threshold", "add_defect", "remove_defect",
    "bring_back_defect", "clear_pool",
)  # fmt: skip
"""Events of the panel, each with a handler of that name that answers with the panel alone."""


class HowPanel(NamedTuple):
    """expert: a hidden field with the name of the chosen one."""

    box: gr.Accordion
    expert: gr.Textbox
    how: gr.HTML
    upload: gr.UploadButton
    timer: gr.Timer


def build_how_panel(expert: str) -> HowPanel:
    """Build the panel; call inside its column. expert: the one that is chosen at first."""
    chosen = gr.Textbox(expert, visible="hidden", elem_id="expert", label="Expert")
    with gr.Accordion("How to look", open=False, elem_id="how-box") as box:
        how = panel("how", elem_id="how")
        upload = gr.UploadButton(
            "Add pictures to the pool", file_count="multiple", file_types=SUFFIXES, size="sm",
            elem_id="pool-upload",
        )  # fmt: skip
    return HowPanel(box, chosen, how, upload, gr.Timer(POLL_SECONDS, active=False))


def connect_how_panel(
    shown: HowPanel, layout: LayoutPanel, wanted: gr.Textbox, workbench: Workbench,
    settings: Settings,
) -> None:  # fmt: skip
    """Connect its events; call inside gr.Blocks. wanted: through which the browser says things."""
    events = HowEvents(workbench, settings)
    of = [shown.expert, layout.product]
    said = [wanted, *of]
    shown.box.expand(events.refresh, of, [shown.how], api_name="how_to_look", **FREE)
    layout.product.change(
        None, [layout.product], None, js=CALLED, api_visibility="private", queue=False
    )
    shown.how.other_product(
        events.other_product, of, [shown.how], api_name="how_to_look_at", **FREE
    )
    shown.how.pick(
        events.pick, said, [shown.expert, shown.how], js=SAID, api_name="choose_expert", **TURNS
    )
    for name in CHANGES:
        listen = getattr(shown.how, name)
        listen(getattr(events, name), said, [shown.how], js=SAID, api_name=name, **TURNS)
    shown.how.propose_defects(
        events.propose_defects, [*of, layout.process, layout.text], [shown.how],
        api_name="propose_defects", **GPU,
    )  # fmt: skip
    moving = [shown.how, shown.timer]
    shown.how.add_folder(
        events.add_folder, said, moving, js=SAID, api_name="add_folder_to_pool", **TURNS
    )
    shown.upload.upload(
        events.add_uploads, [shown.upload, *of], [shown.upload, *moving],
        api_name="add_uploads_to_pool", **TURNS,
    )  # fmt: skip
    shown.how.cancel_pool(events.cancel_pool, of, moving, api_name="cancel_pool", **FREE)
    shown.timer.tick(events.follow_pool, of, moving, api_name="pool", **FREE)
