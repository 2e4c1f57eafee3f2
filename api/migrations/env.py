"""Alembic's entry: runs the steps on the connection that `api.migrations.upgrade` opened."""

from __future__ import annotations

from alembic import context

from api.migrations.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    compare_type=True,
    transaction_per_migration=True,
    include_schemas=False,
)
with context.begin_transaction():
    context.run_migrations()
