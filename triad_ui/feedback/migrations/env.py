"""Alembic's entry: runs migrations on the connection that triad_ui.feedback.migrate hands over.

To write a new one, see docs/feedback.md. There is no alembic.ini and no offline mode.
"""

from __future__ import annotations

from alembic import context

from triad_ui.feedback.schema import Row

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Row.metadata,
    render_as_batch=True,
    # Alembic assumes that SQLite cannot roll back a CREATE TABLE. It can, once BEGIN is ours.
    transactional_ddl=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
