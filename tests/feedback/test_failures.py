"""Every failure becomes a fact and a remedy."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from triad_ui.errors import NotSaved, StoreError
from triad_ui.feedback.failures import explain, is_busy


def sqlite_error(code: int, words: str = "no luck") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (sqlite3.SQLITE_BUSY, r"in use by another program .* Close what else"),
        (sqlite3.SQLITE_FULL, r"no space left .* Free some space"),
        (sqlite3.SQLITE_READONLY, r"may not be written.* Allow writing"),
        (sqlite3.SQLITE_CANTOPEN, r"cannot be opened.* Check that its folder exists"),
        (sqlite3.SQLITE_IOERR, r"disk failed .* make a backup"),
        (sqlite3.SQLITE_ERROR, r"failed: no luck.* Try again"),
    ],
)
def test_a_failed_write_is_not_saved(code: int, says: str) -> None:
    error = OperationalError("INSERT", {}, sqlite_error(code))
    found = explain(error, "s.db", saving=True)
    assert isinstance(found, NotSaved)
    with pytest.raises(NotSaved, match=rf"^Not saved\. The.*{says}|^Not saved\. There.*{says}"):
        raise found
    read = explain(error, "s.db", saving=False)
    assert type(read) is StoreError
    assert "Not saved" not in str(read)


def test_damage_is_said_the_same_when_reading_and_writing() -> None:
    error = sqlite_error(sqlite3.SQLITE_CORRUPT, "malformed")
    for saving in (True, False):
        assert "s.db is damaged (malformed)" in str(explain(error, "s.db", saving=saving))


def test_extended_codes_count_as_busy() -> None:
    assert is_busy(OperationalError("BEGIN", {}, sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT)))
    assert not is_busy(sqlite_error(sqlite3.SQLITE_FULL))
    assert not is_busy(ValueError())
