"""The JSON API that takes files in, with a preview, and gives them out; and what Ansible is told."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.http.deps import Changer, CurrentActor, State_, Tx
from api.http.importing import give_word, receive
from api.http.paging import After, Limit, Page, Shape
from api.http.routes.router import api_router, problems
from api.http.state import WebState
from inventory.public import (
    INVENTORY_READ,
    Fault,
    ImportLine,
    ImportRequest,
    ImportView,
    Verdict,
    ansible_inventory,
    csv_of,
    import_for,
    import_lines,
    imports,
    in_english,
    stop_import,
    yaml_of,
)
from kernel.actors import Actor

router = api_router("exchange")

KIND = Literal["units", "offices", "devices", "uplinks", "checks", "contracts", "coverage"]


async def _reader(actor: CurrentActor) -> Actor:
    actor.require(INVENTORY_READ)
    return actor


Reader = Annotated[Actor, Depends(_reader)]


class FaultShape(Shape):
    """One thing that is wrong with a line; `said` is in English."""

    code: str
    field: str
    details: dict[str, str]
    said: str


class ImportShape(Shape):
    """An import. `token` says which preview was seen; `counts` are lines by what they would do."""

    id: uuid.UUID
    file: str
    form: str
    kind: str
    complete: bool
    within: str
    state: str
    bytes_total: int
    bytes_read: int
    done: int
    counts: dict[str, int]
    read_as: dict[str, str]
    why: FaultShape | None
    token: str
    may_be_applied: bool
    made_by: str


class LineShape(Shape):
    """What one line would do: `diff` has each field as it is and as it would be."""

    line: int
    kind: str
    code: str
    verdict: Verdict
    fields: dict[str, Any]
    diff: dict[str, list[Any]]
    faults: list[FaultShape]


class Word(BaseModel):
    """The word for an import."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(max_length=64, description="Of the import whose preview was seen.")]


@router.post("/imports", summary="Send a file", status_code=201, responses=problems(400, 413))
async def send(
    request: Request,
    state: State_,
    actor: Changer,
    file: Annotated[str, Query(max_length=200, description="Its name; .yaml and .yml hold a programme.")] = "file.csv",
    kind: Annotated[
        KIND | Literal[""], Query(description="What a spreadsheet holds; else what its columns tell.")
    ] = "",
    complete: Annotated[bool, Query(description="Remove what it does not name.")] = False,  # noqa: FBT002
    within: Annotated[str, Query(max_length=63, description="The unit for which it is complete.")] = "",
) -> ImportShape:
    """The file is the body. A small one is previewed in the answer, a large one by a worker: look at its `state`."""
    wanted = ImportRequest(file, _length(request), kind, complete, within)
    return _shape(await receive(state, actor, wanted, request.stream()))


@router.get("/imports", summary="Imports", responses=problems(400))
async def list_imports(actor: Changer, tx: Tx, limit: Limit = 50, after: After = None) -> Page[ImportShape]:
    """One's own, the newest first; who may change the whole tree sees all. Each is kept for a week."""
    found = await imports(actor, tx, limit=limit, after=after)
    return Page(items=[_shape(one) for one in found.imports], next=found.next_cursor)


@router.get("/imports/{import_id}", summary="One import", responses=problems(404))
async def read_import(actor: Changer, tx: Tx, import_id: uuid.UUID) -> ImportShape:
    """How far it is, and what it would do."""
    return _shape(await import_for(actor, tx, import_id))


@router.get("/imports/{import_id}/lines", summary="Its lines", responses=problems(404))
async def read_lines(
    actor: Changer,
    tx: Tx,
    import_id: uuid.UUID,
    verdict: Annotated[Verdict | None, Query(description="Only lines with this verdict.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[LineShape]:
    """What each would add, change or remove, or why it is refused."""
    begin = int(after) if after and after.isdecimal() and len(after) < 10 else 0  # noqa: PLR2004
    found = await import_lines(actor, tx, import_id, verdict=verdict, limit=limit, after=begin)
    return Page(
        items=[_line(one) for one in found.lines], next=None if found.next_cursor is None else str(found.next_cursor)
    )


@router.post("/imports/{import_id}/apply", summary="Apply it", responses=problems(404, 409))
async def apply(state: State_, actor: Changer, import_id: uuid.UUID, word: Word) -> ImportShape:
    """All that its preview showed, or nothing, and then the answer says what was changed meanwhile."""
    return _shape(await give_word(state, actor, import_id, word.token))


@router.post("/imports/{import_id}/stop", summary="Give it up", responses=problems(404))
async def stop(actor: Changer, tx: Tx, import_id: uuid.UUID) -> ImportShape:
    """At once if it waits, else at its next batch; nothing was changed."""
    return _shape(await stop_import(actor, tx, import_id))


@router.get("/exports/{what}", summary="Export", responses={200: {"content": {"text/csv": {}, "application/yaml": {}}}})
async def export(
    state: State_,
    actor: Reader,
    what: KIND | Literal["programme"],
    within: Annotated[str, Query(max_length=63, description="Only of this unit and all below it.")] = "",
    language: Annotated[Literal["vi", "en"], Query(description="Of headings and numbers.")] = "en",
) -> StreamingResponse:
    """A spreadsheet, or all as YAML (`programme`), of what you may see; imported again it changes nothing."""
    return exported(state, actor, what, within, language)


@router.get("/ansible-inventory", summary="For Ansible")
async def for_ansible(actor: Reader, tx: Tx) -> dict[str, Any]:
    """What a dynamic inventory answers to `--list`, of the devices over SSH that you may see; no secret is in it."""
    return (await ansible_inventory(actor, tx)).listed()


def exported(state: WebState, actor: Actor, what: str, within: str, language: str) -> StreamingResponse:
    """Return an export as a file to keep; it is read while it is sent."""
    programme = what == "programme"

    async def text() -> AsyncIterator[bytes]:
        async with state.database.transaction() as tx:
            parts = (
                yaml_of(actor, tx, within=within)
                if programme
                else csv_of(actor, tx, what, within=within, language=language)
            )
            async for part in parts:
                yield part.encode()

    name = f"{what}.yaml" if programme else f"{what}.csv"
    kind = "application/yaml" if programme else "text/csv; charset=utf-8"
    return StreamingResponse(text(), media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _length(request: Request) -> int:
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() else 0


def _shape(view: ImportView) -> ImportShape:
    return ImportShape(
        id=view.id, file=view.file, form=view.form, kind=view.kind, complete=view.complete, within=view.within,
        state=view.state, bytes_total=view.bytes_total, bytes_read=view.bytes_read, done=view.done,
        counts=dict(view.counts), read_as=dict(view.read_as), why=None if view.why is None else _fault(view.why),
        token=view.token,
        may_be_applied=view.may_be_applied, made_by=view.made_by,
    )  # fmt: skip


def _line(line: ImportLine) -> LineShape:
    return LineShape(
        line=line.line, kind=line.kind, code=line.code, verdict=line.verdict, fields=dict(line.fields),
        diff={name: list(pair) for name, pair in line.diff.items()}, faults=[_fault(one) for one in line.faults],
    )  # fmt: skip


def _fault(one: Fault) -> FaultShape:
    return FaultShape(code=one.code, field=one.field, details=dict(one.details), said=in_english(one))
