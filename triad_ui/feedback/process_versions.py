"""Versions of manufacturing processes within a transaction: snapshots of cases, saved versions.

A shipped process may change its text and keep its number, and a pasted one has no history; so a
row is known by its content, and only saved rows make up the numbered history of a name.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session as DbSession

from triad_ui.feedback.rows import process_columns, process_record
from triad_ui.feedback.schema import ProcessRow
from triad_ui.records import ManufacturingProcess


def snapshot(db: DbSession, process: ManufacturingProcess, created: float) -> ProcessRow:
    """The row that has exactly this content, new or not."""
    columns = process_columns(process)
    row = db.scalar(select(ProcessRow).where(ProcessRow.digest == columns["digest"]))
    if row is None:
        row = ProcessRow(**columns, saved=False, created=created)
        db.add(row)
    return row


def next_version(
    db: DbSession, process: ManufacturingProcess, at_least: int, created: float
) -> ProcessRow:
    """The saved row of this text: the newest of its name when equal, else a new version."""
    newest = db.scalar(
        select(ProcessRow)
        .where(ProcessRow.saved, ProcessRow.name == process.name)
        .order_by(ProcessRow.version.desc())
        .limit(1)
    )
    if newest is not None:
        found = process_record(newest)
        if replace(process, version=found.version, source=found.source) == found:
            return newest
        at_least = max(at_least, found.version + 1)
    row = snapshot(db, replace(process, version=at_least, source="saved"), created)
    row.saved = True
    return row
