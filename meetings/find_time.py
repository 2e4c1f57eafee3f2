"""Ranks times for a meeting of many offices: who would be missing at each, fewest first. Pure.

A time at which all of 150 offices are free hardly ever exists, so every possible beginning is judged: which rooms are
free (a row of bits for each), which offices therefore have one, what that means. Times are whole microseconds, so that
half-open edges are exact; a room is free for a beginning if no booking touches the meeting and the room's time to get
ready, and the room is open for the meeting. Of a series an office has one room for all of its meetings, the one that is
free most often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from meetings.opening import A_MONDAY, open_at
from meetings.working_days import Calendar

Instants: TypeAlias = NDArray[np.int64]
"""Microseconds since `EPOCH`."""

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Where PostgreSQL counts from: what it sends needs no arithmetic."""

MICROSECOND: Final = timedelta(microseconds=1)
MONDAY: Final = (A_MONDAY - EPOCH) // MICROSECOND
MINUTE: Final = 60_000_000
HOUR: Final = 60 * MINUTE
HOURS_A_WEEK: Final = 168
WORD: Final = 64
ONES: Final = np.uint64(2**64 - 1)
Need = Literal["veto", "required", "optional", "group"]


@dataclass(frozen=True, slots=True)
class Room:
    """A room that a party could use, and what keeps others out of it: half-open times, in any order.

    `hours`: when it can be used, as hours of offices are written; empty: always.
    """

    id: int
    busy_from: Instants
    busy_to: Instants
    before: timedelta = timedelta()
    after: timedelta = timedelta()
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """An office with the rooms that it could use, the better ones first; or a person, who is a room of their own.

    Attributes:
        code: What it is called in the answer.
        rooms: Empty: it can never be there.
        need: `veto`: no time without it; `group`: it counts in its groups only.
        risky: Hours of the week (0 is Monday's first, in the administration's local time) at which it is often cut off.
    """

    code: str
    rooms: tuple[Room, ...]
    need: Need = "required"
    risky: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """Of these parties (their codes) at least so many have to be there."""

    parties: tuple[str, ...]
    least: int


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the day, in local time, within which a meeting has to lie.

    An end that is not after the beginning is on the next day: 00:00 is midnight, 22:00 to 02:00 a part of the night.
    """

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
        risky: Code of each party that has to be there and is often cut off then, and at how many of the meetings.
    """

    starts_at: tuple[datetime, ...]
    missing: Mapping[str, int]
    short: int
    vetoed: int
    rooms: Mapping[str, int]
    first_without: Mapping[str, int]
    risky: Mapping[str, int] = field(default_factory=dict)


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
            end += timedelta(days=part.end <= part.begin)
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
    """Return the best of the times, best first: fewest vetoes, fewest missing, safest, as the chair likes, soonest.

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
    distinct, where = np.unique(instants, return_inverse=True)
    where, meetings = where.reshape(instants.shape), instants.shape[1]
    free, begin = _rows(parties, distinct, duration)
    often = _often(free, where)
    lacking = np.uint8(meetings) - np.maximum.reduceat(often, begin)
    needs = np.array([party.need for party in parties])
    musts = (needs == "veto") | (needs == "required")
    vetoed = lacking[needs == "veto"].max(axis=0, initial=0)
    # Sums by a product of matrices: a tenth of the time of adding rows up, and exact below 16 million.
    counted = np.array([musts, needs == "optional"], np.float32) @ lacking.astype(np.float32)
    missing, optional = counted.astype(np.int64)
    rows_of = dict(zip((party.code for party in parties), begin, strict=True))
    short = _short(free, often, where, rows_of, parties, groups)
    risky = {
        party.code: _risky(party, distinct, duration)[where].sum(axis=1)
        for party, must in zip(parties, musts, strict=True)
        if must and party.risky
    }
    risk = np.sum(list(risky.values()), axis=0) if risky else np.zeros(len(starts), np.int64)
    liked = np.array([_liking(one[0], wishes, zone) for one in starts])
    order = np.lexsort((instants[:, 0], liked, risk, optional, missing + short, vetoed))
    picked = _apart([int(n) for n in order if vetoed[n] < meetings], instants[:, 0], apart // MICROSECOND, limit)
    chosen = _chosen(often[:, picked], begin)
    codes, ids = np.array([party.code for party in parties], object), _ids(parties)
    slots = []
    for place, n in enumerate(picked):
        best, lack = chosen[:, place], lacking[:, n]
        there, gone = (lack < meetings).nonzero()[0], lack.nonzero()[0]
        slots.append(
            Slot(
                tuple(starts[n]),
                dict(zip(codes[gone].tolist(), lack[gone].tolist(), strict=True)),
                int(short[n]),
                int(vetoed[n]),
                dict(zip(codes[there].tolist(), ids[best[there]].tolist(), strict=True)),
                dict(
                    zip(codes[gone].tolist(), free[best[gone][:, None], where[n]].argmin(axis=1).tolist(), strict=True)
                ),
                {code: int(number[n]) for code, number in risky.items() if number[n]},
            )
        )
    return slots


def _rows(parties: Sequence[Party], distinct: Instants, duration: timedelta) -> tuple[NDArray[np.bool_], list[int]]:
    """Return a bit for each room and beginning, the rooms party by party, and where each party's begin.

    A party without a room has one that is never free.
    """
    free = _free([room for party in parties for room in party.rooms], distinct, duration)
    sizes = [len(party.rooms) for party in parties]
    begin = [0, *accumulate(max(1, size) for size in sizes)][:-1]
    if 0 in sizes:
        gaps = np.array([at for at, size in zip(accumulate(sizes, initial=0), sizes, strict=False) if not size])
        free = np.insert(free, gaps, values=False, axis=0)
    return free, begin


def _ids(parties: Sequence[Party]) -> NDArray[np.int64]:
    """Return the id of each row's room; 0 for that of a party without one."""
    return np.array([room_id for party in parties for room_id in ([room.id for room in party.rooms] or [0])], np.int64)


