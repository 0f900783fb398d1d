"""Free answers held against the truth: what was named, where, by which step, and how it reads.

Every case goes the way of a user: inspected with its references and process, judged, asked. It is
judged without the process as well. What a record holds is not asked again. It does not know how
results are added up or shown.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from triad_ui.dialogue.prompt import DEFAULT_QUESTION, process_preamble
from triad_ui.dialogue.verdict import (
    find_kind,
    find_location,
    find_step,
    label_of,
    without_quotes,
)
from triad_ui.errors import ExpertError, ModelError, ModelNotReady
from triad_ui.evaluation.answer_cases import AnswerCase, Group
from triad_ui.evaluation.answer_reading import claims_defect, reading_faults
from triad_ui.evaluation.pace import Pace, in_words
from triad_ui.evaluation.record import Record, digest
from triad_ui.inspector import Inspector
from triad_ui.records import Label, Picture, Policy

FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Named:
    """Kind, place and step of a defect, as the truth or as an answer has them."""

    kind: str
    location: str | None
    step: int | None


@dataclass(frozen=True, slots=True)
class Answered:
    """One case with its answer.

    truth: nothing named where good. p, p_without_process: of "defective", 0..1. label: of p.
    said: what the answer names. claims: it says that there is a defect. faults: why it does not
    read well, "failed" among them. seconds: of expert, judgements and answer.
    """

    seed: int
    family: str
    group: Group
    defective: bool
    truth: Named
    p: float
    p_without_process: float
    label: Label
    answer: str
    said: Named
    claims: bool
    faults: tuple[str, ...]
    seconds: float

    @property
    def detected(self) -> bool:
        """Called defective at 0.5, whatever the band of the undecided."""
        return self.p >= 0.5


@dataclass(frozen=True, slots=True)
class AnswerRun:
    """All answers of a run. skipped: (seed, reason) of cases that could not be judged. resumed:
    answers from a record. stopped: it was cancelled."""

    answers: tuple[Answered, ...]
    skipped: tuple[tuple[int, str], ...] = ()
    resumed: int = 0
    stopped: bool = False


class Asking:
    """Asks a model, through the inspector, about drawn cases.

    engine: the model's name. expert: name of the inspector's expert.
    """

    def __init__(
        self,
        inspector: Inspector,
        engine: str,
        *,
        expert: str = "reference",
        policy: Policy = "ranked",
        vote: bool = False,
        question: str = DEFAULT_QUESTION,
    ) -> None:
        self._inspector = inspector
        self._engine = engine
        self._expert = expert
        self._policy = policy
        self._vote = vote
        self._question = question

    def run(
        self,
        cases: Iterable[AnswerCase],
        total: int,
        *,
        record: Record | None = None,
        report: Callable[[int, int, str], None] = lambda done, total, message: None,
        stop: threading.Event | None = None,
    ) -> AnswerRun:
        """Every case's answer. report: gets what is done, the total, and a line with time left.

        Raises ModelNotReady; a case on which expert or model fails is skipped and named.
        """
        stop = stop or threading.Event()
        pace, answers, skipped, resumed = Pace(total), [], [], 0
        for number, case in enumerate(cases):
            if stop.is_set():
                break
            told = f"{case.sample.family}: {case.group}{in_words(pace.seconds_left)}"
            report(number, total, told)
            query, references = case.query, case.references
            key = self._key(case, query, references)
            kept = record.get(key) if record is not None else None
            if kept is None:
                try:
                    kept = self._ask(case, query, references, stop)
                except ModelNotReady:
                    raise
                except (ModelError, ExpertError) as error:
                    if not stop.is_set():
                        skipped.append((case.sample.seed, str(error)))
                    pace.step(None)
                    continue
                if kept["state"] == "stopped":
                    break
                if record is not None:
                    record.put(key, kept)
                pace.step(kept["seconds"])
            else:
                resumed += 1
                pace.step(None)
            answers.append(_answered(case, kept))
        return AnswerRun(tuple(answers), tuple(skipped), resumed, stop.is_set())

    def _key(self, case: AnswerCase, query: Picture, references: Iterable[Picture]) -> str:
        expert = self._inspector.expert(self._expert)
        return digest(
            "answer", query.key, [each.key for each in references], case.sample.family,
            process_preamble(case.sample.process), expert.name, expert.version, self._engine,
            self._policy, self._vote, self._question,
        )  # fmt: skip

    def _ask(
        self,
        case: AnswerCase,
        query: Picture,
        references: tuple[Picture, ...],
        stop: threading.Event,
    ) -> dict:
        begun = time.perf_counter()
        sample = case.sample
        inspection = self._inspector.inspect(
            query, references, sample.process, product=sample.family, expert=self._expert,
            policy=self._policy,
        )  # fmt: skip
        # without the process first, so that the answer goes on from what was read last
        alone = self._inspector.verdict(replace(inspection, process=None), stop, vote=self._vote)
        verdict = self._inspector.verdict(inspection, stop, vote=self._vote)
        asked = self._inspector.ask(inspection, self._question, stop=stop, vote=self._vote)
        turn = deque(asked, maxlen=1).pop()  # the last one is final
        return {
            "seed": sample.seed,
            "p": verdict.p_defective,
            "p_without_process": alone.p_defective,
            "answer": turn.answer,
            "state": turn.state,
            "seconds": time.perf_counter() - begun,
        }


def _answered(case: AnswerCase, kept: dict) -> Answered:
    sample, text = case.sample, kept["answer"]
    label = label_of(kept["p"])
    faults = reading_faults(text, label)
    own = without_quotes(text, [step.text for step in sample.process.steps])
    return Answered(
        seed=sample.seed,
        family=sample.family,
        group=case.group,
        defective=sample.label == "defective",
        truth=Named(sample.kind, sample.location, sample.step),
        p=kept["p"],
        p_without_process=kept["p_without_process"],
        label=label,
        answer=text,
        said=Named(find_kind(own), find_location(own), find_step(text)),
        claims=claims_defect(text),
        faults=(FAILED, *faults) if kept["state"] == "failed" else faults,
        seconds=kept["seconds"],
    )
