"""The display at a room's door: a tablet with a secret address of its own shows the day, and asks for nobody's name.

It works on a weak link: the page is small, asks for its values each minute, says how old they are, and goes on with the
last known day, which the tablet keeps, while the link is away.
"""

from __future__ import annotations

from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from api.http.deps import CsrfForm, CurrentActor, Person, State_, Tx
from api.http.state import WebState
from api.web import meeting_view
from api.web.pages.second_factor import drawn
from api.web.render import STATIC, page, translator_of
from api.web.shell import Frame
from api.web.words import Words
from kernel.clock import epoch_ms
from meetings.public import (
    Door,
    NoCalendar,
    door_of,
    make_room_feed,
    revoke_room_feed,
    room_feed_made_at,
    rooms_named,
)

router = APIRouter(include_in_schema=False)

Secret = Annotated[str, Path(max_length=200)]
NOT_FOR_LOGS: Final = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


@router.get("/rooms/{room}/door")
async def door_address(request: Request, room: str, actor: CurrentActor, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Show whether the room has a display at its door, and let its address be made or taken back."""
    made_at = await room_feed_made_at(actor, room, tx)
    found = await rooms_named(actor, tx, [room])
    return page(request, "meetings/door_address.html", room=found[0], made_at=made_at, address="", qr="")


@router.post("/rooms/{room}/door")
async def make_address(request: Request, room: str, actor: Person, state: State_, _csrf: CsrfForm) -> HTMLResponse:
    """Make a new address and show it, this once."""
    async with state.database.transaction() as tx:
        secret = await make_room_feed(actor, room, tx)
        found, made_at = await rooms_named(actor, tx, [room]), tx.now()
    address = f"{_base(request, state)}/rooms/{room}/door/{secret}"
    return page(
        request, "meetings/door_address.html", room=found[0], made_at=made_at, address=address, qr=drawn(address)
    )


@router.post("/rooms/{room}/door/revoke")
async def revoke_address(room: str, actor: Person, tx: Tx, _csrf: CsrfForm) -> Response:
    """Take the address back: the display shows nothing any more."""
    await revoke_room_feed(actor, room, tx)
    return RedirectResponse(f"/rooms/{room}/door", 303)


@router.get("/rooms/door-worker.js")
async def worker() -> Response:
    """Return what keeps the display on the tablet. What it may keep lies below its own address: not in /static."""
    return Response((STATIC / "door-worker.js").read_bytes(), media_type="text/javascript; charset=utf-8")


@router.get("/rooms/{room}/door/{secret}")
async def display(request: Request, room: str, secret: Secret, state: State_, tx: Tx) -> HTMLResponse:
    """Return the display: what is on in the room now, what follows today, or what is next."""
    door = await _door(room, secret, tx)
    made = page(request, "meetings/door.html", **_shown(request, state, door, secret))
    made.headers.update(NOT_FOR_LOGS)
    return made


@router.get("/rooms/{room}/door/{secret}/day")
async def day(request: Request, room: str, secret: Secret, tx: Tx) -> Response:
    """Return a week from today on as values, which the display asks for each minute."""
    door = await _door(room, secret, tx)
    return JSONResponse(values_of(door, Words(translator_of(request))), headers=NOT_FOR_LOGS)


def values_of(door: Door, words: Words) -> dict[str, object]:
    """Return what the display's script needs: instants in milliseconds since 1970."""
    return {
        "at": epoch_ms(door.at),
        "until": epoch_ms(door.until),
        "uses": [
            {
                "id": str(use.meeting), "title": use.title, "organiser": words.who(use.organiser),
                "from": epoch_ms(use.starts_at), "to": epoch_ms(use.ends_at),
                "in": use.checked_in_at is not None, "held": use.state == "held",
            }
            for use in door.uses
        ],
    }  # fmt: skip


async def _door(room: str, secret: str, tx: Tx) -> Door:
    door = await door_of(secret, tx)
    if door.room.code != room:
        raise NoCalendar
    return door


def _shown(request: Request, state: WebState, door: Door, secret: str) -> dict[str, Any]:
    t, now = translator_of(request), door.at
    current = next((use for use in door.uses if use.starts_at <= now < use.ends_at), None)
    ahead = [use for use in door.uses if use.starts_at > now]
    today = [use for use in ahead if t.local(use.starts_at).date() == t.local(now).date()]
    return {
        "door": door,
        "values": values_of(door, Words(t)),
        "current": current,
        "today": today,
        "later": ahead[0] if ahead and not today else None,
        "qr": drawn(f"{_base(request, state)}/rooms/{door.room.code}/check-in"),
        "secret": secret,
        "zone": ZoneInfo(state.settings.timezone).key,
        "day": meeting_view.weekday_and_date(t, now),
        "day_of": meeting_view.weekday_and_date,
    }


def _base(request: Request, state: WebState) -> str:
    return state.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")
