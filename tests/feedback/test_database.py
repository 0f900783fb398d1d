"""How the database is set up, and what happens when many write, or nobody can."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import event, text

from tests.feedback.inspections import correction, inspection, turn
from tests.feedback.test_crash import start_writer
from triad_ui.errors import NotSaved, StoreError
from triad_ui.feedback import database
from triad_ui.feedback.backup import check
from triad_ui.feedback.database import Database
from triad_ui.feedback.store import FeedbackStore


def test_each_connection_is_set_up_to_keep_what_it_says(url: str) -> None:
    opened = Database(url)
    for pragma, expected in {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }.items():
        assert opened.read(lambda db, p=pragma: db.scalar(text(f"PRAGMA {p}"))) == expected
    opened.close()


def test_a_reader_sees_one_state_while_others_write(store: FeedbackStore) -> None:
    def work(db) -> tuple[int, int]:
        count = text("SELECT count(*) FROM cases")
        before = db.scalar(count)
        store.add_case(inspection())
        return before, db.scalar(count)

    assert store._database.read(work) == (0, 0)
    assert len(store.cases()) == 1


def test_twenty_threads_write_without_an_error(store: FeedbackStore, url: str) -> None:
    case_id = store.add_case(inspection())

    def write(thread: int) -> int:
        for i in range(5):
            store.add_case(inspection(i))
            store.save_turn(case_id, turn(question=f"{thread}-{i}"))
            store.add_correction(case_id, correction(), key=f"shared-{i}")
            store.save_process(inspection().process)
            store.case(case_id)
        return thread

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(write, range(20))) == list(range(20))
    case = store.case(case_id)
    assert {each.question for each in case.turns} == {
        f"{thread}-{i}" for thread in range(20) for i in range(5)
    }
    assert len(case.corrections) == 5
    assert len(store.processes()) == 1
    store.close()
    assert check(url).counts["cases"] == 101


def test_several_programs_create_and_write_at_once(url: str) -> None:
    jobs: list[subprocess.Popen[str]] = [start_writer(url, "15") for _ in range(4)]
    for job in jobs:
        lines = job.communicate(timeout=120)[0].splitlines()
        assert (job.returncode, len(lines)) == (0, 45)
    report = check(url)
    assert report.sound
    assert report.counts["corrections"] == report.counts["cases"] == 60


def test_a_locked_database_is_tried_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    store = FeedbackStore(url)
    holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(NotSaved, match=r"in use by another program.*Close what else"):
        store.add_case(inspection())
    assert time.monotonic() - started > 2 * 0.05
    assert store.cases() == (), "readers go on while somebody writes"
    # The lock goes away while the store tries again.
    monkeypatch.setattr(database, "TRIES", 50)
    timer = threading.Timer(0.3, lambda: release.set())
    release = threading.Event()
    timer.start()
    waiting = threading.Thread(target=lambda: store.add_case(inspection()))
    waiting.start()
    release.wait()
    holder.execute("COMMIT")
    waiting.join(30)
    assert len(store.cases()) == 1
    holder.close()
    store.close()


def test_a_full_disk_saves_nothing_and_says_so(store: FeedbackStore, url: str) -> None:
    case_id = store.add_case(inspection())
    kept = store.save_turn(case_id, turn())
    pages = store._database.read(lambda db: db.scalar(text("PRAGMA page_count")))
    limit = {"pages": pages + 2}

    @event.listens_for(store._database._engine, "checkout")
    def fill(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit['pages']}")

    writes: list[Callable[[], object]] = [
        lambda: store.add_case(inspection(side=200)),
        lambda: store.save_turn(case_id, turn(answer="x" * 100_000)),
        lambda: store.add_correction(case_id, correction(note="x" * 100_000)),
    ]
    for write in writes:
        with pytest.raises(NotSaved, match=r"Not saved\. There is no space left .*Free some"):
            write()
    assert [each.id for each in store.case(case_id).turns] == [kept]
    limit["pages"] = 10**6
    for write in writes:
        write()
    store.close()
    report = check(url)
    assert report.sound
    assert (report.counts["cases"], report.counts["case_images"]) == (2, 6)


def test_a_failure_within_a_transaction_leaves_nothing(store: FeedbackStore) -> None:
    def work(db) -> None:
        db.execute(text("INSERT INTO images (sha256, page, pages, width, height, mode, created) "
                        "VALUES ('x', 0, 1, 1, 1, 'RGB', 0)"))  # fmt: skip
        raise KeyError("ours")

    with pytest.raises(KeyError):
        store._database.write(work)
    assert store._database.read(lambda db: db.scalar(text("SELECT count(*) FROM images"))) == 0


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sessions.db", "cannot be read"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:////nowhere/at/all/sessions.db", "does not exist. Create it"),
        ("nosuch://host/db", "needs a driver.*only SQLite is tested"),
    ],
)
def test_an_unusable_url_is_refused(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says):
        FeedbackStore(url)


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may all")
def test_a_read_only_folder_is_said(url: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be opened"):
        FeedbackStore(url)
    tmp_path.chmod(0o700)
