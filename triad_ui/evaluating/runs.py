"""Evaluations in the background: one run at a time, in a thread of its own.

A run goes on whether or not a page looks at it; whoever looks reads `state`. A run that finished a
product leaves its files (`kept.py`). Knows nothing of how a result is shown.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Literal

from triad_ui.errors import EvaluationError, NotSaved, TriadError
from triad_ui.evaluating.data_sets import DataSets
from triad_ui.evaluating.kept import KeptEvaluations
from triad_ui.evaluation.datasets import DataSet
from triad_ui.evaluation.results import Evaluation, ProductResult
from triad_ui.evaluation.run import Options, ProcessJudge, Progress, evaluate
from triad_ui.expert.expert import Expert
from triad_ui.expert.offers import ExpertOffer
from triad_ui.imaging.decode import MAX_PIXELS
from triad_ui.products.measured import Measured

_LOG = logging.getLogger(__name__)
MOST_SHOTS = 64
OURS = (
    "Something went wrong in the workbench itself; the log has the details under reference {}. "
    "What was finished before is kept. Try once more."
)

Asked = Literal["no", "with", "without", "both"]
Phase = Literal["none", "running", "stopping", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What to evaluate. folder: from the root. shots: references a product. products: () for all.
    process: whether the language model is asked, and whether it is told the product's process."""

    folder: str
    expert: str
    shots: int
    products: tuple[str, ...] = ()
    process: Asked = "no"


@dataclass(frozen=True, slots=True, eq=False)
class RunState:
    """Where the last run is. data_set: as it is shown. done, total: photographs. run: an
    opaque id.

    finished: the products so far. result: once the run has ended with any product. kept: the id
    under which its files are kept, "" when they are not. message: for a person.
    """

    phase: Phase = "none"
    choice: Choice | None = None
    data_set: str = ""
    message: str = ""
    done: int = 0
    total: int = 0
    finished: tuple[ProductResult, ...] = ()
    result: Evaluation | None = None
    kept: str = ""
    run: str = ""

    @property
    def under_way(self) -> bool:
        return self.phase in ("running", "stopping")


