"""The JSON API on who books for whom, and who attends in whose place."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.http.deps import CurrentActor, Tx
from api.http.paging import Shape
from api.http.routes.meetings import Booker, Meeting
from api.http.routes.router import api_router, problems
from meetings.public import add_delegate, delegates, leaders, recall_deputy, remove_delegate, send_deputy

router = api_router("meetings")


class Delegate(Shape):
    """Who may book for somebody, or for whom somebody may book."""

    name: str = Field(description="Sign-in name.")
    display_name: str
    since: datetime


class Sent(BaseModel):
    """Who attends for an office."""

    model_config = ConfigDict(extra="forbid")

    deputy: str = Field(max_length=200, description="Name and position, such as `Trần Thị Hoa, Phó Chủ tịch`.")
    instead_of: str = Field("", max_length=200, description="In whose place; left out: the head's.")


@router.get("/delegates", summary="Who may book in your name")
async def list_delegates(actor: CurrentActor, tx: Tx) -> list[Delegate]:
    """By name."""
    return [Delegate.model_validate(one) for one in await delegates(actor, tx)]


@router.get("/leaders", summary="In whose name you may book")
async def list_leaders(actor: CurrentActor, tx: Tx) -> list[Delegate]:
    """By name; for `on_behalf` of a booking."""
    return [Delegate.model_validate(one) for one in await leaders(actor, tx)]


@router.put("/delegates/{name}", summary="Let somebody book in your name", responses=problems(400, 404))
async def name_delegate(actor: Booker, tx: Tx, name: str) -> Delegate:
    """They may book, change and cancel meetings of yours. Twice is as once."""
    return Delegate.model_validate(await add_delegate(actor, name, tx))


@router.delete("/delegates/{name}", summary="Let them no more", status_code=204, responses=problems(404))
async def end_delegate(actor: CurrentActor, tx: Tx, name: str) -> None:
    """What they booked stays."""
    await remove_delegate(actor, name, tx)


@router.put("/meetings/{meeting_id}/deputies/{office}", summary="Send a deputy", responses=problems(400, 404, 409))
async def name_deputy(actor: Booker, tx: Tx, meeting_id: uuid.UUID, office: str, sent: Sent) -> Meeting:
    """For who books in that office, or may change the meeting. The last word counts."""
    said = {"deputy": sent.deputy, "instead_of": sent.instead_of}
    return Meeting.model_validate(await send_deputy(actor, meeting_id, office, tx, **said))


@router.delete("/meetings/{meeting_id}/deputies/{office}", summary="Recall a deputy", responses=problems(404, 409))
async def end_deputy(actor: Booker, tx: Tx, meeting_id: uuid.UUID, office: str) -> Meeting:
    """Twice is as once."""
    return Meeting.model_validate(await recall_deputy(actor, meeting_id, office, tx))
