"""Rooms and meetings from the command line: loading rooms, listing what is booked, booking."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from kernel.actors import system
from kernel.db.transaction import Database
from kernel.errors import BadInput
from kernel.settings import Settings
from meetings.public import (
    WORKING_HOURS,
    BookingRequest,
    BusyCache,
    Change,
    Delegate,
    MeetingKind,
    MeetingView,
    OfficialDay,
    OnHoliday,
    SeriesRequest,
    TimeQuestion,
    add_delegate,
    answer,
    book,
    book_series,
    cancel,
    cancel_following,
    change,
    check_in,
    confirm,
    delegates,
    forget_day,
    forget_kind,
    held,
    kind_named,
    kinds,
    load_rooms,
    make_room_feed,
    meetings_between,
    official_days,
    propose,
    question_of,
    read_hours,
    recall_deputy,
    remove_delegate,
    revoke_room_feed,
    send_deputy,
    set_day,
    set_kind,
    to_approve,
    use_by_unit,
    waiting,
    written_hours,
)

ACTOR = system("command line")
A_PAGE = 200
COLUMNS = ("starts_at", "ends_at", "title", "organiser", "rooms")
"""Of the table; JSON has more."""
SERIES_COLUMNS = ("title", "rule", "next_at", "meetings", "rooms")
CHANGE_COLUMNS = ("original", "fate", "before", "after")
TIME_COLUMNS = ("starts_at", "there", "missing", "why")
HOLD_COLUMNS = ("held_until", "starts_at", "title", "organiser", "rooms", "id")
WAITING_COLUMNS = ("starts_at", "title", "room_name", "place", "meeting")
APPROVAL_COLUMNS = ("starts_at", "title", "organiser", "room_name", "room", "meeting")
KIND_COLUMNS = ("code", "name", "minutes", "hours", "every_day", "on_holiday", "capacity", "accessible")
USE_COLUMNS = ("unit_name", "rooms", "meetings", "booked_h", "kept_h", "released_h", "no_shows", "waiting")
DAY_COLUMNS = ("day", "off", "name")
DELEGATE_COLUMNS = ("name", "display_name", "since")
USUAL_MIN = 60
"""A meeting lasts so long if neither its length nor its kind is said."""


async def load(file: Path, database: Database) -> int:
    """Load rooms from `file` and return how many were added or changed."""
    async with database.transaction() as tx:
        return (await load_rooms(file, ACTOR, tx)).rooms


async def booked(settings: Settings, database: Database, *, start: str, days: int) -> list[dict[str, Any]]:
    """Return every meeting of the `days` from `start` (empty: now), as scripts and tables show it."""
    rows: list[dict[str, Any]] = []
    after: str | None = None
    async with database.transaction() as tx:
        begin = instant(start, settings) if start else tx.now()
        while True:
            page = await meetings_between(
                ACTOR, tx, begin, begin + timedelta(days=days), limit=A_PAGE, after=after
            )  # fmt: skip
            rows += [as_row(meeting, settings) for meeting in page.meetings]
            if (after := page.next_cursor) is None:
                return rows


async def book_now(  # noqa: PLR0913 - what the command has
    settings: Settings,
    database: Database,
    *,
    title: str,
    rooms: list[str],
    start: str,
    minutes: int,
    kind: str,
    on_behalf: str,
    hold_until: str,
    key: str,
) -> dict[str, Any]:
    """Book every room or none, or hold them, and return the meeting."""
    begin = instant(start, settings)
    until = instant(hold_until, settings) if hold_until else None
    end = begin + timedelta(minutes=minutes)
    request = BookingRequest(title, tuple(rooms), begin, end, (), kind, on_behalf, until)
    async with database.transaction() as tx:
        return as_row(await book(request, ACTOR, tx, key=key), settings)


async def confirmed(database: Database, meeting: uuid.UUID) -> str:
    """Book what is held, and return its title."""
    async with database.transaction() as tx:
        return (await confirm(ACTOR, meeting, tx)).title


async def holds(settings: Settings, database: Database) -> list[dict[str, Any]]:
    """Return the meetings whose rooms are held, as scripts and tables show them."""
    async with database.transaction() as tx:
        return [as_row(meeting, settings) for meeting in await held(ACTOR, tx)]


async def waited_for(settings: Settings, database: Database) -> list[dict[str, Any]]:
    """Return the rooms that are waited for, as scripts and tables show them."""
    async with database.transaction() as tx:
        return [_with_times(asdict(one), settings) for one in await waiting(ACTOR, tx)]


async def approvals(settings: Settings, database: Database) -> list[dict[str, Any]]:
    """Return the rooms that wait for somebody to agree, as scripts and tables show them."""
    async with database.transaction() as tx:
        return [_with_times(asdict(one), settings) for one in await to_approve(ACTOR, tx)]


async def answered(database: Database, meeting: uuid.UUID, room: str, *, agreed: bool, reason: str) -> None:
    """Agree that a meeting has a room, or refuse it."""
    async with database.transaction() as tx:
        await answer(ACTOR, meeting, room, tx, agreed=agreed, reason=reason)


async def checked_in(database: Database, meeting: uuid.UUID, room: str) -> None:
    """Say that people are in the room."""
    async with database.transaction() as tx:
        await check_in(ACTOR, meeting, room, tx)


async def deputised(database: Database, meeting: uuid.UUID, office: str, deputy: str, instead_of: str) -> None:
    """Let somebody attend for an office; an empty name takes the one before back."""
    async with database.transaction() as tx:
        if deputy:
            await send_deputy(ACTOR, meeting, office, tx, deputy=deputy, instead_of=instead_of)
        else:
            await recall_deputy(ACTOR, meeting, office, tx)


async def listed_delegates(settings: Settings, database: Database, leader: str) -> list[dict[str, Any]]:
    """Return who may book in the name of `leader`, as scripts and tables show them."""
    async with database.transaction() as tx:
        return [_delegate_row(one, settings) for one in await delegates(ACTOR, tx, leader=leader)]


async def delegated(settings: Settings, database: Database, leader: str, name: str) -> dict[str, Any]:
    """Let somebody book in the name of `leader`, and return them."""
    async with database.transaction() as tx:
        return _delegate_row(await add_delegate(ACTOR, name, tx, leader=leader), settings)


async def undelegated(database: Database, leader: str, name: str) -> None:
    """Let somebody book in the name of `leader` no more."""
    async with database.transaction() as tx:
        await remove_delegate(ACTOR, name, tx, leader=leader)


async def listed_kinds(_settings: Settings, database: Database) -> list[dict[str, Any]]:
    """Return the kinds of meetings, as scripts and tables show them."""
    async with database.transaction() as tx:
        return [_kind_row(kind) for kind in await kinds(tx)]


async def kind_set(database: Database, code: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Add a kind of meeting or change it, and return it; what is None in `wanted` stays, or is as kinds usually are."""
    given = {name: value for name, value in wanted.items() if value is not None}
    if "hours" in given:
        given["hours"] = read_hours(given["hours"])
    async with database.transaction() as tx:
        known = next((kind for kind in await kinds(tx) if kind.code == code), None)
        if known is None and "name" not in given:
            raise BadInput(what=f"The kind {code}", why="it is new: say its name too")
        new = MeetingKind(code, given.get("name", ""), given.get("name", ""), USUAL_MIN, WORKING_HOURS)
        return _kind_row(await set_kind(ACTOR, replace(known or new, **given), tx))