class Evaluations:
    """The runs of one workbench.

    experts: name -> Expert. offers: what can be chosen. judge: the current language model as judge
    of a data set; raises ModelNotReady. data_sets: what may be named. kept: where results are left.
    """

    def __init__(
        self,
        experts: Callable[[str], Expert],
        offers: Callable[[], Sequence[ExpertOffer]],
        judge: Callable[[DataSet], ProcessJudge],
        data_sets: DataSets,
        kept: KeptEvaluations,
        *,
        seed: int = 0,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.data_sets = data_sets
        self.kept = kept
        self._experts = experts
        self._offers = offers
        self._judge = judge
        self._seed = seed
        self._max_pixels = max_pixels
        self._lock = threading.Lock()
        self._state = RunState()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def experts(self) -> tuple[ExpertOffer, ...]:
        """The experts that can be evaluated, and those that lack something."""
        return tuple(self._offers())

    def state(self) -> RunState:
        """Where the last run is."""
        with self._lock:
            return self._state

    def start(self, choice: Choice) -> RunState:
        """Begin a run in the background. Raises EvaluationError, ImageError, ModelNotReady."""
        self._refuse_second()
        data = self.data_sets.open(choice.folder, choice.products)
        self._check(choice, data)
        judge = None if choice.process == "no" else self._judge(data)
        total = sum(len(product.tested) for product in data.products)
        with self._lock:
            if self._state.under_way:
                raise EvaluationError(_SECOND)
            self._stop = threading.Event()
            self._state = RunState(
                "running",
                choice,
                self.data_sets.label(choice.folder),
                "Loading the expert",
                total=total,
                run=secrets.token_hex(6),
            )
            self._thread = threading.Thread(
                target=self._work, args=(choice, data, judge, self._stop), name="evaluation",
                daemon=True,
            )  # fmt: skip
            self._thread.start()
            return self._state

    def stop(self) -> RunState:
        """End the run after the photograph at hand; the products that are finished are kept."""
        with self._lock:
            if self._state.phase == "running":
                self._stop.set()
                self._state = replace(
                    self._state, phase="stopping", message="Ends after this photograph ..."
                )
            return self._state

    def wait(self, timeout: float | None = None) -> RunState:
        """Wait until the run has ended, at most `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self.state()

    def product(self, name: str) -> ProductResult:
        """A finished product of the last run. Raises EvaluationError."""
        for product in self.state().finished:
            if product.name == name:
                return product
        raise EvaluationError(
            f"The last evaluation has no finished product {name!r}. Choose one of its table."
        )

    def measured(self, run: str, name: str, called: str) -> Measured:
        """A finished product's scores, to choose a threshold from and keep it.

        run: of which the caller thinks. called: the product's name in inspections. Raises
        EvaluationError.
        """
        state = self.state()
        if state.run != run or state.choice is None:
            raise EvaluationError(
                "Another evaluation has begun meanwhile. Choose the product in the table again."
            )
        found = self.product(name)
        made_by = self._experts(state.choice.expert)
        return Measured(
            product=called,
            expert=state.choice.expert,
            good_scores=tuple(found.scores(defective=False)),
            bad_scores=tuple(found.scores(defective=True)),
            measured_with=f"{made_by.name}@{made_by.version}",
        )

    def close(self) -> None:
        """Stop what runs, and wait a moment for it."""
        self.stop()
        self.wait(5)

    # -- the run --------------------------------------------------------------------------------

    def _refuse_second(self) -> None:
        if self.state().under_way:
            raise EvaluationError(_SECOND)

    def _check(self, choice: Choice, data: DataSet) -> None:
        if not 0 <= choice.shots <= MOST_SHOTS:
            raise EvaluationError(f"{choice.shots} references: choose 0 to {MOST_SHOTS}.")
        offer = next((each for each in self._offers() if each.name == choice.expert), None)
        if offer is None:
            raise EvaluationError(f"There is no expert {choice.expert!r}. Choose one of the list.")
        if not offer.ready:
            raise EvaluationError(f"{offer.title} cannot be used now. {offer.problem}")
        if "references" in offer.needs and not choice.shots:
            raise EvaluationError(
                f"{offer.title} compares with good parts. Choose one reference or more."
            )

    def _work(
        self, choice: Choice, data: DataSet, judge: ProcessJudge | None, stop: threading.Event
    ) -> None:
        def report(progress: Progress) -> None:
            finished = (progress.finished,) if progress.finished else ()
            with self._lock:
                told = self._state.message if stop.is_set() else progress.message
                self._state = replace(
                    self._state, done=progress.done, message=told,
                    finished=self._state.finished + finished,
                )  # fmt: skip

        try:
            process = "with" if choice.process == "no" else choice.process
            options = Options(
                choice.shots, self._seed, max_pixels=self._max_pixels, process=process
            )
            record = self.kept.record(str(data.root), *astuple(choice))
            result = evaluate(
                data, self._experts(choice.expert), options,
                judge=judge, record=record, report=report, stop=stop,
            )  # fmt: skip
            self._ended(result)
            if not result.stopped:
                record.remove()
        except TriadError as error:
            self._failed(str(error))
        except Exception:
            reference = secrets.token_hex(4)
            _LOG.exception("reference %s: an evaluation failed", reference)
            self._failed(OURS.format(reference))

    def _ended(self, result: Evaluation) -> None:
        kept, trouble, count = "", "", len(result.products)
        if count:
            try:
                kept = self.kept.keep(result)
            except NotSaved as error:
                trouble = f" {error}"
        with self._lock:
            if result.stopped:
                self._state = replace(
                    self._state, phase="stopped", kept=kept,
                    result=result if count else None, message=_stopped(count) + trouble,
                )  # fmt: skip
            else:
                self._state = replace(
                    self._state, phase="done", done=self._state.total,
                    kept=kept, result=result, message=trouble.strip(),
                )  # fmt: skip

    def _failed(self, message: str) -> None:
        with self._lock:
            self._state = replace(self._state, phase="failed", message=message)


_GOES_ON = "Start the same evaluation again to go on from here."
_SECOND = "An evaluation is running already. Wait for it, or cancel it first."


def _stopped(count: int) -> str:
    if not count:
        return f"No product was finished. {_GOES_ON}"
    return f"{count} product{'s were' if count > 1 else ' was'} finished. {_GOES_ON}"
