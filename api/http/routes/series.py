"""The JSON API on meetings that come again, and on the official calendar that moves them."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime

from api.http.deps import CurrentActor, Settings_, Tx
from api.http.paging import Shape
from api.http.routes.meetings import Booker, Key, Meeting
from api.http.routes.router import api_router, problems
from inventory.public import MEETINGS_MANAGE
from kernel.actors import Actor
from meetings.public import (
    OfficialDay,
    OnHoliday,
    SeriesRequest,
    SeriesState,
    book_series,
    family_of,
    forget_day,
    meetings_of_series,
    official_days,
    series_for,
    set_day,
)

router = api_router("series")


class Series(Shape):
    """A meeting that comes again."""

    id: uuid.UUID
    family: uuid.UUID = Field(description="The same for all series that changes have made of one.")
    title: str
    rule: str = Field(description="RRULE of RFC 5545, in local time.")
    zone: str = Field(description="Where that time is meant.")
    first: datetime = Field(description="Local time of the first meeting.")
    until: datetime | None = Field(description="From this local time on another series of the family goes on.")
    minutes: int
    left_out: tuple[datetime, ...] = Field(description="Local times at which there is no meeting (EXDATE).")
    on_holiday: OnHoliday
    booked_until: datetime = Field(description="Its meetings are made up to here; later ones follow by themselves.")
    rooms: tuple[str, ...]
    optional: tuple[str, ...] = Field(description="Those of them that a meeting can be without.")
    meetings: int = Field(description="How many of its meetings are booked and not over.")
    next_at: datetime | None
    organiser: str = Field(description="What people call whose meetings they are.")
    booked_by: str = Field(description="Who booked them for the organiser; empty if they did it themselves.")
    kind: str
    state: SeriesState
    version: int


class SeriesBooking(BaseModel):
    """All of these rooms at all of these times, or nothing."""

    model_config = ConfigDict(extra="forbid")

    title: str
    rooms: tuple[str, ...] = Field(description="Codes of rooms.")
    optional: tuple[str, ...] = Field((), description="Rooms that a meeting can be without: a taken one is waited for.")
    rule: str = Field(max_length=500, description="RRULE of RFC 5545, such as `FREQ=WEEKLY;BYDAY=MO`.")
    first: NaiveDatetime = Field(description="Local time of the first meeting, without a zone.")
    zone: str = Field("", max_length=100, description="Zone of that time; left out: the programme's.")
    minutes: int = Field(ge=1, le=1440)
    left_out: tuple[NaiveDatetime, ...] = Field((), max_length=1000, description="Local times without a meeting.")
    on_holiday: OnHoliday = Field("keep", description="`skip` leaves a meeting on a day off out, `move` moves it.")
    kind: str = Field("", max_length=63, description="Code of the kind of each.")
    on_behalf: str = Field("", max_length=64, description="Sign-in name of the leader whose meetings they are.")


class Day(Shape):
    """A day of the official calendar that differs from the week's."""

    day: date
    off: bool
    name: str


class DayEntry(BaseModel):
    """Whether offices work on a day."""

    model_config = ConfigDict(extra="forbid")

    off: bool
    name: str = Field(max_length=200)


async def _keeper(actor: CurrentActor) -> Actor:
    actor.require_everywhere(MEETINGS_MANAGE)
    return actor


CalendarKeeper = Annotated[Actor, Depends(_keeper)]


@router.post("/series", summary="Book a meeting that comes again", status_code=201, responses=problems(400, 404, 409))
async def book_a_series(actor: Booker, tx: Tx, settings: Settings_, sent: SeriesBooking, key: Key = "") -> Series:
    """Every room of every meeting of the next 18 months, or none; later meetings are made as their time comes near.

    `room-taken` lists in `fields.taken` what is in the way of each.
    """
    request = SeriesRequest(
        sent.title, sent.rooms, sent.rule, sent.first, sent.zone or settings.timezone, sent.minutes, sent.optional,
        sent.left_out, sent.on_holiday, sent.kind, sent.on_behalf,
    )  # fmt: skip
    return Series.model_validate(await book_series(request, actor, tx, key=key))


@router.get("/series/{series_id}", summary="One series", responses=problems(404))
async def read_series(actor: CurrentActor, tx: Tx, series_id: uuid.UUID) -> Series:
    """Running or ended."""
    return Series.model_validate(await series_for(actor, series_id, tx))


@router.get("/series/{series_id}/meetings", summary="Meetings of a series", responses=problems(404))
async def list_meetings_of_series(actor: CurrentActor, tx: Tx, series_id: uuid.UUID) -> list[Meeting]:
    """Those that are not over, booked or cancelled: at most 200, the first of them first."""
    return [Meeting.model_validate(meeting) for meeting in await meetings_of_series(actor, series_id, tx)]


@router.get("/series/{series_id}/family", summary="What a series was before and after it was changed")
async def list_family(actor: CurrentActor, tx: Tx, series_id: uuid.UUID) -> list[Series]:
    """The series that changes of "this and following" have made of one, the first to begin first."""
    family = (await series_for(actor, series_id, tx)).family
    return [Series.model_validate(series) for series in await family_of(actor, family, tx)]


@router.get("/calendar/{year}", summary="Official days of a year", responses=problems(400))
async def read_calendar(actor: CurrentActor, tx: Tx, year: int) -> list[Day]:
    """Days off, and days worked against the week; what was entered here wins over the law's days."""
    return [Day.model_validate(day) for day in await official_days(actor, year, tx)]


@router.put("/calendar/days/{day}", summary="Enter an official day", responses=problems(400))
async def enter_day(actor: CalendarKeeper, tx: Tx, day: date, sent: DayEntry) -> Day:
    """As the Prime Minister swaps days off each year. Meetings that are booked already stay where they are."""
    return Day.model_validate(await set_day(actor, OfficialDay(day, sent.off, sent.name), tx))


@router.delete("/calendar/days/{day}", summary="Take an entry back", status_code=204, responses=problems(404))
async def remove_day(actor: CalendarKeeper, tx: Tx, day: date) -> None:
    """The day is again what the law's calendar says."""
    await forget_day(actor, day, tx)
