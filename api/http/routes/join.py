"""The JSON API's way into a meeting: an address with a token, made at the moment of joining."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from api.http.deps import CurrentActor, State_, Visitor
from api.http.joining import link_for
from api.http.paging import Shape
from api.http.routes.router import api_router, problems
from meetings.public import Quality

router = api_router("meetings")


class Join(BaseModel):
    """From where somebody joins, and what they wish."""

    model_config = ConfigDict(extra="forbid")

    office: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="Code of the meeting's office whose link carries it; null: from elsewhere."
    )
    quality: Quality | None = Field(default=None, description="Over what the office's link would get; null: that.")


class Joined(Shape):
    """The way into the meeting."""

    url: str = Field(description="Open it in a browser at once. It holds a token for you alone: keep it out of logs.")
    until: datetime = Field(description="Until when it lets you in; take a new one afterwards.")
    quality: Quality = Field(description="What the address asks of the browser.")
    moderator: bool = Field(description="Whether you are its moderator: you booked it.")


@router.post("/meetings/{meeting_id}/join", summary="Join a meeting", responses=problems(400, 404, 410, 503))
async def join_meeting(
    state: State_,
    actor: CurrentActor,
    visit: Visitor,
    response: Response,
    meeting_id: uuid.UUID,
    wish: Join | None = None,
) -> Joined:
    """Possible from some minutes before its beginning to its end. Each call makes a new token."""
    wish = wish or Join()
    shown_as = visit.account.display_name if visit.account else ""
    response.headers["Cache-Control"] = "no-store"
    return Joined.model_validate(
        await link_for(state, actor, meeting_id, shown_as=shown_as, office=wish.office, quality=wish.quality)
    )
