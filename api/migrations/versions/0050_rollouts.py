"""Rollouts: runs on many devices, in waves, with claims, approvals and windows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050"
down_revision = "0043"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
TEXTS = sa.ARRAY(sa.Text())


def run_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("wish", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("plan", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("devices", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("offices", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("content", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("priority", sa.Text(), server_default="routine", nullable=False),
        sa.Column("approve_by", INSTANT, nullable=True),
        sa.Column("approved_by_id", sa.Uuid(), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", INSTANT, nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.Column("undo_of", sa.Uuid(), nullable=True),
        sa.Column("hindrances", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("look_at", INSTANT, nullable=True),
        sa.Column("last_line", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tally", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    ]


def host_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("office_id", sa.Uuid(), nullable=True),
        sa.Column("wave", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("groups", TEXTS, server_default="{}", nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("seen_at", INSTANT, nullable=True),
        sa.Column("seconds", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("task", sa.Text(), server_default="", nullable=False),
        sa.Column("report", postgresql.JSONB(), nullable=True),
    ]


# What old runs did, in the words of now.
OLD_RUNS = """
UPDATE playbook_run r SET devices = jsonb_array_length(r.targets), offices = 1,
       last_line = coalesce((SELECT max(line_no) FROM playbook_line l WHERE l.run_id = r.id), 0)
"""
OLD_HOSTS = """
UPDATE playbook_host h SET office_id = r.office_id, started_at = r.started_at, ended_at = r.ended_at, tries = 1,
       state = CASE
           WHEN h.unreachable THEN 'expired'
           WHEN h.failed > 0 THEN 'failed'
           WHEN r.state IN ('waiting', 'running', 'held') THEN 'running'
           WHEN h.ok + h.changed > 0 THEN 'done'
           ELSE 'interrupted' END
  FROM playbook_run r WHERE r.id = h.run_id
"""


def upgrade() -> None:
    op.alter_column("playbook_run", "office_id", nullable=True)
    for column in run_columns():
        op.add_column("playbook_run", column)
    for name in ("retry_of", "undo_of"):
        op.create_foreign_key(op.f(f"playbook_run_{name}_fkey"), "playbook_run", "playbook_run", [name], ["id"])
    op.create_index(
        "playbook_run_look_idx", "playbook_run", ["look_at"], postgresql_where=sa.text("look_at IS NOT NULL")
    )
    for column in host_columns():
        op.add_column("playbook_host", column)
    op.create_foreign_key(op.f("playbook_host_office_id_fkey"), "playbook_host", "office", ["office_id"], ["id"])
    op.execute(OLD_RUNS)
    op.execute(OLD_HOSTS)
    op.create_index("playbook_host_state_idx", "playbook_host", ["run_id", "state", "wave"])
    op.create_index("playbook_host_office_idx", "playbook_host", ["office_id"])
    op.create_index(
        "playbook_host_lane_idx", "playbook_host", ["office_id"], postgresql_where=sa.text("state = 'unreachable'")
    )
    op.create_table(
        "playbook_wave",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Uuid(), nullable=True),
        sa.Column("hosts", postgresql.JSONB(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("alarms", postgresql.JSONB(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("soak_until", INSTANT, nullable=True),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["playbook_run.id"], name=op.f("playbook_wave_run_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("playbook_wave_pkey")),
    )
    op.create_index("playbook_wave_run_idx", "playbook_wave", ["run_id"])
    op.create_index(
        "playbook_wave_going_idx",
        "playbook_wave",
        ["state"],
        postgresql_where=sa.text("state IN ('waiting', 'running', 'soaking')"),
    )
    op.create_table(
        "playbook_task",
        sa.Column("wave_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hosts", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("longest_s", sa.Float(), nullable=False),
        sa.Column("slowest_host", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["wave_id"], ["playbook_wave.id"], name=op.f("playbook_task_wave_id_fkey")),
        sa.PrimaryKeyConstraint("wave_id", "place", name=op.f("playbook_task_pkey")),
    )
    op.create_table(
        "playbook_claim",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("groups", TEXTS, nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("wave_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["playbook_run.id"], name=op.f("playbook_claim_run_id_fkey")),
        sa.ForeignKeyConstraint(["wave_id"], ["playbook_wave.id"], name=op.f("playbook_claim_wave_id_fkey")),
        sa.PrimaryKeyConstraint("device", name=op.f("playbook_claim_pkey")),
    )
    op.create_index(op.f("playbook_claim_wave_id_idx"), "playbook_claim", ["wave_id"])
    op.create_table(
        "time_window",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("office_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("first_local", sa.DateTime(timezone=False), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("made_by_id", sa.Uuid(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.CheckConstraint("num_nonnulls(unit_id, office_id, device_id) = 1", name=op.f("time_window_one_node_check")),
        sa.CheckConstraint("minutes > 0", name=op.f("time_window_lasts_check")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("time_window_unit_id_fkey")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("time_window_office_id_fkey")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("time_window_device_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("time_window_pkey")),
    )
    op.create_index("time_window_going_idx", "time_window", ["id"], postgresql_where=sa.text("ended_at IS NULL"))


def downgrade() -> None:
    for table in ("time_window", "playbook_claim", "playbook_task", "playbook_wave"):
        op.drop_table(table)
    for index in ("playbook_host_lane_idx", "playbook_host_office_idx", "playbook_host_state_idx"):
        op.drop_index(index, "playbook_host")
    for column in host_columns():
        op.drop_column("playbook_host", column.name)
    op.execute("DELETE FROM playbook_line WHERE run_id IN (SELECT id FROM playbook_run WHERE office_id IS NULL)")
    op.execute("DELETE FROM playbook_host WHERE run_id IN (SELECT id FROM playbook_run WHERE office_id IS NULL)")
    for column in run_columns():
        op.drop_column("playbook_run", column.name)
    op.execute("DELETE FROM playbook_run WHERE office_id IS NULL")
    op.alter_column("playbook_run", "office_id", nullable=False)