async def kind_forgotten(database: Database, code: str) -> None:
    """Take a kind of meeting off the list."""
    async with database.transaction() as tx:
        await forget_kind(ACTOR, code, tx)


async def used(settings: Settings, database: Database, *, start: str, days: int) -> list[dict[str, Any]]:
    """Return how the rooms of each unit were used, as scripts and tables show it."""
    rows: list[dict[str, Any]] = []
    after: str | None = None
    async with database.transaction() as tx:
        begin = instant(start, settings) if start else tx.now() - timedelta(days=days)
        while True:
            page = await use_by_unit(ACTOR, tx, begin, begin + timedelta(days=days), limit=A_PAGE, after=after)
            rows += [asdict(unit) for unit in page.units]
            if (after := page.next_cursor) is None:
                return rows


async def room_address(settings: Settings, database: Database, room: str, *, revoke: bool) -> str:
    """Return the new secret address of a room's calendar; empty after taking it back."""
    async with database.transaction() as tx:
        if revoke:
            await revoke_room_feed(ACTOR, room, tx)
            return ""
        return f"{settings.public_url.rstrip('/')}/feeds/rooms/{await make_room_feed(ACTOR, room, tx)}.ics"


async def repeat(settings: Settings, database: Database, request: SeriesRequest, *, key: str) -> dict[str, Any]:
    """Book every room of every meeting or none, and return the series."""
    async with database.transaction() as tx:
        series = asdict(await book_series(request, ACTOR, tx, key=key))
    next_at = series["next_at"]
    series["next_at"] = next_at and next_at.astimezone(ZoneInfo(settings.timezone)).isoformat(timespec="minutes")
    return {**series, "id": str(series["id"]), "rooms": list(series["rooms"])}


def request_of(
    settings: Settings,
    *,
    title: str,
    rooms: list[str],
    optional: list[str],
    start: str,
    minutes: int,
    rule: str,
    on_holiday: OnHoliday,
) -> SeriesRequest:
    """Return what the words of the command line ask for. Raises BadInput."""
    first = instant(start, settings).astimezone(ZoneInfo(settings.timezone)).replace(tzinfo=None)
    return SeriesRequest(
        title, tuple(rooms), rule, first, settings.timezone, minutes, tuple(optional), on_holiday=on_holiday
    )


