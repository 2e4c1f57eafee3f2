"""The JSON API on windows: when work is expected at a place, and when nothing may change there."""

from __future__ import annotations

import uuid
from datetime import datetime

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.http.deps import Changer, CurrentActor, Tx
from api.http.editing import Key, created, tagged
from api.http.paging import After, Limit, Page, Shape
from api.http.routes.credentials import PlaceShape
from api.http.routes.router import api_router, problems
from inventory.public import (
    PlaceKind,
    WindowKind,
    WindowView,
    WindowWish,
    add_window,
    end_window,
    window_for,
    window_preview,
    windows,
)

router = api_router("windows")


class NewWindow(BaseModel):
    """A window that is wanted, on one unit with all below it, one office or one device."""

    model_config = ConfigDict(extra="forbid")

    kind: WindowKind
    title: str = Field(max_length=200)
    place: PlaceShape
    first: datetime = Field(description="Local time at which it first opens, without a zone.")
    minutes: int = Field(ge=1, le=31 * 24 * 60, description="How long it stays open each time.")
    zone: str = Field(default="Asia/Ho_Chi_Minh", max_length=60)
    rule: str = Field(default="", max_length=500, description="When it opens again (RFC 5545, RRULE); empty: once.")

    def wish(self) -> WindowWish:
        """Return it as the domain has it."""
        where = {str(self.place.kind): self.place.code}
        return WindowWish(self.kind, self.title, self.first, self.minutes, zone=self.zone, rule=self.rule, **where)


class WindowPlace(PlaceShape):
    """Where a window is set."""

    name: str


class Open(Shape):
    """One time at which a window is open."""

    starts_at: datetime
    ends_at: datetime


class Window(Shape):
    """A window."""

    id: uuid.UUID
    kind: WindowKind
    title: str
    place: WindowPlace
    first: datetime
    minutes: int
    zone: str
    rule: str
    made_by: str
    made_at: datetime
    ended_at: datetime | None
    next: Open | None = Field(description="When it opens next, or is open; null if not within a year.")


class CoveredDevice(Shape):
    """A device that a window would cover."""

    code: str
    name: str
    office_name: str


class Covered(Shape):
    """What a window would cover, of what the reader may see, and its next times."""

    devices: int
    first: list[CoveredDevice] = Field(description="The first of them, by code.")
    times: list[Open]


@router.get("/windows", summary="Windows that have not ended")
async def list_windows(actor: CurrentActor, tx: Tx, limit: Limit = 50, after: After = None) -> Page[Window]:
    """Those on places that the reader may see, the newest first."""
    page = await windows(actor, tx, limit=limit, after=after)
    return Page(items=[_shape(one) for one in page.windows], next=page.next_cursor)


@router.post(
    "/windows", status_code=201, response_model=Window, summary="Set a window", responses=problems(400, 404, 409)
)
async def set_window(request: Request, actor: Changer, tx: Tx, wanted: NewWindow, key: Key = None) -> Response:
    """On a place that the caller may change. Runs of playbooks keep to it from now on."""

    async def make() -> Window:
        return _shape(await add_window(actor, wanted.wish(), tx))

    return await created(request, actor, tx, key, make)


@router.post("/windows/preview", summary="What a window would cover", responses=problems(400, 404))
async def preview(actor: Changer, tx: Tx, wanted: NewWindow, limit: Limit = 50) -> Covered:
    """The devices and the next times. Nothing is stored."""
    seen = await window_preview(actor, wanted.wish(), tx, limit=limit)
    return Covered(
        devices=seen.devices,
        first=[CoveredDevice(code=code, name=name, office_name=office) for code, name, office in seen.first],
        times=[Open.model_validate(one) for one in seen.times],
    )


@router.get("/windows/{window_id}", summary="One window", responses=problems(404))
async def read_window(actor: CurrentActor, tx: Tx, window_id: uuid.UUID, response: Response) -> Window:
    """Also one that has ended."""
    return tagged(_shape(await window_for(actor, window_id, tx)), response)


@router.post("/windows/{window_id}/end", summary="End a window", responses=problems(404))
async def end(actor: Changer, tx: Tx, window_id: uuid.UUID) -> Window:
    """At once and for good. Twice is as once."""
    return _shape(await end_window(actor, window_id, tx))


def _shape(found: WindowView) -> Window:
    wish = found.wish
    kind, code = next(
        (kind, code)
        for kind, code in zip(PlaceKind, (wish.unit, wish.office, wish.device), strict=True)
        if code is not None
    )
    return Window(
        id=found.id,
        kind=wish.kind,
        title=wish.title,
        place=WindowPlace(kind=kind, code=code, name=found.place),
        first=wish.first_local,
        minutes=wish.minutes,
        zone=wish.zone,
        rule=wish.rule,
        made_by=found.made_by,
        made_at=found.made_at,
        ended_at=found.ended_at,
        next=Open.model_validate(found.next) if found.next else None,
    )
