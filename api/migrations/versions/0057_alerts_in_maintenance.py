"""Alerts that are silent within a maintenance window."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert", sa.Column("maintenance", sa.Text(), nullable=True))
    op.add_column("alert", sa.Column("maintenance_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "alert_silent_idx",
        "alert",
        ["id"],
        postgresql_where=sa.text("cleared_at IS NULL AND maintenance_until IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("alert_silent_idx", table_name="alert")
    op.drop_column("alert", "maintenance_until")
    op.drop_column("alert", "maintenance")
