"""What the Inspect tab's events do with a case: open, inspect, judge, ask, stop, correct.

One method an event: unpack, one use case, present, return. Plain functions of plain values, so they
are tested without a server. Knows no component, only the order of its outputs (named beside each).
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from triad_ui.errors import ModelError, NotFound, TriadError
from triad_ui.records import LOCATIONS, Case, Correction, Turn
from triad_ui.ui import present
from triad_ui.ui.follow import Ended, Report, followed
from triad_ui.ui.guard import guard
from triad_ui.ui.layout_events import LayoutEvents, Levels, levels_of
from triad_ui.ui.process_picker import chosen_process
from triad_ui.ui.region_panel import looks
from triad_ui.ui.session import Draft, save_key

if TYPE_CHECKING:
    from triad_ui.settings import Settings
    from triad_ui.workbench import Workbench

RELAYS_PER_SECOND = 15


class CaseShown(NamedTuple):
    """Everything of the tab that a case fills, in the order of `InspectTab.case_outputs`."""

    case_id: Any
    viewer: Any
    verdict: Any
    chat: Any
    about: Any
    step: Any
    stop: Any
    tail: Any
    strip: Any
    policy: Any
    vote: Any


class CaseEvents:
    """Handlers over one workbench. laying_out: for what a reopened case puts back on the left."""

    def __init__(self, workbench: Workbench, settings: Settings, laying_out: LayoutEvents) -> None:
        self._workbench = workbench
        self._settings = settings
        self._layout = laying_out

    @guard
    def inspect(
        self, draft: Draft, name: str, text: str, product: str, expert: str = ""
    ) -> Iterator[tuple[Any, ...]]:
        """Inspect what is laid out; -> case, progress. expert: "" for the one that is set up.

        What is done within a second tells no progress. Closing it ends the expert's work.
        """
        if draft.query is None:
            raise NotFound("There is no photo yet. Drop one under Photo, or click an example.")
        query, process = draft.query, chosen_process(self._workbench, name, text, product)

        def work(report: Report, stop: threading.Event) -> Case:
            return self._workbench.inspect(
                query,
                draft.references,
                process,
                product=(product or "").strip(),
                expert=expert or self._settings.expert,
                policy=self._settings.policy,
                seed=self._settings.seed,
                report=report,
                stop=stop,
            )

        unchanged = (gr.skip(),) * len(CaseShown._fields)
        try:
            for step in followed(work):
                if isinstance(step, Ended):
                    case = shown(step.result, self._why_no_judgement(), busy=self._ready())
                    yield *case, present.looked()
                else:
                    yield *unchanged, present.looking(step.fraction, step.message)
        except TriadError:
            yield *unchanged, present.looked()
            raise

    @guard
    def cancel_inspect(self) -> present.Json:
        """The inspection was cancelled; -> progress."""
        return present.looked()

    @guard
    def open_case(self, case_id: str) -> tuple[Any, ...]:
        """Bring a stored case back; -> draft, layout, process name, text, product, levels, case."""
        if not case_id:
            return (gr.skip(),) * (5 + len(Levels._fields) + len(CaseShown._fields))
        try:
            case = self._workbench.case(case_id)
        except NotFound:
            gr.Info(
                "The address names a case that is not stored here. It may belong to another "
                "database; look for it under History or start a new one.",
                duration=12,
            )
            return self.open_case("")
        draft = Draft(case.query, case.references, secrets.token_hex(8))
        process = case.process
        return (
            draft,
            self._layout.value(draft),
            process.name if process else "",
            process.text if process else "",
            case.product,
            *levels_of(case.query),
            *shown(case, note=self._why_no_judgement()),
        )

    @guard
    def judge(self, case_id: str, vote: bool | None = None) -> Iterator[Any]:
        """Ask for the model's yes/no where it is missing; -> verdict panel.

        vote: weigh the answers with and without the good part; None: as it is set up.
        """
        if not case_id:
            yield gr.skip()
            return
        case = self._workbench.case(case_id)
        if case.verdict is not None or not self._ready():
            yield present.verdict(case, note=self._why_no_judgement())
            return
        yield from self._judged(case, vote)

    @guard
    def judge_anew(self, case_id: str, vote: bool | None = None) -> Iterator[Any]:
        """As `judge`, also where there is a judgement already."""
        if not case_id or not self._ready():
            yield gr.skip()
            return
        yield from self._judged(self._workbench.case(case_id), vote)

    def _judged(self, case: Case, vote: bool | None) -> Iterator[Any]:
        case_id = case.id
        yield present.verdict(replace(case, verdict=None), busy=True)
        try:
            self._workbench.judge(case_id, vote=self._weigh(vote))
        except ModelError as error:
            yield present.verdict(self._workbench.case(case_id), note=str(error))
            return
        yield present.verdict(self._workbench.case(case_id))

    @guard
    def ask(
        self, case_id: str, question: str, vote: bool | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Stream an answer; -> chat, question box, Stop. Closing it stops the model."""
        if not case_id:
            raise NotFound("There is no inspected photo to ask about. Press Inspect first.")
        past = present.chat(self._workbench.case(case_id).turns)
        box: Any = ""
        answers = self._workbench.ask(case_id, question or "", vote=self._weigh(vote))
        with closing(paced(answers)) as turns:
            for turn in turns:
                yield past + present.chat([turn]), box, gr.Button(interactive=True)
                box = gr.skip()

    @guard
    def again(self, case_id: str, vote: bool | None = None) -> Iterator[tuple[Any, ...]]:
        """Ask the last question again, as a new turn; outputs as `ask`."""
        turns = self._workbench.case(case_id).turns if case_id else ()
        if not turns:
            raise NotFound("Nothing was asked yet. Type a question first.")
        for chat, _, stop in self.ask(case_id, turns[-1].question, vote):
            yield chat, gr.skip(), stop

    @guard
    def stop(self, case_id: str) -> None:
        """Stop what the model does for this case, whichever tab began it."""
        if not self._workbench.stop(case_id):
            gr.Info("Nothing is running on this case.", duration=3)

    @guard
    def settle(self, case_id: str) -> tuple[Any, ...]:
        """Read the case again after a turn or while one runs elsewhere; -> `SETTLED`."""
        if not case_id:
            return (gr.skip(),) * 5
        view = shown(self._workbench.case(case_id), note=self._why_no_judgement())
        return view.verdict, view.chat, view.about, view.stop, view.tail

    @guard
    def correct(self, case_id: str, draft: Draft, about: str, *form: Any) -> tuple[Draft, str, Any]:
        """Store a correction; -> draft with a new nonce, confirmation, verdict panel."""
        if not case_id:
            raise NotFound("There is no case to correct yet. Inspect a photo first.")
        correction = replace(correction_of(*form), turn_id=about or None)
        key = save_key(draft.nonce, case_id, correction)
        self._workbench.correct(case_id, correction, key=key)
        line = present.saved_line(database_name(self._settings.database_url), datetime.now())
        case = self._workbench.case(case_id)
        return replace(draft, nonce=secrets.token_hex(8)), line, present.verdict(case)

    def _weigh(self, vote: bool | None) -> bool:
        return self._settings.vote if vote is None else bool(vote)

    def _ready(self) -> bool:
        return self._workbench.engine_status().answers

    def _why_no_judgement(self) -> str:
        status = self._workbench.engine_status()
        return "" if status.answers else status.message


