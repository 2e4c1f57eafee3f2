"""`vungcao windows`: when work is expected at a place, and when nothing may change there."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from api.commands.shared import Json, print_json, print_list, with_database
from kernel.actors import system

if TYPE_CHECKING:
    from inventory.public import Opening, WindowPage, WindowPreview, WindowView, WindowWish
    from kernel.db.transaction import Database
    from kernel.settings import Settings

ACTOR: Final = system("command line")
A_PAGE: Final = 200
COLUMNS: Final = ("id", "kind", "title", "place", "first", "minutes", "rule", "zone", "next")

windows_app = typer.Typer(help="When work is expected, and when nothing may change.", no_args_is_help=True)

Kind = Annotated[Literal["maintenance", "blackout"], typer.Option(help="Work is expected, or nothing may change.")]
Title = Annotated[str, typer.Option(help="How people call it.")]
First = Annotated[
    datetime, typer.Option(formats=["%Y-%m-%dT%H:%M"], help="Local time at which it first opens, as 2026-11-28T22:00.")
]
Minutes = Annotated[int, typer.Option(min=1, help="How long it stays open each time.")]
Unit = Annotated[str | None, typer.Option(help="Code of a unit: it and all below it.")]
Office = Annotated[str | None, typer.Option(help="Code of an office.")]
Device = Annotated[str | None, typer.Option(help="Code of a device.")]
Again = Annotated[str, typer.Option("--rule", help="When it opens again (RFC 5545), such as FREQ=WEEKLY;BYDAY=SA.")]
Zone = Annotated[str, typer.Option(help="Time zone; as the platform's, if not given.")]


@windows_app.command("list")
def windows_list(
    after: Annotated[str | None, typer.Option(help="Id of the last one of the list before.")] = None,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List the windows that have not ended, the newest first, 200 at most."""

    async def listed(_settings: Settings, database: Database) -> WindowPage:
        from inventory.public import windows

        async with database.transaction() as tx:
            return await windows(ACTOR, tx, limit=A_PAGE, after=after)

    print_list([_row(one) for one in with_database(listed).windows], COLUMNS, as_json=as_json)


@windows_app.command("preview")
def windows_preview(  # noqa: PLR0913, PLR0917 - its options
    title: Title,
    first: First,
    minutes: Minutes = 120,
    kind: Kind = "maintenance",
    unit: Unit = None,
    office: Office = None,
    device: Device = None,
    rule: Again = "",
    zone: Zone = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Print which devices a window would cover, and its next times. Nothing is stored."""

    async def seen(settings: Settings, database: Database) -> WindowPreview:
        from inventory.public import window_preview

        wish = _wish(settings, kind, title, first, minutes, unit, office, device, zone, rule)
        async with database.transaction() as tx:
            return await window_preview(ACTOR, wish, tx, limit=A_PAGE)

    found = with_database(seen)
    times = [_times(one) for one in found.times]
    devices = [dict(zip(("code", "name", "office"), one, strict=True)) for one in found.first]
    if as_json:
        print_json({"devices": found.devices, "first": devices, "times": times})
        return
    print_list(devices, ("code", "name", "office"), as_json=False)
    print(f"{found.devices} devices, {len(devices)} of them above. Open:")
    for at in times:
        print(f"  {at['starts_at']} - {at['ends_at']}")


@windows_app.command("add")
def windows_add(  # noqa: PLR0913, PLR0917 - its options
    title: Title,
    first: First,
    minutes: Minutes = 120,
    kind: Kind = "maintenance",
    unit: Unit = None,
    office: Office = None,
    device: Device = None,
    rule: Again = "",
    zone: Zone = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Set a window on one unit, office or device, and print it."""

    async def add(settings: Settings, database: Database) -> WindowView:
        from inventory.public import add_window

        wish = _wish(settings, kind, title, first, minutes, unit, office, device, zone, rule)
        async with database.transaction() as tx:
            return await add_window(ACTOR, wish, tx)

    _print(with_database(add), as_json=as_json)


@windows_app.command("end")
def windows_end(window: uuid.UUID, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """End WINDOW at once and for good."""

    async def end(_settings: Settings, database: Database) -> WindowView:
        from inventory.public import end_window

        async with database.transaction() as tx:
            return await end_window(ACTOR, window, tx)

    _print(with_database(end), as_json=as_json)


def _wish(  # noqa: PLR0913, PLR0917 - as many as the commands have options
    settings: Settings,
    kind: str,
    title: str,
    first: datetime,
    minutes: int,
    unit: str | None,
    office: str | None,
    device: str | None,
    zone: str,
    rule: str,
) -> WindowWish:
    from inventory.public import WindowKind, WindowWish

    zone = zone or settings.timezone
    return WindowWish(WindowKind(kind), title, first, minutes, unit, office, device, zone, rule)


def _times(opening: Opening) -> dict[str, str]:
    return {"starts_at": opening.starts_at.isoformat(), "ends_at": opening.ends_at.isoformat()}


def _row(window: WindowView) -> dict[str, Any]:
    wish = window.wish
    return {
        "id": str(window.id),
        "kind": str(wish.kind),
        "title": wish.title,
        "unit": wish.unit,
        "office": wish.office,
        "device": wish.device,
        "place": window.place,
        "first": wish.first_local.isoformat(),
        "minutes": wish.minutes,
        "rule": wish.rule,
        "zone": wish.zone,
        "made_by": window.made_by,
        "made_at": window.made_at.isoformat(),
        "ended_at": window.ended_at.isoformat() if window.ended_at else None,
        "next": window.next.starts_at.isoformat() if window.next else None,
    }


def _print(window: WindowView, *, as_json: bool) -> None:
    row = _row(window)
    if as_json:
        print_json(row)
    elif window.ended_at:
        print(f"{window.id}: {window.wish.title}: ended")
    else:
        print(f"{window.id}: {window.wish.title}: {window.place}, next {row['next'] or 'never'}")
