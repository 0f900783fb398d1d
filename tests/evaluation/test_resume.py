"""A run that was cut off goes on; whatever changed is measured anew, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.drawn_set import CountingExpert, SpotModel, judge, mvtec, plate, process
from triad_ui.evaluation.datasets import open_data_set
from triad_ui.evaluation.record import Record
from triad_ui.evaluation.results import Evaluation
from triad_ui.evaluation.run import Options, evaluate
from triad_ui.evaluation.summary import as_json
from triad_ui.settings import REPOSITORY

TESTED = 5
LOOKS = TESTED + 1  # one at a reference, which is not counted


def run(
    root: Path, record: Path | None, expert=None, model=None, told=None, shots: int = 2
) -> tuple[Evaluation, CountingExpert, SpotModel]:
    expert, model = expert or CountingExpert(), model or SpotModel()
    result = evaluate(
        open_data_set(root), expert, Options(shots, process="both"),
        judge=judge(model, told or process()), record=Record(record) if record else None,
    )  # fmt: skip
    return result, expert, model


def numbers(result: Evaluation) -> dict:
    """All that does not depend on the clock."""

    def without(value):
        if isinstance(value, dict):
            return {k: without(v) for k, v in value.items()
                    if "seconds" not in k and k != "resumed"}  # fmt: skip
        return [without(v) for v in value] if isinstance(value, list) else value

    return without(as_json(result))


def test_a_second_run_measures_nothing_and_tells_the_same(tmp_path: Path) -> None:
    root, file = mvtec(tmp_path / "set"), tmp_path / "r.jsonl"
    first, expert, model = run(root, file)
    assert (len(expert.scored), len(model.asked), first.resumed) == (LOOKS, 2 * TESTED, 0)
    second, expert, model = run(root, file)
    assert (expert.scored, model.asked, second.resumed) == ([], [], TESTED)
    assert numbers(second) == numbers(first)
    assert as_json(second)["seconds_per_image"] == as_json(first)["seconds_per_image"]
    np.testing.assert_array_equal(
        second.products[0].worst[0].overlaid, first.products[0].worst[0].overlaid
    )
    plain, _, _ = run(root, None)
    assert numbers(plain) == numbers(first)


def test_a_changed_photograph_is_measured_anew(tmp_path: Path) -> None:
    root, file = mvtec(tmp_path / "set"), tmp_path / "r.jsonl"
    run(root, file)
    plate(root / "plate" / "test" / "good" / "001.png", grey=170)
    result, expert, model = run(root, file)
    assert expert.scored[1:] == ["001.png"]
    assert (len(model.asked), result.resumed) == (2, TESTED - 1)


def test_another_process_asks_again_only_with_it(tmp_path: Path) -> None:
    root, file = mvtec(tmp_path / "set"), tmp_path / "r.jsonl"
    run(root, file)
    _, expert, model = run(root, file, told=process("Paint it blue."))
    assert expert.scored == []
    assert len(model.asked) == TESTED
    assert all("Paint it blue." in text for text in model.asked)


def test_another_engine_keeps_the_scores(tmp_path: Path) -> None:
    root, file = mvtec(tmp_path / "set"), tmp_path / "r.jsonl"
    run(root, file)
    other = SpotModel()
    other.engine = "spots int8"
    _, expert, model = run(root, file, model=other)
    assert (expert.scored, len(model.asked)) == ([], 2 * TESTED)


@pytest.mark.parametrize("change", ["version", "shots", "reference"])
def test_another_expert_or_reference_measures_all_anew(tmp_path: Path, change: str) -> None:
    root, file = mvtec(tmp_path / "set"), tmp_path / "r.jsonl"
    run(root, file)
    if change == "reference":
        for path in (root / "plate" / "train" / "good").iterdir():
            plate(path, grey=200)
    expert = CountingExpert("2" if change == "version" else "1")
    _, expert, model = run(root, file, expert, shots=1 if change == "shots" else 2)
    assert (len(expert.scored), len(model.asked)) == (LOOKS, 2 * TESTED)


SLOW = """
import sys, time
from pathlib import Path
from tests.evaluation import test_resume as t
from tests.evaluation.drawn_set import SpotModel

class Slow(SpotModel):
    def choice_logits(self, *a, **k):
        time.sleep(0.3)
        return super().choice_logits(*a, **k)

t.run(Path(sys.argv[1]), Path(sys.argv[2]), model=Slow())
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_run_that_is_killed_in_the_middle_goes_on(tmp_path: Path) -> None:
    root, file = mvtec(tmp_path / "set"), tmp_path / "r.jsonl"
    job = subprocess.Popen([sys.executable, "-c", SLOW, str(root), str(file)], cwd=REPOSITORY)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and job.poll() is None:
            if file.exists() and file.read_bytes().count(b"\n") >= 4:
                break
            time.sleep(0.02)
        assert job.poll() is None, "it was to be killed in the middle, and had ended"
    finally:
        job.send_signal(signal.SIGKILL)
        job.wait()
    kept = Record(file)
    scores = sum("score" in (kept.get(key) or {}) for key in kept)
    verdicts = len(kept) - scores
    assert 0 < verdicts < 2 * TESTED
    result, expert, model = run(root, file)
    assert len(expert.scored) == TESTED - scores + 1
    assert len(model.asked) == 2 * TESTED - verdicts
    assert numbers(result) == numbers(run(root, None)[0])
