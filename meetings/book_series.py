"""Books a meeting that comes again: every required room of every one of its meetings, or nothing."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import insert

from inventory.public import MEETINGS_BOOK
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.ids import new_id
from kernel.recurrence import BadRule, instant, parse
from meetings.book import keeper
from meetings.conflicts import FARTHEST, LATEST, LONGEST, check_title_and_rooms
from meetings.delegation import leader_named
from meetings.errors import BadTime, BadZone, InThePast, KeyReused, TooLong, TooManyBookings
from meetings.events import SeriesBooked
from meetings.kinds import check_kind
from meetings.models import SeriesRoomRow, SeriesRow
from meetings.recurrence import Occurrence, OnHoliday, Pattern, occurrences
from meetings.repository import claim_key
from meetings.reserving import About, Place, find_places, new_meeting, put_into_calendar
from meetings.series import calendar_of, series_for
from meetings.views import SeriesView

MOST_BOOKINGS: Final = 40_000
"""Rooms times meetings of one series: about 12 s of one transaction."""


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """What somebody wants to book again and again.

    Attributes:
        title: Of each meeting.
        rooms: Codes of the rooms that each meeting has to have.
        rule: RRULE of RFC 5545.
        first: Local time of the first meeting.
        zone: Name of the zone of that time.
        minutes: How long each meeting lasts.
        optional: Rooms that a meeting can be without.
        left_out: Local times that the rule gives and at which there is to be no meeting.
        on_holiday: What becomes of a meeting on a day off.
        kind: Code of the kind of each meeting; empty for none.
        on_behalf: Sign-in name of the leader whose meetings they are; empty: of who books.
    """

    title: str
    rooms: tuple[str, ...]
    rule: str
    first: datetime
    zone: str
    minutes: int
    optional: tuple[str, ...] = ()
    left_out: tuple[datetime, ...] = ()
    on_holiday: OnHoliday = "keep"
    kind: str = ""
    on_behalf: str = ""


async def book_series(request: SeriesRequest, actor: Actor, tx: Transaction, *, key: str = "") -> SeriesView:
    """Book the meetings of the next 18 months, with every room of each or none, and return the series.

    Later meetings are booked by the worker as their time comes near.

    Args:
        request: What to book.
        actor: Who books, and organises.
        tx: The transaction; the rooms are locked until it ends.
        key: The same key of the same actor with the same request gives the series that it gave before.

    Raises:
        Refused: The role may not book.
        BadRule: There is no such series; its subclass says why.
        BadTitle, NoRooms, BadTime, TooManyBookings: The request makes no sense.
        NotFound: There is no such room that `actor` may book, or no such kind.
        NotForYou, RoomClosed: A room is kept for others, or closed at the time of a meeting.
        NotTheirDelegate: `actor` may not book in that leader's name.
        RoomTaken: Naming each meeting and room that is taken, by whose booking, and until when.
        KeyReused: The key was used for another request.
    """
    actor.require(MEETINGS_BOOK)
    series_id = new_id()
    if key and (known := await claim_key(tx, keeper(actor), key, _print_of(request), series_id)) is not None:
        if known[1] != _print_of(request):
            raise KeyReused
        return await series_for(actor, known[0], tx)
    pattern = read_pattern(request, tx.now())
    check_title_and_rooms(request.title, request.rooms, request.optional)
    horizon = tx.now() + FARTHEST
    found = await planned(tx, pattern, horizon)
    await check_kind(request.kind, tx)
    leader = await leader_named(actor, request.on_behalf, tx) if request.on_behalf else actor
    other = actor if leader.id != actor.id else None
    about = About(request.title.strip(), leader, other, request.kind)
    places = await find_places(actor, tx, request.rooms, request.optional)
    check_size(found, places)
    await save_series(tx, series_id, series_id, about, pattern, places, horizon)
    await put_into_calendar(
        tx,
        actor,
        [new_meeting(one.starts_at, one.ends_at, one.original) for one in found],
        places,
        about,
        series=series_id,
    )
    rooms = sorted(place.room.code for place in places)
    tx.audit(
        actor,
        "series.booked",
        f"series:{series_id}",
        after={"title": request.title.strip(), "rooms": rooms, "rule": str(pattern.rule), "zone": pattern.zone.key,
               "first": pattern.first.isoformat(), "minutes": pattern.minutes, "on_holiday": pattern.on_holiday,
               **({"kind": request.kind} if request.kind else {}), **({"organiser": leader.name} if other else {})},
    )  # fmt: skip
    tx.emit(
        SeriesBooked(
            series_id=str(series_id),
            family_id=str(series_id),
            title=request.title.strip(),
            rule=str(pattern.rule),
            rooms=rooms,
            meetings=len(found),
        ),
        by=actor,
    )
    return await series_for(actor, series_id, tx)


def read_pattern(request: SeriesRequest, now: datetime) -> Pattern:
    """Return when the meetings of `request` are. Raises BadRule, BadTime."""
    try:
        zone = ZoneInfo(request.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadZone(zone=request.zone[:100]) from None
    if any(at.tzinfo is not None for at in (request.first, *request.left_out)):
        raise BadTime
    if not timedelta() < timedelta(minutes=request.minutes) <= LONGEST:
        raise TooLong(hours=LONGEST // timedelta(hours=1))
    rule = parse(request.rule, zone)
    first, *left_out = (at.replace(microsecond=0) for at in (request.first, *request.left_out))
    if instant(first, zone) < now - LATEST:
        raise InThePast
    return Pattern(rule, first, zone, request.minutes, tuple(left_out), request.on_holiday)


async def planned(tx: Transaction, pattern: Pattern, until: datetime) -> list[Occurrence]:
    """Return the meetings of `pattern` up to the instant `until`. Raises BadRule if there is none."""
    last = until.astimezone(pattern.zone).replace(tzinfo=None)
    found = occurrences(pattern, await calendar_of(tx), last)
    if not found:
        raise BadRule(rule=str(pattern.rule))
    return found


def check_size(found: Sequence[Occurrence], places: Sequence[Place]) -> None:
    """Raise TooManyBookings if this is more than one transaction should do."""
    if len(found) * len(places) > MOST_BOOKINGS:
        raise TooManyBookings(count=len(found) * len(places), most=MOST_BOOKINGS)


async def save_series(
    tx: Transaction,
    series_id: uuid.UUID,
    family_id: uuid.UUID,
    about: About,
    pattern: Pattern,
    places: Sequence[Place],
    booked_until: datetime,
) -> None:
    """Keep a series whose meetings are made up to `booked_until`."""
    tx.session.add(
        SeriesRow(
            id=series_id,
            family_id=family_id,
            title=about.title,
            rule=str(pattern.rule),
            zone=pattern.zone.key,
            first_local=pattern.first,
            until_local=pattern.until_local,
            minutes=pattern.minutes,
            left_out=list(pattern.left_out),
            on_holiday=pattern.on_holiday,
            booked_until=booked_until,
            organiser_id=about.organiser.id,
            organiser=about.organiser.name,
            booked_by_id=about.booked_by and about.booked_by.id,
            booked_by=about.booked_by.name if about.booked_by else "",
            kind=about.kind,
            state="running",
            created_at=tx.now(),
            version=1,
        )
    )
    await tx.session.flush()
    await tx.session.execute(
        insert(SeriesRoomRow),
        [{"series_id": series_id, "room_id": place.id, "required": place.required} for place in places],
    )


def _print_of(request: SeriesRequest) -> bytes:
    """Return what tells one request from another."""
    parts = [
        request.title.strip(), sorted(set(request.rooms)), sorted(set(request.optional)), request.rule.strip().upper(),
        request.first.isoformat(), request.zone, request.minutes, request.on_holiday,
        sorted(at.isoformat() for at in request.left_out),
    ]  # fmt: skip
    parts += [one for one in (request.kind, request.on_behalf) if one]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).digest()
