"""The History tab: stored cases, newest first, to search, filter and open.

Knows the Inspect tab only through what page.py connects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from triad_ui.ui import present
from triad_ui.ui.guard import guard
from triad_ui.ui.panel import panel

if TYPE_CHECKING:
    from triad_ui.workbench import Workbench

ROWS = 50


class HistoryTab(NamedTuple):
    """rows: fires "pick" with the case's id. refresh: the handler; inputs, outputs: its own."""

    rows: gr.HTML
    refresh: Any
    inputs: list[Any]
    outputs: list[Any]


class HistoryEvents:
    """Handlers over one workbench."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench

    @guard
    def rows(self, search: str, label: str, page: float) -> tuple[Any, ...]:
        """One page of cases; -> list, Newer, Older, page."""
        page = max(1, int(page or 1))
        offset = (page - 1) * ROWS
        found = self._workbench.history(
            search=(search or "").strip(), label=label or "", limit=ROWS + 1, offset=offset
        )
        value = present.history(found, offset, ROWS, filtered=bool(search or label))
        return (
            value, gr.Button(interactive=page > 1), gr.Button(interactive=value["more"]), page,
        )  # fmt: skip

    @guard
    def newer(self, search: str, label: str, page: float) -> tuple[Any, ...]:
        """The page before; outputs as `rows`."""
        return self.rows(search, label, page - 1)

    @guard
    def older(self, search: str, label: str, page: float) -> tuple[Any, ...]:
        """The page after; outputs as `rows`."""
        return self.rows(search, label, page + 1)

    @guard
    def first(self, search: str, label: str) -> tuple[Any, ...]:
        """The first page of another search; outputs as `rows`."""
        return self.rows(search, label, 1)


def build_history_tab(workbench: Workbench) -> HistoryTab:
    """Build the tab; call inside gr.Tab."""
    events = HistoryEvents(workbench)
    with gr.Row(elem_id="history-tools"):
        search = gr.Textbox(
            label="Search", placeholder="product, file name, question or answer",
            elem_id="search", scale=4, min_width=0, max_lines=1,
        )  # fmt: skip
        label = gr.Dropdown(
            [("All verdicts", ""), *((word, key) for key, word in present.LABELS.items())],
            value="", label="Verdict", elem_id="filter", scale=1, min_width=0, filterable=False,
        )  # fmt: skip
    rows = panel("history", elem_id="history")
    with gr.Row(elem_classes="tw-line"):
        newer = gr.Button("Newer", size="sm", interactive=False, min_width=0, elem_id="newer")
        older = gr.Button("Older", size="sm", interactive=False, min_width=0, elem_id="older")
    page = gr.Number(1, visible="hidden", precision=0, label="Page", elem_id="history-page")
    inputs, outputs = [search, label, page], [rows, newer, older, page]
    free = {"concurrency_limit": None, "show_progress": "hidden"}
    search.input(
        events.first, [search, label], outputs, api_name="history",
        trigger_mode="always_last", **free,
    )  # fmt: skip
    free["api_visibility"] = "private"
    label.input(events.first, [search, label], outputs, api_name="history_filtered", **free)
    newer.click(events.newer, inputs, outputs, api_name="history_newer", **free)
    older.click(events.older, inputs, outputs, api_name="history_older", **free)
    return HistoryTab(rows, events.rows, inputs, outputs)