def _often(free: NDArray[np.bool_], where: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return at how many meetings of each time each room is free; there are fewer than 256."""
    bits = free.view(np.uint8)
    if where.shape[1] == 1 and np.array_equal(where[:, 0], np.arange(free.shape[1])):
        return bits
    often = np.zeros((free.shape[0], where.shape[0]), np.uint8)
    for meeting in range(where.shape[1]):
        often += bits.take(where[:, meeting], axis=1)
    return often


def _chosen(often: NDArray[np.uint8], begin: Sequence[int]) -> NDArray[np.int64]:
    """Return for each party and time the row of the room that is free most often, the first of those alike."""
    rows = often.shape[0]
    score = often.astype(np.int64) * (rows + 1) + np.arange(rows, 0, -1)[:, None]
    best: NDArray[np.int64] = rows - np.maximum.reduceat(score, begin) % (rows + 1)
    return best


def _short(
    free: NDArray[np.bool_],
    often: NDArray[np.uint8],
    where: NDArray[np.intp],
    begin: Mapping[str, int],
    parties: Sequence[Party],
    groups: Sequence[Group],
) -> NDArray[np.int64]:
    """Return for each time how many the groups lack, each meeting counted, everybody in the room chosen for them."""
    sizes = {party.code: max(1, len(party.rooms)) for party in parties}
    short = np.zeros(where.shape[0], np.int64)
    for group in groups:
        present = np.zeros(where.shape, np.int64)
        for code in group.parties:
            at = begin[code]
            best = at + often[at : at + sizes[code]].argmax(axis=0)
            present += free[best[:, None], where]
        short += np.maximum(group.least - present, 0).sum(axis=1)
    return short


def _risky(party: Party, distinct: Instants, duration: timedelta) -> NDArray[np.bool_]:
    """Return for each beginning whether the party is often cut off in one of the hours of the meeting."""
    often = np.zeros(HOURS_A_WEEK, np.bool_)
    often[list(party.risky)] = True
    first = (distinct - MONDAY) // HOUR
    last = (distinct - MONDAY + duration // MICROSECOND - 1) // HOUR
    found = np.zeros(distinct.size, np.bool_)
    for hour in range(int((last - first).max()) + 1):
        found |= often[(first + hour) % HOURS_A_WEEK] & (first + hour <= last)
    return found


def _apart(order: Sequence[int], instants: Instants, distance: int, limit: int) -> list[int]:
    """Return the first `limit` of `order` that begin at least `distance` from those before."""
    picked: list[int] = []
    for n in order:
        if len(picked) == limit:
            break
        if all(abs(instants[n] - instants[other]) >= distance for other in picked):
            picked.append(n)
    return picked


def _free(rooms: Sequence[Room], distinct: Instants, duration: timedelta) -> NDArray[np.bool_]:
    """Return for each room and beginning (in order) whether the room is free.

    Hot: 45,000 bookings and a million bits for 1,000 offices and four weeks. A booking keeps out a run of beginnings,
    which is a few bits of one word of 64, seldom of two: the words of all bookings are put together room by room.
    """
    width = -(-distinct.size // WORD)
    words = np.zeros(len(rooms) * width, np.uint64)
    if rooms and (bookings := sum(room.busy_from.size for room in rooms)):
        length, numbers = duration // MICROSECOND, [room.busy_from.size for room in rooms]
        row = np.repeat(np.arange(len(rooms)), numbers)
        # Half open: a meeting may begin as a booking ends, and end as one begins.
        out_from = np.concatenate([room.busy_from for room in rooms]) - length
        out_to = np.concatenate([room.busy_to for room in rooms])
        if any(room.after or room.before for room in rooms):
            out_from -= np.repeat([room.after // MICROSECOND for room in rooms], numbers)
            out_to += np.repeat([room.before // MICROSECOND for room in rooms], numbers)
        near = (out_from < distinct[-1]) & (out_to > distinct[0])
        if int(near.sum()) < bookings:
            row, out_from, out_to = row[near], out_from[near], out_to[near]
        low = np.searchsorted(distinct, out_from, side="right")
        high = np.searchsorted(distinct, out_to, side="left")
        _mark(words, row * width, low, high)
    shut = {hours: _shut(hours, distinct, duration, width) for hours in {room.hours for room in rooms} if hours}
    for number, room in enumerate(rooms):
        if room.hours:
            words[number * width : (number + 1) * width] |= shut[room.hours]
    bits = np.unpackbits(~words.view(np.uint8).reshape(len(rooms), width * 8), axis=1, bitorder="little")
    return np.ascontiguousarray(bits[:, : distinct.size]).view(np.bool_)


def _mark(words: NDArray[np.uint64], row: NDArray[np.intp], low: NDArray[np.intp], high: NDArray[np.intp]) -> None:
    """Set the bits from `low` to before `high` of each row, which begins at the word `row`."""
    while (left := low < high).any():
        row, low, high = row[left], low[left], high[left]
        word = low // WORD
        end = np.minimum(high - word * WORD, WORD)
        mask = (ONES << (low % WORD).astype(np.uint64)) & (ONES >> (WORD - end).astype(np.uint64))
        key = row + word
        order = np.argsort(key, kind="stable")
        key, mask = key[order], mask[order]
        first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
        words[key[first]] |= np.bitwise_or.reduceat(mask, first)
        low = (word + 1) * WORD


def _shut(hours: str, distinct: Instants, duration: timedelta, width: int) -> NDArray[np.uint64]:
    """Return the bits of the beginnings at which a room with these hours is closed for a part of the meeting."""
    begins, ends = (distinct - MONDAY) // MINUTE, -((MONDAY - distinct - duration // MICROSECOND) // MINUTE)
    bits = np.zeros(width * WORD, np.bool_)
    for minutes in np.unique(ends - begins).tolist():  # one number, but for beginnings between two minutes
        these = ends - begins == minutes
        bits[: begins.size][these] = ~open_at(hours, begins[these], minutes)
    return np.packbits(bits, bitorder="little").view(np.uint64)


def _liking(at: datetime, wishes: Sequence[Wish], zone: ZoneInfo) -> int:
    local = at.astimezone(zone) if wishes else at
    for place, wish in enumerate(wishes):
        if local.weekday() in wish.days and wish.begin <= local.time() < wish.end:
            return place
    return len(wishes)


def _instant(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND
