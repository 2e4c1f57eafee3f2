"""The bridge to Jitsi: rooms opened on its server, and who was in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conference",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("asked_start", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("room_created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("room_destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("conference_meeting_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("conference_pkey")),
    )
    op.create_index("conference_meeting_idx", "conference", ["meeting_id", "opened_at"])
    op.create_index(
        "conference_open_key", "conference", ["meeting_id"], unique=True, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_table(
        "occupant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conference_id", sa.Text(), nullable=False),
        sa.Column("room_jid", sa.Text(), nullable=False),
        sa.Column("occupant_jid", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("moderator", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["conference_id"], ["conference.id"], name=op.f("occupant_conference_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("occupant_pkey")),
    )
    op.create_index("occupant_stay_key", "occupant", ["room_jid", "occupant_jid", "joined_at"], unique=True)
    op.create_index("occupant_conference_idx", "occupant", ["conference_id", "joined_at"])
    op.create_index("occupant_joined_at_idx", "occupant", ["joined_at"])


def downgrade() -> None:
    op.drop_table("occupant")
    op.drop_table("conference")
