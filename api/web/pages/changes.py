"""The record of changes: all of it, filtered and exported, and that of one object, whatever it is."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from api.glue import audited
from api.http.deps import CurrentActor, Language, Settings_, State_, Tx
from api.web import changes_view
from api.web.changes_view import Asked, ChangeWords
from api.web.render import page
from api.web.shell import Frame
from kernel.audit_log import AuditWish, all_entries, audit_entries, csv_header, csv_line, is_among, json_line
from kernel.errors import NotFound

router = APIRouter(include_in_schema=False)

A_PAGE: Final = 50
EXPORTS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}

Text = Annotated[str, Query(max_length=100)]


@router.get("/audit")
async def all_changes(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    settings: Settings_,
    _frame: Frame,
    target: Text = "",
    who: Annotated[str, Query(alias="actor", max_length=100)] = "",
    action: Text = "",
    since: Text = "",
    until: Text = "",
    before: uuid.UUID | None = None,
) -> HTMLResponse:
    """Return a page of entries, newest first."""
    asked = Asked(target, who, action, since, until)
    wish = asked.wish(settings.timezone)
    found = await audit_entries(tx, wish, limit=A_PAGE + 1, before=before, targets=audited(actor, tx))
    older = asked.query(before=str(found[A_PAGE - 1].id)) if len(found) > A_PAGE else ""
    return page(
        request,
        "audit.html",
        entries=found[:A_PAGE],
        older=f"/audit?{older}" if older else "",
        asked=asked,
        filtered=wish != AuditWish(),
        one=None,
        view=changes_view,
        said=ChangeWords(t),
    )


@router.get("/audit/export")
async def export(
    state: State_,
    actor: CurrentActor,
    tx: Tx,
    form: Literal["csv", "jsonl"] = "csv",
    target: Text = "",
    who: Annotated[str, Query(alias="actor", max_length=100)] = "",
    action: Text = "",
    since: Text = "",
    until: Text = "",
) -> StreamingResponse:
    """Return every entry that fits, as CSV or JSON lines."""
    wish = Asked(target, who, action, since, until).wish(state.settings.timezone)
    audited(actor, tx)  # refused now, and not in the middle of an answer

    async def lines() -> AsyncIterator[str]:
        if form == "csv":
            yield csv_header()
        async with state.database.transaction() as reading:
            async for entry in all_entries(reading, wish, audited(actor, reading)):
                yield csv_line(entry) if form == "csv" else json_line(entry)

    name = f"audit-{state.clock.now():%Y%m%d-%H%M}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return StreamingResponse(lines(), media_type=EXPORTS[form], headers=headers)


@router.get("/changes/{kind}/{code}")
async def changes_of_one(
    request: Request,
    kind: str,
    code: str,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: Frame,
    before: uuid.UUID | None = None,
) -> HTMLResponse:
    """Return the changes of one object, newest first; NotFound if the reader may not read of it."""
    target = f"{kind}:{code}"
    targets = audited(actor, tx)
    found = await audit_entries(tx, AuditWish(target=target), limit=A_PAGE + 1, before=before, targets=targets)
    if not found and not (changes_view.page_of(kind, code) and await is_among(tx, target, targets)):
        raise NotFound(kind=kind[:40], code=code[:63])
    last = f"?before={found[A_PAGE - 1].id}" if len(found) > A_PAGE else ""
    return page(
        request,
        "audit.html",
        entries=found[:A_PAGE],
        older=f"{changes_view.address_of(target)}{last}" if last else "",
        asked=Asked(target=target),
        filtered=True,
        one=(kind, code),
        view=changes_view,
        said=ChangeWords(t),
    )
