"""Kinds of meetings, who books for whom, holds, deputies, rooms' hours and their own calendar addresses."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0038"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
DAY = "07:30-11:30,13:30-17:00"
KINDS: tuple[tuple[Any, ...], ...] = (
    # code, name, name_en, minutes, hours, every_day, on_holiday, capacity, equipment, accessible
    ("briefing", "Giao ban", "Briefing", 60, DAY, False, "move", 1, [], False),
    ("training", "Tập huấn", "Training", 180, DAY, False, "skip", 15, [], False),
    ("emergency", "Họp khẩn", "Emergency meeting", 30, "00:00-24:00", True, "keep", 1, [], False),
    ("hearing", "Tiếp công dân", "Hearing with citizens", 120, DAY, False, "move", 1, [], True),
)
NAMES = (
    "code", "name", "name_en", "minutes", "hours", "every_day", "on_holiday", "capacity", "equipment", "accessible",
)  # fmt: skip


def upgrade() -> None:
    kind = op.create_table(
        "meeting_kind",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("every_day", sa.Boolean(), nullable=False),
        sa.Column("on_holiday", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("equipment", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("accessible", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("minutes > 0 AND capacity > 0", name=op.f("meeting_kind_sizes_check")),
        sa.CheckConstraint("on_holiday IN ('keep', 'skip', 'move')", name=op.f("meeting_kind_on_holiday_check")),
        sa.PrimaryKeyConstraint("code", name=op.f("meeting_kind_pkey")),
    )
    op.bulk_insert(kind, [{**dict(zip(NAMES, row, strict=True)), "position": place} for place, row in enumerate(KINDS)])
    op.create_table(
        "delegate",
        sa.Column("leader_id", sa.Uuid(), nullable=False),
        sa.Column("delegate_id", sa.Uuid(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.CheckConstraint("leader_id <> delegate_id", name=op.f("delegate_other_check")),
        sa.PrimaryKeyConstraint("leader_id", "delegate_id", name=op.f("delegate_pkey")),
    )
    op.create_index(op.f("delegate_delegate_id_idx"), "delegate", ["delegate_id"], unique=False)
    op.create_table(
        "meeting_deputy",
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("deputy", sa.Text(), nullable=False),
        sa.Column("instead_of", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("meeting_deputy_meeting_id_fkey")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("meeting_deputy_office_id_fkey")),
        sa.PrimaryKeyConstraint("meeting_id", "office_id", name=op.f("meeting_deputy_pkey")),
    )
    op.create_table(
        "room_feed",
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("room_feed_room_id_fkey")),
        sa.PrimaryKeyConstraint("room_id", name=op.f("room_feed_pkey")),
        sa.UniqueConstraint("key", name=op.f("room_feed_key_key")),
    )
    # With defaults, or empty: the release before, which knows nothing of them, goes on inserting.
    for table in ("meeting", "series"):
        op.add_column(table, sa.Column("kind", sa.Text(), server_default=sa.text("''"), nullable=False))
        op.add_column(table, sa.Column("booked_by_id", sa.Uuid(), nullable=True))
        op.add_column(table, sa.Column("booked_by", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("meeting", sa.Column("held_until", INSTANT, nullable=True))
    op.create_index(
        "meeting_held_until_idx",
        "meeting",
        ["held_until"],
        postgresql_where=sa.text("held_until IS NOT NULL AND state = 'booked'"),
    )
    op.add_column("room", sa.Column("hours", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("room", sa.Column("bookable_by", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.create_index(
        "reservation_waiting_idx", "reservation", ["room_id"], postgresql_where=sa.text("state = 4")
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("reservation_waiting_idx", table_name="reservation")
    op.drop_column("room", "bookable_by")
    op.drop_column("room", "hours")
    # What was only held is no booking to the release before.
    op.execute("UPDATE reservation SET state = 3 FROM meeting WHERE meeting.id = meeting_id AND held_until IS NOT NULL")
    op.execute("UPDATE meeting SET state = 'cancelled' WHERE held_until IS NOT NULL")
    op.drop_index("meeting_held_until_idx", table_name="meeting")
    op.drop_column("meeting", "held_until")
    for table in ("meeting", "series"):
        for name in ("booked_by", "booked_by_id", "kind"):
            op.drop_column(table, name)
    for table in ("room_feed", "meeting_deputy", "delegate", "meeting_kind"):
        op.drop_table(table)
