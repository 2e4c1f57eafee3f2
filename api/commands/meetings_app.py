"""Commands on meetings: `vungcao meetings …`. What each needs is imported inside it: `--help` answers at once."""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.commands.shared import Json, mistakes_listed, print_list, with_database

if TYPE_CHECKING:
    from kernel.db.transaction import Database
    from kernel.settings import Settings

OnHoliday = Literal["keep", "skip", "move"]
"""As that of meetings."""

meetings_app = typer.Typer(help="What is booked, and booking it.", no_args_is_help=True)
rooms_app = typer.Typer(help="The rooms that can be booked.", no_args_is_help=True)
calendar_app = typer.Typer(help="Days off and days worked, by which meetings move.", no_args_is_help=True)
kinds_app = typer.Typer(help="Kinds of meetings: what a booking of each begins with.", no_args_is_help=True)
delegates_app = typer.Typer(help="Who books for whom.", no_args_is_help=True)
meetings_app.add_typer(rooms_app, name="rooms")
meetings_app.add_typer(calendar_app, name="calendar")
meetings_app.add_typer(kinds_app, name="kinds")
meetings_app.add_typer(delegates_app, name="delegates")


@rooms_app.command("load")
def rooms_load(file: Path) -> None:
    """Load rooms from the YAML FILE: all of them, or nothing and a list of all mistakes."""
    from api.commands.meetings import load

    async def load_all(_settings: Settings, database: Database) -> int:
        with mistakes_listed():
            return await load(file, database)

    print(f"Added or changed: {with_database(load_all)} rooms")


