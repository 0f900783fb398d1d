"""Bring a database to the newest schema, with a backup before anything in it is changed.

Alembic is imported only for a database of an older version: most starts find the newest one, and a
new file gets its tables at once, which equals all migrations in turn (tests/feedback/test_migrate).
Knows nothing of what the tables mean.
"""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from triad_ui.feedback.backup import copy_database
from triad_ui.feedback.database_file import refuse_foreign
from triad_ui.feedback.failures import damaged
from triad_ui.feedback.schema import REVISIONS, Row

MIGRATIONS = Path(__file__).parent / "migrations"


def bring_up_to_date(engine: Engine, path: Path | None, place: str) -> None:
    """Create the tables of an empty database, upgrade an older one, refuse a newer or foreign one.

    engine: its transactions must be IMMEDIATE, so that of two starting programs one creates.
    Raises StoreError and the database's own errors.
    """
    with engine.connect() as connection, connection.begin():
        found = _revision(connection, place)
        if found is None:
            create(connection)
            return
    if found == REVISIONS[-1]:
        return
    if path is not None:
        day = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        copy_database(path, path.with_name(f"{path.name}.schema-{found}.{day}.backup"))
    upgrade(engine, place)


def create(connection: Connection) -> None:
    """All tables of the newest schema, stamped with its name."""
    Row.metadata.create_all(connection)
    connection.execute(
        text(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:it)"), {"it": REVISIONS[-1]})


def upgrade(engine: Engine, place: str, revision: str = "head") -> None:
    """Run the migrations in one transaction: a crash in the middle leaves the old schema."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if is_sqlite:
            # A table is rebuilt by dropping it, which must not touch the rows that point to it.
            # The pragma has no effect within a transaction.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
                if is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise damaged(place, "rows point to rows that are not there")
        finally:
            if is_sqlite:
                connection.connection.driver_connection.execute("PRAGMA foreign_keys=ON")


def _revision(connection: Connection, place: str) -> str | None:
    """The schema version in the database; None when it has no tables at all."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    found = None
    if "alembic_version" in tables:
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    refuse_foreign(tables, found, place)
    return found
