"""Contracts and leases: which there are, what each covers, and editing them by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import Date, exists, func, literal, or_, select, tuple_
from sqlalchemy.exc import IntegrityError

from inventory.access import INVENTORY_CHANGE, INVENTORY_READ
from inventory.contract_models import ContractCoverRow, ContractRow
from inventory.contracts import ContractKind, ContractState, ContractView, state_on
from inventory.errors import ChangedMeanwhile, CodeTaken, ContractOverlaps
from inventory.exchange.cells import COLUMNS, read_cell
from inventory.exchange.fault_words import in_english
from inventory.exchange.judge import difference
from inventory.exchange.kinds import KINDS, Found, codes_held
from inventory.exchange.save import save_contracts
from inventory.models import DeviceRow, UplinkRow
from inventory.programme_file import CODE, ContractEntry
from inventory.units import day_of
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound

MOST_A_PAGE: Final = 200
NEVER: Final = date(9999, 12, 31)
KIND: Final = KINDS["contracts"]


@dataclass(frozen=True, slots=True)
class ContractWish:
    """Which contracts are asked for.

    Attributes:
        state: Only those that are so today.
        query: Only those with this text in code, number or party.
        uplink: Only those that cover this line.
        device: Only those that cover this device.
    """

    state: str | None = None
    query: str = ""
    uplink: str | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class ContractPage:
    """A page of contracts, the first to end first; `next_cursor` is None on the last."""

    contracts: list[ContractView]
    next_cursor: str | None


async def contracts_on(
    actor: Actor, tx: Transaction, wish: ContractWish, *, limit: int = 50, after: str | None = None
) -> ContractPage:
    """Return a page of the contracts that `wish` means, of those of which `actor` may see a part."""
    limit, today = min(limit, MOST_A_PAGE), day_of(tx.now())
    end = func.coalesce(ContractRow.ends, NEVER)
    statement = _narrowed(actor, tx).order_by(end, ContractRow.code).limit(limit + 1)
    if wish.state:
        statement = statement.where(*_in_state(wish.state, today))
    if wish.query.strip():
        words = f"%{wish.query.strip()}%"
        columns = (ContractRow.code, ContractRow.number, ContractRow.party)
        statement = statement.where(or_(*(column.ilike(words) for column in columns)))
    covers = exists().where(ContractCoverRow.contract_id == ContractRow.id)
    if wish.uplink is not None:
        lines = select(UplinkRow.id).where(UplinkRow.code == wish.uplink)
        statement = statement.where(covers.where(ContractCoverRow.uplink_id.in_(lines)))
    if wish.device is not None:
        things = select(DeviceRow.id).where(DeviceRow.code == wish.device)
        statement = statement.where(covers.where(ContractCoverRow.device_id.in_(things)))
    if after is not None:
        ends, _, code = after.partition("|")
        statement = statement.where(tuple_(end, ContractRow.code) > tuple_(literal(_day(ends), Date), literal(code)))
    found = await _views(actor, tx, statement)
    last = found[limit - 1] if len(found) > limit else None
    return ContractPage(found[:limit], f"{last.ends or NEVER}|{last.code}" if last else None)


async def contract_for(
    actor: Actor, code: str, tx: Transaction, permission: Permission = INVENTORY_READ
) -> ContractView:
    """Return the contract `code`; NotFound if there is none for which `actor` holds `permission`."""
    found = await _views(actor, tx, _narrowed(actor, tx, permission).where(ContractRow.code == code))
    if not found:
        raise NotFound(kind="contract", code=code[:100])
    return found[0]


async def contracts_ending(actor: Actor, tx: Transaction) -> int:
    """Return how many contracts of those that `actor` may see end within the days before which they warn."""
    statement = _narrowed(actor, tx).where(*_in_state(ContractState.ENDING, day_of(tx.now())))
    return await tx.session.scalar(select(func.count()).select_from(statement.subquery())) or 0


async def create_contract(actor: Actor, tx: Transaction, code: str, fields: Mapping[str, Any]) -> ContractView:
    """Add a contract and return it.

    Raises:
        Refused: `actor` may change nothing.
        NotFound: There is no such line or device for `actor` to change.
        CodeTaken: There is such a contract, seen or not.
        ContractOverlaps: Something has a contract of this kind at that time.
        BadInput: The first field that is wrong.
    """
    actor.require(INVENTORY_CHANGE)
    if not CODE.fullmatch(code):
        raise BadInput(what="The code", why="small letters a to z, digits and hyphens, at most 63")
    if await tx.session.scalar(select(ContractRow.id).where(ContractRow.code == code)) is not None:
        raise CodeTaken(kind="contract", code=code)
    await _save(actor, tx, code, _entry(fields))
    after = await contract_for(actor, code, tx)
    tx.audit(actor, "contract.created", f"contract:{code}", after=_plain(after))
    return after


async def change_contract(
    actor: Actor,
    tx: Transaction,
    code: str,
    fields: Mapping[str, Any],
    unchanged: Any,  # noqa: ANN401 - as in `edit`
) -> ContractView:
    """Change the given fields of a contract and return it.

    Raises:
        NotFound: There is none all of which `actor` may change, or no such line or device.
        ChangedMeanwhile: It is not any more what the editor saw.
        ContractOverlaps, BadInput: As `create_contract`.
    """
    await tx.session.execute(select(ContractRow.id).where(ContractRow.code == code).with_for_update())
    before = await contract_for(actor, code, tx, INVENTORY_CHANGE)
    if not unchanged(before):
        raise ChangedMeanwhile(what=f"The contract {code}")
    now = {name: getattr(before, name) for name in ContractEntry.model_fields}
    await _save(actor, tx, code, _entry({**now, **fields}))
    after = await contract_for(actor, code, tx)
    diff = difference(_plain(before), _plain(after))
    if diff:
        then, later = ({name: pair[place] for name, pair in diff.items()} for place in (0, 1))
        tx.audit(actor, "contract.changed", f"contract:{code}", before=then, after=later)
    return after


def contract_cells(typed: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed into a form, read as the cells of a spreadsheet are.

    Raises:
        BadInput: The first cell that says nothing that can be understood.
    """
    fields: dict[str, Any] = {}
    for column in COLUMNS["contracts"]:
        if column.name in typed:
            value, wrong = read_cell("contracts", column, typed[column.name])
            if wrong is not None:
                raise BadInput(what=f"The field {column.name}", why=in_english(replace(wrong, field="")))
            if not (column.keeps and value is None):
                fields[column.name] = value
    return fields


