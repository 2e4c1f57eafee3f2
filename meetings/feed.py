"""Calendars for any program that reads iCalendar: of one's own meetings and of a room, each at a secret address.

Who has the address reads the calendar, or only when there is something (free and busy); who made it can take it back.

Times go over as UTC: each meeting of a series is there by itself, so that no program has to expand a rule or know a
zone. A meeting's UID stays the same for ever and its SEQUENCE grows with each change (RFC 5545, 3.8.7.4).
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import icalendar
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from inventory.public import MEETINGS_READ, actor_for, day_of, start_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound, NotSignedIn
from meetings.errors import NoCalendar, NotYourRoom
from meetings.models import CalendarFeedRow, MeetingRow, RoomFeedRow, RoomRow
from meetings.queries import own, views_of
from meetings.reserving import EVERYBODY, managed_by
from meetings.room_queries import rooms_by_code, uses_of
from meetings.rooms import RoomView
from meetings.views import Door, MeetingView, RoomUse

SECRET_BYTES: Final = 32
PAST: Final = timedelta(days=30)
AHEAD: Final = timedelta(days=366)
MOST_MEETINGS: Final = 2000
AT_THE_DOOR: Final = timedelta(days=7)
MOST_AT_THE_DOOR: Final = 100
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
    actor = await _owner(secret, tx)
    rows = await tx.session.scalars(
        select(MeetingRow)
        .where(own(actor), MeetingRow.ends_at > tx.now() - PAST)
        .order_by(MeetingRow.starts_at, MeetingRow.id)
        .limit(MOST_MEETINGS)
    )
    return calendar(await views_of(actor, tx, list(rows)))


async def busy_of(secret: str, tx: Transaction) -> bytes:
    """Return when who has this secret is busy (RFC 5545, VFREEBUSY), a year ahead; raises as `feed_of`."""
    actor = await _owner(secret, tx)
    rows = await tx.session.execute(
        select(MeetingRow.starts_at, MeetingRow.ends_at, MeetingRow.held_until)
        .where(own(actor), MeetingRow.state == "booked", MeetingRow.ends_at > tx.now())
        .where(MeetingRow.starts_at < tx.now() + AHEAD)
        .order_by(MeetingRow.starts_at, MeetingRow.id)
        .limit(MOST_MEETINGS)
    )
    return free_busy(
        [Busy(begin, end, sure=until is None) for begin, end, until in rows], tx.now(), actor.name
    )  # fmt: skip


async def feed_made_at(actor: Actor, tx: Transaction) -> datetime | None:
    """Return when the address of the actor's calendar was made; None if there is none."""
    statement = select(CalendarFeedRow.made_at).where(CalendarFeedRow.account_id == actor.id)
    found: datetime | None = await tx.session.scalar(statement)
    return found


async def make_room_feed(actor: Actor, room: str, tx: Transaction) -> str:
    """Return the secret of a new address of the room's calendar; the one before opens nothing any more.

    Raises:
        NotFound: There is no such room that `actor` may see.
        NotYourRoom: Somebody else manages it.
    """
    room_id = await _managed_room(actor, room, tx)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    values = {"key": _key(secret), "made_at": tx.now()}
    statement = insert(RoomFeedRow).values(room_id=room_id, **values)
    await tx.session.execute(statement.on_conflict_do_update(index_elements=["room_id"], set_=values))
    tx.audit(actor, "room-feed.made", f"room:{room}")
    return secret


async def revoke_room_feed(actor: Actor, room: str, tx: Transaction) -> None:
    """Let the address of the room's calendar open nothing any more. Twice is as once; raises as `make_room_feed`."""
    room_id = await _managed_room(actor, room, tx)
    gone = delete(RoomFeedRow).where(RoomFeedRow.room_id == room_id).returning(RoomFeedRow.room_id)
    if (await tx.session.execute(gone)).one_or_none() is not None:
        tx.audit(actor, "room-feed.revoked", f"room:{room}")


async def room_feed_made_at(actor: Actor, room: str, tx: Transaction) -> datetime | None:
    """Return when the address of the room's calendar was made; None if there is none. Raises as `make_room_feed`."""
    found = await tx.session.get(RoomFeedRow, await _managed_room(actor, room, tx))
    return found.made_at if found is not None else None


async def room_feed_of(secret: str, tx: Transaction) -> bytes:
    """Return the calendar (RFC 5545) of the room with this secret, from 30 days ago on; NoCalendar if there is none."""
    room, uses = await _room_uses(secret, tx, tx.now() - PAST)
    made = _empty()
    for use in uses:
        event = _event(use.meeting, use.title, use.starts_at, use.ends_at)
        event.add("status", "CONFIRMED" if use.state == "confirmed" else "TENTATIVE")
        event.add("location", room.name)
        made.add_component(event)
    return bytes(made.to_ical())


async def room_busy_of(secret: str, tx: Transaction) -> bytes:
    """Return when the room with this secret is busy (RFC 5545, VFREEBUSY), getting ready included; no word of why."""
    room, uses = await _room_uses(secret, tx, tx.now())
    times = [Busy(use.busy_from, use.busy_to, sure=use.state == "confirmed") for use in uses]
    return free_busy(times, tx.now(), room.code)


