"""Ranks times for a meeting of many offices: who would be missing at each, fewest first. Pure.

A time at which all of 150 offices are free hardly ever exists, so every possible beginning is judged: which rooms are
free (a row of bits for each), which offices therefore have one, what that means. Times are whole microseconds, so that
half-open edges are exact; a room is free for a beginning if no booking touches the meeting and the room's time to get
ready. Of a series an office has one room for all of its meetings, the one that is free most often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from meetings.working_days import Calendar

Instants: TypeAlias = NDArray[np.int64]
"""Microseconds since `EPOCH`."""

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Where PostgreSQL counts from: what it sends needs no arithmetic."""

MICROSECOND: Final = timedelta(microseconds=1)
Need = Literal["veto", "required", "optional", "group"]


@dataclass(frozen=True, slots=True)
class Room:
    """A room that a party could use, and what keeps others out of it: half-open times, in any order."""

    id: int
    busy_from: Instants
    busy_to: Instants
    before: timedelta = timedelta()
    after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Party:
    """An office with the rooms that it could use, the better ones first; or a person, who is a room of their own.

    Attributes:
        code: What it is called in the answer.
        rooms: Empty: it can never be there.
        need: `veto`: no time without it; `group`: it counts in its groups only.
    """

    code: str
    rooms: tuple[Room, ...]
    need: Need = "required"


@dataclass(frozen=True, slots=True)
class Group:
    """Of these parties (their codes) at least so many have to be there."""

    parties: tuple[str, ...]
    least: int


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the day, in local time, within which a meeting has to lie; an end of 00:00 is midnight."""

    begin: time
    end: time


@dataclass(frozen=True, slots=True)
class Wish:
    """When the chair likes to meet: on these days of the week (Monday is 0), beginning in this part of the day."""

    days: frozenset[int]
    begin: time
    end: time


@dataclass(frozen=True, slots=True)
class Slot:
    """One time, judged.

    Attributes:
        starts_at: When each meeting begins: one, or those of a series.
        missing: Code of each party that is not there, and at how many of the meetings.
        short: How many people or offices the groups lack, over all meetings.
        vetoed: At how many meetings somebody is missing without whom it cannot be.
        rooms: For each party with a room, by code: its id.
        first_without: For each that is missing: the place of the first meeting that its best room does not have.
    """

    starts_at: tuple[datetime, ...]
    missing: Mapping[str, int]
    short: int
    vetoed: int
    rooms: Mapping[str, int]
    first_without: Mapping[str, int]


def days_worked(first: date, last: date, calendar: Calendar) -> list[date]:
    """Return the days from `first` to `last`, both included, on which offices work."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if calendar.is_worked(day)]


def candidates(days: Sequence[date], hours: Sequence[Hours], duration: timedelta, grid: timedelta) -> list[datetime]:
    """Return the local times, without a zone, at which a meeting of `duration` lies within `hours`.

    They are counted by `grid` from the beginning of each part of the day, in order.
    """
    found = []
    for day in days:
        for part in hours:
            at, end = datetime.combine(day, part.begin), datetime.combine(day, part.end)
            end += timedelta(days=part.end == time.min)
            while at + duration <= end:
                found.append(at)
                at += grid
    return sorted(set(found))


