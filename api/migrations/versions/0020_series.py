"""Meetings that come again, the official calendar, and reservations that wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0010"
branch_labels = None
depends_on = None

LOCAL = sa.DateTime(timezone=False)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("first_local", LOCAL, nullable=False),
        sa.Column("until_local", LOCAL, nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.ARRAY(LOCAL), nullable=False),
        sa.Column("on_holiday", sa.Text(), nullable=False),
        sa.Column("booked_until", INSTANT, nullable=False),
        sa.Column("organiser_id", sa.Uuid(), nullable=True),
        sa.Column("organiser", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("minutes > 0", name=op.f("series_lasts_check")),
        sa.CheckConstraint("on_holiday IN ('keep', 'skip', 'move')", name=op.f("series_on_holiday_check")),
        sa.CheckConstraint("state IN ('running', 'ended')", name=op.f("series_state_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("series_pkey")),
    )
    op.create_index(op.f("series_family_id_idx"), "series", ["family_id"], unique=False)
    op.create_index(
        "series_booked_until_idx", "series", ["booked_until"], postgresql_where=sa.text("state = 'running'")
    )
    op.create_table(
        "series_room",
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("series_room_room_id_fkey")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("series_room_series_id_fkey")),
        sa.PrimaryKeyConstraint("series_id", "room_id", name=op.f("series_room_pkey")),
    )
    op.create_index(op.f("series_room_room_id_idx"), "series_room", ["room_id"], unique=False)
    op.create_table(
        "calendar_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("off", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("calendar_day_pkey")),
    )
    op.create_table(
        "calendar_feed",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("calendar_feed_pkey")),
        sa.UniqueConstraint("key", name=op.f("calendar_feed_key_key")),
    )
    # With defaults, or empty: the release before, which knows nothing of them, goes on inserting.
    op.add_column("room", sa.Column("kind", sa.Text(), server_default=sa.text("'room'"), nullable=False))
    op.add_column("room", sa.Column("equipment", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("room", sa.Column("accessible", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_check_constraint(
        op.f("room_kind_check"), "room", "kind IN ('room', 'virtual', 'kit', 'recorder', 'interpreter', 'person')"
    )
    for name in ("before_min", "after_min"):
        op.add_column("room", sa.Column(name, sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
    op.create_check_constraint(op.f("room_buffers_check"), "room", "before_min >= 0 AND after_min >= 0")
    op.add_column("room", sa.Column("approval", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("room", sa.Column("manager", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("room", sa.Column("release_min", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("room", sa.Column("calendar", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("meeting", sa.Column("series_id", sa.Uuid(), nullable=True))
    op.add_column("meeting", sa.Column("original_local", LOCAL, nullable=True))
    op.add_column("meeting", sa.Column("changed", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_foreign_key(op.f("meeting_series_id_fkey"), "meeting", "series", ["series_id"], ["id"])
    op.create_unique_constraint(
        op.f("meeting_series_id_original_local_key"), "meeting", ["series_id", "original_local"]
    )
    op.add_column("reservation", sa.Column("required", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.add_column("reservation", sa.Column("asked_at", INSTANT, server_default=sa.text("now()"), nullable=False))
    op.add_column("reservation", sa.Column("checked_in_at", INSTANT, nullable=True))
    op.add_column("reservation", sa.Column("why", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_index(
        "reservation_due_idx",
        "reservation",
        [sa.text("lower(during)")],
        postgresql_where=sa.text("state = 1 OR (state = 2 AND checked_in_at IS NULL)"),
    )
    _states("1, 2, 3, 4")


def downgrade() -> None:
    op.execute("UPDATE reservation SET state = 3 WHERE state = 4")
    _states("1, 2, 3")
    op.drop_index("reservation_due_idx", table_name="reservation")
    for name in ("asked_at", "required", "checked_in_at", "why"):
        op.drop_column("reservation", name)
    op.drop_column("meeting", "changed")
    op.drop_column("meeting", "original_local")
    op.drop_column("meeting", "series_id")
    op.drop_constraint(op.f("room_buffers_check"), "room", type_="check")
    op.drop_constraint(op.f("room_kind_check"), "room", type_="check")
    for name in (
        "calendar",
        "before_min",
        "after_min",
        "kind",
        "equipment",
        "accessible",
        "approval",
        "manager",
        "release_min",
    ):
        op.drop_column("room", name)
    op.drop_table("calendar_feed")
    op.drop_table("calendar_day")
    op.drop_table("series_room")
    op.drop_table("series")


def _states(allowed: str) -> None:
    op.drop_constraint(op.f("reservation_state_check"), "reservation", type_="check")
    op.create_check_constraint(op.f("reservation_state_check"), "reservation", f"state IN ({allowed})")
