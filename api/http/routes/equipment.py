"""The JSON API that edits offices, devices and uplinks, one at a time: no edit is lost, and none is done twice."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.http.deps import Changer, CurrentActor, Settings_, Tx
from api.http.editing import IfMatch, Key, created, saw, tagged
from api.http.routes.router import api_router, problems
from inventory.public import (
    CheckKind,
    CheckView,
    DeviceState,
    DeviceView,
    Medium,
    OfficeDetails,
    OfficeKind,
    Ownership,
    Role,
    SnmpVersion,
    UplinkView,
    change_check,
    change_device,
    change_office,
    change_uplink,
    check_for,
    create_check,
    create_device,
    create_office,
    create_uplink,
    known_profiles,
    uplink_for,
)

router = api_router("inventory")


Code = Annotated[str, Field(max_length=63, description="Small letters, digits and hyphens. It lasts.")]
Text = Annotated[str, Field(max_length=200)]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def given(self) -> dict[str, Any]:
        """Return the fields that were sent, without the code."""
        return self.model_dump(exclude_unset=True, exclude={"code"}, mode="json")


class ContactFields(_Fields):
    """Somebody to reach at an office."""

    position: Text
    name: Text
    phone: Text = ""
    email: Text = ""


class OfficeFields(_Fields):
    """What can be said of an office; what is left out stays."""

    name: Text | None = None
    unit: Code | None = None
    kind: OfficeKind | None = None
    since: date | None = None
    address: Text | None = None
    hours: Text | None = None
    latitude: float | None = None
    longitude: float | None = None
    contacts: Annotated[list[ContactFields], Field(max_length=20)] | None = None


class NewOffice(OfficeFields):
    """An office to add."""

    code: Code
    name: Text
    unit: Code


class SshFields(_Fields):
    """How a device is let in to over SSH; the credential is a name."""

    port: int = 22
    user: Text
    credential: Text
    host_key: Annotated[str, Field(max_length=2000)] | None = None


class DeviceFields(_Fields):
    """What can be said of a device; what is left out stays."""

    name: Text | None = None
    office: Code | None = None
    role: Role | None = None
    profile: Text | None = None
    address: Text | None = None
    port: int | None = None
    snmp: SnmpVersion | None = None
    credential: Text | None = None
    ssh: SshFields | None = None
    since: date | None = None
    state: DeviceState | None = None
    ownership: Ownership | None = None
    lessor: Text | None = None
    vendor: Text | None = None
    model: Text | None = None
    serial: Text | None = None
    firmware: Text | None = None
    warranty_until: date | None = None
    addresses: Annotated[list[Text], Field(max_length=50)] | None = None


class NewDevice(DeviceFields):
    """A device to add."""

    code: Code
    name: Text
    office: Code
    role: Role
    profile: Text
    address: Text
    snmp: SnmpVersion
    credential: Text


class UplinkFields(_Fields):
    """What can be said of an uplink; what is left out stays."""

    device: Code | None = None
    interface: Text | None = None
    carrier: Text | None = None
    medium: Medium | None = None
    down_bps: int | None = None
    up_bps: int | None = None
    group: Text | None = None
    parent: Code | None = None


class NewUplink(UplinkFields):
    """An uplink to add."""

    code: Code
    device: Code
    interface: Text
    carrier: Text
    medium: Medium
    down_bps: int
    up_bps: int


class CheckFields(_Fields):
    """What can be said of a check; what is left out stays. Which fields it may have depends on its kind."""

    device: Code | None = None
    kind: CheckKind | None = None
    place: Code | None = None
    every_s: Annotated[int, Field(description="Seconds between two; 0: not any more.")] | None = None
    port: int | None = None
    name: Text | None = None
    secure: bool | None = None
    path: Annotated[str, Field(max_length=1000)] | None = None
    status: int | None = None
    contains: Text | None = None
    record: Text | None = None
    expect: Annotated[list[Text], Field(max_length=50)] | None = None


class NewCheck(CheckFields):
    """A check to add."""

    code: Code
    device: Code
    kind: CheckKind


@router.post(
    "/offices",
    summary="Add an office",
    status_code=201,
    response_model=OfficeDetails,
    responses=problems(400, 404, 409),
)
async def new_office(request: Request, actor: Changer, tx: Tx, wanted: NewOffice, key: Key = None) -> Response:
    """In a unit where you may change things."""

    async def make() -> object:
        return await create_office(actor, tx, wanted.code, wanted.given())

    return await created(request, actor, tx, key, make)


@router.patch("/offices/{code}", summary="Change an office", responses=problems(400, 404, 412, 428))
async def edit_office(
    actor: Changer, tx: Tx, response: Response, code: str, wanted: OfficeFields, if_match: IfMatch = None
) -> OfficeDetails:
    """Into another unit it moves today; where it was stays on record."""
    changed = await change_office(actor, tx, code, wanted.given(), saw(if_match))
    return tagged(changed, response)


@router.post(
    "/devices", summary="Add a device", status_code=201, response_model=DeviceView, responses=problems(400, 404, 409)
)
async def new_device(
    request: Request, actor: Changer, tx: Tx, settings: Settings_, wanted: NewDevice, key: Key = None
) -> Response:
    """In an office where you may change things."""

    async def make() -> object:
        profiles = known_profiles(settings.profiles_dir).keys()
        return await create_device(actor, tx, wanted.code, wanted.given(), profiles)

    return await created(request, actor, tx, key, make)


@router.patch("/devices/{code}", summary="Change a device", responses=problems(400, 404, 409, 412, 428))
async def edit_device(
    actor: Changer,
    tx: Tx,
    settings: Settings_,
    response: Response,
    code: str,
    wanted: DeviceFields,
    if_match: IfMatch = None,
) -> DeviceView:
    """Into another office it moves today; where it stood stays on record."""
    unchanged = saw(if_match)
    profiles = known_profiles(settings.profiles_dir).keys()
    changed = await change_device(actor, tx, code, wanted.given(), unchanged, profiles)
    return tagged(changed, response)


@router.post(
    "/uplinks", summary="Add an uplink", status_code=201, response_model=UplinkView, responses=problems(400, 404, 409)
)
async def new_uplink(request: Request, actor: Changer, tx: Tx, wanted: NewUplink, key: Key = None) -> Response:
    """On a device where you may change things."""

    async def make() -> object:
        return await create_uplink(actor, tx, wanted.code, wanted.given())

    return await created(request, actor, tx, key, make)


@router.get("/uplinks/{code}", summary="One uplink", responses=problems(404))
async def read_uplink(actor: CurrentActor, tx: Tx, response: Response, code: str) -> UplinkView:
    """With the ETag that a change of it needs."""
    return tagged(await uplink_for(actor, code, tx), response)


@router.patch("/uplinks/{code}", summary="Change an uplink", responses=problems(400, 404, 412, 428))
async def edit_uplink(
    actor: Changer, tx: Tx, response: Response, code: str, wanted: UplinkFields, if_match: IfMatch = None
) -> UplinkView:
    """On its device, or onto another where you may change things."""
    changed = await change_uplink(actor, tx, code, wanted.given(), saw(if_match))
    return tagged(changed, response)


@router.post(
    "/checks", summary="Add a check", status_code=201, response_model=CheckView, responses=problems(400, 404, 409)
)
async def new_check(request: Request, actor: Changer, tx: Tx, wanted: NewCheck, key: Key = None) -> Response:
    """Of a service of a device where you may change things."""

    async def make() -> object:
        return await create_check(actor, tx, wanted.code, wanted.given())

    return await created(request, actor, tx, key, make)


@router.get("/checks/{code}", summary="One check", responses=problems(404))
async def read_check(actor: CurrentActor, tx: Tx, response: Response, code: str) -> CheckView:
    """With the ETag that a change of it needs; what it found last is at `/checks/{code}/now`."""
    return tagged(await check_for(actor, code, tx), response)


@router.patch("/checks/{code}", summary="Change a check", responses=problems(400, 404, 412, 428))
async def edit_check(
    actor: Changer, tx: Tx, response: Response, code: str, wanted: CheckFields, if_match: IfMatch = None
) -> CheckView:
    """Of its device, or of another where you may change things; `every_s` 0 switches it off."""
    changed = await change_check(actor, tx, code, wanted.given(), saw(if_match))
    return tagged(changed, response)
