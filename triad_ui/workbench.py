"""The use cases behind the buttons: inspect, ask, stop, correct, look back. Inspector + stores.

Every handler of the page and every command of the shell calls one method here. Originals are stored
before anything is computed, a question before it is answered, an answer as it grows.
Knows nothing of Gradio; imports no torch (the model comes in through a loader).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from triad_ui.dialogue.processes import find, parse
from triad_ui.errors import ModelError, ProcessError, StoreError, TriadError
from triad_ui.feedback.store import FeedbackStore
from triad_ui.imaging.store import ImageStore
from triad_ui.inspector import Inspector
from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.loader import ModelLoader
from triad_ui.records import (
    Case,
    CaseSummary,
    Correction,
    EngineStatus,
    ImageRecord,
    Inspection,
    ManufacturingProcess,
    Picture,
    Roi,
    Turn,
    Verdict,
    Window,
)

BROKEN = "The answer broke off because of a defect of ours; the log has the reason. Ask again."
SAVE_EVERY = 1.0
"""Seconds between two savings of a growing answer."""


class Workbench:
    """All use cases over one database, one image store, one set of experts and one model."""

    def __init__(
        self,
        images: ImageStore,
        store: FeedbackStore,
        inspector: Inspector,
        loader: ModelLoader,
        library: Mapping[str, ManufacturingProcess],
    ) -> None:
        self._images = images
        self._store = store
        self._inspector = inspector
        self._loader = loader
        self._library = dict(library)
        self._stops: dict[str, threading.Event] = {}
        self._stops_lock = threading.Lock()

    # -- images ---------------------------------------------------------------------------------

    def add_image(self, data: bytes, name: str) -> ImageRecord:
        """Store an original at once. Raises ImageError, NotSaved."""
        return self._images.put(data, name)

    def picture(self, record: ImageRecord) -> Picture:
        """The pixels of a stored image at its page and window. Raises NotFound, StoreError."""
        return self._images.open(record)

    def at_window(
        self, record: ImageRecord, window: Window | None = None, page: int | None = None
    ) -> ImageRecord:
        """The same original seen with other grey levels or on another page."""
        wanted = replace(
            record, window=window or record.window, page=record.page if page is None else page
        )
        return self._images.open(wanted).record

    # -- processes ------------------------------------------------------------------------------

    def processes(self) -> tuple[ManufacturingProcess, ...]:
        """The newest version of every process, by name."""
        newest = dict(self._library)
        newest.update({process.name: process for process in self._store.processes()})
        return tuple(newest[name] for name in sorted(newest))

    def process(self, name: str) -> ManufacturingProcess:
        """The newest version of a process. Raises ProcessError naming close matches."""
        return find({process.name: process for process in self.processes()}, name)

    def save_process(self, text: str, name: str, product: str, plural: str) -> ManufacturingProcess:
        """Save edited text as the next version of a name. Raises ProcessError, NotSaved."""
        if not name.strip():
            raise ProcessError("The process has no name. Give it one, for example the product's.")
        process = parse(text, name=name.strip(), product=product, plural=plural)
        shipped = self._library.get(process.name)
        return self._store.save_process(process, at_least=shipped.version + 1 if shipped else 1)

    # -- inspections ----------------------------------------------------------------------------

    def inspect(
        self,
        query: ImageRecord,
        references: Sequence[ImageRecord] = (),
        process: ManufacturingProcess | None = None,
        *,
        product: str = "",
        expert: str = "reference",
        policy: str = "ranked",
    ) -> Case:
        """Score, choose regions, store. Raises ImageError, ExpertError, NotSaved.

        Deep references are rendered under the query's window.
        """
        started = time.perf_counter()
        pictures = [self._images.open(query)]
        pictures += [self._images.open(_lit_like(query, record)) for record in references]
        inspection = self._inspector.inspect(
            pictures[0],
            pictures[1:],
            process,
            product=product,
            expert=expert,
            policy=policy,
            decode_seconds=time.perf_counter() - started,
        )
        return self._store.case(self._store.add_case(inspection))

    def set_rois(self, case_id: str, rois: Sequence[Roi]) -> Case:
        """Replace the regions by a person's; the verdict is asked anew. Raises NotFound."""
        self._store.set_rois(case_id, tuple(rois), policy="user")
        return self._store.case(case_id)

    def case(self, case_id: str) -> Case:
        """A stored case. Raises NotFound."""
        return self._store.case(case_id)

    def history(
        self, *, search: str = "", label: str = "", limit: int = 50, offset: int = 0
    ) -> tuple[CaseSummary, ...]:
        """Cases, newest first. search: in product, file names, questions and answers."""
        return self._store.cases(search=search, label=label, limit=limit, offset=offset)

    def judge(self, case_id: str) -> Verdict:
        """The model's yes/no on a case, stored with it. Raises ModelNotReady, ModelError."""
        with self._running(case_id) as stop:
            verdict = self._inspector.verdict(self._inspection(self._store.case(case_id)), stop)
        self._store.set_verdict(case_id, verdict)
        return verdict

    # -- dialogue -------------------------------------------------------------------------------

    def ask(
        self, case_id: str, question: str, options: GenerationOptions | None = None
    ) -> Iterator[Turn]:
        """Answer a question about a case, yielding ever longer turns; the last one is final.

        The question is stored before the model reads it, the answer about once a second while it
        grows and again at its end. Closing the generator stops the model and keeps what was said.
        Raises NotFound, NotSaved, ModelNotReady and ModelError when it is asked twice at once
        (nothing was stored).
        """
        question = question.strip()
        if not question:
            raise ModelError("The question is empty. Type what you want to know of this part.")
        self._loader.current()
        options = options or GenerationOptions()
        with self._running(case_id) as stop:
            case = self._store.case(case_id)
            inspection = self._inspection(case)
            turn = Turn("", question, rois=case.rois, seed=options.seed)
            turn = replace(turn, id=self._store.save_turn(case_id, turn))
            saved = time.monotonic()
            answers = self._inspector.ask(
                inspection, question, case.turns, options=options, stop=stop, turn_id=turn.id
            )
            try:
                for turn in answers:
                    if turn.state != "streaming" or time.monotonic() - saved > SAVE_EVERY:
                        self._store.save_turn(case_id, turn)
                        saved = time.monotonic()
                    yield turn
            except Exception as error:
                told = str(error) if isinstance(error, TriadError) else BROKEN
                turn = replace(turn, state="failed", error=told)
                with suppress(StoreError):
                    self._store.save_turn(case_id, turn)
                raise
            finally:
                answers.close()
                if turn.state == "streaming":
                    self._store.save_turn(case_id, replace(turn, state="stopped"))
        if turn.verdict is not None and turn.state == "complete":
            self._store.set_verdict(case_id, turn.verdict)

    def stop(self, case_id: str) -> bool:
        """Stop what the model does for a case, from any tab. True when something was running."""
        with self._stops_lock:
            stop = self._stops.get(case_id)
        if stop is not None:
            stop.set()
        return stop is not None

    def correct(self, case_id: str, correction: Correction, *, key: str = "") -> str:
        """Store what a person says of a case or a turn; returns the correction's id.

        key: idempotency key; the same key stores once. Raises NotFound, NotSaved.
        """
        return self._store.add_correction(case_id, correction, key=key)

    # -- model ----------------------------------------------------------------------------------

    def engine_status(self) -> EngineStatus:
        """How far the language model is."""
        return self._loader.status()

    def load_model(self) -> None:
        """Start loading in the background (again, after a failure); returns at once."""
        self._loader.start()

    def wait_for_model(self, timeout: float | None = None) -> EngineStatus:
        """Wait until loading has ended, well or not, at most `timeout` seconds."""
        return self._loader.wait(timeout)

    def warm_up(self, expert: str) -> None:
        """Load an expert before it is needed. Raises ExpertError, WeightsError."""
        self._inspector.warm_up(expert)

    def close(self) -> None:
        """Stop everything that runs and close the database."""
        with self._stops_lock:
            for stop in self._stops.values():
                stop.set()
        with suppress(StoreError):
            self._store.close()

    def _inspection(self, case: Case) -> Inspection:
        return Inspection(
            query=self._images.open(case.query),
            references=tuple(self._images.open(record) for record in case.references),
            process=case.process,
            anomaly_map=case.anomaly_map,
            rois=case.rois,
            product=case.product,
            policy=case.policy,
            timings=case.timings,
        )

    def _running(self, case_id: str) -> _Running:
        return _Running(self._stops, self._stops_lock, case_id)


def _lit_like(query: ImageRecord, reference: ImageRecord) -> ImageRecord:
    """A deep reference under the query's window, so that equal parts look equal."""
    if query.window is None or reference.window is None or query.mode != reference.mode:
        return reference
    return replace(reference, window=query.window)


class _Running:
    """Registers a stop event for a case while the model works on it; one work a case at a time."""

    def __init__(
        self, stops: dict[str, threading.Event], lock: threading.Lock, case_id: str
    ) -> None:
        self._stops, self._lock, self._case_id = stops, lock, case_id

    def __enter__(self) -> threading.Event:
        with self._lock:
            if self._case_id in self._stops:
                raise ModelError(
                    "The model is still answering on this case. Wait for it or press Stop."
                )
            self._stops[self._case_id] = threading.Event()
            return self._stops[self._case_id]

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._stops.pop(self._case_id, None)
