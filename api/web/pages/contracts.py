"""Contracts and leases: which end soon, what each covers, and writing them down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.http.deps import Changer, CurrentActor, State_, Tx
from api.http.editing import etag_of, saw
from api.web.exchange_words import CONTRACT_FIELDS, CONTRACT_KINDS, CONTRACT_STATES, ExchangeWords
from api.web.render import page, translator_of
from api.web.shell import Frame, look
from api.web.words import Words
from inventory.public import (
    INVENTORY_CHANGE,
    INVENTORY_READ,
    ChangedMeanwhile,
    ContractState,
    ContractView,
    ContractWish,
    change_contract,
    contract_cells,
    contract_for,
    contracts_on,
    create_contract,
    day_of,
)
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, Conflict, NotFound, VungCaoError

router = APIRouter(include_in_schema=False)

A_PAGE: Final = 50
MOST_LETTERS: Final = 5_000
LONG: Final = frozenset({"note", "uplinks", "devices"})
HINTED: Final = frozenset({"uplinks", "devices"})


@router.get("/contracts")
async def contract_list(
    request: Request,
    actor: CurrentActor,
    tx: Tx,
    _frame: Frame,
    q: Annotated[str, Query(max_length=100)] = "",
    state: Annotated[str, Query(max_length=10)] = "",
    after: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Return a page of contracts, the first to end first."""
    actor.require(INVENTORY_READ)
    chosen = state if state in set(ContractState) else ""
    found = await contracts_on(actor, tx, ContractWish(chosen or None, q), limit=A_PAGE, after=after or None)
    return page(
        request,
        "exchange/contracts.html",
        said=ExchangeWords(translator_of(request)),
        contracts=found.contracts,
        next_cursor=found.next_cursor,
        query=q,
        state=chosen,
        states=list(CONTRACT_STATES),
        today=day_of(tx.now()),
        may_change=actor.may(INVENTORY_CHANGE),
    )


@router.get("/contracts/new")
async def new(request: Request, _actor: Changer, _frame: Frame) -> HTMLResponse:
    """Show an empty form."""
    return _form(request, None, "", {"kind": "line", "warn_days": "60"})


@router.post("/contracts/new")
async def create(request: Request, state: State_, actor: Changer) -> Response:
    """Write a contract down."""
    sent = await request.form()
    typed = {name: str(sent.get(name, ""))[:MOST_LETTERS] for name in CONTRACT_FIELDS}
    code = str(sent.get("code", "")).strip()[:63]
    try:
        async with state.database.transaction() as tx:
            await create_contract(actor, tx, code, contract_cells(typed))
    except (BadInput, Conflict, NotFound) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            return _form(request, None, code, typed, error)
    return RedirectResponse(f"/contracts/{code}", 303)


@router.get("/contracts/{code}")
async def show(request: Request, code: str, actor: CurrentActor, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Return the page of one contract."""
    contract = await contract_for(actor, code, tx)
    return page(
        request,
        "exchange/contract.html",
        said=ExchangeWords(translator_of(request)),
        contract=contract,
        today=day_of(tx.now()),
        may_change=await _may_change(actor, tx, code),
    )


@router.get("/contracts/{code}/edit")
async def edit(request: Request, code: str, actor: Changer, tx: Tx, _frame: Frame) -> HTMLResponse:
    """Show the form of a contract."""
    contract = await contract_for(actor, code, tx, INVENTORY_CHANGE)
    return _form(request, contract, code, ExchangeWords(translator_of(request)).texts(contract))


@router.post("/contracts/{code}/edit")
async def save(request: Request, code: str, state: State_, actor: Changer) -> Response:
    """Change a contract."""
    sent = await request.form()
    typed = {name: str(sent[name])[:MOST_LETTERS] for name in CONTRACT_FIELDS if name in sent}
    unchanged = saw(str(sent.get("version", "")))
    try:
        async with state.database.transaction() as tx:
            await change_contract(actor, tx, code, contract_cells(typed), unchanged)
    except (BadInput, Conflict, NotFound) as error:
        async with state.database.transaction() as tx:
            await look(request, state.engine, actor, tx)
            contract = await contract_for(actor, code, tx, INVENTORY_CHANGE)
            return _form(request, contract, code, typed, error)
    return RedirectResponse(f"/contracts/{code}", 303)


def _form(
    request: Request,
    contract: ContractView | None,
    code: str,
    texts: Mapping[str, str],
    error: VungCaoError | None = None,
) -> HTMLResponse:
    t = translator_of(request)
    said = ExchangeWords(t)
    met = isinstance(error, ChangedMeanwhile)
    now: Mapping[str, Any] = said.texts(contract) if contract is not None and met else {}
    return page(
        request,
        "exchange/contract_form.html",
        status_code=error.http_status if error else 200,
        said=said,
        contract=contract,
        code=code,
        # After two edits met, the next press says that the other one was seen.
        version=etag_of(contract) if contract is not None else "",
        fields=CONTRACT_FIELDS,
        texts={**dict.fromkeys(CONTRACT_FIELDS, ""), **texts},
        there={name: value for name, value in now.items() if value != texts.get(name)},
        kinds=list(CONTRACT_KINDS),
        long=LONG,
        hinted=HINTED,
        met=met,
        error=Words(t).error(error) if error and not met else None,
    )


async def _may_change(actor: Actor, tx: Transaction, code: str) -> bool:
    if not actor.may(INVENTORY_CHANGE):
        return False
    try:
        await contract_for(actor, code, tx, INVENTORY_CHANGE)
    except NotFound:
        return False
    return True
