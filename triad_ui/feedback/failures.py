"""What went wrong in the database, in words for a person: the fact, then the remedy.

Knows SQLite's result codes (https://sqlite.org/rescode.html); of other databases it only passes
on what they say.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, TimeoutError

from triad_ui.errors import NotSaved, StoreError

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

FAILURES = (DBAPIError, TimeoutError, sqlite3.Error, UnicodeEncodeError, OverflowError)
"""All that a database call raises and that is not a mistake in this program."""


def code_of(error: BaseException) -> int | None:
    """SQLite's primary result code of an error, None when it is not SQLite's."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def is_busy(error: BaseException) -> bool:
    """True when trying again may help: somebody else is writing."""
    return code_of(error) in _BUSY


def damaged(place: str, detail: str = "") -> StoreError:
    """A database that is not whole; nothing was changed in it."""
    return StoreError(
        f"The database {place} is damaged{f' ({detail})' if detail else ''}. Nothing in it was "
        "changed. Move it aside together with its -wal and -shm files, and put a backup in its "
        "place; without a backup, start anew and keep the damaged files for salvage."
    )


def explain(error: BaseException, place: str, *, saving: bool) -> StoreError:
    """The error for a person. saving: True when something was to be written, which it was not."""
    code = code_of(error)
    if code in _DAMAGED:
        return damaged(place, _said(error))
    if code in _BUSY or isinstance(error, TimeoutError):
        fact = f"The database {place} is in use by another program and did not become free."
        remedy = "Close what else has it open and try again."
    elif code == sqlite3.SQLITE_FULL:
        fact = f"There is no space left for the database {place}."
        remedy = "Free some space on its disk and try again."
    elif code == sqlite3.SQLITE_READONLY:
        fact = f"The database {place} may not be written."
        remedy = "Allow writing to the file and its folder, or choose another with --database-url."
    elif code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}:
        fact = f"The database {place} cannot be opened."
        remedy = "Check that its folder exists and that you may write there."
    elif code == sqlite3.SQLITE_IOERR:
        fact = f"The disk failed while the database {place} was used."
        remedy = "Check the disk, make a backup, and try again."
    elif isinstance(error, UnicodeEncodeError | OverflowError):
        fact = f"A text or number cannot be stored ({_said(error)})."
        remedy = "Change it and try again."
    else:
        fact = f"The database {place} failed: {_said(error)}."
        remedy = "Try again; if it persists, check it and restore a backup."
    if saving:
        return NotSaved(f"Not saved. {fact} {remedy}")
    return StoreError(f"{fact} {remedy}")


def _said(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
