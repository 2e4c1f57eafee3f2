"""The JSON API that finds a time for many offices: ranked, with who would be missing and why."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.http.deps import CurrentActor, Settings_, State_, Tx
from api.http.paging import Shape
from api.http.routes.router import api_router, problems
from kernel.errors import BadInput
from meetings.public import Group, Hours, OnHoliday, TimeQuestion, What, Wish, kind_named, propose, question_of

router = api_router("meetings")

Codes = Annotated[tuple[str, ...], Field(max_length=1000)]


class AskedGroup(BaseModel):
    """Of these offices at least so many."""

    model_config = ConfigDict(extra="forbid")

    offices: Codes
    least: int = Field(ge=1)


class PartOfDay(BaseModel):
    """A part of the day, in local time."""

    model_config = ConfigDict(extra="forbid")

    begin: time
    end: time = Field(description="Not after the beginning: on the next day; 00:00 is midnight.")


class Preference(PartOfDay):
    """When the chair likes to meet."""

    days: frozenset[Annotated[int, Field(ge=0, le=6)]] = Field(description="Of the week; Monday is 0.")


class Question(BaseModel):
    """Who is to meet, how long, and in which days."""

    model_config = ConfigDict(extra="forbid")

    offices: Codes = Field((), description="Codes of offices that have to be there.")
    optional: Codes = Field((), description="Offices that it can be without.")
    vetoes: Codes = Field((), description="Offices without which it cannot be.")
    rooms: Codes = Field((), description="Codes of rooms that it cannot be without.")
    groups: tuple[AskedGroup, ...] = Field((), max_length=20)
    first: date = Field(description="First day to look at, in local time.")
    last: date
    kind: str = Field("", max_length=63, description="Code of its kind, for what is left out here.")
    minutes: int | None = Field(None, ge=1, le=1440, description="How long it lasts; left out: as its kind has it.")
    zone: str = Field("", max_length=100, description="Left out: the programme's.")
    hours: tuple[PartOfDay, ...] = Field((), max_length=10, description="Left out: working hours.")
    wishes: tuple[Preference, ...] = Field((), max_length=10, description="What the chair likes, best first.")
    capacity: int = Field(1, ge=1, description="How many people a room has to seat.")
    equipment: tuple[str, ...] = Field((), max_length=20, description="What has to be in it.")
    accessible: bool = Field(default=False, description="A wheelchair has to get in.")
    every_day: bool = Field(default=False, description="Days off and weekends too.")
    rule: str = Field("", max_length=500, description="RRULE of a series: a time is judged by all of its meetings.")
    on_holiday: OnHoliday = "keep"
    limit: int = Field(10, ge=1, le=50)
    apart_minutes: int = Field(60, ge=0, le=1440, description="Two times begin at least so far from each other.")


class Blocker(Shape):
    """A booking that stands in the way."""

    room: str
    room_name: str
    meeting: uuid.UUID
    title: str
    organiser: str
    starts_at: datetime
    ends_at: datetime
    level: str = Field(description="The highest level of the offices that meet there.")


class OtherRoom(Shape):
    """A free room from which a missing office could take part."""

    room: str
    room_name: str
    office: str
    office_name: str


class Missing(Shape):
    """An office that would be missing."""

    code: str
    name: str
    meetings: int = Field(description="At how many of the meetings.")
    has_rooms: bool = Field(description="Whether it has any room that seats enough.")
    blockers: tuple[Blocker, ...] = Field(description="For the first five who are missing.")
    others: tuple[OtherRoom, ...] = Field(description="The same, for the first three times.")


class Risk(Shape):
    """That an office was cut off at this hour before."""

    code: str
    name: str
    what: What = Field(description="What was out most often: its line, a device, its power.")
    weeks: int = Field(description="In so many of the last `of_weeks` weeks.")
    of_weeks: int


class ProposedTime(Shape):
    """One time, judged."""

    starts_at: datetime
    ends_at: datetime
    meetings: int = Field(description="How many meetings of the series were judged; 1 without a rule.")
    there: int
    missing: tuple[Missing, ...]
    short: int = Field(description="How many the groups lack.")
    vetoed: int = Field(description="At how many meetings somebody is missing without whom it cannot be.")
    rooms: Mapping[str, str] = Field(description="The room that each office would have.")
    risks: tuple[Risk, ...] = Field(description="Who of those that have to be there is often cut off at this hour.")


@router.post("/meetings/times", summary="Find a time", responses=problems(400, 404))
async def find_time(
    actor: CurrentActor, tx: Tx, state: State_, settings: Settings_, sent: Question
) -> list[ProposedTime]:
    """Ranked: fewest missing first, then fewest at risk, then as the chair likes, then soonest. Nothing is booked.

    What is left out is as the kind of the meeting has it.
    """
    given: dict[str, Any] = {
        name: getattr(sent, name)
        for name in sent.model_fields_set - {"kind", "minutes", "apart_minutes", "groups", "hours", "wishes", "zone"}
    }
    if sent.minutes:
        given["minutes"] = sent.minutes
    given["zone"] = sent.zone or settings.timezone
    given["apart"] = timedelta(minutes=sent.apart_minutes)
    given["groups"] = tuple(Group(group.offices, group.least) for group in sent.groups)
    given["wishes"] = tuple(Wish(wish.days, wish.begin, wish.end) for wish in sent.wishes)
    if sent.hours:
        given["hours"] = tuple(Hours(part.begin, part.end) for part in sent.hours)
    given.setdefault("offices", ())
    if sent.kind:
        question = question_of(await kind_named(sent.kind, tx), **given)
    elif sent.minutes:
        question = TimeQuestion(**given)
    else:
        raise BadInput(what="The length", why="say how many minutes the meeting lasts, or of what kind it is")
    found = await propose(question, actor, tx, state.busy, risks=state.risks)
    return [ProposedTime.model_validate(one) for one in found]
