"""`vungcao inventory` and `vungcao reorganise`: what exists and where, on any day, and how the tree is changed.

Whoever sits at the command line of the platform's own machine is a part of the platform, and may everything.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from api.commands import exchange
from api.commands.shared import Json, mistakes_listed, print_json, print_list, with_database
from kernel.actors import system

if TYPE_CHECKING:
    from inventory.public import LoadReport, ReorganisationView
    from kernel.db.transaction import Database, Transaction
    from kernel.settings import Settings

ACTOR = system("command line")
A_PAGE = 200

T = TypeVar("T")

inventory_app = typer.Typer(help="Units, offices, devices and uplinks.", no_args_is_help=True)
reorganise_app = typer.Typer(help="Units that are merged, split, moved, renamed, abolished.", no_args_is_help=True)
inventory_app.command("import")(exchange.import_file)
inventory_app.command("export")(exchange.export)
inventory_app.command("ansible")(exchange.ansible)

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As on this day; else today.")]
Query = Annotated[str, typer.Option(help="Only what has these words; accents may be missing.")]
Below = Annotated[str | None, typer.Option(help="Only of this unit and all below it.")]
Limit = Annotated[int, typer.Option(min=1, help="Most of them.")]

UNIT_COLUMNS = ("code", "name", "level", "parent", "valid_from", "valid_to")
OFFICE_COLUMNS = ("code", "name", "kind", "unit_name", "devices")
DEVICE_COLUMNS = ("code", "name", "role", "state", "office", "address")
CHECK_COLUMNS = ("code", "device", "kind", "place", "every_s", "port", "name")
UPLINK_COLUMNS = ("code", "office", "device", "interface", "carrier", "medium", "group")
FIGURE_COLUMNS = ("unit", "name", "offices", "devices")
COUNT_COLUMNS = ("when", "level", "found", "counted", "gap")
REORGANISATION_COLUMNS = ("id", "day", "title", "state", "why")


@inventory_app.command("load")
def inventory_load(file: Path) -> None:
    """Load units, offices, devices and uplinks from the YAML FILE: all of it, or nothing and a list of all mistakes."""
    from inventory.public import known_profiles, load_file

    async def load(loaded: Settings, database: Database) -> LoadReport:
        with mistakes_listed():
            profiles = known_profiles(loaded.profiles_dir)
            async with database.transaction() as tx:
                return await load_file(file, ACTOR, tx, profiles)

    report = with_database(load)
    print("Added or changed: " + ", ".join(f"{count} {kind}" for kind, count in asdict(report).items()))


@inventory_app.command("vietnam")
def inventory_vietnam(
    since: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Since when the map before July 2025 is taken to hold.")
    ] = datetime(2025, 1, 1),  # noqa: DTZ001 - a day
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Load Vietnam's units before and since 1 July 2025, with what became of them, from vietnamadminunits.

    The package is optional: pip install 'vungcao[vietnam]'. What is there already stays as it is.
    """
    from inventory.public import load_vietnam

    report = _in_transaction(lambda tx: load_vietnam(ACTOR, tx, first_day=since.date()))
    counts = [{**asdict(count), "gap": count.gap} for count in report.counts]
    if as_json:
        print_json({"added": report.added, "known": report.known, "counts": counts, "untold": report.untold})
        return
    print(f"Added: {report.added} units; there already: {report.known}")
    print_list(counts, COUNT_COLUMNS, as_json=False)
    if report.untold:
        print(f"Nobody tells what became of: {', '.join(report.untold)}")