def rank(
    starts: Sequence[Sequence[datetime]],
    duration: timedelta,
    parties: Sequence[Party],
    *,
    zone: ZoneInfo,
    groups: Sequence[Group] = (),
    wishes: Sequence[Wish] = (),
    limit: int = 10,
    apart: timedelta = timedelta(),
) -> list[Slot]:
    """Return the best of the times, best first: fewest vetoes, fewest missing, as the chair likes, soonest.

    A time of which every meeting is vetoed is left out.

    Args:
        starts: Each time: when its meeting begins, or all of a series, as many for each; aware, soonest first.
        duration: How long a meeting lasts.
        parties: Who is to be there.
        zone: Where wishes are meant.
        groups: How many of whom have to be there.
        wishes: The first one that a time meets counts: earlier ones are liked better.
        limit: Most times in the answer.
        apart: Two times in the answer begin at least so far from each other.
    """
    if not starts or not parties:
        return []
    instants = np.array([[_instant(at) for at in one] for one in starts], dtype=np.int64)
    free, begin = _rows(parties, instants, duration)
    meetings = instants.shape[1]
    often = free.sum(axis=2, dtype=np.int16)
    lacking = (meetings - np.maximum.reduceat(often, begin)).astype(np.int64)
    needs = np.array([party.need for party in parties])
    vetoed = lacking[needs == "veto"].max(axis=0, initial=0)
    missing = lacking[(needs == "veto") | (needs == "required")].sum(axis=0)
    optional = lacking[needs == "optional"].sum(axis=0)
    short = _short(free, often, dict(zip((party.code for party in parties), begin, strict=True)), parties, groups)
    liked = np.array([_liking(one[0], wishes, zone) for one in starts])
    order = np.lexsort((instants[:, 0], liked, optional, missing + short, vetoed))
    picked = _apart([int(n) for n in order if vetoed[n] < meetings], instants[:, 0], apart // MICROSECOND, limit)
    best = {
        party.code: often[at : at + len(party.rooms), picked].argmax(axis=0).tolist()
        for party, at in zip(parties, begin, strict=True)
        if party.rooms
    }
    return [
        Slot(
            tuple(starts[n]),
            {party.code: int(lacking[p, n]) for p, party in enumerate(parties) if lacking[p, n]},
            int(short[n]),
            int(vetoed[n]),
            {
                party.code: party.rooms[best[party.code][place]].id
                for p, party in enumerate(parties)
                if lacking[p, n] < meetings
            },
            {
                party.code: int(free[begin[p] + (best[party.code][place] if party.rooms else 0), n].argmin())
                for p, party in enumerate(parties)
                if lacking[p, n]
            },
        )
        for place, n in enumerate(picked)
    ]


def _rows(parties: Sequence[Party], instants: Instants, duration: timedelta) -> tuple[NDArray[np.bool_], list[int]]:
    """Return a bit for each room, time and meeting, the rooms party by party, and where each party's begin.

    A party without a room has one that is never free.
    """
    free = _free([room for party in parties for room in party.rooms], instants, duration)
    sizes = [len(party.rooms) for party in parties]
    begin = [0, *accumulate(max(1, size) for size in sizes)][:-1]
    if 0 in sizes:
        gaps = np.array([at for at, size in zip(accumulate(sizes, initial=0), sizes, strict=False) if not size])
        free = np.insert(free, gaps, values=False, axis=0)
    return free, begin


def _short(
    free: NDArray[np.bool_],
    often: NDArray[np.int16],
    begin: Mapping[str, int],
    parties: Sequence[Party],
    groups: Sequence[Group],
) -> NDArray[np.int64]:
    """Return for each time how many the groups lack, each meeting counted, everybody in the room chosen for them."""
    sizes = {party.code: max(1, len(party.rooms)) for party in parties}
    every = np.arange(free.shape[1])
    short = np.zeros(free.shape[1], np.int64)
    for group in groups:
        present = np.zeros(free.shape[1:], np.int64)
        for code in group.parties:
            at = begin[code]
            present += free[at + often[at : at + sizes[code]].argmax(axis=0), every]
        short += np.maximum(group.least - present, 0).sum(axis=1)
    return short


def _apart(order: Sequence[int], instants: Instants, distance: int, limit: int) -> list[int]:
    """Return the first `limit` of `order` that begin at least `distance` from those before."""
    picked: list[int] = []
    for n in order:
        if len(picked) == limit:
            break
        if all(abs(instants[n] - instants[other]) >= distance for other in picked):
            picked.append(n)
    return picked


def _free(rooms: Sequence[Room], instants: Instants, duration: timedelta) -> NDArray[np.bool_]:
    """Return for each room, time and meeting whether the room is free.

    Hot: 10,000 bookings and half a million bits for 150 offices and four weeks. A booking keeps out a run of
    beginnings: +1 where the run starts, -1 after it, and the sum along the row is how many keep a beginning out.
    """
    flat = instants.ravel()
    order = np.argsort(flat, kind="stable")
    sorted_, width = flat[order], flat.size + 1
    numbers = [room.busy_from.size for room in rooms]
    if not sum(numbers):
        return np.ones((len(rooms), *instants.shape), np.bool_)
    length = duration // MICROSECOND
    row = np.repeat(np.arange(len(rooms)), numbers)
    after = np.repeat([length + room.after // MICROSECOND for room in rooms], numbers)
    before = np.repeat([room.before // MICROSECOND for room in rooms], numbers)
    # Half open: a meeting may begin as a booking ends, and end as one begins.
    low = np.searchsorted(sorted_, np.concatenate([room.busy_from for room in rooms]) - after, side="right")
    high = np.searchsorted(sorted_, np.concatenate([room.busy_to for room in rooms]) + before, side="left")
    kept = low < high
    cells = len(rooms) * width
    change = np.bincount((row * width + low)[kept], minlength=cells).astype(np.int16)
    change -= np.bincount((row * width + high)[kept], minlength=cells).astype(np.int16)
    busy = np.cumsum(change.reshape(len(rooms), width), axis=1, dtype=np.int16)[:, :-1]
    free = np.empty((len(rooms), flat.size), np.bool_)
    free[:, order] = busy == 0
    return free.reshape(len(rooms), *instants.shape)


def _liking(at: datetime, wishes: Sequence[Wish], zone: ZoneInfo) -> int:
    local = at.astimezone(zone) if wishes else at
    for place, wish in enumerate(wishes):
        if local.weekday() in wish.days and wish.begin <= local.time() < wish.end:
            return place
    return len(wishes)


def _instant(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND
