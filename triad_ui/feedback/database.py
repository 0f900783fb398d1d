"""One database: how it is opened, and how a piece of work becomes a transaction.

SQLite is set up so that what was acknowledged survives a crash and a power loss (WAL with
synchronous=FULL) and so that many writers wait for each other instead of failing (BEGIN IMMEDIATE,
a lock within this job, a long busy timeout, a bounded retry). Other URLs are handed to SQLAlchemy
as they are; only SQLite is tested.
Knows nothing of what is stored.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.orm import Session as DbSession

from triad_ui.errors import StoreError
from triad_ui.feedback.database_file import database_path, refuse_unless_usable
from triad_ui.feedback.failures import FAILURES, explain, is_busy
from triad_ui.feedback.migrate import bring_up_to_date

BUSY_SECONDS = 30.0
"""How long one statement waits for another writer."""

TRIES = 3
"""How often a transaction is begun anew when the database stays busy."""

_WRITES = "triad_writes"
T = TypeVar("T")


class Database:
    """An open database with the newest schema. Safe to use from many threads."""

    def __init__(self, url: str) -> None:
        """Open or create; upgrade an older schema after a backup.

        Raises StoreError, leaving the file as it was, when it is damaged, not a database, somebody
        else's, or written by a newer version.
        """
        self.path = database_path(url)
        self.place = str(self.path) if self.path else make_url(url).render_as_string()
        if self.path:
            refuse_unless_usable(self.path)
        self._turnstile = threading.Lock()
        self._engine = _engine(url, self.place, is_sqlite=self.path is not None)
        self._writing = self._engine.execution_options(**{_WRITES: True})
        try:
            self._again(lambda: bring_up_to_date(self._writing, self.path, self.place), True)
        except BaseException:
            self._engine.dispose()
            raise

    def read(self, work: Callable[[DbSession], T]) -> T:
        """Run `work` on one consistent state. Raises StoreError; what `work` raises passes."""

        def run() -> T:
            with DbSession(self._engine) as db:
                return work(db)

        return self._again(run, saving=False)

    def write(self, work: Callable[[DbSession], T]) -> T:
        """Run `work` in one transaction; when this returns, it is on the disk.

        `work` may run more than once and must not keep rows between runs. Raises NotSaved when
        nothing was written.
        """

        def run() -> T:
            # Within this job writers queue here, in turn and without polling the file.
            with self._turnstile, DbSession(self._writing) as db, db.begin():
                return work(db)

        return self._again(run, saving=True)

    def close(self) -> None:
        """Move the write-ahead log into the database file and let go of it.

        A later read or write opens it again: an answer that is still being stopped can be kept.
        """

        def checkpoint() -> None:
            with self._engine.connect() as connection:
                connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        try:
            if self.path:
                self._again(checkpoint, saving=False)
        finally:
            self._engine.dispose()

    def _again(self, run: Callable[[], T], saving: bool) -> T:
        for attempt in range(TRIES):
            try:
                return run()
            except FAILURES as error:
                if attempt + 1 == TRIES or not is_busy(error):
                    raise explain(error, self.place, saving=saving) from error
                time.sleep(random.uniform(0.01, 0.05) * 2**attempt)
        raise AssertionError("unreachable")


def _engine(url: str, place: str, *, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        try:
            return create_engine(url)
        except (NoSuchModuleError, ImportError) as error:
            raise StoreError(
                f"The database {place} needs a driver that is not here ({error}). "
                "Install it with pip, or use sqlite:///sessions.db; only SQLite is tested."
            ) from error
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=32,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: object) -> None:
        # Python's own BEGIN comes too late (before the first write, not the first read).
        connection.isolation_level = None
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise StoreError(
                f"The folder of the database {place} does not support a write-ahead log; network "
                "folders do not. Put the database on a local disk with --database-url."
            )
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A reader that turns writer fails at once when another wrote in between: BUSY_SNAPSHOT.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
