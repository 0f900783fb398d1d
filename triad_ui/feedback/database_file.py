"""Is this file a whole SQLite database, and ours? Looked at without writing a byte of it.

Knows nothing of the tables but their version.
Format: https://sqlite.org/fileformat2.html, section 1.3.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from triad_ui.errors import StoreError
from triad_ui.feedback.failures import damaged, explain
from triad_ui.feedback.schema import REVISIONS

_MAGIC = b"SQLite format 3\x00"

LARGEST_CHECKED = 64 * 2**20
"""Bytes up to which all pages are checked at every start; `backup.check` has no limit."""


def database_path(url: str) -> Path | None:
    """The file of a SQLite URL, None for another kind of database.

    Raises StoreError for a URL that cannot be used: malformed, or SQLite without a file.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(
            f"The database URL {url!r} cannot be read. Write it like sqlite:///sessions.db."
        ) from error
    if parsed.get_backend_name() != "sqlite":
        return None
    name = parsed.database or ""
    if name in ("", ":memory:") or name.startswith("file:"):
        raise StoreError(
            f"The database URL {url!r} names no file. Write it like sqlite:///sessions.db."
        )
    return Path(name)


def refuse_unless_usable(path: Path) -> None:
    """Return when the file is absent, empty or a sound database of this or an older version.

    Raises StoreError when it is anything else; it is left as it was.
    """
    if not path.parent.is_dir():
        raise StoreError(
            f"The folder {path.parent} of the database does not exist. Create it, or choose "
            "another with --database-url."
        )
    if path.is_dir():
        raise StoreError(f"{path} is a folder, not a database. Choose another name.")
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            f"The database {path} cannot be read ({error.strerror}). Check its permissions."
        ) from error
    if not header:
        return
    if header[:16] != _MAGIC[: len(header[:16])]:
        raise StoreError(
            f"{path} is not a database of this program. Nothing in it was changed. Move it away, "
            "or choose another file with --database-url."
        )
    if len(header) < 100:
        raise damaged(str(path), "cut short within its header")
    # Pages that the header promises may still be in a log, which another program may be moving into
    # the file right now: so first the header, then the logs, and the size last.
    pending = any(_size(path.with_name(path.name + log)) for log in ("-wal", "-journal"))
    size = _size(path)
    if not pending and size < _bytes_promised(header):
        raise damaged(str(path), f"cut short to {size} bytes")
    try:
        with reading(path) as connection:
            if size <= LARGEST_CHECKED:
                (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if found != "ok":
                    raise damaged(str(path), found.replace("\n", " ").strip())
            refuse_foreign(*tables_and_revision(connection), str(path))
    except sqlite3.Error as error:
        raise explain(error, str(path), saving=False) from error


def refuse_foreign(tables: Collection[str], revision: str | None, place: str) -> None:
    """Raises StoreError for another program's tables and for a schema newer than ours."""
    if tables and revision is None:
        raise StoreError(
            f"The database {place} belongs to another program (it has tables that are not ours). "
            "Choose another file with --database-url. Nothing in it was changed."
        )
    if tables and revision not in REVISIONS:
        raise StoreError(
            f"The database {place} was written by a newer version of this program (schema "
            f"{revision}; this one reads up to {REVISIONS[-1]}). Update the program, or choose "
            "another file with --database-url. Nothing in it was changed."
        )


def tables_and_revision(connection: sqlite3.Connection) -> tuple[list[str], str | None]:
    """The names of all tables, and the schema version where there is one."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    tables = [name for (name,) in rows if not name.startswith("sqlite_")]
    if "alembic_version" not in tables:
        return tables, None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return tables, row and row[0]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _bytes_promised(header: bytes) -> int:
    page = int.from_bytes(header[16:18], "big")
    return (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write, nor checkpoint a log that a crash has left."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)
    try:
        yield connection
    finally:
        connection.close()
