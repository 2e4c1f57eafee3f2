"""Meetings of the example programme: some are ahead whenever it is started, booked as everybody books.

Times follow from the clock alone, and each booking has the key of its time: the programme started again finds what it
booked before, and adds what has come near since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from inventory.public import example_accounts
from kernel.actors import Actor
from kernel.db.transaction import Database
from meetings.public import BookingRequest, RoomTaken, book

log = structlog.get_logger()

SOONEST: Final = timedelta(minutes=20)
HOUR: Final = timedelta(hours=1)
FRIDAY: Final = 4

COMMUNES: Final = ("ps", "sl", "hn", "tp", "ld", "dg", "ht", "dk", "br", "nd", "sk")


@dataclass(frozen=True, slots=True)
class Example:
    """A meeting to be booked by an example account."""

    request: BookingRequest
    by: str

    @property
    def key(self) -> str:
        """The same for the same meeting, whenever it is made."""
        return f"example {self.request.rooms[0]} {self.request.starts_at.isoformat()}"


def examples(now: datetime, zone: ZoneInfo) -> list[Example]:
    """Return the meetings that shall be ahead at `now`: one at a full hour soon, the others on the next working days.

    The near one has the offices where the example's own faults are. What was made on another day and is still ahead is
    in the way of none of them.
    """
    local = now.astimezone(zone)
    hour = (local + SOONEST).replace(minute=0, second=0, microsecond=0) + HOUR
    first = _working_day(local.date() + timedelta(days=1))
    second = _working_day(first + timedelta(days=1))

    def at(day: date, begin: time, end: time, title: str, by: str, *rooms: str) -> Example:
        times = datetime.combine(day, begin, zone), datetime.combine(day, end, zone)
        return Example(BookingRequest(f"{title} (mẫu)", rooms, *times), by)

    near = BookingRequest("Giao ban với các xã (mẫu)", ("dl-room", "dk-room", "ps-room", "hn-room"), hour, hour + HOUR)
    communes = [f"{code}-room" for code in COMMUNES]
    return [
        Example(near, "canbo"),
        at(first, time(8), time(9, 30), "Tiến độ giải ngân quý IV", "thuky", "dl-hall", "pt-hall", *communes),
        at(first, time(14), time(15, 30), "Tập huấn nhập số liệu hộ nghèo", "canbo", "pt-room", "td-room", "bt-room"),
        at(second, time(10), time(11, 30), "Chuẩn bị hội nghị tổng kết", "thuky", "dl-hall", "pt-room", "pu-room"),
    ]


async def book_examples(database: Database, zone: ZoneInfo) -> None:
    """Book what is not booked yet; what somebody else has booked in the way stays."""
    async with database.transaction() as tx:
        people: dict[str, Actor] = {account.name: account.actor for account in await example_accounts(tx)}
        wanted = examples(tx.now(), zone)
    for example in wanted:
        if example.by not in people:  # somebody disabled it
            continue
        try:
            async with database.transaction() as tx:
                await book(example.request, people[example.by], tx, key=example.key)
        except RoomTaken as error:
            log.info("example_not_booked", title=example.request.title, why=str(error))


def _working_day(day: date) -> date:
    return day if day.weekday() <= FRIDAY else day + timedelta(days=7 - day.weekday())
