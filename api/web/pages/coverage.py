"""Coverage: how communes and villages are connected, lit and classed, on any day; and writing down what is known."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from api.http.deps import Changer, CurrentActor, Language, State_, Tx
from api.http.editing import etag_of, saw
from api.web.days import DayAsked, day_asked, day_needed
from api.web.needs_words import KINDS, VALUES, NeedsWords
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    INVENTORY_CHANGE,
    INVENTORY_READ,
    CoverageWish,
    FactWish,
    UnitCoverage,
    coverage_of,
    coverage_on,
    coverage_sums,
    day_of,
    facts_over_time,
    levels,
    record_fact,
    summed,
    unit_for,
)
from inventory.public import (
    VALUES as CHOICES,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, VungCaoError

router = APIRouter(include_in_schema=False)

A_PAGE: Final = 50
AT_ONCE: Final = 2_000
FIRST_LEVEL: Final = "commune"
BOM: Final = "\ufeff"

Code = Annotated[str, Query(max_length=63)]


@router.get("/coverage")
async def coverage(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: Frame,
    unit: Code = "",
    level: Code = FIRST_LEVEL,
    as_of: DayAsked = "",
) -> HTMLResponse:
    """Return how the units of a level are covered, by the units right below one, or by the top of the tree."""
    actor.require(INVENTORY_READ)
    today = day_of(tx.now())
    day = day_asked(as_of) or today
    place = await unit_for(actor, unit, tx, as_of=day) if unit else None
    found = await coverage_sums(actor, tx, level=level, unit=unit or None, as_of=day)
    return page(
        request,
        "coverage/coverage.html",
        said=NeedsWords(t),
        sums=found,
        whole=summed(found),
        place=place,
        unit=unit,
        level=level,
        levels=await levels(actor, tx),
        kinds=VALUES,
        day=day,
        today=today,
    )


@router.get("/coverage/units")
async def covered(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    t: Language,
    _frame: Frame,
    unit: Code = "",
    level: Code = "",
    kind: Code = "",
    value: Annotated[str, Query(max_length=20)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    as_of: DayAsked = "",
    after: Code = "",
) -> HTMLResponse:
    """Return a page of units with what is known of each."""
    actor.require(INVENTORY_READ)
    today = day_of(tx.now())
    day = day_asked(as_of) or today
    wish = _wish(day, unit, level, q, kind, value)
    found = await coverage_on(actor, tx, wish, limit=A_PAGE, after=after or None)
    return page(
        request,
        "coverage/units.html",
        said=NeedsWords(t),
        units=found.units,
        next_cursor=found.next_cursor,
        asked={"unit": unit, "level": level, "kind": wish.kind or "", "value": wish.value or "", "q": q},
        levels=await levels(actor, tx),
        kinds=VALUES,
        day=day,
        today=today,
    )


@router.get("/coverage/export")
async def export(
    request: Request,
    actor: CurrentActor,
    state: State_,
    form: Annotated[str, Query(pattern="^(csv|json)$")] = "csv",
    unit: Code = "",
    level: Code = "",
    kind: Code = "",
    value: Annotated[str, Query(max_length=20)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    as_of: DayAsked = "",
) -> Response:
    """Give out what is known of units: a spreadsheet for people, or JSON for programs, a piece at a time."""
    actor.require(INVENTORY_READ)
    t = translator_of(request)
    day = day_asked(as_of) or day_of(state.clock.now())
    wish = _wish(day, unit, level, q, kind, value)

    async def units() -> AsyncIterator[list[UnitCoverage]]:
        after: str | None = None
        while True:
            async with state.database.transaction() as tx:
                found = await coverage_on(actor, tx, wish, limit=AT_ONCE, after=after)
            yield found.units
            if (after := found.next_cursor) is None:
                return

    body = _sheet(units(), NeedsWords(t)) if form == "csv" else _json(units(), day)
    headers = {"Content-Disposition": f'attachment; filename="coverage-{day}.{form}"'}
    kind_of = "text/csv; charset=utf-8" if form == "csv" else "application/json"
    return StreamingResponse(body, media_type=kind_of, headers=headers)


@router.get("/units/{code}/coverage")
async def of_unit(request: Request, code: str, actor: CurrentActor, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Return what is known of one unit, what was known before, and the form to write more down."""
    return await _unit_page(request, code, actor, tx)


