"""The line at the top that says how far the language model is, and what hangs on it.

A timer asks while something is under way and stops when it is ready, absent or failed; a tab that
comes to the front again asks once, as a colleague may have loaded another model meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from triad_ui.model.status import EngineStatus
from triad_ui.ui import present
from triad_ui.ui.guard import guard
from triad_ui.ui.panel import panel

if TYPE_CHECKING:
    from triad_ui.workbench import Workbench

POLL_SECONDS = 1.0
_BEGINNING = EngineStatus("loading", "starting ...")


class EngineLine(NamedTuple):
    """panel: fires "ready" once the model has become ready and "models" when the line is clicked.
    poll: the handler of a tick."""

    panel: gr.HTML
    timer: gr.Timer
    poll: Any


class EngineEvents:
    """Handlers over one workbench; -> line, timer.

    coming: a model is set up; "absent" with a choice only means that loading has not begun.
    """

    def __init__(self, workbench: Workbench, *, coming: bool) -> None:
        self._workbench = workbench
        self._coming = coming

    @guard
    def engine(self) -> tuple[present.Json, gr.Timer]:
        """How far it is now."""
        status = self._workbench.engine_status()
        if self._coming and status.state == "absent" and status.choice is not None:
            status = _BEGINNING
        return present.engine(status), gr.Timer(active=status.under_way)

    @guard
    def load_model(self) -> tuple[present.Json, gr.Timer]:
        """Try again what failed."""
        self._workbench.load_model()
        return present.engine(self._workbench.engine_status()), gr.Timer(active=True)


def build_engine_line(workbench: Workbench, *, coming: bool) -> EngineLine:
    """Build the line with its timer; call inside gr.Blocks. coming: as in EngineEvents."""
    events = EngineEvents(workbench, coming=coming)
    line = panel("engine", elem_id="engine")
    timer = gr.Timer(POLL_SECONDS, active=True)
    timer.tick(
        events.engine, None, [line, timer], api_name="engine",
        show_progress="hidden", concurrency_limit=None,
    )  # fmt: skip
    line.again(
        events.engine, None, [line, timer], api_name="engine_again", api_visibility="private",
        show_progress="hidden", concurrency_limit=None,
    )  # fmt: skip
    line.retry(
        events.load_model, None, [line, timer], api_name="load_model", concurrency_limit=None,
        show_progress="hidden",
    )  # fmt: skip
    return EngineLine(line, timer, events.engine)
