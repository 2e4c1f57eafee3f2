"""Decides whether a conference room may be open now, and says so in the words of Jitsi's reservation API.

The source is `mod_reservations.lua` of jitsi-meet. What it does with an answer shapes ours:

* `id` and `conflict_id` are strings: on Lua 5.4 an integer comes back as `1000.0`.
* No field is ever null, and none has another type than the plugin expects: a number as `start_time` hangs the room
  until Prosody is started again.
* `start_time` is the booked start and `duration` the booked length: Prosody ends the room when they have passed, and
  does not enforce the start. That is ours to do.
* A refusal is remembered for the room, not for who knocked, for 30 to 90 seconds. So Prosody is told yes a little
  earlier than anybody gets a token: a knock in the last moment before the window must not cost its first minute.
* A room asked for is not a meeting begun, and a room gone is not a meeting over: the same room may be asked for again.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

REMEMBERED: Final = timedelta(seconds=90)
"""How long Prosody may repeat a refusal: 30 seconds, looked at once a minute."""

NAME: Final = re.compile(r"[a-z0-9]{12,64}")
"""What a conference of ours is called. All else is unknown, without a look into the database."""

Reason = Literal["unknown", "early", "over", "cancelled"]


@dataclass(frozen=True, slots=True)
class Booking:
    """What the decision needs of a meeting.

    Attributes:
        meeting: Its id.
        title: What it is about.
        conference: Name of its room on the server.
        organiser_id: Account of who booked it; None for a part of the platform.
        organiser: Sign-in name of who booked it.
        starts_at: Booked start (aware UTC).
        ends_at: Booked end (aware UTC).
        cancelled: Whether it was called off.
    """

    meeting: uuid.UUID
    title: str
    conference: str
    organiser_id: uuid.UUID | None
    organiser: str
    starts_at: datetime
    ends_at: datetime
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """A room that may not be open now.

    Attributes:
        why: The reason.
        at: When it opens (`early`) or when it ended (`over`); else None.
    """

    why: Reason
    at: datetime | None = None


def why_closed(
    booking: Booking | None, now: datetime, before: timedelta, *, slack: timedelta = timedelta()
) -> Closed | None:
    """Return why the room may not be open at `now`; None if it may.

    Args:
        booking: The meeting of this room; None if there is none.
        now: Aware UTC.
        before: How long before the start it opens.
        slack: How much earlier it is open all the same, though nobody is told so.

    Raises:
        ValueError: If `now` is naive.
    """
    if now.tzinfo is None:
        message = "a naive time has no place on the time line"
        raise ValueError(message)
    if booking is None:
        return Closed("unknown")
    if booking.cancelled:
        return Closed("cancelled")
    if now < booking.starts_at - before - slack:
        return Closed("early", booking.starts_at - before)
    if now >= booking.ends_at:
        return Closed("over", booking.ends_at)
    return None


def answer(conference_id: str, booking: Booking) -> dict[str, str | int]:
    """Return what tells Prosody that the room may be open: five fields, none of them ever null."""
    return {
        "id": conference_id,
        "name": booking.conference,
        "mail_owner": booking.organiser,
        "start_time": as_prosody_writes(booking.starts_at),
        "duration": int((booking.ends_at - booking.starts_at).total_seconds()),
    }


def as_prosody_writes(at: datetime) -> str:
    """Return an instant as in `2026-11-22T16:34:06.000Z`."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def as_we_wrote(conference_id: str) -> str:
    """Return an id as we gave it: one that went through a number of Lua 5.4 has `.0` at its end."""
    return conference_id.removesuffix(".0")
