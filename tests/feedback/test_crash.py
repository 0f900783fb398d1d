"""kill -9 while writing: all that was acknowledged is there, whole; nothing is left streaming."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.feedback.inspections import turn
from triad_ui.feedback.backup import check
from triad_ui.feedback.store import FeedbackStore

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("TRIAD_KILLS", "5"))


def start_writer(url: str, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.feedback.writer", url, *more],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_what_was_acknowledged_survives_kill_9(url: str) -> None:
    rng = random.Random(0)
    acknowledged: list[list[str]] = []
    for _ in range(KILLS):
        with start_writer(url) as job:
            lines = [job.stdout.readline()]
            time.sleep(rng.uniform(0.0, 0.5))
            job.kill()
            lines += job.stdout.readlines()
        # A last line that the kill cut in two was not acknowledged.
        acknowledged += [line.split() for line in lines if line.endswith("\n")]
        assert lines[0].startswith("case")

    store = FeedbackStore(url)
    cases = {line.id: store.case(line.id) for line in store.cases(limit=10**6)}
    for kind, case_id, *ids in acknowledged:
        case = cases[case_id]
        assert case.anomaly_map.values.shape == (40, 43)
        if kind == "turn":
            assert case.turns == (turn(id=ids[0]),)
        elif kind == "correction":
            assert case.corrections[0].turn_id == case.turns[0].id
    assert all(each.state != "streaming" for case in cases.values() for each in case.turns)
    store.close()
    report = check(url)
    assert report.sound, report
    assert report.counts["cases"] >= sum(line[0] == "case" for line in acknowledged) >= KILLS


def test_killed_while_it_is_created(url: str) -> None:
    rng = random.Random(1)
    for _ in range(3):
        with start_writer(url) as job:
            time.sleep(rng.uniform(0.5, 1.2))
            job.kill()
    FeedbackStore(url).close()
    assert check(url).sound
