"""The streams of the open pages: addresses only; what is sent is decided in `api.web.streams`."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from api.http.auth import is_unchanged
from api.http.deps import CurrentActor, State_, Tx
from api.http.stream import event_stream
from api.web.device_view import Choice
from api.web.streams import AlertStream, BoardStream, DeviceStream, MeetingStream, PageStream
from inventory.public import device_for
from meetings.public import meeting_for
from monitor.public import alert_for

router = APIRouter(include_in_schema=False)

Part = Annotated[int, Query(ge=1, le=1000)]


@router.get("/live/board")
async def live_board(
    request: Request, state: State_, actor: CurrentActor, since: int, uplinks: str = ""
) -> StreamingResponse:
    """Keep the board up to date."""
    shown = frozenset(filter(None, uplinks.split(",")))
    return _answer(BoardStream(request, state, actor, since_ms=since, shown=shown))


@router.get("/live/devices/{code}")
async def live_device(
    request: Request,
    code: str,
    state: State_,
    actor: CurrentActor,
    tx: Tx,
    interface: str = "",
    hours: int = 1,
    sort: str = "",
) -> StreamingResponse:
    """Keep a device's page up to date."""
    choice = Choice(interface, hours, sort)
    return _answer(DeviceStream(request, state, actor, device=await device_for(actor, code, tx), choice=choice))


@router.get("/live/alerts/{alert_id}")
async def live_alert(
    request: Request, alert_id: uuid.UUID, state: State_, actor: CurrentActor, tx: Tx
) -> StreamingResponse:
    """Keep an alert's page up to date."""
    await alert_for(actor, alert_id, tx)
    return _answer(AlertStream(request, state, actor, alert_id=alert_id))


@router.get("/live/meetings/{meeting_id}")
async def live_meeting(
    request: Request, meeting_id: uuid.UUID, state: State_, actor: CurrentActor, tx: Tx, part: Part = 1
) -> StreamingResponse:
    """Keep a meeting's page up to date: the rooms of one part of it."""
    await meeting_for(actor, meeting_id, tx)
    return _answer(MeetingStream(request, state, actor, meeting_id=meeting_id, part=part))


def _answer(stream: PageStream) -> StreamingResponse:
    async def may_go_on() -> bool:
        return await is_unchanged(stream.request, stream.actor)

    return event_stream(stream.messages(), stream.state.stopping, stream.state.metrics.streams, may_go_on)
