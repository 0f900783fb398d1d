"""Runs in the background: progress, cancel, one at a time, failure, and what is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.evaluating.drawn_data_set import draw_data_set
from tests.fakes import FakeExpert
from triad_ui.errors import EvaluationError, ModelNotReady, NotFound
from triad_ui.evaluating.data_sets import DataSets
from triad_ui.evaluating.kept import FILES, KeptEvaluations
from triad_ui.evaluating.runs import Choice, Evaluations
from triad_ui.evaluation.datasets import DataSet
from triad_ui.expert.offers import ExpertOffer
from triad_ui.records import AnomalyMap, Picture, Subject

OFFERS = (
    ExpertOffer("fake", "Fake", "Compares grey levels.", ("references",)),
    ExpertOffer("needy", "Needy", "Needs good parts.", ("references",), ("references",)),
    ExpertOffer("absent", "Absent", "", (), problem="Its weights are not here. Fetch them."),
)
PARTS = Choice("parts", "fake", 2)


class WaitingExpert(FakeExpert):
    """Waits before each look until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)

    def score(
        self,
        query: Picture,
        references: Sequence[Picture],
        pool: Sequence[Picture] = (),
        subject: Subject | None = None,
    ) -> AnomalyMap:
        assert self.go.acquire(timeout=20)
        return super().score(query, references, pool, subject)


def no_model(data: DataSet) -> None:
    raise ModelNotReady("The language model is still loading. Wait for it.")


def made(folder: Path, expert: Callable[[str], object] = lambda name: FakeExpert()) -> Evaluations:
    return Evaluations(
        expert,  # type: ignore[arg-type]
        lambda: OFFERS,
        no_model,  # type: ignore[arg-type]
        DataSets(draw_data_set(folder / "root")),
        KeptEvaluations(folder / "kept"),
    )


def test_a_run_ends_with_a_result_that_is_kept(tmp_path: Path) -> None:
    runs = made(tmp_path)
    assert runs.start(PARTS).phase == "running"
    state = runs.wait(60)
    assert (state.phase, state.done, state.total) == ("done", 12, 12)
    assert [product.name for product in state.finished] == ["plate", "round_plate"]
    assert state.result and state.result.shots == 2
    told = json.loads(runs.kept.read(state.kept, "numbers.json"))
    assert told["products"]["plate"]["image_auroc"] == pytest.approx(1.0)
    assert runs.kept.read(state.kept, "report.html").startswith(b"<!doctype html>")
    assert all(runs.kept.read(state.kept, file) for file in FILES)
    card = runs.kept.cards()[0]
    assert (card.id, card.expert, card.products, card.photographs) == (state.kept, "fake", 2, 12)


def test_a_run_goes_on_unseen_and_is_the_only_one(tmp_path: Path) -> None:
    expert = WaitingExpert()
    runs = made(tmp_path, lambda name: expert)
    runs.start(PARTS)
    with pytest.raises(EvaluationError, match="running already"):
        runs.start(PARTS)
    expert.go.release(100)
    assert runs.wait(60).phase == "done"
    assert runs.start(PARTS).run != ""
    runs.close()


def test_cancel_keeps_the_products_that_were_finished(tmp_path: Path) -> None:
    expert = WaitingExpert()
    runs = made(tmp_path, lambda name: expert)
    runs.start(PARTS)
    expert.go.release(8)  # a look that is not counted, six photographs, one of the next product
    while not runs.state().finished:
        threading.Event().wait(0.01)
    assert runs.stop().phase == "stopping"
    expert.go.release(100)
    state = runs.wait(60)
    assert state.phase == "stopped" and "1 product was finished" in state.message
    assert runs.kept.cards()[0].stopped and runs.product("plate").name == "plate"
    with pytest.raises(EvaluationError, match="no finished product"):
        runs.product("round_plate")


def test_a_cancelled_run_goes_on_where_it_ended(tmp_path: Path) -> None:
    expert = WaitingExpert()
    runs = made(tmp_path, lambda name: expert)
    runs.start(PARTS)
    expert.go.release(4)
    while runs.state().done < 3:
        threading.Event().wait(0.01)
    runs.stop()
    expert.go.release(100)
    assert runs.wait(60).phase == "stopped"
    runs.start(PARTS)
    state = runs.wait(60)
    assert state.phase == "done" and state.result
    assert state.result.resumed >= 3 and list((tmp_path / "kept/unfinished").iterdir()) == []


def test_cancel_at_once_keeps_nothing(tmp_path: Path) -> None:
    expert = WaitingExpert()
    runs = made(tmp_path, lambda name: expert)
    runs.start(PARTS)
    runs.stop()
    expert.go.release(100)
    state = runs.wait(60)
    assert state.phase == "stopped" and "No product was finished" in state.message
    assert runs.kept.cards() == () and state.result is None
    assert runs.stop().phase == "stopped"


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (Choice("parts", "absent", 2), "weights are not here"),
        (Choice("parts", "nobody", 2), "no expert"),
        (Choice("parts", "needy", 0), "Choose one reference"),
        (Choice("parts", "fake", 65), "choose 0 to 64"),
        (Choice("parts", "fake", 2, ("moon",)), "no product called 'moon'"),
        (Choice("parts/plate/train", "fake", 2), "holds no tested photographs"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_at_once(
    tmp_path: Path, choice: Choice, said: str
) -> None:
    runs = made(tmp_path)
    with pytest.raises(EvaluationError, match=said):
        runs.start(choice)
    assert runs.state().phase == "none"


def test_the_model_must_be_there_when_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ModelNotReady, match="still loading"):
        made(tmp_path).start(Choice("parts", "fake", 2, process="with"))


def test_a_failure_is_told_and_the_next_run_works(tmp_path: Path) -> None:
    experts = iter([None, FakeExpert()])
    runs = made(tmp_path, lambda name: next(experts))
    runs.start(PARTS)
    state = runs.wait(60)
    assert state.phase == "failed" and "reference" in state.message
    runs.start(PARTS)
    assert runs.wait(60).phase == "done"


def test_what_cannot_be_kept_stays_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, *args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    runs = made(tmp_path)
    monkeypatch.setattr("pathlib.Path.write_text", full)
    runs.start(PARTS)
    state = runs.wait(60)
    assert state.phase == "done" and state.result and state.kept == ""
    assert "cannot be written" in state.message and "No space left" in state.message
    assert list((tmp_path / "kept").glob(".*")) == []


def test_scores_are_handed_on_for_a_threshold(tmp_path: Path) -> None:
    runs = made(tmp_path)
    runs.start(PARTS)
    run = runs.wait(60).run
    measured = runs.measured(run, "round_plate", "round plate")
    assert (measured.product, measured.expert) == ("round plate", "fake")
    assert len(measured.good_scores) == len(measured.bad_scores) == 3
    assert measured.measured_with == "fake@1"
    with pytest.raises(EvaluationError, match="begun meanwhile"):
        runs.measured("other", "plate", "plate")


@pytest.mark.parametrize("name", ["", "..", "../kept", "20260101-000000-abcdef", "card.json"])
def test_only_kept_files_are_read(tmp_path: Path, name: str) -> None:
    kept = KeptEvaluations(tmp_path)
    (tmp_path / "20260101-000000-abcdee").mkdir()
    for file in ("numbers.json", "card.json", "../card.json"):
        with pytest.raises(NotFound):
            kept.read(name, file)
    assert kept.cards() == ()
