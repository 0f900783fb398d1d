"""What the events of regions do: a person draws them, or says who chooses them.

The viewer sends what it holds, whole, as JSON: {"case": id, "edit": number, "boxes": [[x0, y0, x1,
y1], ...]} or {..., "choose": policy}. The number comes back with the answer, so that the viewer
knows which of its changes was stored. Knows no component, only the order of its outputs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import gradio as gr

from triad_ui.errors import NotFound, RegionError
from triad_ui.records import Case, Policy, Roi
from triad_ui.ui import present
from triad_ui.ui.guard import guard
from triad_ui.ui.region_panel import FOUND, chosen

if TYPE_CHECKING:
    from triad_ui.settings import Settings
    from triad_ui.workbench import Workbench

MALFORMED = "The regions came in a form that is not known here. Reload the page and draw again."


class RegionEvents:
    """Handlers over one workbench."""

    def __init__(self, workbench: Workbench, settings: Settings) -> None:
        self._workbench = workbench
        self._settings = settings

    @guard
    def edited(self, case_id: str, message: str) -> tuple[Any, ...]:
        """Store what was changed on the photo; -> viewer, verdict, policy."""
        case, number = self._apply(message or "")
        if case.id != case_id:  # another case was opened meanwhile
            return (gr.skip(),) * 3
        viewer, *rest = self._shown(case)
        return viewer | {"edit": number}, *rest

    @guard
    def choose(self, case_id: str, policy: str) -> tuple[Any, ...]:
        """Let somebody else choose the regions; -> viewer, verdict, policy."""
        if not case_id:
            raise NotFound("There is no inspected photo yet. Press Inspect first.")
        try:
            return self._shown(self._choose(case_id, policy))
        except NotFound:
            case = self._workbench.case(case_id)
            if policy != "user":
                raise
        gr.Info("Draw your regions on the photo; each is kept at once.", duration=6)
        return present.viewer(case) | {"begin": True}, gr.skip(), chosen(case)

    def _apply(self, message: str) -> tuple[Case, int]:
        try:
            wanted = json.loads(message)
            case_id, number = str(wanted["case"]), int(wanted["edit"])
            if "choose" in wanted:
                return self._choose(case_id, str(wanted["choose"])), number
            boxes = [Roi(*box, source="user") for box in wanted["boxes"]]
        except (ValueError, TypeError, KeyError) as error:
            raise RegionError(MALFORMED) from error
        return self._workbench.set_rois(case_id, boxes), number

    def _choose(self, case_id: str, policy: str) -> Case:
        if policy == FOUND:
            set_up = self._settings.policy
            policy = set_up if set_up in ("ranked", "faithful") else "ranked"
        if policy not in get_args(Policy):
            raise RegionError(MALFORMED)
        return self._workbench.choose_rois(case_id, policy, self._settings.seed)

    def _shown(self, case: Case) -> tuple[Any, ...]:
        ready = self._workbench.engine_status().answers
        verdict = present.verdict(case, busy=ready and case.verdict is None)
        return present.viewer(case), verdict, chosen(case)
