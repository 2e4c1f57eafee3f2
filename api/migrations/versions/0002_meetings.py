"""Meetings: rooms, reservations that cannot overlap, readiness and its checks to come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "room",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_sort", sa.Text(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.CheckConstraint("capacity > 0", name=op.f("room_capacity_check")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("room_office_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("room_pkey")),
        sa.UniqueConstraint("code", name=op.f("room_code_key")),
    )
    op.create_index(op.f("room_name_sort_idx"), "room", ["name_sort"], unique=False)
    op.create_index(op.f("room_office_id_idx"), "room", ["office_id"], unique=False)
    op.create_table(
        "room_device",
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("room_device_device_id_fkey")),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("room_device_room_id_fkey")),
        sa.PrimaryKeyConstraint("room_id", "device_id", name=op.f("room_device_pkey")),
    )
    op.create_index(op.f("room_device_device_id_idx"), "room_device", ["device_id"], unique=False)
    op.create_table(
        "meeting",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("conference", sa.Text(), nullable=False),
        sa.Column("organiser_id", sa.Uuid(), nullable=True),
        sa.Column("organiser", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("meeting_lasts_check")),
        sa.CheckConstraint("state IN ('booked', 'cancelled')", name=op.f("meeting_state_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("meeting_pkey")),
        sa.UniqueConstraint("conference", name=op.f("meeting_conference_key")),
    )
    op.create_index("meeting_starts_at_idx", "meeting", ["starts_at", "id"], unique=False)
    op.create_table(
        "reservation",
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        # With the table from the first day: added later it would lock the table for minutes.
        postgresql.ExcludeConstraint(
            (sa.column("room_id"), "="),
            (sa.column("during"), "&&"),
            where=sa.text("state IN (1, 2)"),
            using="gist",
            name="reservation_no_overlap",
        ),
        sa.CheckConstraint("state IN (1, 2, 3)", name=op.f("reservation_state_check")),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("reservation_meeting_id_fkey")),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("reservation_room_id_fkey")),
        sa.PrimaryKeyConstraint("meeting_id", "room_id", name=op.f("reservation_pkey")),
    )
    op.create_index("reservation_room_begin_idx", "reservation", ["room_id", sa.text("lower(during)")], unique=False)
    op.create_table(
        "booking_key",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("booking_key_pkey")),
    )
    op.create_table(
        "readiness",
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("readiness_meeting_id_fkey")),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("readiness_room_id_fkey")),
        sa.PrimaryKeyConstraint("meeting_id", "room_id", "stage", name=op.f("readiness_pkey")),
    )
    op.create_table(
        "due_check",
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("due_check_meeting_id_fkey")),
        sa.PrimaryKeyConstraint("meeting_id", "stage", name=op.f("due_check_pkey")),
    )
    op.create_index(op.f("due_check_due_at_idx"), "due_check", ["due_at"], unique=False)


def downgrade() -> None:
    op.drop_table("due_check")
    op.drop_table("readiness")
    op.drop_table("booking_key")
    op.drop_table("reservation")
    op.drop_table("meeting")
    op.drop_table("room_device")
    op.drop_table("room")