def change_of(settings: Settings, title: str, start: str, minutes: int, add: list[str], drop: list[str]) -> Change:
    """Return what the words of the command line want to be other."""
    return Change(
        title or None, instant(start, settings) if start else None, minutes or None, tuple(add), tuple(drop)
    )  # fmt: skip


async def changed(
    settings: Settings, database: Database, meeting: uuid.UUID, wanted: Change, *, following: bool, rehearse: bool
) -> list[dict[str, Any]]:
    """Change a meeting, and return what becomes of each, as scripts and tables show it."""
    zone = ZoneInfo(settings.timezone)
    async with database.transaction() as tx:
        report = await change(meeting, wanted, ACTOR, tx, following=following, rehearse=rehearse)
    return [
        {
            "original": line.original and line.original.isoformat(timespec="minutes"),
            "fate": line.fate,
            **{
                name: seen
                and f"{seen.starts_at.astimezone(zone):%Y-%m-%d %H:%M}-{seen.ends_at.astimezone(zone):%H:%M} "
                f"{seen.title}: {', '.join(seen.rooms)}"
                for name, seen in (("before", line.before), ("after", line.after))
            },
        }
        for line in report.lines
    ]


async def cancelled(database: Database, meeting: uuid.UUID, *, following: bool) -> int:
    """Cancel a meeting, with all that follow it or not, and return how many were cancelled."""
    async with database.transaction() as tx:
        if following:
            return len(await cancel_following(ACTOR, meeting, tx))
        await cancel(ACTOR, meeting, tx)
        return 1


async def times(  # noqa: PLR0913 - what the command has
    settings: Settings,
    database: Database,
    *,
    offices: list[str],
    optional: list[str],
    first: date,
    days: int,
    minutes: int | None,
    kind: str,
    rule: str,
) -> list[dict[str, Any]]:
    """Return the best times, best first, as scripts and tables show them; what is not said is as `kind` has it."""
    given: dict[str, Any] = {
        "offices": tuple(offices), "optional": tuple(optional), "first": first,
        "last": first + timedelta(days=days - 1), "zone": settings.timezone, "rule": rule,
    }  # fmt: skip
    if minutes is not None or not kind:
        given["minutes"] = minutes or USUAL_MIN
    async with database.transaction() as tx:
        question = question_of(await kind_named(kind, tx), **given) if kind else TimeQuestion(**given)
        found = await propose(question, ACTOR, tx, BusyCache())
    zone = ZoneInfo(settings.timezone)
    return [
        {
            "starts_at": time.starts_at.astimezone(zone).isoformat(timespec="minutes"),
            "meetings": time.meetings,
            "there": time.there,
            "missing": ", ".join(one.code for one in time.missing),
            "why": "; ".join(
                f"{blocker.room}: {blocker.title} ({blocker.organiser}, {blocker.level})"
                for one in time.missing
                for blocker in one.blockers
            ),
            "rooms": dict(time.rooms),
        }
        for time in found
    ]


async def official(database: Database, year: int) -> list[dict[str, Any]]:
    """Return the official days of a year, as scripts and tables show them."""
    async with database.transaction() as tx:
        return [{**asdict(day), "day": day.day.isoformat()} for day in await official_days(ACTOR, year, tx)]


async def set_official(database: Database, day: date, name: str, *, off: bool) -> None:
    """Enter a day."""
    async with database.transaction() as tx:
        await set_day(ACTOR, OfficialDay(day, off, name), tx)


async def forget_official(database: Database, day: date) -> None:
    """Take back what was entered for a day."""
    async with database.transaction() as tx:
        await forget_day(ACTOR, day, tx)


def instant(text: str, settings: Settings) -> datetime:
    """Return the instant that `text` (RFC 3339) means; without a zone, in that of the settings.

    Raises:
        BadInput: It is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(what=f"The time {text}", why="write it as 2026-11-25T09:00, or with a zone") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(settings.timezone))


def _kind_row(kind: MeetingKind) -> dict[str, Any]:
    return {**asdict(kind), "hours": written_hours(kind.hours)}


def _delegate_row(one: Delegate, settings: Settings) -> dict[str, Any]:
    return _with_times(asdict(one), settings)


def _with_times(row: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Return `row` as scripts get it: its own times with their zone, ids as text."""
    zone = ZoneInfo(settings.timezone)
    found = dict(row)
    for name, value in row.items():
        if isinstance(value, datetime) and value.tzinfo is not None:
            found[name] = value.astimezone(zone).isoformat(timespec="minutes")
        elif isinstance(value, uuid.UUID):
            found[name] = str(value)
    return found


def as_row(meeting: MeetingView, settings: Settings) -> dict[str, Any]:
    """Return a meeting as scripts get it: times with their zone, rooms by code; nothing that opens its conference."""
    row = asdict(meeting)
    del row["conference"]
    row = _with_times(row, settings)
    row["series"] = meeting.series and str(meeting.series)
    return {**row, "id": str(meeting.id), "rooms": [room.code for room in meeting.rooms]}
