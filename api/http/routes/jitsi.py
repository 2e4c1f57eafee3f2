"""What Jitsi's Prosody asks and tells us: the reservation API of `mod_reservations`, the events of `event_sync`.

The wire is theirs: forms in, small JSON out, `{"message": …}` where a person in the room shall read why not. They are
known by a bearer token and by nothing else: no session, no cookie, no form token. An answer of 500 and above is asked
again after seconds, one of 400 to 499 is final and remembered for the room: so what may pass by itself is a 503. No
answer within 20 seconds is remembered too and never asked again: so there is always one.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from starlette.responses import JSONResponse, Response

from api.http.deps import State_
from api.http.errors import TITLES
from api.http.state import WebState
from api.http.translation import translator
from kernel.db.transaction import Transaction
from kernel.errors import DatabaseUnavailable, NotFound
from kernel.i18n import N_
from meetings.public import (
    Closed,
    RoomRefused,
    Running,
    Stay,
    close_conference,
    note_room_created,
    note_room_destroyed,
    note_stay,
    open_before,
    open_conference,
    read_conference,
)

MOST_FORM_BYTES: Final = 16 * 1024
MOST_EVENT_BYTES: Final = 512 * 1024
MOST_FIELDS: Final = 20
MOST_OCCUPANTS: Final = 2000
ANSWER_WITHIN_S: Final = 8.0
"""Well within what Prosody waits, and long enough for a busy database."""

FORM: Final = "application/x-www-form-urlencoded"
BOTH: Final = " · "

CLOSED: Final = {
    "unknown": N_("There is no meeting in this room. Open it from the meeting's page."),
    "early": N_("This room opens at {at}. Wait a moment, then open it from the meeting's page."),
    "over": N_("This meeting ended at {at}."),
    "cancelled": N_("This meeting was cancelled."),
}

log = structlog.get_logger()


class Declined(Exception):
    """Carries an answer that is no error of ours: it is logged by nobody and read by Prosody."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        self.status = status
        self.words = message
        super().__init__(message)


async def _server(request: Request, state: State_) -> None:
    """Raise Declined unless Prosody asks, with our token, and not more often than meetings can need."""
    wanted = state.settings.jitsi_reservation_token.get_secret_value()
    sent = request.headers.get("authorization", "")
    now_s = state.clock.monotonic_s()
    if not wanted or not hmac.compare_digest(sent.encode("utf-8", "replace"), f"Bearer {wanted}".encode()):
        if not state.bridge_strangers.passes(now_s):
            raise Declined(HTTPStatus.TOO_MANY_REQUESTS, "too many tries")
        log.warning("jitsi_stranger", path=request.url.path, token_set=bool(wanted))
        raise Declined(HTTPStatus.UNAUTHORIZED, "the bearer token is missing or wrong")
    if not state.bridge_questions.passes(now_s):
        log.warning("jitsi_flood", path=request.url.path)
        raise Declined(HTTPStatus.SERVICE_UNAVAILABLE, "too many questions at once; ask again")


router = APIRouter(prefix="/jitsi", tags=["jitsi"], include_in_schema=False, dependencies=[Depends(_server)])


def declined(_request: Request, error: Exception) -> Response:
    """Return the answer that a Declined carries; for the application's list of error handlers."""
    assert isinstance(error, Declined)  # noqa: S101 - registered for this kind only
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else {}
    return _message(error.status, error.words, headers)


@router.post("/conference")
async def ask_for_room(request: Request, state: State_) -> Response:
    """Answer whether a room may be opened: 200 and the reservation, 409 with the running one, 403 and why not."""
    form = await _form(request)
    name = form.get("name", "").lower()
    if not name:
        raise Declined(HTTPStatus.BAD_REQUEST, "the form has no name")
    asked_start, before = form.get("start_time", "")[:64], open_before(state.settings)
    try:
        answer = await _in_time(state, lambda tx: open_conference(name, asked_start, tx, before))
    except RoomRefused as error:
        log.info("jitsi_room_refused", why=error.closed.why)
        raise Declined(HTTPStatus.FORBIDDEN, why_not(state, error.closed)) from None
    if isinstance(answer, Running):
        return JSONResponse({"conflict_id": answer.conflict_id}, HTTPStatus.CONFLICT)
    return JSONResponse(answer)


@router.get("/conference/{conference}")
async def tell_reservation(state: State_, conference: str) -> Response:
    """Answer the reservation of an id; Prosody asks this after a conflict."""
    before = open_before(state.settings)
    try:
        return JSONResponse(await _in_time(state, lambda tx: read_conference(_id(conference), tx, before)))
    except NotFound:
        raise Declined(HTTPStatus.NOT_FOUND, why_not(state, Closed("unknown"))) from None


