"""The JSON API on what exists: offices, devices, uplinks; and what the engine measured of a device.

It answers with the inventory's own views: what they say, whoever sees the thing may know.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, NamedTuple

from fastapi import Depends, Query, Response

from api.http.deps import CurrentActor, Engine, State_, Tx
from api.http.editing import tagged
from api.http.paging import After, Limit, Page, Search, Shape, cut
from api.http.routes.router import api_router, problems
from inventory.public import (
    CheckView,
    DeviceState,
    DeviceView,
    DeviceWish,
    OfficeDetails,
    OfficeKind,
    OfficeView,
    OfficeWish,
    Role,
    UplinkView,
    check_for,
    checks,
    device_for,
    devices_on,
    office_details,
    offices_on,
    uplinks,
)
from kernel.clock import epoch_ms
from kernel.errors import BadInput
from kernel.sentences import Sentence
from monitor.public import CheckLive, DeviceLive, GraphSeries

router = api_router("inventory")

MOST_STEPS = 2_000
MOST_SERIES = 20
HOUR_MS = 3_600_000


class DeviceNow(Shape):
    """A device, and what the engine knows of it now."""

    device: DeviceView
    now: DeviceLive | None


class CheckNow(Shape):
    """A check, and what it found last."""

    check: CheckView
    now: CheckLive | None


class Span(NamedTuple):
    """A time and how finely it is asked."""

    start_ms: int
    end_ms: int
    step_ms: int


async def span_of(
    state: State_,
    start_ms: Annotated[int | None, Query(ge=0, description="From; an hour before the end if left out.")] = None,
    end_ms: Annotated[int | None, Query(ge=0, description="Until; now if left out.")] = None,
    step_ms: Annotated[int, Query(ge=1000, description="Length of a step.")] = 60_000,
) -> Span:
    """Return the time that the address asks for; BadInput if it has no step or too many."""
    end_ms = epoch_ms(state.clock.now()) if end_ms is None else end_ms
    start_ms = end_ms - HOUR_MS if start_ms is None else start_ms
    if not 0 < (end_ms - start_ms) / step_ms <= MOST_STEPS:
        raise BadInput(
            what="The time", why=Sentence("start_ms, end_ms and step_ms give no 1 to {most} steps", most=MOST_STEPS)
        )
    return Span(start_ms, end_ms, step_ms)


@router.get("/offices", summary="Offices")
async def list_offices(
    actor: CurrentActor,
    tx: Tx,
    unit: Annotated[str | None, Query(max_length=63, description="Code of a unit: in it and all below it.")] = None,
    kind: Annotated[OfficeKind | None, Query(description="What they are to the programme.")] = None,
    as_of: Annotated[date | None, Query(description="As they were placed on this day.")] = None,
    query: Search = "",
    limit: Limit = 50,
    after: After = None,
) -> Page[OfficeView]:
    """In Vietnamese order of names."""
    page = await offices_on(actor, tx, OfficeWish(as_of, unit, kind, query), limit=limit, after=after)
    return Page(items=page.offices, next=page.next_cursor)


@router.get("/offices/{code}", summary="One office", responses=problems(404))
async def read_office(actor: CurrentActor, tx: Tx, response: Response, code: str) -> OfficeDetails:
    """An office that you may not see looks like one that is not there."""
    return tagged(await office_details(actor, code, tx), response)


@router.get("/devices", summary="Devices")
async def list_devices(
    actor: CurrentActor,
    tx: Tx,
    unit: Annotated[str | None, Query(max_length=63, description="Code of a unit: in it and all below it.")] = None,
    office: Annotated[str | None, Query(max_length=63, description="Code of an office.")] = None,
    role: Annotated[Role | None, Query(description="What they do.")] = None,
    device_state: Annotated[
        DeviceState | None, Query(alias="state", description="Where they are in their life.")
    ] = None,
    as_of: Annotated[date | None, Query(description="As they were placed on this day.")] = None,
    query: Search = "",
    limit: Limit = 50,
    after: After = None,
) -> Page[DeviceView]:
    """In the order of their codes."""
    wish = DeviceWish(as_of, unit, office, role, device_state, query)
    page = await devices_on(actor, tx, wish, limit=limit, after=after)
    return Page(items=page.devices, next=page.next_cursor)


@router.get("/devices/{code}", summary="One device and its last values", responses=problems(404, 503))
async def read_device(actor: CurrentActor, tx: Tx, engine: Engine, response: Response, code: str) -> DeviceNow:
    """`now` is null for a device that the engine does not watch. The ETag is that of `device` alone."""
    device = tagged(await device_for(actor, code, tx), response)
    return DeviceNow(device=device, now=await engine.device(code))


@router.get("/devices/{code}/history", summary="What a device did over time", responses=problems(400, 404, 503))
async def read_history(
    actor: CurrentActor,
    tx: Tx,
    engine: Engine,
    code: str,
    span: Annotated[Span, Depends(span_of)],
    series: Annotated[
        list[str],
        Query(
            min_length=1,
            max_length=MOST_SERIES,
            description="`metric|instance`, as `if_in_bps|ether1`; may be repeated.",
        ),
    ],
) -> list[GraphSeries]:
    """One line for each `series`, in that order, oldest first; a step without a value is left out."""
    await device_for(actor, code, tx)
    asked = [(metric, instance) for metric, _, instance in (one.partition("|") for one in series)]
    return await engine.history(code, asked, span.start_ms, span.end_ms, span.step_ms)


@router.get("/uplinks", summary="Uplinks")
async def list_uplinks(
    actor: CurrentActor,
    tx: Tx,
    device: Annotated[list[str] | None, Query(max_length=200, description="Only of these; may be repeated.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[UplinkView]:
    """In the order of their codes."""
    found = await uplinks(actor, tx, devices=device, limit=limit + 1, after=after)
    return cut(found, lambda uplink: uplink.code, limit, None)


@router.get("/checks", summary="Checks of services")
async def list_checks(
    actor: CurrentActor,
    tx: Tx,
    device: Annotated[list[str] | None, Query(max_length=200, description="Only of these; may be repeated.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[CheckView]:
    """In the order of their codes; those that are switched off (`every_s` 0), too."""
    return cut(await checks(actor, tx, devices=device), lambda check: check.code, limit, after)


@router.get("/checks/{code}/now", summary="What a check found last", responses=problems(404, 503))
async def read_check_now(actor: CurrentActor, tx: Tx, engine: Engine, code: str) -> CheckNow:
    """`now` is null for one that was not made yet, or is another place's. Over TLS with the certificates shown."""
    check = await check_for(actor, code, tx)
    return CheckNow(check=check, now=(await engine.checks([code])).get(code))
