"""Files in and out: what is sent is shown first, line by line; then all of it is taken, or nothing."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.datastructures import FormData, UploadFile

from api.http.deps import Changer, CurrentActor, Language, State_, Tx
from api.http.importing import give_word, receive
from api.http.routes.exchange import exported
from api.web.exchange_words import KINDS, ExchangeWords
from api.web.render import fragment, page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    INVENTORY_CHANGE,
    INVENTORY_READ,
    PIECE,
    ImportRequest,
    ImportState,
    Verdict,
    import_for,
    import_lines,
    imports,
    stop_import,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound, VungCaoError

router = APIRouter(include_in_schema=False)

A_PAGE: Final = 50
ALL_OF_THEM: Final = 500
EXPORTS: Final = frozenset({*(f"{kind}.csv" for kind in KINDS), "programme.yaml"})


async def _reader(actor: CurrentActor) -> Actor:
    actor.require(INVENTORY_READ)
    return actor


Reader = Annotated[Actor, Depends(_reader)]


@router.get("/imports")
async def import_list(
    request: Request, actor: Reader, tx: Tx, _frame: Frame, after: Annotated[str, Query(max_length=40)] = ""
) -> HTMLResponse:
    """Show the form, the imports of late, and what can be taken out."""
    return await _list(request, actor, tx, after)


@router.post("/imports")
async def send(request: Request, state: State_, actor: Changer) -> Response:
    """Take a file, and lead to its preview."""
    sent = await request.form()
    try:
        file = _file(sent)
        wanted = ImportRequest(
            file.filename or "", file.size or 0, str(sent.get("kind", "")), sent.get("complete") == "yes",
            str(sent.get("within", "")).strip(),
        )  # fmt: skip
        made = await receive(state, actor, wanted, _pieces(file))
    except BadInput as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return await _list(request, actor, tx, "", error)
    finally:
        await request.close()  # what was sent lies in a temporary file
    return RedirectResponse(f"/imports/{made.id}", 303)


@router.get("/imports/{import_id}")
async def show(
    request: Request,
    import_id: uuid.UUID,
    actor: Changer,
    tx: Tx,
    _frame: Frame,
    verdict: Annotated[str, Query(max_length=10)] = "",
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> HTMLResponse:
    """Show how far an import is, and what it would do."""
    return await _shown(request, actor, tx, import_id, verdict, after)


@router.get("/imports/{import_id}/progress")
async def progress(request: Request, import_id: uuid.UUID, actor: Changer, tx: Tx) -> Response:
    """Return how far it is, to stand in for what the page says; the whole page again, once it is at its end."""
    view = await import_for(actor, tx, import_id)
    if view.state not in {ImportState.READING, ImportState.APPLYING}:
        return Response(headers={"HX-Refresh": "true"})
    said = ExchangeWords(translator_of(request))
    return HTMLResponse(fragment(request, "exchange/progress.html", view=view, said=said))


@router.post("/imports/{import_id}/apply")
async def apply(request: Request, state: State_, actor: Changer, import_id: uuid.UUID) -> Response:
    """Do what was shown; or say what is not as it was shown."""
    sent = await request.form()
    try:
        await give_word(state, actor, import_id, str(sent.get("token", "")))
    except NotFound:
        raise
    except Conflict as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return await _shown(request, actor, tx, import_id, "", 0, error)
    return RedirectResponse(f"/imports/{import_id}", 303)


@router.post("/imports/{import_id}/stop")
async def stop(actor: Changer, tx: Tx, import_id: uuid.UUID) -> Response:
    """Give it up."""
    await stop_import(actor, tx, import_id)
    return RedirectResponse(f"/imports/{import_id}", 303)


@router.get("/imports/{import_id}/refused.csv")
async def refused(state: State_, actor: Changer, tx: Tx, t: Language, import_id: uuid.UUID) -> StreamingResponse:
    """Return every line that cannot be taken, and why, as a spreadsheet."""
    view = await import_for(actor, tx, import_id)
    said = ExchangeWords(t)

    async def text() -> AsyncIterator[bytes]:
        sheet = io.StringIO()
        writer = csv.writer(sheet, delimiter=";")
        writer.writerow([t.gettext("Line"), t.gettext("Code"), t.gettext("Why")])
        after: int | None = 0
        while after is not None:
            async with state.database.transaction() as own:
                found = await import_lines(
                    actor, own, import_id, verdict=Verdict.REFUSED, limit=ALL_OF_THEM, after=after
                )
            for line in found.lines:
                for one in line.faults:
                    writer.writerow([line.line or "", _harmless(line.code), _harmless(said.fault(line.kind, one))])
            yield sheet.getvalue().encode("utf-8" if after else "utf-8-sig")
            sheet.seek(0)
            sheet.truncate()
            after = found.next_cursor

    name = f"refused-{view.made_at:%Y%m%d-%H%M}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(text(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/exports/{name}")
async def export(
    state: State_, actor: Reader, t: Language, name: str, unit: Annotated[str, Query(max_length=63)] = ""
) -> StreamingResponse:
    """Return a kind of things as a spreadsheet, or all as YAML; the same file sent in again changes nothing."""
    if name not in EXPORTS:
        raise NotFound(kind="export", code=name[:100])
    return exported(state, actor, name.rpartition(".")[0], unit.strip(), t.language)


async def _list(
    request: Request, actor: Actor, tx: Transaction, after: str, error: VungCaoError | None = None
) -> HTMLResponse:
    t = translator_of(request)
    may_change = actor.may(INVENTORY_CHANGE)
    found = await imports(actor, tx, limit=A_PAGE, after=after or None) if may_change else None
    return page(
        request,
        "exchange/imports.html",
        status_code=error.http_status if error else 200,
        said=ExchangeWords(t),
        kinds=list(KINDS),
        imports=found.imports if found else [],
        next_cursor=found.next_cursor if found else None,
        may_change=may_change,
        error=Words(t).error(error) if error else None,
    )


async def _shown(
    request: Request,
    actor: Actor,
    tx: Transaction,
    which: uuid.UUID,
    verdict: str,
    after: int,
    error: VungCaoError | None = None,
) -> HTMLResponse:
    t = translator_of(request)
    view = await import_for(actor, tx, which)
    there = [one.value for one in ORDER if view.counts.get(one)]
    chosen = verdict if verdict in there else next(iter(there), "")
    lines: Any = await import_lines(actor, tx, which, verdict=chosen, limit=A_PAGE, after=after) if chosen else None
    return page(
        request,
        "exchange/import.html",
        status_code=error.http_status if error else 200,
        said=ExchangeWords(t),
        view=view,
        verdicts=there,
        chosen=chosen,
        lines=lines.lines if lines else [],
        next_cursor=lines.next_cursor if lines else None,
        error=Words(t).error(error) if error else None,
    )


ORDER: Final = (Verdict.REFUSED, Verdict.REMOVED, Verdict.CHANGED, Verdict.ADDED, Verdict.SAME)
"""What needs a look comes first."""


def _file(sent: FormData) -> UploadFile:
    file = sent.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise BadInput(what="The file", why="choose one")
    return file


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while part := await file.read(PIECE):
        yield part


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] in "=+-@" and text else text