@router.delete("/conference/{conference}")
async def room_is_gone(state: State_, conference: str) -> Response:
    """Note that a room is gone. Nobody reads the answer, so that an id which nobody knows is none worth a complaint."""
    await _in_time(state, lambda tx: close_conference(_id(conference), tx))
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _instant(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        message = "a time is a number of seconds"
        raise ValueError(message)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        message = "there is no such time"
        raise ValueError(message) from None


def _text(value: object) -> object:
    """Return text that PostgreSQL takes: no zero byte, no half of a pair; null is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    return value.replace("\0", "").encode("utf-8", "replace").decode()[:500]


Instant = Annotated[datetime, BeforeValidator(_instant)]
Text = Annotated[str, BeforeValidator(_text)]
Address = Annotated[str, BeforeValidator(_text), Field(min_length=1)]


class Occupant(BaseModel):
    """Who came or went."""

    occupant_jid: Address
    joined_at: Instant
    left_at: Instant | None = None
    id: Text = ""
    name: Text = ""
    moderator: Any = False

    def stay(self, room_jid: str) -> Stay:
        """Return it as the meetings know it."""
        return Stay(
            room_jid, self.occupant_jid, self.joined_at, self.left_at, self.id, self.name, self.moderator is True
        )


class RoomEvent(BaseModel):
    """What all events have."""

    room_name: Address
    room_jid: Address
    is_breakout: bool = False

    @property
    def name(self) -> str:
        """Name of the room, as reservations have it; empty for a breakout room, which is nobody's reservation."""
        return "" if self.is_breakout else self.room_name.lower()


class RoomCreated(RoomEvent):
    """`muc-room-created`."""

    created_at: Instant


class RoomDestroyed(RoomCreated):
    """`muc-room-destroyed`."""

    destroyed_at: Instant
    all_occupants: list[Occupant] = Field(default_factory=list, max_length=MOST_OCCUPANTS)


class OccupantMoved(RoomEvent):
    """`muc-occupant-joined` and `muc-occupant-left`."""

    occupant: Occupant


Event = TypeVar("Event", bound=RoomEvent)


@router.post("/events/room/created")
async def room_created(request: Request, state: State_) -> Response:
    """Note when a room was made; twice is as once."""
    event = await _event(request, RoomCreated)
    await _in_time(state, lambda tx: note_room_created(event.name, event.created_at, tx))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/events/room/destroyed")
async def room_destroyed(request: Request, state: State_) -> Response:
    """Note when a room went away and who had been in it; twice is as once."""
    event = await _event(request, RoomDestroyed)
    stays = [occupant.stay(event.room_jid) for occupant in event.all_occupants]
    await _in_time(state, lambda tx: note_room_destroyed(event.name, event.created_at, event.destroyed_at, stays, tx))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/events/occupant/joined")
@router.post("/events/occupant/left")
async def occupant_moved(request: Request, state: State_) -> Response:
    """Note that somebody came or went; twice is as once, and left may come before joined."""
    event = await _event(request, OccupantMoved)
    await _in_time(state, lambda tx: note_stay(event.name, event.occupant.stay(event.room_jid), tx))
    return Response(status_code=HTTPStatus.NO_CONTENT)


def why_not(state: WebState, closed: Closed) -> str:
    """Return why a room may not be open, for whoever knocked."""
    return _in_both(state, CLOSED[closed.why], at=closed.at)


def _in_both(state: WebState, message: str, *, at: datetime | None = None) -> str:
    """Return `message` in Vietnamese, then in English: nobody knows who reads it."""
    said = []
    for language in ("vi", "en"):
        t = translator(language, state.settings.timezone)
        said.append(t.gettext(message, at=t.datetime(at) if at else ""))
    return BOTH.join(dict.fromkeys(said))


Done = TypeVar("Done")
LATE: Final[set[asyncio.Task[Any]]] = set()
"""What goes on after its answer was given up. It does no harm: the same question gets the same answer."""


async def _in_time(state: WebState, do: Callable[[Transaction], Awaitable[Done]]) -> Done:
    """Return what `do` gives in a transaction; Declined with what is asked again if the database is away or slow."""

    async def work() -> Done:
        async with state.database.transaction() as tx:
            return await do(tx)

    task = asyncio.create_task(work())
    # Not cancelled when it is late: a database that hangs does not answer to that either.
    done, _ = await asyncio.wait({task}, timeout=ANSWER_WITHIN_S)
    try:
        if done:
            return task.result()
        LATE.add(task)
        task.add_done_callback(_forget)
        log.warning("jitsi_answer_late")
    except DatabaseUnavailable as error:
        log.warning("jitsi_answer_late", why=str(error))
    raise Declined(HTTPStatus.SERVICE_UNAVAILABLE, _in_both(state, TITLES[HTTPStatus.SERVICE_UNAVAILABLE]))


def _forget(task: asyncio.Task[Any]) -> None:
    LATE.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.info("jitsi_late_work_failed", why=str(error))


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise Declined(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"this address takes {FORM}")
    try:
        text = (await _body(request, MOST_FORM_BYTES)).decode("ascii")
        fields = parse_qs(text, errors="strict", max_num_fields=MOST_FIELDS, keep_blank_values=True)
    except ValueError:
        raise Declined(HTTPStatus.BAD_REQUEST, "this is no form") from None
    # Text with a zero byte in it is no name, no time, and nothing that PostgreSQL takes.
    return {name: values[0].replace("\0", "") for name, values in fields.items()}


async def _event(request: Request, shape: type[Event]) -> Event:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Declined(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "this address takes application/json")
    try:
        return shape.model_validate(json.loads(await _body(request, MOST_EVENT_BYTES)))
    except (ValueError, RecursionError) as error:
        why = (
            error.errors(include_url=False, include_input=False)[0]["loc"] if isinstance(error, ValidationError) else ()
        )
        log.warning("jitsi_event_not_understood", path=request.url.path, where=".".join(map(str, why)))
        raise Declined(HTTPStatus.BAD_REQUEST, "this is no event") from None


async def _body(request: Request, most: int) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise Declined(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "nothing that is taken here is that large")
    return body


def _id(conference: str) -> str:
    return conference.replace("\0", "")[:200]


def _message(status: HTTPStatus, message: str, headers: dict[str, str]) -> Response:
    return JSONResponse({"message": message}, status, headers)
