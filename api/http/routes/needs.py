"""The JSON API on what offices need: kits, gaps, deliveries; and what is known of communes and villages."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.glue import OUTSIDE
from api.http.deps import Changer, CurrentActor, State_, Tx
from api.http.editing import IfMatch, Key, created, saw, tagged
from api.http.paging import After, Limit, Page, Search, cut
from api.http.routes.router import api_router, problems
from inventory.public import (
    INVENTORY_CHANGE,
    CoverageSum,
    CoverageWish,
    DeliveryState,
    DeliveryView,
    FactKind,
    FactWish,
    KitItem,
    KitVersion,
    KitView,
    OfficeNeeds,
    Per,
    Role,
    UnitCoverage,
    UnitNeeds,
    accept_piece,
    change_kit,
    coverage_of,
    coverage_on,
    coverage_sums,
    create_kit,
    deliveries,
    delivery_for,
    kit_for,
    kits,
    known_profiles,
    needs_by_unit,
    needs_of_offices,
    note_arrival,
    office_needs,
    plan_delivery,
    record_fact,
    refuse_piece,
)
from kernel.actors import Actor

router = api_router("needs")


async def _standard_setter(actor: CurrentActor) -> Actor:
    actor.require_everywhere(INVENTORY_CHANGE)
    return actor


StandardSetter = Annotated[Actor, Depends(_standard_setter)]
"""Who may change the whole tree: a kit holds for all of it."""

AsOf = Annotated[date | None, Query(description="The day; left out: today.")]
UnitCode = Annotated[str | None, Query(max_length=63, description="Code of a unit: it and all below it.")]
LevelCode = Annotated[str, Query(max_length=63, description="Code of the level whose units are counted.")]
Text = Annotated[str, Field(max_length=200)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Item(_Sent):
    """So many devices of a role, for the office or for each of its meeting rooms."""

    role: Role
    number: Annotated[int, Field(ge=1, le=1000)]
    per: Per = Per.OFFICE


class Version(_Sent):
    """What a kit is from a day on."""

    since: date
    items: Annotated[list[Item], Field(min_length=1, max_length=20)]

    def view(self) -> KitVersion:
        """Return it as the inventory has it."""
        return KitVersion(self.since, tuple(KitItem(item.role, item.number, item.per) for item in self.items))


class NewKit(_Sent):
    """A kit with its first version; `office_kind` and `level` may be empty: for every one."""

    code: Annotated[str, Field(max_length=63)]
    name: Text
    office_kind: Annotated[str, Field(max_length=63)] = ""
    level: Annotated[str, Field(max_length=63)] = ""
    version: Version


class KitChange(_Sent):
    """Another name, or another version from today or a later day on."""

    name: Text | None = None
    version: Version | None = None


class NewDelivery(_Sent):
    """What is to come to an office: role to number."""

    office: Annotated[str, Field(max_length=63)]
    pieces: Annotated[dict[Role, int], Field(max_length=20)]
    due: date | None = None
    note: Annotated[str, Field(max_length=500)] = ""


class Accepted(_Sent):
    """The serial number, and which device it is; without it, the one that has this number."""

    serial: Annotated[str, Field(max_length=200)]
    device: Annotated[str, Field(max_length=63)] = ""


class RefusedPiece(_Sent):
    """Why it was refused."""

    why: Annotated[str, Field(max_length=500)]


class NewFact(_Sent):
    """What is known of a unit from a day on; of the same kind and day, it corrects what was written down."""

    kind: FactKind
    value: Annotated[list[Annotated[str, Field(max_length=20)]], Field(max_length=10)]
    since: date
    source: Text
    measured: bool = False
    until: date | None = None


@router.get("/kits", summary="Standard kits", responses=problems(400))
async def list_kits(actor: CurrentActor, tx: Tx, limit: Limit = 50, after: After = None) -> Page[KitView]:
    """By code, each with its versions, the newest first."""
    return cut(await kits(actor, tx), lambda kit: kit.code, limit, after)


@router.post(
    "/kits", summary="Set a kit", status_code=201, response_model=KitView, responses=problems(400, 409)
)  # fmt: skip
async def new_kit(request: Request, actor: StandardSetter, tx: Tx, wanted: NewKit, key: Key = None) -> Response:
    """For a kind of office and a level there is one."""

    async def make() -> object:
        kit = KitView(wanted.code, wanted.name, wanted.office_kind, wanted.level, (wanted.version.view(),))
        return await create_kit(actor, tx, kit)

    return await created(request, actor, tx, key, make)


@router.get("/kits/{code}", summary="One kit", responses=problems(404))
async def read_kit(actor: CurrentActor, tx: Tx, response: Response, code: str) -> KitView:
    """With the ETag that a change of it needs."""
    return tagged(await kit_for(actor, code, tx), response)


@router.patch("/kits/{code}", summary="Give a kit a new version", responses=problems(400, 404, 409, 412, 428))
async def edit_kit(
    actor: StandardSetter, tx: Tx, response: Response, code: str, wanted: KitChange, if_match: IfMatch = None
) -> KitView:
    """Versions that have begun stay as they are."""
    version = None if wanted.version is None else wanted.version.view()
    return tagged(await change_kit(actor, tx, code, saw(if_match), name=wanted.name, version=version), response)


@router.get("/needs", summary="What is lacking, by unit")
async def list_needs(
    actor: CurrentActor, tx: Tx, unit: UnitCode = None, as_of: AsOf = None, limit: Limit = 50, after: After = None
) -> Page[UnitNeeds]:
    """By the units right below `unit`, or the top; the offices of `unit` itself come last, without a unit."""
    found = await needs_by_unit(actor, tx, OUTSIDE, unit=unit, as_of=as_of)
    return cut(found, lambda one: one.unit or "-", limit, after)


@router.get("/needs/offices", summary="What is lacking, by office")
async def list_office_needs(
    actor: CurrentActor,
    tx: Tx,
    unit: UnitCode = None,
    as_of: AsOf = None,
    lacking: Annotated[bool, Query(description="Only offices that lack something.")] = False,  # noqa: FBT002
    limit: Limit = 50,
    after: After = None,
) -> Page[OfficeNeeds]:
    """By name; the roles and devices of one are at its own address."""
    found = await needs_of_offices(
        actor, tx, OUTSIDE, unit=unit, as_of=as_of, lacking=lacking, limit=limit, after=after
    )  # fmt: skip
    return Page(items=found.offices, next=found.next_cursor)


@router.get("/offices/{code}/needs", summary="What one office lacks", responses=problems(404))
async def read_office_needs(actor: CurrentActor, tx: Tx, code: str, as_of: AsOf = None) -> OfficeNeeds:
    """By role, and how each of its devices is."""
    return await office_needs(actor, code, tx, OUTSIDE, as_of=as_of)


@router.get("/deliveries", summary="Deliveries", responses=problems(400))
async def list_deliveries(
    actor: CurrentActor,
    tx: Tx,
    state: Annotated[DeliveryState | None, Query(description="Only those in this state.")] = None,
    office: Annotated[str | None, Query(max_length=63, description="Code of an office.")] = None,
    unit: UnitCode = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[DeliveryView]:
    """The newest first."""
    found = await deliveries(actor, tx, state=state, office=office, unit=unit, limit=limit, after=after)
    return Page(items=found.deliveries, next=found.next_cursor)


@router.post(
    "/deliveries", summary="Plan a delivery", status_code=201, response_model=DeliveryView,
    responses=problems(400, 404),
)  # fmt: skip
async def new_delivery(request: Request, actor: Changer, tx: Tx, wanted: NewDelivery, key: Key = None) -> Response:
    """To an office where you may change things."""

    async def make() -> object:
        pieces = {str(role): number for role, number in wanted.pieces.items()}
        return await plan_delivery(actor, tx, wanted.office, pieces, due=wanted.due, note=wanted.note)

    return await created(request, actor, tx, key, make)


@router.get("/deliveries/{delivery_id}", summary="One delivery", responses=problems(404))
async def read_delivery(actor: CurrentActor, tx: Tx, delivery_id: uuid.UUID) -> DeliveryView:
    """With what became of each piece."""
    return await delivery_for(actor, tx, delivery_id)


@router.post("/deliveries/{delivery_id}/arrive", summary="It has arrived", responses=problems(404, 409))
async def arrive(actor: Changer, tx: Tx, delivery_id: uuid.UUID) -> DeliveryView:
    """From then on its pieces are accepted or refused."""
    return await note_arrival(actor, tx, delivery_id)


Number = Annotated[int, Path(ge=1, le=200, description="Number of the piece.")]


@router.post(
    "/deliveries/{delivery_id}/pieces/{no}/accept", summary="Accept a piece", responses=problems(400, 404, 409)
)
async def accept(
    actor: Changer, tx: Tx, state: State_, delivery_id: uuid.UUID, no: Number, wanted: Accepted
) -> DeliveryView:
    """Its device goes into use; its first answer afterwards is the proof, in `proved_at`."""
    profiles = known_profiles(state.settings.profiles_dir).keys()
    return await accept_piece(
        actor, tx, delivery_id, no, serial=wanted.serial, device=wanted.device, profiles=profiles
    )  # fmt: skip


@router.post(
    "/deliveries/{delivery_id}/pieces/{no}/refuse", summary="Refuse a piece", responses=problems(400, 404, 409)
)
async def refuse(actor: Changer, tx: Tx, delivery_id: uuid.UUID, no: Number, wanted: RefusedPiece) -> DeliveryView:
    """With the reason."""
    return await refuse_piece(actor, tx, delivery_id, no, wanted.why)


@router.get("/coverage", summary="Connectivity, electricity and status, counted")
async def list_coverage(
    actor: CurrentActor,
    tx: Tx,
    level: LevelCode,
    unit: UnitCode = None,
    as_of: AsOf = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[CoverageSum]:
    """By the units right below `unit`, or the top. What nobody knows is counted as `unknown`, so that all add up."""
    found = await coverage_sums(actor, tx, level=level, unit=unit, as_of=as_of)
    return cut(found, lambda one: one.unit or "-", limit, after)


@router.get("/coverage/units", summary="What is known of each unit")
async def list_covered(
    actor: CurrentActor,
    tx: Tx,
    unit: UnitCode = None,
    level: Annotated[str | None, Query(max_length=63, description="Code of a level.")] = None,
    kind: Annotated[FactKind | None, Query(description="Only this kind of fact.")] = None,
    value: Annotated[str | None, Query(max_length=20, description="With `kind`; also `some` and `unknown`.")] = None,
    query: Search = "",
    as_of: AsOf = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[UnitCoverage]:
    """By code, those without an office, a line or a device too."""
    wish = CoverageWish(as_of, unit, level, query, kind, value)
    found = await coverage_on(actor, tx, wish, limit=limit, after=after)
    return Page(items=found.units, next=found.next_cursor)


@router.get("/units/{code}/coverage", summary="What is known of one unit", responses=problems(404))
async def read_coverage(
    actor: CurrentActor, tx: Tx, response: Response, code: str, as_of: AsOf = None
) -> UnitCoverage:  # fmt: skip
    """With the ETag, of today, that writing something down needs."""
    return tagged(await coverage_of(actor, tx, code, as_of=as_of), response)


@router.post("/units/{code}/coverage", summary="Write a fact down", responses=problems(400, 404, 412, 428))
async def write_fact(
    actor: Changer, tx: Tx, response: Response, code: str, wanted: NewFact, if_match: IfMatch = None
) -> UnitCoverage:
    """What was known before stays for the days before."""
    fact = FactWish(
        wanted.kind, tuple(wanted.value), wanted.since, wanted.source, wanted.measured, wanted.until
    )  # fmt: skip
    return tagged(await record_fact(actor, tx, code, fact, saw(if_match)), response)
