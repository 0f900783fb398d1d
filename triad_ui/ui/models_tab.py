"""The Models tab: the model in use, what else this machine can run, a person's own model.

How far a load is comes with the engine line; this tab starts, cancels and lists.
Knows the other tabs only through what page.py connects.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from triad_ui.errors import ModelError, TriadError
from triad_ui.model.choice import PRECISIONS, ModelChoice
from triad_ui.ui import present, present_models
from triad_ui.ui.engine_line import EngineLine
from triad_ui.ui.guard import guard
from triad_ui.ui.panel import panel

if TYPE_CHECKING:
    from triad_ui.workbench import Workbench

KINDS = ("embedded", "folder", "hub", "served")
LONGEST = 4000
"""Characters of a path or an address."""
WANTED = "() => window.triadWanted || ''"


class ModelsTab(NamedTuple):
    """refresh: the handler that fills `outputs` (the model in use, the offers)."""

    refresh: Any
    outputs: list[Any]


class ModelEvents:
    """Handlers over one workbench. poll: how far a load is; -> engine line, timer."""

    def __init__(self, workbench: Workbench, poll: Callable[[], tuple[Any, ...]]) -> None:
        self._workbench = workbench
        self._poll = poll

    @guard
    def refresh(self) -> tuple[present.Json, present.Json]:
        """What is in use, what is offered, beside what is free now; -> in use, offers."""
        found, where = self._workbench.models(), self._workbench.machine()
        status = self._workbench.engine_status()
        return (
            present_models.in_use(found, where, status),
            present_models.offers(found, where, status),
        )

    @guard
    def examine_folder(self, folder: str, adapter: str) -> present.Json:
        """What stands in a folder; -> own."""
        return self._examine(lambda: folder_choice(folder, adapter))

    @guard
    def examine_served(self, address: str) -> present.Json:
        """What a served engine is; -> own."""
        return self._examine(lambda: served_choice(address))

    @guard
    def switch(self, wanted: str) -> tuple[Any, ...]:
        """Begin to load what a card's Load names; -> engine line, timer."""
        self._workbench.switch_model(choice_of(wanted))
        return self._started()

    @guard
    def unload(self) -> tuple[Any, ...]:
        """Give the model's memory back; -> engine line, timer."""
        self._workbench.unload_model()
        return self._started()

    @guard
    def cancel(self) -> tuple[Any, ...]:
        """Give up the load under way, or put its failure aside; -> engine line, timer."""
        self._workbench.cancel_load()
        return self._started()

    def _started(self) -> tuple[Any, ...]:
        # one tick more than the status asks for: a load that fails at once is seen to fail
        return self._poll()[0], gr.Timer(active=True)

    def _examine(self, choice: Callable[[], ModelChoice]) -> present.Json:
        # told in the tab and not as a passing note: the answer stands beside what was typed
        try:
            offer = self._workbench.examine_model(choice())
        except TriadError as error:
            return present_models.refused(str(error))
        return present_models.offers(
            [offer], self._workbench.machine(), self._workbench.engine_status()
        )


def choice_of(wanted: str) -> ModelChoice:
    """The choice that a card sent: JSON with kind, source, precision, adapter. Raises ModelError.

    allow_pickle is never taken from a browser: it is a setting of the machine.
    """
    try:
        said = json.loads(wanted if len(wanted) <= 3 * LONGEST else "")
        kind, source = said["kind"], said["source"]
        precision, adapter = said["precision"], said["adapter"]
    except (ValueError, TypeError, KeyError, RecursionError):
        kind = source = precision = adapter = None
    texts = all(isinstance(each, str) and len(each) <= LONGEST for each in (source, adapter))
    if kind not in KINDS or precision not in PRECISIONS or not texts:
        raise ModelError("No model was named. Press Load beside one.")
    return ModelChoice(kind, source, precision, Path(adapter) if adapter else None)