@router.post("/units/{code}/coverage")
async def write(request: Request, code: str, state: State_, actor: Changer) -> Response:
    """Write a fact of a unit down."""
    sent = await request.form()
    typed = {name: str(sent.get(name, ""))[:300].strip() for name in ("kind", "since", "until", "source", "measured")}
    values = tuple(str(value)[:20] for value in sent.getlist(typed["kind"])[:10])
    try:
        since = day_needed(typed["since"])
        wish = FactWish(
            typed["kind"], values, since, typed["source"], typed["measured"] == "yes", day_asked(typed["until"])
        )  # fmt: skip
        async with state.database.transaction() as tx:
            await record_fact(actor, tx, code, wish, saw(str(sent.get("version", ""))))
    except (BadInput, Conflict) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return await _unit_page(request, code, actor, tx, {**typed, "values": values}, error)
    return RedirectResponse(f"/units/{code}/coverage", 303)


async def _unit_page(
    request: Request,
    code: str,
    actor: Actor,
    tx: Transaction,
    typed: dict[str, Any] | None = None,
    error: VungCaoError | None = None,
) -> HTMLResponse:
    t = translator_of(request)
    known = await coverage_of(actor, tx, code)
    kind = request.query_params.get("kind", "")
    blank = {"kind": kind if kind in KINDS else "connectivity", "values": ()}
    today = day_of(tx.now())
    return page(
        request,
        "coverage/unit.html",
        status_code=error.http_status if error else 200,
        said=NeedsWords(t),
        unit=known,
        version=etag_of(known),
        history=await facts_over_time(actor, tx, code),
        above=(await unit_for(actor, code, tx)).above,
        kinds=KINDS,
        choices=CHOICES,
        typed={**blank, "since": today.isoformat(), "until": "", "source": "", "measured": "", **(typed or {})},
        may_change=actor.may(INVENTORY_CHANGE),
        error=Words(t).error(error) if error else None,
    )


def _wish(day: date, unit: str, level: str, query: str, kind: str, value: str) -> CoverageWish:
    if value not in VALUES.get(kind, {}):
        kind = value = ""
    return CoverageWish(day, unit or None, level or None, query, kind or None, value or None)


async def _sheet(pages: AsyncIterator[list[UnitCoverage]], said: NeedsWords) -> AsyncIterator[str]:
    t = said.t
    sheet = io.StringIO()
    writer = csv.writer(sheet, delimiter=";" if t.language == "vi" else ",")
    head = [t.gettext("Code"), t.gettext("Unit"), t.gettext("Level"), t.gettext("Above it")]
    for kind in KINDS:
        head += [said.kind(kind), t.gettext("Since"), t.gettext("How it is known"), t.gettext("Source")]
    writer.writerow(head)
    yield BOM
    async for units in pages:
        for unit in units:
            cells = [unit.code, unit.name, unit.level, unit.parent or ""]
            for kind in KINDS:
                fact = unit.fact(kind)
                cells.append(said.fact(kind, fact)[1])
                if fact is None:
                    cells += ["", "", ""]
                    continue
                how = t.gettext("measured") if fact.measured else t.gettext("reported")
                if fact.inherited:
                    how += ", " + t.gettext("taken over")
                cells += [f"{fact.since:%d/%m/%Y}" if t.language == "vi" else fact.since.isoformat(), how, fact.source]
            # A cell that a spreadsheet would take for a formula is made harmless.
            writer.writerow([f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell for cell in cells])
        yield sheet.getvalue()
        sheet.seek(0)
        sheet.truncate()


async def _json(pages: AsyncIterator[list[UnitCoverage]], day: date) -> AsyncIterator[str]:
    yield f'{{"as_of": "{day}", "units": ['
    first = True
    async for units in pages:
        for unit in units:
            yield ("" if first else ",\n") + json.dumps(asdict(unit), default=str, ensure_ascii=False)
            first = False
    yield "]}\n"
