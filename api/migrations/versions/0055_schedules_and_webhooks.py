"""Playbooks by schedule and by webhook, and who is told of runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0055"
down_revision = "0050"
branch_labels = None
depends_on = None

LOCAL = sa.DateTime(timezone=False)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "playbook_schedule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        *_order(),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("first_local", LOCAL, nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("on_holiday", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_at", INSTANT, nullable=True),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.CheckConstraint("on_holiday IN ('keep', 'skip', 'move')", name=op.f("playbook_schedule_on_holiday_check")),
        sa.CheckConstraint("state IN ('on', 'paused', 'ended')", name=op.f("playbook_schedule_state_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("playbook_schedule_pkey")),
    )
    op.create_index(
        "playbook_schedule_next_at_idx", "playbook_schedule", ["next_at"], postgresql_where=sa.text("state = 'on'")
    )
    op.create_index("playbook_schedule_owner_id_idx", "playbook_schedule", ["owner_id", "id"])
    op.create_table(
        "playbook_fire",
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint("outcome IN ('launched', 'refused', 'missed')", name=op.f("playbook_fire_outcome_check")),
        sa.ForeignKeyConstraint(["schedule_id"], ["playbook_schedule.id"], name=op.f("playbook_fire_schedule_id_fkey")),
        sa.PrimaryKeyConstraint("schedule_id", "due_at", name=op.f("playbook_fire_pkey")),
    )
    op.create_table(
        "playbook_hook",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        *_order(),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("playbook_hook_pkey")),
    )
    op.create_table(
        "playbook_hook_call",
        sa.Column("hook_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["hook_id"], ["playbook_hook.id"], name=op.f("playbook_hook_call_hook_id_fkey")),
        sa.PrimaryKeyConstraint("hook_id", "message_id", name=op.f("playbook_hook_call_pkey")),
    )
    op.create_table(
        "playbook_receiver",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("url", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("events", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("playbook_receiver_pkey")),
    )
    op.create_table(
        "playbook_delivery",
        sa.Column("receiver_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["playbook_receiver.id"], name=op.f("playbook_delivery_receiver_id_fkey")
        ),
        sa.PrimaryKeyConstraint("receiver_id", "event_id", name=op.f("playbook_delivery_pkey")),
    )


def downgrade() -> None:
    for table in (
        "playbook_delivery",
        "playbook_receiver",
        "playbook_hook_call",
        "playbook_hook",
        "playbook_fire",
        "playbook_schedule",
    ):
        op.drop_table(table)


def _order() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("target", postgresql.JSONB(), nullable=False),
        sa.Column("check_mode", sa.Boolean(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(), nullable=False),
        sa.Column("only_in_windows", sa.Boolean(), nullable=False),
    )
