"""Copies of a database in use, and whether one is sound.

A copy is made by SQLite's backup API: a copied file lacks what is still in the write-ahead log.
It is checked before it takes its name, so a damaged database never replaces a good backup.
Knows nothing of the tables but their names. Only SQLite; other databases bring their own tools.
"""

from __future__ import annotations

import os
import sqlite3
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triad_ui.errors import NotSaved, StoreError
from triad_ui.feedback.database_file import (
    database_path,
    reading,
    refuse_unless_usable,
    tables_and_revision,
)
from triad_ui.feedback.failures import damaged, explain


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found. faults: SQLite's own words, empty when sound.

    orphans: rows that point to rows that are not there. counts: rows of each readable table.
    """

    path: Path
    size: int
    schema: str
    faults: tuple[str, ...]
    orphans: int
    counts: dict[str, int]

    @property
    def sound(self) -> bool:
        return not self.faults and not self.orphans


def check(url: str) -> CheckReport:
    """Read the whole database and count what is in it; nothing is written.

    Raises StoreError when it cannot even be opened.
    """
    path = _file_of(url)
    if not path.exists():
        raise StoreError(f"There is no database {path}. It is made when the program first starts.")
    try:
        with reading(path) as connection:
            return _report(connection, path)
    except sqlite3.Error as error:
        raise explain(error, str(path), saving=False) from error


def backup(url: str, destination: Path) -> CheckReport:
    """Copy the database, in use or not, to a file that must not exist yet; returns its check.

    Raises StoreError when the source is damaged, NotSaved when the copy could not be written.
    """
    path = _file_of(url)
    if not path.exists():
        raise StoreError(f"There is no database {path}; nothing was copied.")
    if destination.exists():
        raise NotSaved(f"{destination} exists already; nothing was copied. Choose another name.")
    copy_database(path, destination)
    return check(f"sqlite:///{destination}")


def restore(url: str, source: Path) -> Path | None:
    """Put a backup in the place of the database; returns where the replaced one was moved.

    Nothing is deleted: the database is renamed, with its log. Raises StoreError when the backup is
    not sound or the database is open somewhere; a damaged one cannot be asked, so stop the program.
    """
    path = _file_of(url)
    if not source.exists():
        raise StoreError(f"There is no backup {source}. Check its name.")
    refuse_unless_usable(source)
    _refuse_while_open(path)
    fresh = path.with_name(f"{path.name}.{uuid.uuid4().hex}.restoring")
    copy_database(source, fresh)
    aside = None
    if path.exists():
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        aside = path.with_name(f"{path.name}.replaced.{stamp}-{uuid.uuid4().hex[:4]}")
        for suffix in ("-shm", "-wal", ""):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
    fresh.rename(path)
    return aside


def copy_database(path: Path, destination: Path) -> None:
    """Copy a database by the backup API, check the copy, then give it its name.

    The copy is one file without a log. Raises StoreError, NotSaved.
    """
    half = destination.with_name(f"{destination.name}.{uuid.uuid4().hex}.part")
    try:
        with reading(path) as source, closing(sqlite3.connect(half)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
            (found,) = target.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise damaged(str(path), found.replace("\n", " ").strip())
        with half.open("rb+") as file:
            os.fsync(file.fileno())
        half.rename(destination)
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, sqlite3.Error):
            raise explain(error, str(path), saving=True) from error
        raise NotSaved(
            f"The copy {destination} could not be written ({error.strerror}). "
            "Choose a folder that exists and has space."
        ) from error
    finally:
        half.unlink(missing_ok=True)


def _refuse_while_open(path: Path) -> None:
    try:
        refuse_unless_usable(path)
    except StoreError:
        return
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            # In this mode, set before the first access, even an idle reader elsewhere is noticed.
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        raise explain(error, str(path), saving=True) from error


def _report(connection: sqlite3.Connection, path: Path) -> CheckReport:
    tables, schema = tables_and_revision(connection)
    faults: list[str] = []

    def rows_of(statement: str) -> list[tuple[Any, ...]]:
        # Of a damaged database, whatever can still be read is worth knowing.
        try:
            return connection.execute(statement).fetchall()
        except sqlite3.DatabaseError as error:
            faults.append(str(error))
            return []

    faults += [said for (said,) in rows_of("PRAGMA integrity_check") if said != "ok"]
    orphans = len(rows_of("PRAGMA foreign_key_check"))
    counts = {name: rows_of(f'SELECT count(*) FROM "{name}"') for name in sorted(tables)}
    counts.pop("alembic_version", None)
    return CheckReport(
        path=path,
        size=path.stat().st_size,
        schema=schema or "",
        faults=tuple(dict.fromkeys(faults)),
        orphans=orphans,
        counts={name: found[0][0] for name, found in counts.items() if found},
    )


def _file_of(url: str) -> Path:
    path = database_path(url)
    if path is None:
        raise StoreError(
            "Only SQLite databases are copied and checked here. Use the database's own tools."
        )
    return path
