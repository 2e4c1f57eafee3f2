"""The calendar address of one's own: making it, taking it back, and what calendar programs read there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from api.http.deps import CurrentActor, Tx
from api.http.paging import Shape
from api.http.routes.router import api_router, problems
from meetings.public import feed_of, make_feed, revoke_feed

own = api_router("meetings")
router = APIRouter()


class FeedAddress(Shape):
    """Where calendar programs find one's own meetings."""

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
async def read_feed(tx: Tx, secret: Annotated[str, Path(max_length=200)]) -> Response:
    """Needs no session: the address is the key. iCalendar (RFC 5545), times in UTC."""
    return Response(
        await feed_of(secret, tx),
        media_type="text/calendar; charset=utf-8",
        headers={"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"},
    )


router.include_router(own)