async def _save(actor: Actor, tx: Transaction, code: str, entry: ContractEntry) -> None:
    await _theirs(actor, tx, entry.uplinks, entry.devices)
    try:
        async with tx.session.begin_nested():
            await save_contracts(tx, {code: entry})
    except IntegrityError as error:
        raise ContractOverlaps(code=code) from error


async def _theirs(actor: Actor, tx: Transaction, uplinks: Collection[str], devices: Collection[str]) -> None:
    """Raise NotFound unless `actor` may change all that a contract covers; without the whole tree, it covers some."""
    if not uplinks and not devices and not actor.may_everywhere(INVENTORY_CHANGE):
        raise BadInput(what="The contract", why="name at least one line or device that it covers")
    lines, things = await codes_held(actor, tx, uplinks, devices, INVENTORY_CHANGE)
    for kind, wanted, there in (("uplink", uplinks, lines), ("device", devices, things)):
        for code in wanted:
            if code not in there:
                raise NotFound(kind=kind, code=code)


async def _views(actor: Actor, tx: Transaction, statement: Found) -> list[ContractView]:
    today = day_of(tx.now())
    rows = (await tx.session.execute(statement.execution_options(populate_existing=True))).all()
    uplinks = {code for row in rows for code in row.uplinks or ()}
    devices = {code for row in rows for code in row.devices or ()}
    lines, things = await codes_held(actor, tx, uplinks, devices, INVENTORY_READ)
    return [_view(row, today, lines, things) for row in rows]


def _view(row: Any, today: date, lines: Collection[str], things: Collection[str]) -> ContractView:  # noqa: ANN401
    one: ContractRow = row.ContractRow
    return ContractView(
        code=one.code, kind=ContractKind(one.kind), party=one.party, number=one.number, starts=one.starts,
        ends=one.ends, warn_days=one.warn_days, state=state_on(today, one.starts, one.ends, one.warn_days),
        sla_percent=None if one.sla_percent is None else float(one.sla_percent),
        repair_hours=None if one.repair_hours is None else float(one.repair_hours),
        cost=one.cost, note=one.note,
        uplinks=tuple(code for code in row.uplinks or () if code in lines),
        devices=tuple(code for code in row.devices or () if code in things),
    )  # fmt: skip


def _narrowed(actor: Actor, tx: Transaction, permission: Permission = INVENTORY_READ) -> Found:
    return KIND.narrow(KIND.statement(), actor, day_of(tx.now()), permission)


def _in_state(state: str, today: date) -> Sequence[Any]:
    warns = ContractRow.ends - ContractRow.warn_days <= today
    begun = ContractRow.starts <= today
    conditions: Mapping[str, Sequence[Any]] = {
        ContractState.AHEAD: (~begun,),
        ContractState.RUNNING: (begun, or_(ContractRow.ends.is_(None), ~warns)),
        ContractState.ENDING: (begun, warns, ContractRow.ends >= today),
        ContractState.OVER: (ContractRow.ends < today,),
    }
    return conditions.get(state, ())


def _entry(fields: Mapping[str, Any]) -> ContractEntry:
    try:
        return ContractEntry.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "form"
        raise BadInput(what=f"The field {field}", why=str(first["msg"]).removeprefix("Value error, ")) from None


def _plain(view: ContractView) -> dict[str, Any]:
    plain = asdict(replace(view, state=ContractState.RUNNING))
    del plain["state"]
    return {
        name: value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value
        for name, value in plain.items()
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.min
