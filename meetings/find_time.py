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
from typing import Final, Literal, NamedTuple, TypeAlias
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


class Room(NamedTuple):
    """A room that a party could use, and what keeps others out of it: half-open times, in any order.

    `before` and `after` are what it needs to get ready, in microseconds. `hours`: when it can be used, as hours of
    offices are written; empty: always.
    """

    id: int
    busy_from: Instants
    busy_to: Instants
    before: int = 0
    after: int = 0
    hours: str = ""


class Party(NamedTuple):
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
    free = _free(parties, distinct, duration)
    lacking = _lacking(free, where)
    needs = np.array([party.need for party in parties])
    musts = (needs == "veto") | (needs == "required")
    vetoed = lacking[needs == "veto"].max(axis=0, initial=0)
    # Sums by a product of matrices: a tenth of the time of adding rows up, and exact below 16 million.
    counted = np.array([musts, needs == "optional"], np.float32) @ lacking.astype(np.float32)
    missing, optional = counted.astype(np.int64)
    short = _short(free, lacking, where, parties, groups)
    at_risk = [n for n in musts.nonzero()[0].tolist() if parties[n].risky]
    risky = _risky([parties[n] for n in at_risk], distinct, duration)[:, where].sum(axis=2)
    liked = np.array([_liking(one[0], wishes, zone) if wishes else 0 for one in starts])
    order = np.lexsort((instants[:, 0], liked, risky.sum(axis=0), optional, missing + short, vetoed))
    picked = _apart(order[vetoed[order] < meetings], instants[:, 0], apart // MICROSECOND, limit)
    bits = free.at(where[picked])
    chosen = _chosen(bits.sum(axis=2, dtype=np.int64), free.first)
    codes, ids = np.array([party.code for party in parties], object), free.ids
    slots = []
    for place, n in enumerate(picked):
        best, lack = chosen[:, place], lacking[:, n]
        there, gone = (lack < meetings).nonzero()[0], lack.nonzero()[0]
        without = bits[best[gone], place].argmin(axis=1)
        slots.append(
            Slot(
                tuple(starts[n]),
                dict(zip(codes[gone].tolist(), lack[gone].tolist(), strict=True)),
                int(short[n]),
                int(vetoed[n]),
                dict(zip(codes[there].tolist(), ids[best[there]].tolist(), strict=True)),
                dict(zip(codes[gone].tolist(), without.tolist(), strict=True)),
                {parties[at_risk[row]].code: int(risky[row, n]) for row in risky[:, n].nonzero()[0].tolist()},
            )
        )
    return slots


@dataclass(frozen=True, slots=True)
class _Free:
    """For which beginnings each room is free: a row of bits, 64 a word, for each room, party by party.

    A party without a room has one row, that of a room that is never free.

    Attributes:
        words: The rows; what is behind the last beginning means nothing.
        ids: Of each row's room; 0 for none.
        first: Where each party's rows begin.
        number: How many beginnings.
    """

    words: NDArray[np.uint64]
    ids: NDArray[np.int64]
    first: NDArray[np.intp]
    number: int

    def of_party(self, n: int) -> NDArray[np.uint8]:
        """Return the bits of one party's rooms."""
        return _unpacked(
            self.words[self.first[n] : self.first[n + 1] if n + 1 < self.first.size else None], self.number
        )

    def at(self, places: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Return the bits of every room at these beginnings, one more dimension than `places`."""
        shifted = self.words[:, places // WORD] >> (places % WORD).astype(np.uint64)
        return (shifted & np.uint64(1)).astype(np.uint8)


def _unpacked(words: NDArray[np.uint64], number: int) -> NDArray[np.uint8]:
    return np.unpackbits(words.view(np.uint8), axis=1, count=number, bitorder="little")


def _lacking(free: _Free, where: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return at how many meetings of each time each party has not its best room; there are fewer than 256."""
    meetings = where.shape[1]
    if meetings == 1:  # any room will do: the words of a party's rooms are put together before they become bits
        return 1 - _unpacked(np.bitwise_or.reduceat(free.words, free.first), free.number).take(where[:, 0], axis=1)
    bits = _unpacked(free.words, free.number)
    often = np.zeros((bits.shape[0], where.shape[0]), np.uint8)
    for meeting in range(meetings):
        often += bits.take(where[:, meeting], axis=1)
    return np.uint8(meetings) - np.maximum.reduceat(often, free.first)


def _chosen(often: NDArray[np.int64], begin: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return for each party and time the row of the room that is free most often, the first of those alike."""
    rows = often.shape[0]
    score = often * (rows + 1) + np.arange(rows, 0, -1)[:, None]
    best: NDArray[np.int64] = rows - np.maximum.reduceat(score, begin) % (rows + 1)
    return best


def _short(
    free: _Free,
    lacking: NDArray[np.uint8],
    where: NDArray[np.intp],
    parties: Sequence[Party],
    groups: Sequence[Group],
) -> NDArray[np.int64]:
    """Return for each time how many the groups lack, each meeting counted, everybody in the room chosen for them."""
    numbers = {party.code: n for n, party in enumerate(parties)} if groups else {}
    short = np.zeros(where.shape[0], np.int64)
    for group in groups:
        members = [numbers[code] for code in group.parties]
        if where.shape[1] == 1:
            present = (1 - lacking[members]).sum(axis=0, dtype=np.int64)[:, None]
        else:
            present = np.zeros(where.shape, np.int64)
            for n in members:
                its = free.of_party(n)[:, where]
                best = its.sum(axis=2).argmax(axis=0)
                present += its[best, np.arange(best.size)]
        short += np.maximum(group.least - present, 0).sum(axis=1)
    return short


def _risky(parties: Sequence[Party], distinct: Instants, duration: timedelta) -> NDArray[np.bool_]:
    """Return for each party and beginning whether it is often cut off in one of the hours of the meeting."""
    often = np.zeros((len(parties), HOURS_A_WEEK), np.bool_)
    for row, party in enumerate(parties):
        often[row, list(party.risky)] = True
    first = (distinct - MONDAY) // HOUR
    last = (distinct - MONDAY + duration // MICROSECOND - 1) // HOUR
    found = np.zeros((len(parties), distinct.size), np.bool_)
    for hour in range(int((last - first).max()) + 1):
        found |= often[:, (first + hour) % HOURS_A_WEEK] & (first + hour <= last)
    return found


def _apart(order: NDArray[np.intp], instants: Instants, distance: int, limit: int) -> list[int]:
    """Return the first `limit` of `order` that begin at least `distance` from those before."""
    picked: dict[int, int] = {}
    for n, at in zip(order.tolist(), instants[order].tolist(), strict=True):
        if len(picked) == limit:
            break
        if all(abs(at - other) >= distance for other in picked.values()):
            picked[n] = at
    return list(picked)


def _free(parties: Sequence[Party], distinct: Instants, duration: timedelta) -> _Free:
    """Return for which beginnings (in order) each room is free.

    Hot: 45,000 bookings for 1,000 offices and four weeks. A booking keeps out a run of beginnings, which is a few bits
    of one word of 64, seldom of two.
    """
    rooms, sizes = [room for party in parties for room in party.rooms], np.array([len(one.rooms) for one in parties])
    rows = np.maximum(sizes, 1)
    first, of_room = np.cumsum(rows) - rows, np.flatnonzero(np.repeat(sizes > 0, rows))
    words, ids = np.zeros((rows.sum(), -(-distinct.size // WORD)), np.uint64), np.zeros(rows.sum(), np.int64)
    if rooms:
        ids[of_room] = [room.id for room in rooms]
        row, low, high = _kept_out(rooms, distinct, duration)
        _mark(words, of_room[row], low, high)
        named = {hours: n for n, hours in enumerate({room.hours for room in rooms})}
        if named.keys() != {""}:
            shut = np.array([_shut(hours, distinct, duration, words.shape[1]) for hours in named])
            words[of_room] |= shut[[named[room.hours] for room in rooms]]
    words[first[sizes == 0]] = ONES
    return _Free(~words, ids, first, distinct.size)


def _kept_out(
    rooms: Sequence[Room], distinct: Instants, duration: timedelta
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return for each booking the place of its room, and of the beginnings that it makes impossible: first, and end."""
    numbers = [room.busy_from.size for room in rooms]
    row = np.repeat(np.arange(len(rooms)), numbers)
    # Half open: a meeting may begin as a booking ends, and end as one begins.
    longest = duration // MICROSECOND + np.array([room.after for room in rooms])
    out_from = np.concatenate([room.busy_from for room in rooms]) - np.repeat(longest, numbers)
    out_to = np.concatenate([room.busy_to for room in rooms]) + np.repeat([room.before for room in rooms], numbers)
    near = (out_from < distinct[-1]) & (out_to > distinct[0])
    if not near.all():
        row, out_from, out_to = row[near], out_from[near], out_to[near]
    minutes, rest = np.divmod(distinct - distinct[0], MINUTE)
    if rest.any():
        return row, np.searchsorted(distinct, out_from, side="right"), np.searchsorted(distinct, out_to, side="left")
    # A table of how many beginnings there are up to each minute says the same in a tenth of the time.
    until = np.concatenate([[0], np.cumsum(np.bincount(minutes))])
    low = until[np.maximum((out_from - distinct[0]) // MINUTE + 1, 0)]
    high = until[np.minimum(-((distinct[0] - out_to) // MINUTE), minutes[-1] + 1)]
    return row, low, high


def _mark(words: NDArray[np.uint64], row: NDArray[np.intp], low: NDArray[np.intp], high: NDArray[np.intp]) -> None:
    """Set the bits from `low` to before `high` of each row."""
    flat, width = words.reshape(-1), words.shape[1]
    while (left := low < high).any():
        row, low, high = row[left], low[left], high[left]
        word = low // WORD
        end = np.minimum(high - word * WORD, WORD)
        mask = (ONES << (low % WORD).astype(np.uint64)) & (ONES >> (WORD - end).astype(np.uint64))
        np.bitwise_or.at(flat, row * width + word, mask)
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
    local = at.astimezone(zone)
    for place, wish in enumerate(wishes):
        if local.weekday() in wish.days and wish.begin <= local.time() < wish.end:
            return place
    return len(wishes)


def _instant(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND
