"""Puts together what the pages show of meetings: days, what a meeting's state is now, and which alert hurts which."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from api.web.booking_words import ROOM_KINDS
from api.web.words import Words
from inventory.public import MEETINGS_BOOK, MEETINGS_READ
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.i18n import Translator
from kernel.settings import Settings
from meetings.public import (
    ChangeLine,
    MeetingBrief,
    MeetingKind,
    MeetingView,
    ReadinessSummary,
    RoomReadiness,
    booking_for,
    is_organiser,
    kinds,
    may_change,
    meeting_for,
    meetings_needing,
    offices_to_speak_for,
    open_before,
    readiness_of,
    readiness_summaries,
)
from monitor.public import AlertView

Phase = Literal["ahead", "now", "over", "cancelled"]

SOON: Final = timedelta(hours=24)
"""Meetings so near are named beside what could hurt them."""

ROOMS_A_PART: Final = 50
"""Rooms on one page of a meeting, which may have a thousand."""

NAMED: Final = 2
"""So many names stand in a sentence; more are counted."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A meeting in a list.

    Attributes:
        meeting: The meeting.
        readiness: Its rooms, counted.
        phase: How it is now.
    """

    meeting: MeetingView
    readiness: ReadinessSummary
    phase: Phase

    @property
    def state(self) -> str:
        """The worst state of its rooms; empty where nobody has looked at any of them yet."""
        return state_of(self.readiness)


@dataclass(frozen=True, slots=True)
class Day:
    """The meetings of one day in the reader's zone."""

    name: str
    listed: list[Listed]


def state_of(readiness: ReadinessSummary) -> str:
    """Return the worst state of a meeting's rooms; empty where nobody has looked at any of them yet."""
    return "" if readiness.rooms and readiness.unchecked == sum(readiness.rooms.values()) else readiness.worst


def phase(meeting: MeetingView, now: datetime) -> Phase:
    """Return how a meeting is at `now`."""
    if meeting.state == "cancelled":
        return "cancelled"
    if meeting.ends_at <= now:
        return "over"
    return "now" if meeting.starts_at <= now else "ahead"


def day_name(t: Translator, at: datetime, now: datetime) -> str:
    """Return the day of `at` as people say it: today, tomorrow, or the weekday, with the date."""
    apart = (t.local(at).date() - t.local(now).date()).days
    fields = {"weekday": t.weekday(at), "date": t.date(at)}
    if apart == 0:
        return t.gettext("Today, {weekday} {date}", **fields)
    if apart == 1:
        return t.gettext("Tomorrow, {weekday} {date}", **fields)
    return weekday_and_date(t, at)


def weekday_and_date(t: Translator, at: datetime) -> str:
    """Return the day of `at`, as Thứ Ba, 24/11/2026."""
    return t.gettext("{weekday}, {date}", weekday=t.weekday(at), date=t.date(at))


def span(t: Translator, starts_at: datetime, ends_at: datetime) -> str:
    """Return from when to when, as 09:00–10:30; the day is named where the end is on another one."""
    return f"{t.time(starts_at)}\N{EN DASH}{t.since(ends_at, starts_at)}"


def by_day(
    meetings: Iterable[MeetingView], summaries: Mapping[uuid.UUID, ReadinessSummary], t: Translator, now: datetime
) -> list[Day]:
    """Return `meetings`, which come in order, under their days; what began before today stands under today."""
    listed = [Listed(one, summaries.get(one.id, ReadinessSummary()), phase(one, now)) for one in meetings]
    days = groupby(listed, lambda one: day_name(t, max(one.meeting.starts_at, now), now))
    return [Day(name, list(of_day)) for name, of_day in days]


def answer(days: Sequence[Day], t: Translator, now: datetime) -> str:
    """Return the one sentence that answers "what is ahead, and is it well?"."""
    listed = [one for day in days for one in day.listed]
    if not listed:
        return t.gettext("Nothing is booked.")
    hurt = [one for one in listed if one.state in {"not-ready", "at-risk"} and one.meeting.starts_at - now < SOON]
    if hurt:
        return t.ngettext(
            "{count} meeting of the next 24 hours has a room that is not ready or at risk: {titles}",
            "{count} meetings of the next 24 hours have a room that is not ready or at risk: {titles}",
            len(hurt),
            titles=some_of([one.meeting.title for one in hurt], t),
        )
    running = [one for one in listed if one.phase == "now"]
    if running:
        return t.ngettext("{count} meeting is on now.", "{count} meetings are on now.", len(running))
    first = listed[0].meeting
    return t.gettext(
        "The next one begins in {duration}: {title}", duration=t.duration(first.starts_at - now), title=first.title
    )


def some_of(names: Sequence[str], t: Translator) -> str:
    """Return the first of `names`, and how many more there are."""
    shown, more = ", ".join(names[:NAMED]), len(names) - NAMED
    return shown if more <= 0 else t.ngettext("{names} and {count} more", "{names} and {count} more", more, names=shown)


def room_answer(rooms: Sequence[RoomReadiness], t: Translator, words: Words) -> str:
    """Return which rooms of a meeting are in its worst state, to follow the word for that; then the other bad ones."""
    if all(room.state == "ready" for room in rooms):
        return t.ngettext("Its one room.", "All {count} rooms.", len(rooms))
    if all(room.checked_at is None for room in rooms):
        return t.gettext("The rooms are looked at within seconds.")
    sentences: list[str] = []
    for state in ("not-ready", "unknown", "at-risk"):
        names = [room.room_name for room in rooms if room.state == state]
        if names:
            label = f"{words.readiness(state)}: " if sentences else ""
            sentences.append(f"{label}{some_of(names, t)}.")
    return " ".join(sentences)


def summary_of(rooms: Iterable[RoomReadiness]) -> ReadinessSummary:
    """Return the rooms of one meeting, counted."""
    seen = list(rooms)
    return ReadinessSummary(Counter(room.state for room in seen), sum(room.checked_at is None for room in seen))


async def listed_by_day(
    meetings: Sequence[MeetingView], actor: Actor, tx: Transaction, t: Translator, now: datetime
) -> list[Day]:
    """Return `meetings` under their days, each with its readiness: one statement for all of them."""
    return by_day(meetings, await readiness_summaries(actor, tx, [one.id for one in meetings]), t, now)


async def needing(actor: Actor, devices: Iterable[str], tx: Transaction) -> dict[str, list[MeetingBrief]]:
    """Return the meetings of the next 24 hours that need each of `devices` (codes), soonest first: one statement."""
    wanted = sorted(set(devices))
    if not wanted or not actor.may(MEETINGS_READ):
        return {}
    return await meetings_needing(actor, tx, wanted, tx.now() + SOON)


async def needed_by(actor: Actor, alerts: Iterable[AlertView], tx: Transaction) -> dict[str, list[MeetingBrief]]:
    """Return the meetings that open `alerts` hurt, by device: those of the next 24 hours that need it."""
    return await needing(actor, [alert.device for alert in alerts if alert.cleared_at is None], tx)


