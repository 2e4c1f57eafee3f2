"""Checks of services: what is asked of a device beside SNMP."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "service_check",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("every_s", sa.Integer(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("service_check_device_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("service_check_pkey")),
        sa.UniqueConstraint("code", name=op.f("service_check_code_key")),
    )
    op.create_index(op.f("service_check_device_id_idx"), "service_check", ["device_id"], unique=False)


def downgrade() -> None:
    op.drop_table("service_check")
