"""Changes a meeting, or it and all that follow it in its series, and says exactly what that changes.

A rehearsal is the change itself, rolled back: what it says is what would happen. A change of "this and following" ends
the series before the meeting and begins another of the same family. Cancelled meetings stay cancelled and those changed
by themselves stay as they are: each is known by the local time that the rule gave it, and that moves with the series.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import delete, select

from inventory.public import MEETINGS_BOOK
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.recurrence import expand
from meetings.book_series import save_series
from meetings.cancel import check_change, following_of, meeting_to_change
from meetings.conflicts import HOLD_ENDS_BEFORE, BookingRequest, check_request, check_title_and_rooms
from meetings.errors import CannotMoveSeries, MeetingCalledOff, NothingToChange
from meetings.events import MeetingsChanged
from meetings.models import WAITING, DueCheckRow, MeetingRow, ReservationRow, RoomRow, SeriesRoomRow, SeriesRow
from meetings.readiness import first_checks
from meetings.recurrence import Occurrence, Pattern, occurrences, shifted
from meetings.repository import lock_rooms, release, save_checks
from meetings.reserving import (
    EVERYBODY,
    NewMeeting,
    Place,
    check_kept_for,
    find_places,
    hand_on,
    make_meetings,
    managed_by,
    new_meeting,
    take_places,
)
from meetings.room_queries import rooms_by_code
from meetings.series import about, calendar_of, pattern_of

Fate = Literal["changed", "kept", "cancelled", "added"]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be other than it is; None and empty: as it was.

    Attributes:
        title: New title.
        starts_at: When this meeting begins instead. Those that follow move by as much local time.
        minutes: How long it lasts instead.
        add: Codes of rooms that it gets too.
        drop: Codes of rooms that it gives back.
    """

    title: str | None = None
    starts_at: datetime | None = None
    minutes: int | None = None
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A meeting as people see it."""

    title: str
    starts_at: datetime
    ends_at: datetime
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """What becomes of one meeting.

    Attributes:
        original: Local time by which its series knows it, after the change.
        fate: `kept` where it was changed by itself before, and stays as it is; `cancelled` where the series has no
            meeting then any more; `added` where it has one now that it had not.
    """

    original: datetime | None
    fate: Fate
    before: Seen | None
    after: Seen | None


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """What a change changes, in the order of the meetings.

    Attributes:
        series: The series that goes on after a change of "this and following"; None in a rehearsal.
    """

    lines: tuple[ChangeLine, ...]
    series: uuid.UUID | None = field(default=None, compare=False)


async def change(
    meeting_id: uuid.UUID,
    wanted: Change,
    actor: Actor,
    tx: Transaction,
    *,
    following: bool = False,
    version: int | None = None,
    rehearse: bool = False,
) -> ChangeReport:
    """Change the meeting, with all that follow it if `following`, and return what that changed; all of it or nothing.

    Args:
        meeting_id: Which one.
        wanted: What is to be other.
        actor: Who changes it.
        tx: The transaction.
        following: Those that follow it in its series too.
        version: What the reader saw; another one there now is refused.
        rehearse: Only say what would change.

    Raises:
        Refused, NotFound, NotYourMeeting, MeetingOver, ChangedMeanwhile: As `cancel`.
        MeetingCalledOff: It was cancelled.
        NothingToChange, BadTitle, BadTime, NoRooms: The change makes no sense.
        NoSeries: Nothing follows it.
        CannotMoveSeries: Its rule cannot say the new days.
        RoomTaken: Naming each meeting and room that is taken, by whom and until when.
        NotForYou, RoomClosed: A room is kept for others, or closed then.
    """
    actor.require(MEETINGS_BOOK)
    if wanted == Change():
        raise NothingToChange
    savepoint = await tx.session.begin_nested()
    done = _Done()
    if following:
        report = await _change_following(meeting_id, wanted, actor, tx, version, done)
    else:
        report = await _change_one(meeting_id, wanted, actor, tx, version, done)
    if rehearse:
        await savepoint.rollback()
        return replace(report, series=None)
    await savepoint.commit()
    await hand_on(tx, actor, done.given_back)
    cancelled = [str(one) for one in done.cancelled]
    tx.audit(
        actor,
        "meeting.changed",
        f"meeting:{meeting_id}",
        before={"meetings": [_as_json(line.before) for line in report.lines if line.fate == "changed"][:1]},
        after={
            "meetings": [_as_json(line.after) for line in report.lines if line.fate == "changed"][:1],
            "changed": len(done.changed), "cancelled": cancelled, "series": report.series and str(report.series),
        },
    )  # fmt: skip
    tx.emit(MeetingsChanged(changed=[str(one) for one in done.changed], cancelled=cancelled), by=actor)
    return report


@dataclass(slots=True)
class _Done:
    """What a change leaves behind for others to know."""

    changed: list[uuid.UUID] = field(default_factory=list)
    cancelled: list[uuid.UUID] = field(default_factory=list)
    given_back: list[int] = field(default_factory=list)


async def _change_one(
    meeting_id: uuid.UUID, wanted: Change, actor: Actor, tx: Transaction, version: int | None, done: _Done
) -> ChangeReport:
    row, _ = await meeting_to_change(actor, meeting_id, tx)
    if row.state != "booked":
        raise MeetingCalledOff
    await check_change(actor, row, tx, version)
    begin = (wanted.starts_at or row.starts_at).astimezone(UTC)
    length = timedelta(minutes=wanted.minutes) if wanted.minutes is not None else row.ends_at - row.starts_at
    time = NewMeeting(row.id, begin, begin + length, row.original_local)
    lines = await _apply(tx, actor, [row], {row.id: time}, wanted, done)
    row.changed = row.series_id is not None
    if row.held_until is not None:
        row.held_until = min(row.held_until, row.starts_at - HOLD_ENDS_BEFORE)
    await tx.session.flush()
    return ChangeReport(tuple(lines))


async def _change_following(
    meeting_id: uuid.UUID, wanted: Change, actor: Actor, tx: Transaction, version: int | None, done: _Done
) -> ChangeReport:
    series, rows = await following_of(actor, meeting_id, tx, version)
    split = rows[0].original_local
    assert split is not None  # noqa: S101 - it is one of a series
    if rows[0].state != "booked":
        raise MeetingCalledOff
    old = pattern_of(series)
    by = timedelta()
    if wanted.starts_at is not None:
        by = wanted.starts_at.astimezone(old.zone).replace(tzinfo=None) - split
    pattern = _moved(old, split, by, wanted.minutes)
    goes_on = new_id()
    title = (wanted.title or series.title).strip()
    places = await _places(tx, actor, series, wanted)
    await save_series(tx, goes_on, series.family_id, about(series, title), pattern, places, series.booked_until)
    series.until_local, series.version = split, series.version + 1
    earlier = select(MeetingRow.id).where(MeetingRow.series_id == series.id, MeetingRow.original_local < split).limit(1)
    if await tx.session.scalar(earlier) is None:
        series.state = "ended"
    for row in rows:
        row.series_id = goes_on
        row.original_local = row.original_local + by if row.original_local else None
    await tx.session.flush()

    last = series.booked_until.astimezone(old.zone).replace(tzinfo=None)
    planned = {one.original: one for one in occurrences(pattern, await calendar_of(tx), max(last, last + by))}
    lines, times, gone = _sort(rows, planned)
    changed = await _apply(tx, actor, [row for row in rows if row.id in times], times, wanted, done)
    lines += changed + await _leave_out(tx, gone, done)
    known = {row.original_local for row in rows}
    lines += await _add(
        tx, actor, [one for at, one in planned.items() if at not in known], places, series, title, goes_on
    )
    return ChangeReport(tuple(sorted(lines, key=lambda line: str(line.original))), goes_on)


def _moved(old: Pattern, split: datetime, by: timedelta, minutes: int | None) -> Pattern:
    """Return when the series meets from `split` on, moved by so much. Raises CannotMoveSeries."""
    whole_days = (split + by).date() - split.date()
    rule = shifted(old.rule, whole_days)
    if rule is None:
        raise CannotMoveSeries(rule=str(old.rule))
    if rule.until is not None:
        rule = replace(rule, until=rule.until + (by - whole_days))
    if rule.count is not None:
        before = [at for at in expand(old.rule, old.first, split) if at < split]
        rule = replace(rule, count=rule.count - len(before))
    return Pattern(
        rule, split + by, old.zone, minutes if minutes is not None else old.minutes,
        tuple(at + by for at in old.left_out if at >= split), old.on_holiday,
        old.until_local and old.until_local + by,
    )  # fmt: skip


def _sort(
    rows: Sequence[MeetingRow], planned: Mapping[datetime, Occurrence]
) -> tuple[list[ChangeLine], dict[uuid.UUID, NewMeeting], list[MeetingRow]]:
    """Return the lines of those that stay as they are, the times of those that change, and those that have no place."""
    lines, times, gone = list[ChangeLine](), dict[uuid.UUID, NewMeeting](), list[MeetingRow]()
    for row in rows:
        at = planned.get(row.original_local) if row.original_local else None
        if row.state != "booked":
            continue
        if row.changed:
            lines.append(ChangeLine(row.original_local, "kept", None, None))
        elif at is None:
            gone.append(row)
        else:
            times[row.id] = NewMeeting(row.id, at.starts_at, at.ends_at, row.original_local)
    return lines, times, gone


async def _places(tx: Transaction, actor: Actor, series: SeriesRow, wanted: Change) -> list[Place]:
    """Return the rooms of each meeting of the series that goes on."""
    have = await tx.session.execute(
        select(RoomRow.code, SeriesRoomRow.required)
        .join(SeriesRoomRow, SeriesRoomRow.room_id == RoomRow.id)
        .where(SeriesRoomRow.series_id == series.id)
    )
    needs = _rooms_after({row.code: row.required for row in have}, wanted)
    required = [code for code, need in needs.items() if need]
    optional = [code for code, need in needs.items() if not need]
    return await find_places(actor, tx, required, optional, kept=needs.keys() - {*wanted.add})


def _rooms_after(have: Mapping[str, bool], wanted: Change) -> dict[str, bool]:
    return {code: need for code, need in {**have, **dict.fromkeys(wanted.add, True)}.items() if code not in wanted.drop}


async def _apply(
    tx: Transaction,
    actor: Actor,
    rows: Sequence[MeetingRow],
    times: Mapping[uuid.UUID, NewMeeting],
    wanted: Change,
    done: _Done,
) -> list[ChangeLine]:
    """Give each of `rows`, which are locked, its new time, title and rooms, and return what changed."""
    if not rows:
        return []
    have: dict[uuid.UUID, dict[str, bool]] = {row.id: {} for row in rows}
    for meeting_id, code, required, state in await tx.session.execute(
        select(ReservationRow.meeting_id, RoomRow.code, ReservationRow.required, ReservationRow.state)
        .join(RoomRow, RoomRow.id == ReservationRow.room_id)
        .where(ReservationRow.meeting_id.in_(have))
        .order_by(RoomRow.name_sort, RoomRow.code)
    ):
        # A room that was waited for before may be waited for after: the change is not refused for it.
        have[meeting_id][code] = required and state != WAITING
    codes = list({*wanted.add, *wanted.drop, *(code for rooms in have.values() for code in rooms)})
    bookable = await rooms_by_code(actor, tx, wanted.add, MEETINGS_BOOK)
    seen = await rooms_by_code(actor, tx, wanted.drop)
    for code in (*wanted.add, *wanted.drop):
        if code not in (bookable if code in wanted.add else seen):
            raise NotFound(kind="room", code=code)
    found = await rooms_by_code(EVERYBODY, tx, codes)
    managed = await managed_by(actor, tx, found)
    check_kept_for(actor, [room for code, (_, room) in bookable.items() if code not in managed])
    places = {
        code: Place(room_id, room, required=True, managed=code in managed) for code, (room_id, room) in found.items()
    }
    lines = []
    by_rooms: dict[tuple[tuple[str, bool], ...], list[NewMeeting]] = {}
    for row in rows:
        time, rooms = times[row.id], _rooms_after(have[row.id], wanted)
        title = (wanted.title if wanted.title is not None else row.title).strip()
        if row is rows[0]:
            request = BookingRequest(title, tuple(rooms), time.starts_at, time.ends_at)
            check_request(request, min(tx.now(), row.starts_at))
        check_title_and_rooms(title, rooms, ())
        before = Seen(row.title, row.starts_at, row.ends_at, tuple(have[row.id]))
        after = Seen(title, time.starts_at, time.ends_at, tuple(rooms))
        if before == after:
            continue
        lines.append(ChangeLine(row.original_local, "changed", before, after))
        if replace(before, title=title) != after:
            by_rooms.setdefault(tuple(sorted(rooms.items())), []).append(time)
        row.title, row.starts_at, row.ends_at, row.version = title, time.starts_at, time.ends_at, row.version + 1
        done.changed.append(row.id)
    await tx.session.flush()
    await _move(tx, actor, by_rooms, places, done)
    return lines


async def _move(
    tx: Transaction,
    actor: Actor,
    by_rooms: Mapping[tuple[tuple[str, bool], ...], Sequence[NewMeeting]],
    places: Mapping[str, Place],
    done: _Done,
) -> None:
    """Give meetings the rooms (code, and whether it is required) that they have from now on, at their new time."""
    moved = {meeting.id: first_checks(meeting.starts_at, tx.now()) for its in by_rooms.values() for meeting in its}
    if not moved:
        return
    ids = [place.id for place in places.values()]
    await lock_rooms(tx, ids)
    # Given back first, all of them: a meeting may take the hour that the one before it in the series had.
    await tx.session.execute(delete(ReservationRow).where(ReservationRow.meeting_id.in_(moved)))
    await tx.session.execute(delete(DueCheckRow).where(DueCheckRow.meeting_id.in_(moved)))
    for needs, meetings in by_rooms.items():
        await take_places(tx, actor, meetings, [replace(places[code], required=need) for code, need in needs])
    await save_checks(tx, moved)
    done.given_back += ids


async def _leave_out(tx: Transaction, rows: Sequence[MeetingRow], done: _Done) -> list[ChangeLine]:
    """Cancel the meetings at whose time the series has none any more."""
    for row in rows:
        row.state, row.version = "cancelled", row.version + 1
        done.cancelled.append(row.id)
    await tx.session.flush()
    if rows:
        done.given_back += await release(tx, [row.id for row in rows])
    return [
        ChangeLine(row.original_local, "cancelled", Seen(row.title, row.starts_at, row.ends_at, ()), None)
        for row in rows
    ]


async def _add(
    tx: Transaction,
    actor: Actor,
    found: Collection[Occurrence],
    places: Sequence[Place],
    series: SeriesRow,
    title: str,
    goes_on: uuid.UUID,
) -> list[ChangeLine]:
    """Make the meetings that the series has now and had not."""
    ahead = [new_meeting(one.starts_at, one.ends_at, one.original) for one in found if one.ends_at > tx.now()]
    if ahead:
        await make_meetings(tx, ahead, about(series, title), series=goes_on)
        await lock_rooms(tx, [place.id for place in places])
        await take_places(tx, actor, ahead, places)
        await save_checks(tx, {one.id: first_checks(one.starts_at, tx.now()) for one in ahead})
    rooms = tuple(place.room.code for place in places)
    return [ChangeLine(one.original, "added", None, Seen(title, one.starts_at, one.ends_at, rooms)) for one in ahead]


def _as_json(seen: Seen | None) -> dict[str, object] | None:
    if seen is None:
        return None
    return {
        "title": seen.title, "starts_at": seen.starts_at.isoformat(), "ends_at": seen.ends_at.isoformat(),
        "rooms": list(seen.rooms),
    }  # fmt: skip
