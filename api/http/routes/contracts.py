"""The JSON API on contracts and leases: which there are, and writing them down; no edit is lost."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.http.deps import Changer, CurrentActor, Tx
from api.http.editing import IfMatch, Key, created, saw, tagged
from api.http.paging import After, Limit, Page, Search
from api.http.routes.router import api_router, problems
from inventory.public import (
    ContractKind,
    ContractState,
    ContractView,
    ContractWish,
    change_contract,
    contract_for,
    contracts_on,
    create_contract,
)

router = api_router("contracts")


Code = Annotated[str, Field(max_length=63)]
Text = Annotated[str, Field(max_length=200)]
Codes = Annotated[list[Code], Field(max_length=2000)]


class ContractFields(BaseModel):
    """What can be said of a contract; what is left out stays. `ends` is its last day."""

    model_config = ConfigDict(extra="forbid")

    kind: ContractKind | None = None
    party: Text | None = None
    number: Text | None = None
    starts: date | None = None
    ends: date | None = None
    warn_days: int | None = None
    sla_percent: float | None = None
    repair_hours: float | None = None
    cost: int | None = None
    note: Annotated[str, Field(max_length=1000)] | None = None
    uplinks: Codes | None = None
    devices: Codes | None = None

    def given(self) -> dict[str, Any]:
        """Return the fields that were sent, without the code."""
        return self.model_dump(exclude_unset=True, exclude={"code"}, mode="json")


class NewContract(ContractFields):
    """A contract to write down."""

    code: Code
    kind: ContractKind
    party: Text
    starts: date


@router.get("/contracts", summary="Contracts and leases", responses=problems(400))
async def list_contracts(
    actor: CurrentActor,
    tx: Tx,
    state: Annotated[ContractState | None, Query(description="As they are today.")] = None,
    query: Search = "",
    limit: Limit = 50,
    after: After = None,
) -> Page[ContractView]:
    """Those of which you may see a part, the first to end first."""
    found = await contracts_on(actor, tx, ContractWish(state, query), limit=limit, after=after)
    return Page(items=found.contracts, next=found.next_cursor)


@router.post(
    "/contracts",
    summary="Write a contract down",
    status_code=201,
    response_model=ContractView,
    responses=problems(400, 404, 409),
)
async def new_contract(request: Request, actor: Changer, tx: Tx, wanted: NewContract, key: Key = None) -> Response:
    """Of lines and devices where you may change things."""

    async def make() -> object:
        return await create_contract(actor, tx, wanted.code, wanted.given())

    return await created(request, actor, tx, key, make)


@router.get("/contracts/{code}", summary="One contract", responses=problems(404))
async def read_contract(actor: CurrentActor, tx: Tx, response: Response, code: str) -> ContractView:
    """With the ETag that a change of it needs."""
    return tagged(await contract_for(actor, code, tx), response)


@router.patch("/contracts/{code}", summary="Change a contract", responses=problems(400, 404, 409, 412, 428))
async def edit_contract(
    actor: Changer, tx: Tx, response: Response, code: str, wanted: ContractFields, if_match: IfMatch = None
) -> ContractView:
    """Of which you may change all that it covers."""
    return tagged(await change_contract(actor, tx, code, wanted.given(), saw(if_match)), response)
