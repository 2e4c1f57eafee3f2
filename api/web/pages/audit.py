"""The audit log: who did what."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.glue import audited
from api.http.deps import CurrentActor, Tx
from api.web.render import page
from api.web.shell import Frame
from kernel.audit_log import audit_entries

router = APIRouter(include_in_schema=False)

PAGE = 50


@router.get("/audit")
async def audit(
    request: Request, actor: CurrentActor, tx: Tx, _frame: Frame, before: uuid.UUID | None = None
) -> HTMLResponse:
    """Return a page of entries, newest first."""
    found = await audit_entries(tx, limit=PAGE + 1, before=before, targets=audited(actor, tx))
    return page(
        request, "audit.html", entries=found[:PAGE], older=str(found[PAGE - 1].id) if len(found) > PAGE else None
    )
