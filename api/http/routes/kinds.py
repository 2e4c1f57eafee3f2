"""The JSON API on kinds of meetings: what a booking of each begins with."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field

from api.http.deps import CurrentActor, Tx
from api.http.paging import Shape
from api.http.routes.router import api_router, problems
from inventory.public import MEETINGS_MANAGE, MEETINGS_READ
from kernel.actors import Actor
from meetings.public import MeetingKind, OnHoliday, forget_kind, kinds, read_hours, set_kind, written_hours

router = api_router("meetings")


class Kind(Shape):
    """A kind of meeting. What it says is where a booking begins, and no rule."""

    code: str
    name: str = Field(description="In Vietnamese.")
    name_en: str
    minutes: int
    hours: str = Field(description="Parts of the day within which it lies, as `07:30-11:30,13:30-17:00`.")
    every_day: bool = Field(description="Days off and weekends too.")
    on_holiday: OnHoliday = Field(description="What becomes of one of a series on a day off.")
    capacity: int = Field(description="How many people a room has to seat.")
    equipment: tuple[str, ...]
    accessible: bool = Field(description="A wheelchair has to get in.")
    position: int


class KindEntry(BaseModel):
    """A kind of meeting, to be added or changed."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=80)
    name_en: str = Field(max_length=80)
    minutes: int = Field(ge=1, le=1440)
    hours: str = Field("07:30-11:30,13:30-17:00", max_length=200)
    every_day: bool = False
    on_holiday: OnHoliday = "keep"
    capacity: int = Field(1, ge=1, le=100_000)
    equipment: tuple[str, ...] = Field((), max_length=20)
    accessible: bool = False
    position: int = Field(0, ge=0, le=1000)


async def _manager(actor: CurrentActor) -> Actor:
    actor.require_everywhere(MEETINGS_MANAGE)
    return actor


Manager = Annotated[Actor, Depends(_manager)]


@router.get("/meeting-kinds", summary="Kinds of meetings")
async def list_kinds(actor: CurrentActor, tx: Tx) -> list[Kind]:
    """In the order in which they are offered."""
    actor.require(MEETINGS_READ)
    return [_shape(kind) for kind in await kinds(tx)]


@router.put("/meeting-kinds/{code}", summary="Add or change a kind of meeting", responses=problems(400))
async def enter_kind(actor: Manager, tx: Tx, code: str, sent: KindEntry) -> Kind:
    """Meetings that are booked already stay as they are."""
    said = {**sent.model_dump(), "hours": read_hours(sent.hours)}
    return _shape(await set_kind(actor, MeetingKind(code, **said), tx))


@router.delete("/meeting-kinds/{code}", summary="Take a kind off the list", status_code=204, responses=problems(404))
async def remove_kind(actor: Manager, tx: Tx, code: str) -> None:
    """Meetings of it keep its code."""
    await forget_kind(actor, code, tx)


def _shape(kind: MeetingKind) -> Kind:
    names = (name for name in Kind.model_fields if name != "hours")
    return Kind(**{name: getattr(kind, name) for name in names}, hours=written_hours(kind.hours))