async def look_at(
    actor: Actor, meeting_id: uuid.UUID, tx: Transaction, t: Translator, settings: Settings, *, part: int
) -> dict[str, Any]:
    """Return what the page of one meeting shows now: the whole of it, and `part` of its rooms (from 1).

    Raises:
        NotFound: There is no such meeting that `actor` may see.
    """
    meeting, now = await meeting_for(actor, meeting_id, tx), tx.now()
    booking = await booking_for(actor, meeting_id, tx)
    parts_of = {one.room: one for one in meeting.reservations}
    # Among a thousand rooms those that the meeting has not got are what its organiser looks for.
    rooms = sorted(await readiness_of(actor, meeting_id, tx), key=lambda one: parts_of[one.room].state == "confirmed")
    mine = is_organiser(actor, booking)
    opens_at = meeting.starts_at - open_before(settings)
    stands = phase(meeting, now)
    return {
        "meeting": meeting,
        "day": day_name(t, meeting.starts_at, now),
        "span": span(t, meeting.starts_at, meeting.ends_at),
        "phase": stands,
        "readiness": (summary := summary_of(rooms)),
        "state": state_of(summary),
        "answer": room_answer(rooms, t, Words(t)),
        "rooms": rooms[(part - 1) * ROOMS_A_PART : part * ROOMS_A_PART],
        "capacity": {room.code: room.capacity for room in meeting.rooms},
        "part": part,
        "parts": -(-len(rooms) // ROOMS_A_PART),
        "opens_at": opens_at,
        "open": stands in {"ahead", "now"} and now >= opens_at,
        "mine": mine,
        "may_cancel": stands in {"ahead", "now"}
        and actor.may(MEETINGS_BOOK)
        and await may_change(actor, meeting_id, booking.organiser_id, tx),
        "reservations": parts_of,
        "extra": [room for room in meeting.rooms if room.kind != "room"],
        "room_kinds": ROOM_KINDS,
        "kind_name": next((_kind_name(one, t) for one in await kinds(tx) if one.code == meeting.kind), ""),
    }


async def whole_page(
    actor: Actor,
    meeting_id: uuid.UUID,
    tx: Transaction,
    t: Translator,
    settings: Settings,
    *,
    part: int = 1,
    sent: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return what the page of one meeting shows when it is opened: `look_at`, and its forms.

    `sent` is what the form for a deputy was sent with, and the `error` in it; None: nobody has used it.
    """
    found = await look_at(actor, meeting_id, tx, t, settings, part=part)
    speaks_for = await offices_to_speak_for(actor, found["meeting"], tx)
    return {**found, "speaks_for": speaks_for, "sent": sent, "checked_at": tx.now()}


def _kind_name(kind: MeetingKind, t: Translator) -> str:
    return kind.name_en if t.language == "en" else kind.name


def change_words(
    line: ChangeLine, t: Translator, now: datetime, names: Mapping[str, str]
) -> tuple[str, list[tuple[str, str]]]:
    """Return the day of a meeting that a change touches, and what becomes of it: (what, in words) each.

    Args:
        line: What the change does to it.
        t: The reader's language.
        now: Aware instant.
        names: Names of rooms by code.
    """
    before, after = line.before, line.after
    if line.fate == "kept":
        zone = ZoneInfo(t.timezone)
        day = day_name(t, line.original.replace(tzinfo=zone), now) if line.original else ""
        return day, [("kept", t.gettext("stays as it is: it was changed by itself before"))]
    if after is None:
        assert before is not None  # noqa: S101 - what is cancelled was there
        return day_name(t, before.starts_at, now), [("cancelled", t.gettext("will not take place"))]
    if before is None:
        return day_name(t, after.starts_at, now), [
            ("added", t.gettext("is added, {span}", span=span(t, after.starts_at, after.ends_at)))
        ]
    told = []
    if before.title != after.title:
        told.append(
            ("changed", t.gettext("title: “{before}” becomes “{after}”", before=before.title, after=after.title))
        )
    if (before.starts_at, before.ends_at) != (after.starts_at, after.ends_at):
        times = [
            f"{span(t, one.starts_at, one.ends_at)} {t.weekday(one.starts_at)} {t.date(one.starts_at)}"
            for one in (before, after)
        ]
        told.append(("changed", t.gettext("time: {before} becomes {after}", before=times[0], after=times[1])))
    got, lost = (
        [code for code in a if code not in b] for a, b in ((after.rooms, before.rooms), (before.rooms, after.rooms))
    )
    told += [("added", t.gettext("also {room}", room=names.get(code, code))) for code in got]
    told += [("cancelled", t.gettext("without {room}", room=names.get(code, code))) for code in lost]
    return day_name(t, before.starts_at, now), told
