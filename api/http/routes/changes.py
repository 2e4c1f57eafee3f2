"""The JSON API on the record of changes: who did what, when, why, and by which request."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime, Field

from api.glue import audited
from api.http.deps import CurrentActor, Tx
from api.http.paging import Limit, Page, Shape
from api.http.routes.router import api_router, problems
from kernel.audit_log import AuditWish, audit_entries
from kernel.errors import BadInput

router = api_router("changes")


class Change(Shape):
    """One entry of the record."""

    id: uuid.UUID
    at: datetime
    actor_id: uuid.UUID | None = Field(description="Null for a part of the platform itself.")
    actor: str = Field(description="Sign-in name, or part of the platform.")
    action: str = Field(description="What was done, as `device.changed`.")
    target: str = Field(description="To what, as `device:ps-rt1`; readable after the object is gone.")
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str
    request_id: str = Field(description="Number of the request, command or work that it came by.")
    seal_no: int | None = Field(description="Its number in the chain; null for a second or so.")


@router.get("/changes", summary="Record of changes", responses=problems(400))
async def list_changes(
    actor: CurrentActor,
    tx: Tx,
    target: Annotated[str, Query(max_length=200, description="Only of this object, as `device:ps-rt1`.")] = "",
    by: Annotated[str, Query(max_length=100, description="Only by this sign-in name.")] = "",
    action: Annotated[str, Query(max_length=100, description="As `device.changed`; `device.` for all of these.")] = "",
    since: Annotated[AwareDatetime | None, Query(description="Not before this instant.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Before this instant.")] = None,
    request_id: Annotated[str, Query(max_length=128, description="Only of this request.")] = "",
    limit: Limit = 50,
    after: Annotated[str | None, Query(max_length=100, description="`next` of the page before.")] = None,
) -> Page[Change]:
    """Return the record, the newest first, of what the reader may read of."""
    wish = AuditWish(target, by, action, since, until, request_id)
    found = await audit_entries(tx, wish, limit=limit + 1, before=_cursor(after), targets=audited(actor, tx))
    items = [Change.model_validate(entry) for entry in found[:limit]]
    return Page(items=items, next=str(found[limit - 1].id) if len(found) > limit else None)


def _cursor(after: str | None) -> uuid.UUID | None:
    try:
        return None if after is None else uuid.UUID(after)
    except ValueError:
        raise BadInput(what="The cursor", why="it is not `next` of a page of this list") from None