async def door_of(secret: str, tx: Transaction) -> Door:
    """Return what the display at the door of the room with this secret shows; NoCalendar if there is none.

    A week of it, so that a display whose link is away goes on showing what is true; and the next use where that is
    later. Needs no session, so it tells no more than the paper at a door: times, titles and who is to be asked.
    """
    day = start_of(day_of(tx.now()))
    until = day + AT_THE_DOOR
    room_id, room = await _room(secret, tx)
    uses = await uses_of(tx, room_id, day, until, limit=MOST_AT_THE_DOOR)
    if len(uses) == MOST_AT_THE_DOOR:
        until = uses[-1].busy_to
    elif not any(use.starts_at > tx.now() for use in uses):
        uses += await uses_of(tx, room_id, max([until, *(use.busy_to for use in uses)]), tx.now() + AHEAD, limit=1)
    return Door(room, tx.now(), until, uses)


@dataclass(frozen=True, slots=True)
class Busy:
    """A half-open time that is taken; not `sure`: held, and perhaps given back."""

    begin: datetime
    end: datetime
    sure: bool = True


def free_busy(times: Sequence[Busy], now: datetime, of: str) -> bytes:
    """Return `times` of the next year as a published VFREEBUSY (RFC 5546, 3.3.1), in UTC."""
    found = icalendar.FreeBusy()
    found.add("uid", f"{of}-busy@vungcao")
    found.add("dtstamp", now)
    found.add("dtstart", now)
    found.add("dtend", now + AHEAD)
    found.add("organizer", icalendar.vUri(f"urn:vungcao:{of}"))
    for kind, sure in (("BUSY", True), ("BUSY-TENTATIVE", False)):
        for one in times:
            if one.sure is sure:
                period = icalendar.vPeriod((one.begin, one.end))
                period.params["FBTYPE"] = kind
                period.params.pop("VALUE", None)  # FREEBUSY is nothing else, and takes no such parameter (3.8.2.6)
                found.add("freebusy", period)
    made = _empty()
    made.add_component(found)
    return bytes(made.to_ical())


def calendar(meetings: Sequence[MeetingView]) -> bytes:
    """Return `meetings` as iCalendar text."""
    made = _empty()
    for meeting in meetings:
        event = _event(meeting.id, meeting.title, meeting.starts_at, meeting.ends_at)
        event.add("sequence", meeting.version - 1)
        sure = "CONFIRMED" if meeting.held_until is None else "TENTATIVE"
        event.add("status", sure if meeting.state == "booked" else "CANCELLED")
        its = list(zip(meeting.rooms, meeting.reservations, strict=True))
        got = [room.name for room, one in its if not one.why and one.state != "waiting"]
        event.add("location", ", ".join(got))
        if answers := [f"{room.name}: {one.answer}" for room, one in its if one.answer]:
            event.add("description", "\n".join(answers))
        made.add_component(event)
    return bytes(made.to_ical())


def _empty() -> icalendar.Calendar:
    made = icalendar.Calendar()
    made.add("prodid", "-//Vùng Cao//Meetings//VI")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("refresh-interval", EVERY, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", EVERY)
    return made


def _event(meeting: uuid.UUID, title: str, starts_at: datetime, ends_at: datetime) -> icalendar.Event:
    event = icalendar.Event()
    event.add("uid", f"{meeting}@vungcao")
    event.add("dtstamp", starts_at)
    event.add("dtstart", starts_at)
    event.add("dtend", ends_at)
    event.add("summary", title)
    return event


async def _owner(secret: str, tx: Transaction) -> Actor:
    """Return whose calendar has this secret; NoCalendar if nobody's, or of an account that may not read any more."""
    account = await tx.session.scalar(
        select(CalendarFeedRow.account_id).where(CalendarFeedRow.key == _key(secret))
    )  # fmt: skip
    actor = await actor_for(account, tx) if account is not None else None
    if actor is None or not actor.may(MEETINGS_READ):
        raise NoCalendar
    return actor


async def _managed_room(actor: Actor, room: str, tx: Transaction) -> int:
    found = await rooms_by_code(actor, tx, [room])
    if room not in found:
        raise NotFound(kind="room", code=room[:100])
    if room not in await managed_by(actor, tx, found):
        raise NotYourRoom(room=found[room][1].name)
    return found[room][0]


async def _room(secret: str, tx: Transaction) -> tuple[int, RoomView]:
    code = await tx.session.scalar(
        select(RoomRow.code).join(RoomFeedRow, RoomFeedRow.room_id == RoomRow.id).where(RoomFeedRow.key == _key(secret))
    )
    found = await rooms_by_code(EVERYBODY, tx, [code]) if code is not None else {}
    if not found:
        raise NoCalendar
    return next(iter(found.values()))


async def _room_uses(secret: str, tx: Transaction, since: datetime) -> tuple[RoomView, list[RoomUse]]:
    room_id, room = await _room(secret, tx)
    uses = await uses_of(tx, room_id, since, tx.now() + AHEAD, limit=MOST_MEETINGS)
    return room, uses


def _key(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
