"""A file that is not a sound database of ours is refused with a remedy, and keeps every byte."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.feedback.inspections import inspection, overwrite_root, turn
from triad_ui.errors import StoreError
from triad_ui.feedback import database_file
from triad_ui.feedback.store import FeedbackStore


@pytest.fixture
def path(url: str) -> Path:
    """A sound database with some content, closed."""
    store = FeedbackStore(url)
    for seed in range(5):
        case_id = store.add_case(inspection(seed, side=60))
        store.save_turn(case_id, turn())
    store.close()
    return Path(url.removeprefix("sqlite:///"))


def refused(path: Path, says: str) -> None:
    before = path.read_bytes()
    with pytest.raises(StoreError, match=says):
        FeedbackStore(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_another_kind_of_file(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n" + bytes(5000))
    refused(path, "not a database of this program.*Move it away")
    path.write_bytes(b"hello")
    refused(path, "not a database")


@pytest.mark.parametrize("left", [50, 100, 4096, 20_000, -1])
def test_a_file_cut_short(path: Path, left: int) -> None:
    path.write_bytes(path.read_bytes()[:left])
    refused(path, "damaged.*cut short.*backup")


@pytest.mark.parametrize("page", [1, 2, 3, 8, 15])
def test_a_page_overwritten(path: Path, page: int) -> None:
    data = bytearray(path.read_bytes())
    start = 100 if page == 1 else (page - 1) * 4096
    data[start : page * 4096] = b"\xa5" * (page * 4096 - start)
    path.write_bytes(data)
    refused(path, "damaged.*Move it aside.*backup")


def test_damage_in_a_file_too_large_to_check_is_said_when_met(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_file, "LARGEST_CHECKED", 0)
    overwrite_root(path, "anomaly_maps")
    store = FeedbackStore(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="damaged"):
        for line in store.cases():
            store.case(line.id)
    store.close()


def test_a_newer_schema(path: Path) -> None:
    _sql(path, "UPDATE alembic_version SET version_num = '9999'")
    refused(path, r"newer version.*9999.*reads up to 0002.*Update the program")


def test_another_programs_database(path: Path) -> None:
    path.unlink()
    _sql(path, "CREATE TABLE notes (text)")
    refused(path, "belongs to another program")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        FeedbackStore(f"sqlite:///{tmp_path}")


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    path.touch()
    FeedbackStore(f"sqlite:///{path}").close()
    assert path.stat().st_size > 0


def test_a_log_left_by_a_crash_is_used(path: Path, tmp_path: Path) -> None:
    store = FeedbackStore(f"sqlite:///{path}")
    case_id = store.add_case(inspection(9))
    crashed = tmp_path / "crashed.db"
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{crashed}{suffix}")
    store.close()
    assert Path(f"{crashed}-wal").stat().st_size > 0
    found = FeedbackStore(f"sqlite:///{crashed}")
    assert found.cases()[0].id == case_id
    found.close()


def _sql(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()
