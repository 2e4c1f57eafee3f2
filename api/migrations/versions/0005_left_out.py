"""Playbook runs keep which devices of the office they leave out, and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a default: the release before, which knows nothing of it, goes on inserting.
    op.add_column(
        "playbook_run",
        sa.Column("left_out", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("playbook_run", "left_out")