@meetings_app.command("list")
def meetings_list(
    start: Annotated[str, typer.Option(help="From, as 2026-11-25T09:00 in the programme's zone; else from now.")] = "",
    days: Annotated[int, typer.Option(min=1, max=550, help="How many days.")] = 7,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List booked meetings, the first to begin first."""
    from api.commands.meetings import booked

    rows = with_database(lambda loaded, database: booked(loaded, database, start=start, days=days))
    _print_meetings(rows, as_json=as_json)


@meetings_app.command("book")
def meetings_book(  # noqa: PLR0913, PLR0917 - a command's options
    title: str,
    room: Annotated[list[str], typer.Option(help="Code of a room; repeat it for each.")],
    start: Annotated[str, typer.Option(help="Beginning, as 2026-11-25T09:00 in the programme's zone.")],
    minutes: Annotated[int, typer.Option(min=1, help="How long it lasts.")] = 60,
    kind: Annotated[str, typer.Option(help="Code of its kind: see `vungcao meetings kinds list`.")] = "",
    on_behalf: Annotated[str, typer.Option(help="Sign-in name of the leader whose meeting it is.")] = "",
    hold_until: Annotated[str, typer.Option(help="Only hold the rooms until then, 72 hours at most.")] = "",
    key: Annotated[str, typer.Option(help="The same key again gives the same meeting, and books no second one.")] = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Book a meeting: every room or none, and who has a room that is taken."""
    from api.commands.meetings import book_now

    meeting = with_database(
        lambda loaded, database: book_now(
            loaded, database, title=title, rooms=room, start=start, minutes=minutes, kind=kind, on_behalf=on_behalf,
            hold_until=hold_until, key=key,
        )
    )  # fmt: skip
    _print_meetings([meeting], as_json=as_json)


@meetings_app.command("repeat")
def meetings_repeat(  # noqa: PLR0913, PLR0917 - a command's options
    title: str,
    room: Annotated[list[str], typer.Option(help="Code of a room; repeat it for each.")],
    start: Annotated[str, typer.Option(help="Beginning of the first meeting, in the programme's zone.")],
    rule: Annotated[str, typer.Option(help="When it comes again (RFC 5545), as FREQ=WEEKLY;BYDAY=MO;COUNT=12.")],
    minutes: Annotated[int, typer.Option(min=1, help="How long each lasts.")] = 60,
    optional: Annotated[list[str] | None, typer.Option(help="Code of a room that a meeting can be without.")] = None,
    on_holiday: Annotated[OnHoliday, typer.Option(help="What becomes of it on a day off.")] = "keep",
    key: Annotated[str, typer.Option(help="The same key again gives the same series, and books no second one.")] = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Book a meeting that comes again: every room of every meeting or none, and who has a room that is taken."""
    from api.commands.meetings import SERIES_COLUMNS, repeat, request_of

    series = with_database(
        lambda loaded, database: repeat(
            loaded, database, request_of(
                loaded, title=title, rooms=room, optional=optional or [], start=start, minutes=minutes, rule=rule,
                on_holiday=on_holiday,
            ), key=key,
        )
    )  # fmt: skip
    print_list([series], SERIES_COLUMNS, as_json=as_json)


@meetings_app.command("change")
def meetings_change(  # noqa: PLR0913, PLR0917 - a command's options
    meeting: uuid.UUID,
    title: Annotated[str, typer.Option(help="New title.")] = "",
    start: Annotated[str, typer.Option(help="New beginning, in the programme's zone.")] = "",
    minutes: Annotated[int, typer.Option(min=0, max=1440, help="New length; 0 leaves it.")] = 0,
    add: Annotated[list[str] | None, typer.Option(help="Code of a room that it gets too.")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Code of a room that it gives back.")] = None,
    following: Annotated[bool, typer.Option("--following", help="All that follow it in its series too.")] = False,  # noqa: FBT002
    rehearse: Annotated[bool, typer.Option("--rehearse", help="Only say what would change.")] = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Change MEETING, and say what becomes of each meeting of its series that changes with it."""
    from api.commands.meetings import CHANGE_COLUMNS, change_of, changed

    rows = with_database(
        lambda loaded, database: changed(
            loaded, database, meeting, change_of(loaded, title, start, minutes, add or [], drop or []),
            following=following, rehearse=rehearse,
        )
    )  # fmt: skip
    print_list(rows, CHANGE_COLUMNS, as_json=as_json)


@meetings_app.command("cancel")
def meetings_cancel(
    meeting: uuid.UUID,
    following: Annotated[bool, typer.Option("--following", help="All that follow it in its series too.")] = False,  # noqa: FBT002
) -> None:
    """Cancel MEETING. Its rooms go to who waits for them."""
    from api.commands.meetings import cancelled

    number = with_database(lambda _settings, database: cancelled(database, meeting, following=following))
    print(f"Cancelled: {number} meetings")


@meetings_app.command("times")
def meetings_times(
    office: Annotated[list[str], typer.Option(help="Code of an office that has to be there; repeat it for each.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day to look at.")],
    days: Annotated[int, typer.Option(min=1, max=92, help="How many days.")] = 28,
    minutes: Annotated[
        int | None, typer.Option(min=1, max=1440, help="How long it lasts; else as its kind has it, or an hour.")
    ] = None,
    kind: Annotated[str, typer.Option(help="Code of its kind, for length, hours and what a room has to have.")] = "",
    optional: Annotated[list[str] | None, typer.Option(help="Code of an office that it can be without.")] = None,
    rule: Annotated[str, typer.Option(help="For a series: when it comes again, as FREQ=WEEKLY;COUNT=52.")] = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Rank times: fewest missing first, with who is missing and whose booking keeps them out. Books nothing."""
    from api.commands.meetings import TIME_COLUMNS, times

    rows = with_database(
        lambda loaded, database: times(
            loaded, database, offices=office, optional=optional or [], first=first.date(), days=days, minutes=minutes,
            kind=kind, rule=rule,
        )
    )  # fmt: skip
    print_list(rows, TIME_COLUMNS, as_json=as_json)


@calendar_app.command("show")
def calendar_show(year: int, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the official days of YEAR: off, or worked against the week."""
    from api.commands.meetings import DAY_COLUMNS, official

    days = with_database(lambda _settings, database: official(database, year))
    print_list(days, DAY_COLUMNS, as_json=as_json)


@calendar_app.command("set")
def calendar_set(
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"])],
    name: Annotated[str, typer.Option(help="What people call it.")],
    off: Annotated[bool, typer.Option("--off/--worked", help="A day off, or one on which offices work.")] = True,  # noqa: FBT002
) -> None:
    """Enter that DAY is off, or worked, whatever the calendar of holidays says."""
    from api.commands.meetings import set_official

    with_database(lambda _settings, database: set_official(database, day.date(), name, off=off))


@calendar_app.command("forget")
def calendar_forget(day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"])]) -> None:
    """Let DAY be again what the calendar of holidays says."""
    from api.commands.meetings import forget_official

    with_database(lambda _settings, database: forget_official(database, day.date()))


@meetings_app.command("confirm")
def meetings_confirm(meeting: uuid.UUID) -> None:
    """Book MEETING, whose rooms are held until now."""
    from api.commands.meetings import confirmed

    title = with_database(lambda _settings, database: confirmed(database, meeting))
    print(f"Booked: {title}")


@meetings_app.command("holds")
def meetings_holds(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List meetings whose rooms are only held, the first to run out first."""
    from api.commands.meetings import HOLD_COLUMNS, holds

    print_list(with_database(holds), HOLD_COLUMNS, as_json=as_json)


@meetings_app.command("waiting")
def meetings_waiting(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List rooms that meetings wait for; place 1 is the next to get it."""
    from api.commands.meetings import WAITING_COLUMNS, waited_for

    print_list(with_database(waited_for), WAITING_COLUMNS, as_json=as_json)


@meetings_app.command("approvals")
def meetings_approvals(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List rooms that wait for their manager to agree, the first meeting first."""
    from api.commands.meetings import APPROVAL_COLUMNS, approvals

    print_list(with_database(approvals), APPROVAL_COLUMNS, as_json=as_json)


@meetings_app.command("agree")
def meetings_agree(meeting: uuid.UUID, room: str) -> None:
    """Agree that MEETING has ROOM."""
    from api.commands.meetings import answered

    with_database(lambda _settings, database: answered(database, meeting, room, agreed=True, reason=""))
    print(f"Agreed: {room}")


@meetings_app.command("refuse")
def meetings_refuse(
    meeting: uuid.UUID, room: str, reason: Annotated[str, typer.Option(help="Why; who sees the meeting reads it.")]
) -> None:
    """Refuse ROOM to MEETING; who waits for it gets it."""
    from api.commands.meetings import answered

    with_database(lambda _settings, database: answered(database, meeting, room, agreed=False, reason=reason))
    print(f"Refused: {room}")


@meetings_app.command("check-in")
def meetings_check_in(meeting: uuid.UUID, room: str) -> None:
    """Say that people are in ROOM for MEETING, so that it is not given back."""
    from api.commands.meetings import checked_in

    with_database(lambda _settings, database: checked_in(database, meeting, room))
    print(f"Checked in: {room}")


@meetings_app.command("deputy")
def meetings_deputy(
    meeting: uuid.UUID,
    office: str,
    deputy: Annotated[str, typer.Argument(help="Name and position; empty takes the one before back.")],
    instead_of: Annotated[str, typer.Option(help="In whose place; left out: the head's.")] = "",
) -> None:
    """Let DEPUTY attend MEETING for OFFICE."""
    from api.commands.meetings import deputised

    with_database(lambda _settings, database: deputised(database, meeting, office, deputy, instead_of))
    print(f"{office}: {deputy or 'no deputy'}")


@kinds_app.command("list")
def kinds_list(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the kinds of meetings, with what a booking of each begins with."""
    from api.commands.meetings import KIND_COLUMNS, listed_kinds

    print_list(with_database(listed_kinds), KIND_COLUMNS, as_json=as_json)


@kinds_app.command("set")
def kinds_set(  # noqa: PLR0913, PLR0917 - a command's options
    code: str,
    name: Annotated[str | None, typer.Option(help="What people call it, in Vietnamese.")] = None,
    name_en: Annotated[str | None, typer.Option(help="The same in English.")] = None,
    minutes: Annotated[int | None, typer.Option(min=1, max=1440, help="How long one lasts.")] = None,
    hours: Annotated[str | None, typer.Option(help="Within which it lies, as 07:30-11:30,13:30-17:00.")] = None,
    every_day: Annotated[bool | None, typer.Option("--every-day/--working-days", help="Days off too.")] = None,
    on_holiday: Annotated[OnHoliday | None, typer.Option(help="Of a series on a day off.")] = None,
    capacity: Annotated[int | None, typer.Option(min=1, help="How many people a room has to seat.")] = None,
    equipment: Annotated[list[str] | None, typer.Option(help="What has to be in a room; repeat it for each.")] = None,
    accessible: Annotated[bool | None, typer.Option("--accessible/--any-room", help="For wheelchairs.")] = None,
    position: Annotated[int | None, typer.Option(min=0, max=1000, help="Place in the list.")] = None,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Add the kind CODE, or change it: what is not said stays. Meetings that are booked already stay as they are."""
    from api.commands.meetings import KIND_COLUMNS, kind_set

    wanted = {
        "name": name, "name_en": name_en, "minutes": minutes, "hours": hours, "every_day": every_day,
        "on_holiday": on_holiday, "capacity": capacity, "equipment": tuple(equipment) if equipment else None,
        "accessible": accessible, "position": position,
    }  # fmt: skip
    print_list(
        [with_database(lambda _settings, database: kind_set(database, code, wanted))], KIND_COLUMNS, as_json=as_json
    )


@kinds_app.command("forget")
def kinds_forget(code: str) -> None:
    """Take the kind CODE off the list; meetings of it keep it."""
    from api.commands.meetings import kind_forgotten

    with_database(lambda _settings, database: kind_forgotten(database, code))
    print(f"Forgotten: {code}")


@delegates_app.command("list")
def delegates_list(leader: str, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List who may book in the name of LEADER (a sign-in name)."""
    from api.commands.meetings import DELEGATE_COLUMNS, listed_delegates

    rows = with_database(lambda loaded, database: listed_delegates(loaded, database, leader))
    print_list(rows, DELEGATE_COLUMNS, as_json=as_json)


@delegates_app.command("add")
def delegates_add(leader: str, name: str, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Let NAME book, change and cancel meetings of LEADER; both are sign-in names."""
    from api.commands.meetings import DELEGATE_COLUMNS, delegated

    row = with_database(lambda loaded, database: delegated(loaded, database, leader, name))
    print_list([row], DELEGATE_COLUMNS, as_json=as_json)


@delegates_app.command("remove")
def delegates_remove(leader: str, name: str) -> None:
    """Let NAME book for LEADER no more; what they booked stays."""
    from api.commands.meetings import undelegated

    with_database(lambda _settings, database: undelegated(database, leader, name))
    print(f"Removed: {name}")


@meetings_app.command("use")
def meetings_use(
    start: Annotated[str, typer.Option("--from", help="From, as 2026-11-01T00:00; else so many days ago.")] = "",
    days: Annotated[int, typer.Option(min=1, max=370, help="How many days.")] = 30,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List how the rooms of each unit were used: meetings, hours, no-shows, waits in vain."""
    from api.commands.meetings import USE_COLUMNS, used

    rows = with_database(lambda loaded, database: used(loaded, database, start=start, days=days))
    print_list(rows, USE_COLUMNS, as_json=as_json)


@rooms_app.command("feed")
def rooms_feed(
    room: str,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it back instead.")] = False,  # noqa: FBT002
) -> None:
    """Print a new secret address of the calendar of ROOM; the one before opens nothing any more."""
    from api.commands.meetings import room_address

    address = with_database(lambda loaded, database: room_address(loaded, database, room, revoke=revoke))
    print(address or f"Taken back: {room}")


def _print_meetings(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    from api.commands.meetings import COLUMNS

    if not as_json:  # short words, which a narrow terminal breaks between and not within
        times = ("starts_at", "ends_at")
        rows = [
            {**row, **{name: row[name].replace("T", " ") for name in times}, "rooms": ", ".join(row["rooms"])}
            for row in rows
        ]
    print_list(rows, COLUMNS, as_json=as_json)
