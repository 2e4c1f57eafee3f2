"""`vungcao coverage`, `kits` and `deliveries`: what is known of communes and villages, and what offices lack."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from api.commands.shared import Json, mistakes_listed, print_json, print_list, with_database
from kernel.actors import system
from kernel.errors import BadInput

if TYPE_CHECKING:
    from inventory.public import DeliveryView, KitItem, KitView, UnitCoverage
    from kernel.db.transaction import Database, Transaction
    from kernel.settings import Settings

ACTOR: Final = system("command line")
A_PAGE: Final = 200
SUM_COLUMNS: Final = ("unit", "name", "total", "connectivity", "electricity", "disadvantaged")
UNIT_COLUMNS: Final = ("code", "name", "level", "connectivity", "electricity", "disadvantaged")
NEED_COLUMNS: Final = (
    "unit", "name", "offices", "without_kit", "needed", "ready", "expired", "broken", "missing", "underway",
)  # fmt: skip
DELIVERY_COLUMNS: Final = ("id", "office", "state", "due", "waiting", "accepted", "refused", "proved")
PIECE_COLUMNS: Final = ("no", "role", "state", "device", "serial", "why", "proved_at")

T = TypeVar("T")

coverage_app = typer.Typer(help="What communes and villages have, with or without an office.", no_args_is_help=True)
kits_app = typer.Typer(help="What offices have to have, and what they lack.", no_args_is_help=True)
deliveries_app = typer.Typer(help="What is to come to offices, and what became of it.", no_args_is_help=True)

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As on this day; else today.")]
Since = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day from which on.")]
Unit = Annotated[str | None, typer.Option("--unit", help="Only this unit and all below it.")]
Level = Annotated[str, typer.Option(help="Units of this level are counted.")]


@coverage_app.command("show")
def coverage_show(level: Level = "commune", unit: Unit = None, as_of: Day = None, as_json: Json = False) -> None:  # noqa: FBT002 - a switch
    """Count the units of a level by what they have, by the units right below UNIT or the top; the counts add up."""
    from inventory.public import coverage_sums

    found = _in_transaction(lambda tx: coverage_sums(ACTOR, tx, level=level, unit=unit, as_of=_day(as_of)))
    rows = [asdict(one) for one in found]
    if not as_json:
        rows = [{**row, **{kind: _counts(counts) for kind, counts in row["counts"].items()}} for row in rows]
    print_list(rows, SUM_COLUMNS, as_json=as_json)


@coverage_app.command("units")
def coverage_units(
    level: Annotated[str | None, typer.Option(help="Only those of this level.")] = None,
    unit: Unit = None,
    kind: Annotated[str | None, typer.Option(help="connectivity, electricity or disadvantaged.")] = None,
    value: Annotated[str | None, typer.Option(help="With --kind: only those that have it; or some, unknown.")] = None,
    as_of: Day = None,
    limit: Annotated[int, typer.Option(min=1, help="Most of them.")] = 20_000,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List units with what is known of each."""
    from inventory.public import CoverageWish, coverage_on

    wish = CoverageWish(_day(as_of), unit, level, "", kind, value)

    async def read(tx: Transaction) -> list[UnitCoverage]:
        found: list[UnitCoverage] = []
        after: str | None = None
        while len(found) < limit:
            page = await coverage_on(ACTOR, tx, wish, limit=A_PAGE, after=after)
            found += page.units
            if (after := page.next_cursor) is None:
                break
        return found[:limit]

    _print_units(_in_transaction(read), as_json=as_json)


