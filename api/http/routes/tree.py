"""The JSON API on the dated tree: levels, units on any day, figures by any map, search, and reorganisations."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.glue import followers
from api.http.deps import CurrentActor, Tx
from api.http.editing import Key, created, tagged
from api.http.paging import After, Limit, Page, Search, Shape, cut
from api.http.routes.router import api_router, problems
from inventory.public import (
    INVENTORY_CHANGE,
    MOST_OPERATIONS,
    Operation,
    ReorganisationState,
    UnitWish,
    cancel_reorganisation,
    figures,
    levels,
    lines,
    propose,
    rehearse,
    reorganisation_for,
    reorganisations,
    schedule,
    search,
    unit_for,
    units_on,
)
from kernel.actors import Actor

router = api_router("tree")

AsOf = Annotated[date | None, Query(description="The day; left out: today.")]
UnitCode = Annotated[str | None, Query(max_length=63, description="Code of a unit.")]


async def _reorganiser(actor: CurrentActor) -> Actor:
    actor.require_everywhere(INVENTORY_CHANGE)
    return actor


Reorganiser = Annotated[Actor, Depends(_reorganiser)]
"""Who may change the whole tree; asked before what they sent is looked at."""


class Level(Shape):
    """A level of the administration; `name` is the Vietnamese one."""

    code: str
    position: int = Field(description="Units lie below units of a smaller position only.")
    name: str
    name_en: str
    valid_from: date | None
    valid_to: date | None


class Unit(Shape):
    """An administrative unit on one day."""

    code: str
    name: str
    name_en: str
    level: str
    parent: str | None
    valid_from: date
    valid_to: date | None = Field(description="First day on which it is no more.")
    successors: tuple[str, ...]
    predecessors: tuple[str, ...]


class UnitPeriod(Shape):
    """What a unit was called and where it lay for a time."""

    since: date
    until: date | None
    name: str
    name_en: str
    parent: str | None


class UnitDetails(Shape):
    """A unit, those above it from the top down, and all that it ever was, oldest first."""

    unit: Unit
    above: tuple[Unit, ...]
    periods: tuple[UnitPeriod, ...]


class Figure(Shape):
    """Offices and devices in a unit; `unit` is null for what is in no unit of that level."""

    unit: str | None
    name: str
    name_en: str
    offices: int
    devices: int


class Found(Shape):
    """Something that was found, and where it is."""

    kind: str
    code: str
    name: str
    place: str


class Rehearsal(Shape):
    """What a reorganisation moves: how many of each kind; the digest is the same for the same moves."""

    counts: dict[str, int]
    digest: str


class Reorganisation(Shape):
    """A reorganisation: what is done, when, and what became of it."""

    id: uuid.UUID
    title: str
    day: date
    state: ReorganisationState
    due_at: datetime | None
    operations: tuple[Operation, ...]
    rehearsed: Rehearsal
    applied: Rehearsal | None
    why: tuple[str, ...] = Field(description="If it is held: what is wrong.")
    made_by: str
    made_at: datetime
    over_at: datetime | None


class Line(Shape):
    """One thing that moves, and the names of the places it is in before and after."""

    code: str
    name: str
    before: str
    after: str


class Changes(BaseModel):
    """What is to be done on a day, in this order."""

    model_config = ConfigDict(extra="forbid")

    day: date
    operations: Annotated[tuple[Operation, ...], Field(min_length=1, max_length=MOST_OPERATIONS)]


class NewReorganisation(Changes):
    """A reorganisation to keep."""

    title: Annotated[str, Field(min_length=1, max_length=200)]


@router.get("/levels", summary="Levels of the administration")
async def list_levels(actor: CurrentActor, tx: Tx, limit: Limit = 50, after: After = None) -> Page[Level]:
    """From the top down, those that are over included."""
    return cut([Level.model_validate(one) for one in await levels(actor, tx)], lambda one: one.code, limit, after)


@router.get("/units", summary="Administrative units on a day")
async def list_units(
    actor: CurrentActor,
    tx: Tx,
    as_of: AsOf = None,
    subtree: UnitCode = None,
    parent: UnitCode = None,
    level: Annotated[str | None, Query(max_length=63, description="Code of a level.")] = None,
    query: Search = "",
    limit: Limit = 50,
    after: After = None,
) -> Page[Unit]:
    """From the top level down, in Vietnamese order of names; `subtree` means a unit with all below it."""
    wish = UnitWish(as_of, subtree, parent, level, query)
    page = await units_on(actor, tx, wish, limit=limit, after=after)
    return Page(items=[Unit.model_validate(unit) for unit in page.units], next=page.next_cursor)


@router.get("/units/{code}", summary="One unit with its history", responses=problems(404))
async def read_unit(actor: CurrentActor, tx: Tx, code: str, as_of: AsOf = None) -> UnitDetails:
    """As it is on the day, or was in the end."""
    return UnitDetails.model_validate(await unit_for(actor, code, tx, as_of=as_of))


@router.get("/figures", summary="Offices and devices by unit")
async def list_figures(
    actor: CurrentActor,
    tx: Tx,
    level: Annotated[str, Query(max_length=63, description="Code of the level whose units cut them.")],
    as_of: AsOf = None,
    map_of: Annotated[date | None, Query(description="The day whose map cuts them; left out: `as_of`.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[Figure]:
    """By name. Whatever the map, the sums agree: what is in no unit of that level comes last."""
    found = await figures(actor, tx, level=level, as_of=as_of, map_of=map_of)
    return cut([Figure.model_validate(one) for one in found], lambda one: one.unit or "-", limit, after)


@router.get("/search", summary="Search while typing")
async def find(
    actor: CurrentActor,
    tx: Tx,
    query: Search,
    limit: Annotated[int, Query(ge=1, le=50, description="Most of each kind.")] = 10,
) -> list[Found]:
    """Units, then offices, then devices that have all the words; accents may be missing."""
    return [Found.model_validate(one) for one in await search(actor, tx, query, limit=limit)]


@router.get("/reorganisations", summary="Reorganisations of the tree")
async def list_reorganisations(
    actor: CurrentActor, tx: Tx, limit: Limit = 50, after: After = None
) -> Page[Reorganisation]:
    """The latest day first."""
    page = await reorganisations(actor, tx, limit=limit, after=after)
    return Page(items=[Reorganisation.model_validate(one) for one in page.reorganisations], next=page.next_cursor)


@router.post("/reorganisations/rehearsal", summary="What a reorganisation would move", responses=problems(400))
async def rehearse_only(actor: Reorganiser, tx: Tx, wanted: Changes) -> Rehearsal:
    """Nothing is kept."""
    found = await rehearse(actor, tx, followers(), day=wanted.day, operations=wanted.operations)
    return Rehearsal.model_validate(found)


@router.post(
    "/reorganisations",
    summary="Propose a reorganisation",
    status_code=201,
    response_model=Reorganisation,
    responses=problems(400),
)
async def new_reorganisation(
    request: Request, actor: Reorganiser, tx: Tx, wanted: NewReorganisation, key: Key = None
) -> Response:
    """It is rehearsed and kept as a draft; schedule it, and it is applied on its day."""

    async def make() -> Reorganisation:
        made = await propose(
            actor, tx, followers(), title=wanted.title, day=wanted.day, operations=wanted.operations
        )  # fmt: skip
        return Reorganisation.model_validate(made)

    return await created(request, actor, tx, key, make)


@router.get("/reorganisations/{reorganisation_id}", summary="One reorganisation", responses=problems(404))
async def read_reorganisation(
    actor: CurrentActor, tx: Tx, response: Response, reorganisation_id: uuid.UUID
) -> Reorganisation:
    """With its rehearsal, and what was applied."""
    return tagged(Reorganisation.model_validate(await reorganisation_for(actor, tx, reorganisation_id)), response)


@router.get(
    "/reorganisations/{reorganisation_id}/moves", summary="What it would move", responses=problems(400, 404, 409)
)
async def list_moves(
    actor: Reorganiser,
    tx: Tx,
    reorganisation_id: uuid.UUID,
    kind: Annotated[str, Query(max_length=50, description="offices, devices, grants, bookings")] = "offices",
    limit: Limit = 50,
    after: After = None,
) -> Page[Line]:
    """As long as it waits."""
    page = await lines(actor, tx, followers(), reorganisation_id, kind, limit=limit, after=after)
    return Page(items=[Line.model_validate(line) for line in page.lines], next=page.next_cursor)


@router.post(
    "/reorganisations/{reorganisation_id}/schedule", summary="Let it happen", responses=problems(400, 404, 409)
)
async def schedule_it(actor: Reorganiser, tx: Tx, reorganisation_id: uuid.UUID) -> Reorganisation:
    """It is rehearsed again and then waits for its day; within half a minute, if the day has come."""
    return Reorganisation.model_validate(await schedule(actor, tx, followers(), reorganisation_id))


@router.post("/reorganisations/{reorganisation_id}/cancel", summary="Give it up", responses=problems(404, 409))
async def cancel_it(actor: Reorganiser, tx: Tx, reorganisation_id: uuid.UUID) -> Reorganisation:
    """Until it was applied."""
    return Reorganisation.model_validate(await cancel_reorganisation(actor, tx, reorganisation_id))
