"""A copy of a database in use is whole; a damaged one never replaces anything."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from tests.feedback.inspections import inspection, overwrite_root, turn
from triad_ui.errors import NotSaved, StoreError
from triad_ui.feedback.backup import backup, check, restore
from triad_ui.feedback.schema import REVISIONS
from triad_ui.feedback.store import FeedbackStore


def test_a_backup_while_others_write_is_one_whole_file(
    store: FeedbackStore, url: str, tmp_path: Path
) -> None:
    ids = [store.add_case(inspection(i)) for i in range(3)]
    done = threading.Event()

    def go_on() -> None:
        while not done.is_set():
            store.save_turn(ids[0], turn())

    writer = threading.Thread(target=go_on)
    writer.start()
    report = backup(url, tmp_path / "copies.db")
    done.set()
    writer.join()
    assert report.sound and report.counts["cases"] == 3 and report.schema == REVISIONS[-1]
    alone = tmp_path / "alone"
    alone.mkdir()
    (tmp_path / "copies.db").rename(alone / "moved.db")
    found = FeedbackStore(f"sqlite:///{alone / 'moved.db'}")
    assert [line.id for line in found.cases()] == ids[::-1]
    found.close()


def test_a_backup_overwrites_nothing(store: FeedbackStore, url: str, tmp_path: Path) -> None:
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    with pytest.raises(NotSaved, match=r"exists already.*another name"):
        backup(url, taken)
    assert taken.read_text() == "mine"
    with pytest.raises(NotSaved):
        backup(url, tmp_path / "no folder" / "copy.db")
    with pytest.raises(StoreError, match="no database"):
        backup(f"sqlite:///{tmp_path / 'absent.db'}", tmp_path / "copy.db")
    with pytest.raises(StoreError, match="Only SQLite"):
        backup("postgresql://host/db", tmp_path / "copy.db")


def test_a_damaged_database_gives_no_backup_and_a_report(url: str, tmp_path: Path) -> None:
    path = _damaged(url)
    report = check(url)
    assert not report.sound and report.faults
    assert report.counts["cases"] == 3, "what can still be read is told"
    with pytest.raises(StoreError):
        backup(url, tmp_path / "copy.db")
    assert sorted(each.name for each in tmp_path.glob("copy*")) == []
    path.write_bytes(b"\xa5" * 5000)
    with pytest.raises(StoreError, match="damaged"):
        check(url)


def test_orphans_are_counted(store: FeedbackStore, url: str) -> None:
    case_id = store.add_case(inspection())
    store.close()
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    with connection:
        connection.execute("DELETE FROM cases WHERE id = ?", (case_id,))
    connection.close()
    report = check(url)
    assert report.orphans == 5 and not report.faults and not report.sound


def test_a_check_of_nothing_makes_no_file(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database"):
        check(url)
    assert list(tmp_path.iterdir()) == []


def test_restoring_moves_the_damaged_one_aside(url: str, tmp_path: Path) -> None:
    store = FeedbackStore(url)
    case_id = store.add_case(inspection())
    store.close()
    copy = tmp_path / "copy.db"
    backup(url, copy)
    broken = _damaged(url).read_bytes()
    aside = restore(url, copy)
    assert aside.read_bytes() == broken
    store = FeedbackStore(url)
    assert store.cases()[0].id == case_id
    store.close()
    copy.write_bytes(b"SQLite format 3\x00" + bytes(3000))
    with pytest.raises(StoreError):
        restore(url, copy)
    assert check(url).sound


def test_nothing_is_restored_under_a_running_program(
    store: FeedbackStore, url: str, tmp_path: Path
) -> None:
    store.add_case(inspection())
    copy = tmp_path / "copy.db"
    backup(url, copy)
    case_id = store.add_case(inspection(1))
    with pytest.raises(NotSaved, match="in use"):
        restore(url, copy)
    assert store.cases()[0].id == case_id
    store.close()
    aside = restore(url, copy)
    again = FeedbackStore(url)
    assert len(again.cases()) == 1
    again.close()
    assert check(f"sqlite:///{aside}").counts["cases"] == 2
    assert restore(f"sqlite:///{tmp_path / 'new.db'}", copy) is None


def _damaged(url: str) -> Path:
    store = FeedbackStore(url)
    for seed in range(3):
        store.add_case(inspection(seed, side=60))
    store.close()
    path = Path(url.removeprefix("sqlite:///"))
    overwrite_root(path, "case_images")
    return path
