"""Alembic reads its steps here, in the order of their revisions."""