def folder_choice(folder: str, adapter: str) -> ModelChoice:
    """The choice that a typed folder means; quotes of a copied path are taken off."""
    named = _path(folder)
    if named is None:
        raise ModelError("No folder was named. Type the path of the folder with the weights.")
    return ModelChoice("folder", str(named), adapter=_path(adapter))


def served_choice(address: str) -> ModelChoice:
    """The choice that a typed address means."""
    text = (address or "").strip()
    if not text:
        raise ModelError(
            "No address was named. Type the address of the engine, "
            "for example http://127.0.0.1:8000/v1."
        )
    return ModelChoice("served", text)


def _path(typed: str) -> Path | None:
    text = (typed or "").strip().strip("\"'").strip()
    if not text:
        return None
    if "\0" in text or len(text) > LONGEST:
        raise ModelError("This is not the path of a folder. Copy it from the file manager.")
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~nobody
        return Path(text)


def build_models_tab(workbench: Workbench, engine: EngineLine) -> ModelsTab:
    """Build the tab; call inside gr.Tab."""
    events = ModelEvents(workbench, engine.poll)
    wanted = gr.Textbox(visible="hidden", elem_id="wanted-model", label="Wanted model")
    used = panel("loaded", elem_id="loaded")
    offers = panel("models", elem_id="offers")
    with gr.Column(elem_id="own", elem_classes="tw-box", min_width=0):
        gr.Markdown("## Your own model", elem_classes="tw-heading")
        with gr.Row(elem_classes="tw-pair"):
            with gr.Column(min_width=0, elem_classes="tw-fields", elem_id="own-folder"):
                folder = gr.Textbox(
                    label="Folder with weights", placeholder="/data/triad-ov-7b",
                    info="On the machine that runs the workbench: Triad from its authors, or a "
                    "LLaVA-OneVision or LLaVA-1.6 checkpoint.",
                    elem_id="model-folder", max_lines=1,
                )  # fmt: skip
                adapter = gr.Textbox(
                    label="Adapter folder (optional)", placeholder="/data/my-adapter",
                    elem_id="model-adapter", max_lines=1,
                )  # fmt: skip
                look = gr.Button("Check folder", size="sm", elem_id="check-folder", min_width=0)
            with gr.Column(min_width=0, elem_classes="tw-fields", elem_id="own-served"):
                address = gr.Textbox(
                    label="Address of a served engine", placeholder="http://127.0.0.1:8000/v1",
                    info="vLLM, SGLang or transformers serve. With #model behind it when it "
                    "serves several.",
                    elem_id="model-address", max_lines=1,
                )  # fmt: skip
                call = gr.Button("Check address", size="sm", elem_id="check-address", min_width=0)
        own = panel("models", elem_id="own-found")

    free = {"concurrency_limit": None, "show_progress": "hidden"}
    shown = [used, offers]
    moving = [engine.panel, engine.timer]
    offers.use_model(
        events.switch, [wanted], moving, js=WANTED, api_name="switch_model", **free,
    )  # fmt: skip
    own.use_model(
        events.switch, [wanted], moving, js=WANTED, api_name="switch_to_own",
        api_visibility="private", **free,
    )  # fmt: skip
    used.unload_model(events.unload, None, moving, api_name="unload_model", **free)
    used.cancel_load(events.cancel, None, moving, api_name="cancel_load", **free)
    used.list_models(events.refresh, None, shown, api_name="models", **free)
    checking = {"concurrency_limit": None, "show_progress": "minimal", "show_progress_on": [own]}
    gr.on(
        [look.click, folder.submit, adapter.submit], events.examine_folder, [folder, adapter],
        [own], api_name="examine_folder", **checking,
    )  # fmt: skip
    gr.on(
        [call.click, address.submit], events.examine_served, [address], [own],
        api_name="examine_served", **checking,
    )  # fmt: skip
    return ModelsTab(events.refresh, shown)
