"""Tables of the bridge: the rooms that were opened on the Jitsi server, and who was in them.

Personal data: an occupant's name and account, to tell who attended an official meeting. Kept for `ATTENDANCE_KEPT`,
then removed with the next meeting's end; e-mail addresses and pictures that the server knows are never stored.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal

ATTENDANCE_KEPT: Final = timedelta(days=365)


class ConferenceRow(Base):
    """A time during which a meeting's room was allowed on the server; at most one of a meeting is open.

    Its id is a string everywhere: it is what Prosody calls the reservation, and a number would not survive Lua.
    `asked_start` is `start_time` as Prosody sent it: the same again is the same question again.
    """

    __tablename__ = "conference"
    __table_args__ = (
        Index("conference_meeting_idx", "meeting_id", "opened_at"),
        Index("conference_open_key", "meeting_id", unique=True, postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"))
    asked_start: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    room_created_at: Mapped[datetime | None]
    room_destroyed_at: Mapped[datetime | None]


class OccupantRow(Base):
    """One stay of one occupant, from the server's events: they may come twice, late, in any order, or not at all."""

    __tablename__ = "occupant"
    __table_args__ = (
        Index("occupant_stay_key", "room_jid", "occupant_jid", "joined_at", unique=True),
        Index("occupant_conference_idx", "conference_id", "joined_at"),
        Index("occupant_joined_at_idx", "joined_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    conference_id: Mapped[str] = mapped_column(ForeignKey("conference.id"))
    room_jid: Mapped[str]
    occupant_jid: Mapped[str]
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    account: Mapped[str]
    name: Mapped[str] = mapped_column(
        info=personal("Who attended an official meeting", kept="365 days after the meeting", account="account")
    )
    moderator: Mapped[bool]
