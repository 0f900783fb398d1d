"""Migrations give the same tables as create_all, keep what is there, and fail without a trace."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from tests.feedback.inspections import assert_same, correction, inspection, turn
from triad_ui.feedback import database_file, migrate
from triad_ui.feedback.backup import check
from triad_ui.feedback.database import Database
from triad_ui.feedback.migrate import upgrade
from triad_ui.feedback.schema import REVISIONS, Row
from triad_ui.feedback.store import FeedbackStore

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("cases", recreate="always") as batch:
        batch.add_column(sa.Column("line", sa.String(), nullable=False, server_default="7"))
    op.create_table("extra", sa.Column("id", sa.Integer(), primary_key=True))
    {end}
"""


def tables_of(path: Path) -> dict[str, set[str]]:
    """What makes each table and index, less spaces, quotes and the order of its constraints."""
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    ).fetchall()
    connection.close()
    return {
        name: {
            part.strip(",)") for part in "".join(sql.replace('"', "").split()).split("CONSTRAINT")
        }
        for name, sql in rows
    }


def rows_of(connection: sqlite3.Connection) -> dict[str, list[tuple]]:
    """All rows of all tables, in order."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {
        name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr)
        for (name,) in tables
        if not name.startswith("sqlite_")
    }


def test_the_list_of_revisions_is_that_of_the_files() -> None:
    scripts = ScriptDirectory(str(migrate.MIGRATIONS)).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == REVISIONS


def test_migrating_an_empty_file_equals_creating_it(tmp_path: Path) -> None:
    created, migrated = tmp_path / "created.db", tmp_path / "migrated.db"
    Database(f"sqlite:///{created}").close()
    engine = create_engine(f"sqlite:///{migrated}")
    upgrade(engine, str(migrated))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Row.metadata) == []
    engine.dispose()
    assert tables_of(created) == tables_of(migrated)
    assert check(f"sqlite:///{migrated}").schema == check(f"sqlite:///{created}").schema


def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str = "") -> None:
    """This program, one version on."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "v0003_next.py").write_text(NEXT.format(end=end))
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    monkeypatch.setattr(migrate, "REVISIONS", ("0001", "0002", "0003"))
    monkeypatch.setattr(database_file, "REVISIONS", ("0001", "0002", "0003"))


def test_an_older_schema_is_upgraded_after_a_backup(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FeedbackStore(url)
    case_id = store.add_case(inspection())
    turn_id = store.save_turn(case_id, turn())
    store.add_correction(case_id, correction(turn_id=turn_id))
    before = store.case(case_id)
    store.close()
    next_version(tmp_path, monkeypatch)

    Database(url).close()

    report = check(url)
    assert report.sound and report.schema == "0003"
    assert {"cases": 1, "turns": 1, "corrections": 1, "extra": 0}.items() <= report.counts.items()
    (kept,) = tmp_path.glob("sessions.db.schema-0002.*.backup")
    monkeypatch.undo()
    old = FeedbackStore(f"sqlite:///{kept}")
    assert_same(old.case(case_id).anomaly_map, before.anomaly_map)
    assert old.case(case_id).turns == before.turns
    old.close()


def test_the_first_schema_is_upgraded_without_loss(tmp_path: Path, url: str) -> None:
    """recorded/schema_0001.sql was dumped from a database that the program of that time wrote."""
    path = tmp_path / "sessions.db"
    connection = sqlite3.connect(path)
    connection.executescript((Path(__file__).parent / "recorded/schema_0001.sql").read_text("utf8"))
    was = rows_of(connection)
    connection.close()
    assert len(was["cases"]) == 2 and len(was["turns"]) == 1

    store = FeedbackStore(url)

    report = check(url)
    assert report.sound and report.schema == REVISIONS[-1]
    connection = sqlite3.connect(path)
    now = rows_of(connection)
    (written,) = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'cases'")
    connection.close()
    assert written == (2,)
    for table, kept in was.items():
        if table != "alembic_version":
            assert [row[: len(kept[0])] for row in now[table]] == kept, table
    older, newer = (store.case(summary.id) for summary in store.cases()[::-1])
    made = inspection(1, side=5)
    assert_same(older.anomaly_map, replace(made.anomaly_map, kinds=(), threshold=0.5))
    assert older.query == made.query.record and older.process == made.process
    assert older.policy == "user" and older.verdict is not None
    assert (older.turns[0].question, len(older.corrections)) == (turn().question, 1)
    assert newer.product == "Kabel ü" and newer.timings == made.timings
    store.close()
    (kept_file,) = tmp_path.glob("sessions.db.schema-0001.*.backup")
    connection = sqlite3.connect(kept_file)
    assert rows_of(connection) == was
    connection.close()


def test_a_migration_that_fails_leaves_the_old_schema(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FeedbackStore(url)
    case_id = store.add_case(inspection())
    store.close()
    path = tmp_path / "sessions.db"
    before = tables_of(path)
    next_version(tmp_path, monkeypatch, end="raise RuntimeError('power cut')")
    with pytest.raises(RuntimeError, match="power cut"):
        Database(url)
    assert tables_of(path) == before
    monkeypatch.undo()
    store = FeedbackStore(url)
    assert store.case(case_id).query == inspection().query.record
    store.close()


def test_a_migration_killed_in_the_middle_leaves_the_old_schema(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    FeedbackStore(url).close()
    before = tables_of(tmp_path / "sessions.db")
    next_version(tmp_path, monkeypatch, end="import os; os.kill(os.getpid(), 9)")
    code = (
        "from pathlib import Path; from triad_ui.feedback import database_file, migrate\n"
        "from triad_ui.feedback.database import Database\n"
        "migrate.REVISIONS = database_file.REVISIONS = ('0001', '0002', '0003')\n"
        f"migrate.MIGRATIONS = Path({str(tmp_path / 'migrations')!r})\n"
        f"Database({url!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -9
    monkeypatch.undo()
    FeedbackStore(url).close()
    assert tables_of(tmp_path / "sessions.db") == before


def test_starting_does_not_import_alembic(url: str) -> None:
    code = (
        "import sys; from triad_ui.feedback.store import FeedbackStore\n"
        f"FeedbackStore({url!r}).close(); FeedbackStore({url!r}).close()\n"
        "assert not any(name.split('.')[0] in ('alembic', 'torch', 'mako') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)
