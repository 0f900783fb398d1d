"""Judging and answering on a stored case: what is stored when, and what becomes of a broken answer.

A question is stored before it is answered, an answer as it grows; a judgement holds only for the
regions that it was made of. Part of the workbench, which is the door to it.
Knows nothing of pages and of how a model is loaded.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from triad_ui.errors import ModelError, StoreError, TriadError
from triad_ui.feedback.store import FeedbackStore
from triad_ui.imaging.store import ImageStore
from triad_ui.imaging.stored_picture import StoredPicture
from triad_ui.inspector import Inspector
from triad_ui.model.language_model import GenerationOptions
from triad_ui.model.loader import ModelLoader
from triad_ui.records import Case, Inspection, Turn, Verdict
from triad_ui.stops import Stops

BROKEN = "The answer broke off because of a defect of ours; the log has the reason. Ask again."
SAVE_EVERY = 1.0
"""Seconds between two savings of a growing answer."""


class Answering:
    """The model at work on cases, one work a case at a time."""

    def __init__(
        self,
        images: ImageStore,
        store: FeedbackStore,
        inspector: Inspector,
        loader: ModelLoader,
        stops: Stops,
    ) -> None:
        self._images = images
        self._store = store
        self._inspector = inspector
        self._loader = loader
        self._stops = stops

    def judge(self, case_id: str, *, vote: bool = False) -> Verdict:
        """The model's yes/no on a case, stored with it. Raises ModelNotReady, ModelError.

        vote: weigh the answers with and without the good part. Should a person change the regions
        meanwhile, it begins anew: what is stored and returned is of the regions as they are then.
        """
        while True:
            with self._stops.running(case_id, judging=True) as stop:
                case = self._store.case(case_id)
                try:
                    verdict = self._inspector.verdict(self._inspection(case), stop, vote=vote)
                except ModelError:
                    if not stop.outdated:
                        raise
                    continue
            if self._store.set_verdict(case_id, verdict, of=case):
                return verdict

    def ask(
        self,
        case_id: str,
        question: str,
        options: GenerationOptions | None = None,
        *,
        vote: bool = False,
    ) -> Iterator[Turn]:
        """Answer a question about a case, yielding ever longer turns; the last one is final.

        The question is stored before the model reads it, the answer about once a second while it
        grows and again at its end. vote: as in `judge`. Closing the generator stops the model and
        keeps what was said. Raises NotFound, NotSaved, ModelNotReady and ModelError when it is
        asked twice at once (nothing was stored).
        """
        question = question.strip()
        if not question:
            raise ModelError("The question is empty. Type what you want to know of this part.")
        self._loader.current()
        options = options or GenerationOptions()
        with self._stops.running(case_id) as stop:
            case = self._store.case(case_id)
            inspection = self._inspection(case)
            turn = Turn("", question, rois=case.rois, seed=options.seed)
            turn = replace(turn, id=self._store.save_turn(case_id, turn))
            saved = time.monotonic()
            answers = self._inspector.ask(
                inspection, question, case.turns,
                options=options, stop=stop, turn_id=turn.id, vote=vote,
            )  # fmt: skip
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
            self._store.set_verdict(case_id, turn.verdict, of=case)

    def _inspection(self, case: Case) -> Inspection:
        return Inspection(
            query=self._images.open(case.query),
            references=tuple(StoredPicture(each, self._images) for each in case.references),
            process=case.process,
            anomaly_map=case.anomaly_map,
            rois=case.rois,
            product=case.product,
            policy=case.policy,
            timings=case.timings,
        )