@coverage_app.command("set")
def coverage_set(
    unit: str,
    kind: Annotated[str, typer.Argument(help="connectivity, electricity or disadvantaged.")],
    value: Annotated[list[str], typer.Argument(help="Such as 4g fibre; part; area-3.")],
    since: Since,
    source: Annotated[str, typer.Option(help="Who says so.")],
    measured: Annotated[bool, typer.Option("--measured/--reported", help="How it is known.")] = False,  # noqa: FBT002
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When a status ends.")] = None,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Write down what is known of UNIT from a day on; what was known before stays for the days before."""
    from inventory.public import FactWish, record_fact

    wish = FactWish(kind, tuple(value), since.date(), source, measured, _day(until))
    found = _in_transaction(lambda tx: record_fact(ACTOR, tx, unit, wish, lambda _: True))
    _print_units([found], as_json=as_json)


@kits_app.command("list")
def kits_list(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the kits with their versions, the newest first."""
    from inventory.public import kits

    _print_kits(_in_transaction(lambda tx: kits(ACTOR, tx)), as_json=as_json)


@kits_app.command("set")
def kits_set(
    code: str,
    item: Annotated[list[str], typer.Option(help="role=number, or role/room=number for each meeting room; repeat it.")],
    since: Since,
    name: Annotated[str, typer.Option(help="What people call it; a new one needs it.")] = "",
    office_kind: Annotated[str, typer.Option(help="For a new one: kind of office; else every kind.")] = "",
    level: Annotated[str, typer.Option(help="For a new one: level of the office's unit; else every level.")] = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Add the kit CODE, or give it a version from today or a later day on. Versions that have begun stay."""
    from inventory.public import KitVersion, KitView, change_kit, create_kit, kits

    async def work(tx: Transaction) -> KitView:
        version = KitVersion(since.date(), _items(item))
        if code in {kit.code for kit in await kits(ACTOR, tx)}:
            return await change_kit(ACTOR, tx, code, lambda _: True, name=name or None, version=version)
        return await create_kit(ACTOR, tx, KitView(code, name, office_kind, level, (version,)))

    _print_kits([_in_transaction(work)], as_json=as_json)


@kits_app.command("needs")
def kits_needs(unit: Unit = None, as_of: Day = None, as_json: Json = False) -> None:  # noqa: FBT002 - a switch
    """Sum what offices lack by the units right below UNIT or the top, by the kits of that day."""
    from api.glue import OUTSIDE
    from inventory.public import needs_by_unit

    found = _in_transaction(lambda tx: needs_by_unit(ACTOR, tx, OUTSIDE, unit=unit, as_of=_day(as_of)))
    rows = [asdict(one) for one in found]
    print_list(rows if as_json else [{**row, **row["gap"]} for row in rows], NEED_COLUMNS, as_json=as_json)


@deliveries_app.command("list")
def deliveries_list(
    state: Annotated[str | None, typer.Option(help="planned, arrived or over.")] = None,
    office: Annotated[str | None, typer.Option(help="Only to this office.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most of them.")] = 50,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List deliveries, the newest first."""
    from inventory.public import deliveries

    found = _in_transaction(lambda tx: deliveries(ACTOR, tx, state=state, office=office, limit=limit))
    rows = [asdict(one) for one in found.deliveries]
    if not as_json:
        rows = [{**row, **_numbers(one)} for row, one in zip(rows, found.deliveries, strict=True)]
    print_list(rows, DELIVERY_COLUMNS, as_json=as_json)


@deliveries_app.command("plan")
def deliveries_plan(
    office: str,
    piece: Annotated[list[str], typer.Option(help="role=number; repeat it for each.")],
    due: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When it is expected.")] = None,
    note: Annotated[str, typer.Option(help="Whatever else is to be known.")] = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Plan what is to come to OFFICE."""
    from inventory.public import plan_delivery

    async def work(tx: Transaction) -> DeliveryView:
        return await plan_delivery(ACTOR, tx, office, dict(map(_number, piece)), due=_day(due), note=note)

    _print_delivery(_in_transaction(work), as_json=as_json)


@deliveries_app.command("show")
def deliveries_show(delivery: uuid.UUID, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Show what became of each piece of DELIVERY, and when its device proved itself by its first answer."""
    from inventory.public import delivery_for

    _print_delivery(_in_transaction(lambda tx: delivery_for(ACTOR, tx, delivery)), as_json=as_json)


@deliveries_app.command("arrive")
def deliveries_arrive(delivery: uuid.UUID, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Say that DELIVERY has arrived."""
    from inventory.public import note_arrival

    _print_delivery(_in_transaction(lambda tx: note_arrival(ACTOR, tx, delivery)), as_json=as_json)


@deliveries_app.command("accept")
def deliveries_accept(
    delivery: uuid.UUID,
    piece: int,
    serial: Annotated[str, typer.Option(help="As it is printed on the device.")],
    device: Annotated[str, typer.Option(help="Which device it is; else the one with this number.")] = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Accept PIECE of DELIVERY: its device goes into use, and is asked from then on."""
    from inventory.public import accept_piece, known_profiles

    async def accept(loaded: Settings, database: Database) -> DeliveryView:
        profiles = known_profiles(loaded.profiles_dir).keys()
        async with database.transaction() as tx:
            return await accept_piece(ACTOR, tx, delivery, piece, serial=serial, device=device, profiles=profiles)

    _print_delivery(with_database(accept), as_json=as_json)


@deliveries_app.command("refuse")
def deliveries_refuse(
    delivery: uuid.UUID,
    piece: int,
    why: Annotated[str, typer.Option(help="The reason, for who sent it.")],
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Refuse PIECE of DELIVERY."""
    from inventory.public import refuse_piece

    _print_delivery(_in_transaction(lambda tx: refuse_piece(ACTOR, tx, delivery, piece, why)), as_json=as_json)


def _in_transaction(work: Callable[[Transaction], Awaitable[T]]) -> T:
    async def run(_settings: Settings, database: Database) -> T:
        with mistakes_listed():
            async with database.transaction() as tx:
                return await work(tx)

    return with_database(run)


def _day(at: datetime | None) -> date | None:
    return None if at is None else at.date()


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{value} {number}" for value, number in counts.items() if number) or "-"


def _number(said: str) -> tuple[str, int]:
    name, _, number = said.partition("=")
    if not number.isdecimal():
        raise BadInput(what=f"{said}", why="write it as role=number")
    return name.strip(), int(number)


def _items(said: list[str]) -> tuple[KitItem, ...]:
    from inventory.public import items_of

    numbers = {}
    for name, number in map(_number, said):
        role, _, per = name.partition("/")
        numbers[role, per or "office"] = number
    return items_of(numbers)


def _print_units(units: list[UnitCoverage], *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [asdict(one) for one in units]
    if not as_json:
        for row in rows:
            known = {fact["kind"]: fact for fact in row["facts"]}
            for kind in UNIT_COLUMNS[3:]:
                fact = known.get(kind)
                row[kind] = "unknown" if fact is None else f"{' '.join(fact['value'])} ({fact['since']})"
    print_list(rows, UNIT_COLUMNS, as_json=as_json)


def _print_kits(found: list[KitView], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(kit) for kit in found])
        return
    rows = [
        {
            "code": kit.code, "name": kit.name, "since": version.since,
            "for": f"{kit.office_kind or 'every kind'}, {kit.level or 'every level'}",
            "items": ", ".join(
                f"{item.role}{'/room' if item.per == 'room' else ''}={item.number}" for item in version.items
            ),
        }
        for kit in found for version in kit.versions
    ]  # fmt: skip
    print_list(rows, ("code", "name", "for", "since", "items"), as_json=False)


def _numbers(delivery: DeliveryView) -> dict[str, int]:
    proved = sum(piece.proved_at is not None for piece in delivery.pieces)
    return {**{str(state): number for state, number in delivery.counts.items()}, "proved": proved}


def _print_delivery(delivery: DeliveryView, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(delivery))
        return
    print(f"{delivery.id}  {delivery.office_name}  {delivery.state}")
    print_list([asdict(piece) for piece in delivery.pieces], PIECE_COLUMNS, as_json=False)
