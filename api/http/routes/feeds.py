"""Secret addresses of calendars, one's own and rooms': making and taking them back, and what programs read there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from api.http.deps import CurrentActor, Tx
from api.http.paging import Shape
from api.http.routes.router import api_router, problems
from meetings.public import (
    busy_of,
    feed_of,
    make_feed,
    make_room_feed,
    revoke_feed,
    revoke_room_feed,
    room_busy_of,
    room_feed_of,
)

own = api_router("meetings")
router = APIRouter()


Secret = Annotated[str, Path(max_length=200)]


class FeedAddress(Shape):
    """Where calendar programs find meetings: one's own, or a room's. With `.ifb` at its end: only when it is busy."""

    path: str = Field(description="A secret: whoever has it reads the calendar. It is shown this once.")


@own.post("/calendar-feed", summary="Make the address of your calendar", status_code=201)
async def make_address(actor: CurrentActor, tx: Tx) -> FeedAddress:
    """A new one each time; the one before opens nothing any more."""
    return FeedAddress(path=f"/feeds/{await make_feed(actor, tx)}.ics")


@own.delete("/calendar-feed", summary="Take the address of your calendar back", status_code=204)
async def revoke_address(actor: CurrentActor, tx: Tx) -> None:
    """Twice is as once."""
    await revoke_feed(actor, tx)


@router.get("/feeds/{secret}.ics", summary="A calendar", tags=["meetings"], responses=problems(404))
async def read_feed(tx: Tx, secret: Secret) -> Response:
    """Needs no session: the address is the key. iCalendar (RFC 5545), times in UTC."""
    return _calendar(await feed_of(secret, tx))


@router.get("/feeds/{secret}.ifb", summary="When somebody is busy", tags=["meetings"], responses=problems(404))
async def read_busy(tx: Tx, secret: Secret) -> Response:
    """Free and busy of a year (VFREEBUSY), without a word of why; at the address of a calendar of one's own."""
    return _calendar(await busy_of(secret, tx))


@router.get("/feeds/rooms/{secret}.ics", summary="A room's calendar", tags=["meetings"], responses=problems(404))
async def read_room_feed(tx: Tx, secret: Secret) -> Response:
    """Needs no session: the address is the key. iCalendar (RFC 5545), times in UTC."""
    return _calendar(await room_feed_of(secret, tx))


@router.get("/feeds/rooms/{secret}.ifb", summary="When a room is busy", tags=["meetings"], responses=problems(404))
async def read_room_busy(tx: Tx, secret: Secret) -> Response:
    """Free and busy of a year (VFREEBUSY), getting ready included, without a word of why."""
    return _calendar(await room_busy_of(secret, tx))


@own.post(
    "/rooms/{room}/calendar-feed", summary="Make the address of a room's calendar", status_code=201,
    responses=problems(404),
)  # fmt: skip
async def make_room_address(actor: CurrentActor, tx: Tx, room: str) -> FeedAddress:
    """For who manages the room. A new one each time; the one before opens nothing any more."""
    return FeedAddress(path=f"/feeds/rooms/{await make_room_feed(actor, room, tx)}.ics")


@own.delete(
    "/rooms/{room}/calendar-feed", summary="Take the address of a room's calendar back", status_code=204,
    responses=problems(404),
)  # fmt: skip
async def revoke_room_address(actor: CurrentActor, tx: Tx, room: str) -> None:
    """Twice is as once."""
    await revoke_room_feed(actor, room, tx)


def _calendar(text: bytes) -> Response:
    return Response(
        text,
        media_type="text/calendar; charset=utf-8",
        headers={"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"},
    )


router.include_router(own)