SETTLED = ("verdict", "chat", "about", "stop", "tail")
"""What `settle` returns, in order."""


def shown(case: Case, note: str = "", busy: bool = False) -> CaseShown:
    """A case as the values of the tab's components."""
    running = any(turn.state == "streaming" for turn in case.turns)
    return CaseShown(
        case_id=case.id,
        viewer=present.viewer(case),
        verdict=present.verdict(case, note=note, busy=busy and case.verdict is None),
        chat=present.chat(case.turns),
        about=gr.Dropdown(choices=present.about_choices(case)),
        step=gr.Dropdown(choices=present.step_choices(case)),
        stop=gr.Button(interactive=running),
        tail=gr.Timer(active=running),
        **looks(case)._asdict(),
    )


def correction_of(
    agrees: str | None,
    label: str | None,
    location: str | None,
    step: int | None,
    kind: str,
    answer: str,
    note: str,
    author: str,
) -> Correction:
    """The form as a record; empty fields mean "not said"."""
    if agrees not in ("correct", "incorrect"):
        raise NotFound("Say first whether the model was right: Correct or Incorrect.")
    return Correction(
        agrees=agrees == "correct",
        label=label or None,  # type: ignore[arg-type]
        location=location if location in LOCATIONS else None,
        step=int(step) if step else None,
        kind=(kind or "").strip(),
        answer=(answer or "").strip(),
        note=(note or "").strip(),
        author=(author or "").strip(),
    )


def paced(turns: Iterator[Turn], per_second: float = RELAYS_PER_SECOND) -> Iterator[Turn]:
    """Relay turns at most `per_second` times a second, but always the first and the last."""
    due, held = 0.0, None
    with closing(turns):  # type: ignore[type-var]
        for turn in turns:
            held = turn
            if time.monotonic() >= due:
                yield turn
                due, held = time.monotonic() + 1 / per_second, None
    if held is not None:
        yield held


def database_name(url: str) -> str:
    """The database as a person knows it: the file's name of SQLite, else the server's kind."""
    if url.startswith("sqlite"):
        return url.rsplit("/", 1)[-1] or "memory"
    return url.split(":", 1)[0].split("+", 1)[0]
