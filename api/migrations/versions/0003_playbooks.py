"""Playbooks: how devices are let in to over SSH, runs, what they said, what they did to each host."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("device", sa.Column("ssh_port", sa.Integer(), nullable=True))
    op.add_column("device", sa.Column("ssh_user", sa.Text(), nullable=True))
    op.add_column("device", sa.Column("ssh_credential", sa.Text(), nullable=True))
    op.add_column("device", sa.Column("ssh_host_key", sa.Text(), nullable=True))
    op.create_table(
        "playbook_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("check_mode", sa.Boolean(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(), nullable=False),
        sa.Column("targets", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("launched_by_id", sa.Uuid(), nullable=True),
        sa.Column("launched_by", sa.Text(), nullable=False),
        sa.Column("launched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_for", postgresql.JSONB(), nullable=True),
        sa.Column("overridden_by_id", sa.Uuid(), nullable=True),
        sa.Column("overridden_by", sa.Text(), nullable=True),
        sa.Column("override_reason", sa.Text(), nullable=False),
        sa.Column("cancelled_by", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("playbook_run_office_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("playbook_run_pkey")),
    )
    op.create_index("playbook_run_office_idx", "playbook_run", ["office_id", "id"])
    op.create_index(
        "playbook_run_one_an_office_key",
        "playbook_run",
        ["office_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_table(
        "playbook_line",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["playbook_run.id"], name=op.f("playbook_line_run_id_fkey")),
        sa.PrimaryKeyConstraint("run_id", "line_no", name=op.f("playbook_line_pkey")),
    )
    op.create_table(
        "playbook_host",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("ok", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("unreachable", sa.Boolean(), nullable=False),
        sa.Column("diffs", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["playbook_run.id"], name=op.f("playbook_host_run_id_fkey")),
        sa.PrimaryKeyConstraint("run_id", "host", name=op.f("playbook_host_pkey")),
    )


def downgrade() -> None:
    op.drop_table("playbook_host")
    op.drop_table("playbook_line")
    op.drop_table("playbook_run")
    for column in ("ssh_host_key", "ssh_credential", "ssh_user", "ssh_port"):
        op.drop_column("device", column)