@inventory_app.command("levels")
def inventory_levels(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the levels of the administration, from the top down."""
    from inventory.public import levels

    rows = [asdict(level) for level in _in_transaction(lambda tx: levels(ACTOR, tx))]
    print_list(rows, ("code", "position", "name", "name_en", "valid_from", "valid_to"), as_json=as_json)


@inventory_app.command("level")
def inventory_level(
    code: str,
    position: Annotated[int, typer.Option(help="Units lie below units of a smaller position only.")],
    name: Annotated[str, typer.Option(help="In Vietnamese.")],
    name_en: Annotated[str, typer.Option(help="In English.")],
    valid_from: Day = None,
    valid_to: Day = None,
) -> None:
    """Add the level CODE, or change its names and time."""
    from inventory.public import Level, set_level

    level = Level(code, position, name, name_en, _day(valid_from), _day(valid_to))
    _in_transaction(lambda tx: set_level(ACTOR, tx, level))
    print(f"The level {code} is set.")


@inventory_app.command("units")
def inventory_units(
    as_of: Day = None,
    below: Below = None,
    parent: Annotated[str | None, typer.Option(help="Only those right below this unit.")] = None,
    level: Annotated[str | None, typer.Option(help="Only those of this level.")] = None,
    query: Query = "",
    limit: Limit = 1000,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List units, from the top level down."""
    from inventory.public import UnitWish, units_on

    wish = UnitWish(_day(as_of), below, parent, level, query)

    async def page(tx: Transaction, after: str | None) -> tuple[list[Any], str | None]:
        found = await units_on(ACTOR, tx, wish, limit=A_PAGE, after=after)
        return list(found.units), found.next_cursor

    print_list(_all(page, limit), UNIT_COLUMNS, as_json=as_json)


@inventory_app.command("unit")
def inventory_unit(code: str, as_of: Day = None, as_json: Json = False) -> None:  # noqa: FBT002 - a switch
    """Show the unit CODE: where it lies, what it was before, what it came from and what became of it."""
    from inventory.public import unit_for

    details = asdict(_in_transaction(lambda tx: unit_for(ACTOR, code, tx, as_of=_day(as_of))))
    if as_json:
        print_list([details], (), as_json=True)
        return
    unit = details["unit"]
    print(" > ".join([*(one["name"] for one in details["above"]), unit["name"]]))
    for label, codes in (("came from", unit["predecessors"]), ("became", unit["successors"])):
        if codes:
            print(f"{label}: {', '.join(codes)}")
    print_list(list(details["periods"]), ("since", "until", "name", "parent"), as_json=False)


@inventory_app.command("offices")
def inventory_offices(
    as_of: Day = None,
    below: Below = None,
    query: Query = "",
    limit: Limit = 1000,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List offices by name."""
    from inventory.public import OfficeWish, offices_on

    wish = OfficeWish(as_of=_day(as_of), unit=below, query=query)

    async def page(tx: Transaction, after: str | None) -> tuple[list[Any], str | None]:
        found = await offices_on(ACTOR, tx, wish, limit=A_PAGE, after=after)
        return list(found.offices), found.next_cursor

    print_list(_all(page, limit), OFFICE_COLUMNS, as_json=as_json)


@inventory_app.command("devices")
def inventory_devices(
    as_of: Day = None,
    below: Below = None,
    office: Annotated[str | None, typer.Option(help="Only of this office.")] = None,
    query: Query = "",
    limit: Limit = 1000,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List devices by code."""
    from inventory.public import DeviceWish, devices_on

    wish = DeviceWish(as_of=_day(as_of), unit=below, office=office, query=query)

    async def page(tx: Transaction, after: str | None) -> tuple[list[Any], str | None]:
        found = await devices_on(ACTOR, tx, wish, limit=A_PAGE, after=after)
        return list(found.devices), found.next_cursor

    print_list(_all(page, limit), DEVICE_COLUMNS, as_json=as_json)


@inventory_app.command("uplinks")
def inventory_uplinks(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List uplinks by code."""
    from inventory.public import uplinks

    rows = [asdict(uplink) for uplink in _in_transaction(lambda tx: uplinks(ACTOR, tx))]
    print_list(rows, UPLINK_COLUMNS, as_json=as_json)


@inventory_app.command("checks")
def inventory_checks(
    device: Annotated[str | None, typer.Option(help="Only of this device.")] = None,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List checks of services by code; every_s 0: switched off."""
    from inventory.public import checks

    found = _in_transaction(lambda tx: checks(ACTOR, tx, devices=[device] if device else None))
    print_list([asdict(check) for check in found], CHECK_COLUMNS, as_json=as_json)


@inventory_app.command("figures")
def inventory_figures(
    level: Annotated[str, typer.Option(help="The units of this level cut them.")] = "province",
    as_of: Day = None,
    map_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="By the map of this day.")] = None,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Count offices and devices by unit, by the map of any day; the sums agree on every map."""
    from inventory.public import figures

    found = _in_transaction(
        lambda tx: figures(ACTOR, tx, level=level, as_of=_day(as_of), map_of=_day(map_of) or _day(as_of))
    )
    print_list([asdict(figure) for figure in found], FIGURE_COLUMNS, as_json=as_json)


@inventory_app.command("search")
def inventory_search(query: str, limit: Limit = 10, as_json: Json = False) -> None:  # noqa: FBT002 - a switch
    """Find units, offices and devices that have all words of QUERY; accents may be missing."""
    from inventory.public import search

    rows = [asdict(found) for found in _in_transaction(lambda tx: search(ACTOR, tx, query, limit=limit))]
    print_list(rows, ("kind", "code", "name", "place"), as_json=as_json)


@reorganise_app.command("rehearse")
def reorganise_rehearse(file: Path, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Say what the reorganisation in the YAML FILE would move, and keep nothing."""
    from api.commands.reorganisation_file import read
    from api.glue import followers
    from inventory.public import rehearse

    async def work(tx: Transaction) -> dict[str, int]:
        wanted = await read(file)
        found = await rehearse(ACTOR, tx, followers(), day=wanted.day, operations=wanted.operations)
        return dict(found.counts)

    counts = _in_transaction(work)
    if as_json:
        print_json(counts)
    else:
        print_list([{"what": kind, "moves": count} for kind, count in counts.items()], ("what", "moves"), as_json=False)


@reorganise_app.command("propose")
def reorganise_propose(
    file: Path,
    then: Annotated[bool, typer.Option("--schedule", help="Let it happen on its day.")] = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Keep the reorganisation in the YAML FILE as a draft, or schedule it at once."""
    from api.commands.reorganisation_file import read
    from api.glue import followers
    from inventory.public import propose, schedule

    async def work(tx: Transaction) -> ReorganisationView:
        wanted = await read(file)
        made = await propose(
            ACTOR, tx, followers(), title=wanted.title, day=wanted.day, operations=wanted.operations
        )  # fmt: skip
        return await schedule(ACTOR, tx, followers(), made.id) if then else made

    _print_reorganisations([_in_transaction(work)], as_json=as_json)


@reorganise_app.command("list")
def reorganise_list(limit: Limit = 50, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List reorganisations, the latest day first."""
    from inventory.public import reorganisations

    found = _in_transaction(lambda tx: reorganisations(ACTOR, tx, limit=limit))
    _print_reorganisations(found.reorganisations, as_json=as_json)


@reorganise_app.command("show")
def reorganise_show(which: uuid.UUID, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Show one reorganisation."""
    from inventory.public import reorganisation_for

    _print_reorganisations([_in_transaction(lambda tx: reorganisation_for(ACTOR, tx, which))], as_json=as_json)


@reorganise_app.command("moves")
def reorganise_moves(
    which: uuid.UUID,
    kind: Annotated[str, typer.Option(help="offices, devices, grants, bookings")] = "offices",
    limit: Limit = 1000,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List what one that waits would move, and from where to where."""
    from api.glue import followers
    from inventory.public import lines

    async def page(tx: Transaction, after: str | None) -> tuple[list[Any], str | None]:
        found = await lines(ACTOR, tx, followers(), which, kind, limit=A_PAGE, after=after)
        return list(found.lines), found.next_cursor

    print_list(_all(page, limit), ("code", "name", "before", "after"), as_json=as_json)


@reorganise_app.command("schedule")
def reorganise_schedule(which: uuid.UUID, as_json: Json = False) -> None:  # noqa: FBT002 - a switch
    """Let a draft happen on its day; a worker of `serve` applies it."""
    from api.glue import followers
    from inventory.public import schedule

    found = _in_transaction(lambda tx: schedule(ACTOR, tx, followers(), which))
    _print_reorganisations([found], as_json=as_json)


@reorganise_app.command("cancel")
def reorganise_cancel(which: uuid.UUID, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Give up one that was not applied."""
    from inventory.public import cancel_reorganisation

    _print_reorganisations([_in_transaction(lambda tx: cancel_reorganisation(ACTOR, tx, which))], as_json=as_json)


def _in_transaction(work: Callable[[Transaction], Awaitable[T]]) -> T:
    async def run(_settings: Settings, database: Database) -> T:
        with mistakes_listed():
            async with database.transaction() as tx:
                return await work(tx)

    return with_database(run)


def _all(
    page: Callable[[Transaction, str | None], Awaitable[tuple[list[Any], str | None]]], limit: int
) -> list[dict[str, Any]]:
    """Return the first `limit` of a list that comes page by page."""

    async def read(tx: Transaction) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        after: str | None = None
        while len(rows) < limit:
            found, after = await page(tx, after)
            rows += [asdict(one) for one in found]
            if after is None:
                break
        return rows[:limit]

    return _in_transaction(read)


def _print_reorganisations(found: list[ReorganisationView], *, as_json: bool) -> None:
    rows = [
        {**asdict(one), "operations": [operation.model_dump(mode="json") for operation in one.operations]}
        for one in found
    ]
    if not as_json:
        rows = [{**row, "why": "; ".join(row["why"])} for row in rows]
    print_list(rows, REORGANISATION_COLUMNS, as_json=as_json)


def _day(at: datetime | None) -> date | None:
    return None if at is None else at.date()
