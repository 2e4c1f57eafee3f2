"""A calendar of one's own meetings for any program that reads iCalendar, at an address that only its owner knows.

Times go over as UTC: each meeting of a series is there by itself, so that no program has to expand a rule or know a
zone. A meeting's UID stays the same for ever and its SEQUENCE grows with each change (RFC 5545, 3.8.7.4).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import icalendar
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from inventory.public import MEETINGS_READ, actor_for
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotSignedIn
from meetings.errors import NoCalendar
from meetings.models import CalendarFeedRow, MeetingRow
from meetings.queries import views_of
from meetings.views import MeetingView

SECRET_BYTES: Final = 32
PAST: Final = timedelta(days=30)
MOST_MEETINGS: Final = 2000
EVERY: Final = timedelta(minutes=30)
"""How often programs are asked to look again; many look when they like."""


async def make_feed(actor: Actor, tx: Transaction) -> str:
    """Return the secret of a new address of the actor's calendar; the one before, if any, opens nothing any more."""
    actor.require(MEETINGS_READ)
    if actor.id is None:
        raise NotSignedIn
    secret = secrets.token_urlsafe(SECRET_BYTES)
    values = {"key": _key(secret), "made_at": tx.now()}
    statement = insert(CalendarFeedRow).values(account_id=actor.id, **values)
    await tx.session.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))
    tx.audit(actor, "calendar-feed.made", f"account:{actor.name}")
    return secret


async def revoke_feed(actor: Actor, tx: Transaction) -> None:
    """Let the address of the actor's calendar open nothing any more. Twice is as once."""
    actor.require(MEETINGS_READ)
    gone = delete(CalendarFeedRow).where(CalendarFeedRow.account_id == actor.id).returning(CalendarFeedRow.account_id)
    if (await tx.session.execute(gone)).one_or_none() is not None:
        tx.audit(actor, "calendar-feed.revoked", f"account:{actor.name}")


async def feed_of(secret: str, tx: Transaction) -> bytes:
    """Return the calendar (RFC 5545) of who has this secret: what they organise, from 30 days ago on.

    Raises:
        NoCalendar: It is nobody's, or of an account that may not read meetings any more.
    """
    row = (
        await tx.session.execute(select(CalendarFeedRow.account_id).where(CalendarFeedRow.key == _key(secret)))
    ).one_or_none()
    actor = await actor_for(row.account_id, tx) if row is not None else None
    if actor is None or not actor.may(MEETINGS_READ):
        raise NoCalendar
    rows = await tx.session.scalars(
        select(MeetingRow)
        .where(MeetingRow.organiser_id == actor.id, MeetingRow.ends_at > tx.now() - PAST)
        .order_by(MeetingRow.starts_at, MeetingRow.id)
        .limit(MOST_MEETINGS)
    )
    return calendar(await views_of(actor, tx, list(rows)))


def calendar(meetings: Sequence[MeetingView]) -> bytes:
    """Return `meetings` as iCalendar text."""
    made = icalendar.Calendar()
    made.add("prodid", "-//Vùng Cao//Meetings//VI")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("refresh-interval", EVERY, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", EVERY)
    for meeting in meetings:
        event = icalendar.Event()
        event.add("uid", f"{meeting.id}@vungcao")
        event.add("dtstamp", meeting.starts_at)
        event.add("sequence", meeting.version - 1)
        event.add("dtstart", meeting.starts_at)
        event.add("dtend", meeting.ends_at)
        event.add("summary", meeting.title)
        event.add("status", "CONFIRMED" if meeting.state == "booked" else "CANCELLED")
        event.add("location", ", ".join(room.name for room in meeting.rooms))
        made.add_component(event)
    return bytes(made.to_ical())


def _key(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
