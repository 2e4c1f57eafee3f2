"""The command `vungcao`. Each command says what it does with `--help`, and lists with `--json` for scripts.

Exit codes: 0 done; 1 it could not be done, and why is on standard error; 2 the command itself was wrong; 3 done, and
the answer is no (a device that does not answer, a platform that is not well, a broken audit chain).
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from api import wiring
from api.commands import demo as demo_command
from api.commands import meetings as meetings_command
from api.commands import playbooks as playbooks_command
from api.commands import poll as poll_command
from api.commands import serve as serve_command
from api.commands import status as status_command
from inventory.public import (
    AuthProtocol,
    BadInventoryFile,
    PrivProtocol,
    SnmpV2c,
    SnmpV3,
    SshKey,
    bundled_profiles,
    list_credentials,
    load_file,
    set_credential,
)
from kernel import logs, settings
from kernel.actors import system
from kernel.db.transaction import Database
from kernel.errors import BadInput, VungCaoError
from kernel.settings import Settings
from playbooks.public import LaunchRequest, LineView, RunView

T = TypeVar("T")

NO = 3
"""Exit code of a command that was done and whose answer is no."""

app = typer.Typer(help="Vùng Cao: equipment, networks and e-meeting rooms of programme offices.", no_args_is_help=True)
inventory_app = typer.Typer(help="Units, offices, devices and uplinks.", no_args_is_help=True)
credential_app = typer.Typer(help="What lets the platform into devices.", no_args_is_help=True)
audit_app = typer.Typer(help="The record of every change.", no_args_is_help=True)
playbooks_app = typer.Typer(help="What is run on the equipment of offices.", no_args_is_help=True)
meetings_app = typer.Typer(help="What is booked, and booking it.", no_args_is_help=True)
rooms_app = typer.Typer(help="The rooms that can be booked.", no_args_is_help=True)
calendar_app = typer.Typer(help="Days off and days worked, by which meetings move.", no_args_is_help=True)
app.add_typer(inventory_app, name="inventory")
app.add_typer(credential_app, name="credential")
app.add_typer(audit_app, name="audit")
app.add_typer(playbooks_app, name="playbooks")
app.add_typer(meetings_app, name="meetings")
meetings_app.add_typer(rooms_app, name="rooms")
meetings_app.add_typer(calendar_app, name="calendar")

out = Console()
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


@app.command()
def serve() -> None:
    """Run the platform: the database, the engine, the web, the workers, each started again if it dies."""
    sys.exit(_run(lambda: serve_command.run(_settings("serve"))))


@app.command()
def demo() -> None:
    """Run the platform with the example programme, whose devices answer real SNMP on this machine. Data: ./var/demo."""
    try:
        prepared = demo_command.settings_of_demo()
    except VungCaoError as error:
        _fail(error)
    logs.configure("demo", form=prepared.log_form, level=prepared.log_level)
    sys.exit(_run(lambda: demo_command.run(prepared)))


@app.command()
def status(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Say how the platform is; exit code 3 if a part is not well."""
    found = _run(lambda: status_command.look(_settings("status")))
    if as_json:
        out.print_json(json.dumps(asdict(found), default=str))
    else:
        table = Table("part", "state", "since", "detail")
        for part in found.parts:
            table.add_row(part.name, part.state, part.since, part.detail)
        out.print(table)
    sys.exit(0 if found.well else NO)


@app.command()
def poll(device: str, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Ask DEVICE once, now, and print what it says; exit code 3 if it does not answer well."""
    identity, result = _run(lambda: poll_command.poll_once(_settings("poll"), device))
    if as_json:
        out.print_json(json.dumps(poll_command.as_json(identity, result)))
    else:
        table = Table(
            "metric", "instance", "value", title=f"{device}: {result.outcome} in {result.duration_s:.3f} s {result.why}"
        )
        for reading in result.readings:
            table.add_row(
                reading.metric, reading.instance, f"{reading.value:g}" if reading.value % 1 else f"{reading.value:.0f}"
            )
        out.print(f"{identity.name}: {identity.description}".strip(": "), markup=False)
        out.print(table)
    sys.exit(0 if result.outcome == "answered" else NO)


@inventory_app.command("load")
def inventory_load(file: Path) -> None:
    """Load units, offices, devices and uplinks from the YAML FILE: all of it, or nothing and a list of all mistakes."""

    async def load(_settings: Settings, database: Database) -> None:
        async with database.transaction() as tx:
            report = await load_file(file, system("command line"), tx, bundled_profiles())
        out.print("Added or changed: " + ", ".join(f"{count} {kind}" for kind, count in asdict(report).items()))

    _with_database(load)


@credential_app.command("set")
def credential_set(
    name: str,
    user: Annotated[str, typer.Option(help="User of SNMP v3; without it the credential is a v2c community.")] = "",
    auth: Annotated[AuthProtocol, typer.Option(help="How an SNMP v3 user proves itself.")] = AuthProtocol.SHA256,
    priv: Annotated[PrivProtocol, typer.Option(help="How SNMP v3 hides what is said.")] = PrivProtocol.AES128,
    ssh_key: Annotated[bool, typer.Option("--ssh-key", help="It is an SSH private key, on standard input.")] = False,  # noqa: FBT002
    known_hosts: Annotated[Path | None, typer.Option(help="Of an SSH key: file of believed host keys.")] = None,
) -> None:
    """Set the credential NAME. Its secrets are read from a prompt, or line by line from standard input."""
    credential: SnmpV2c | SnmpV3 | SshKey
    if ssh_key:
        credential = SshKey(SecretStr(sys.stdin.read()), _text_of(known_hosts))
    elif user:
        auth_key, priv_key = _secret("Authentication passphrase"), _secret("Privacy passphrase")
        credential = SnmpV3(user, auth, auth_key, priv, priv_key)
    else:
        credential = SnmpV2c(_secret("Community"))

    async def store(loaded: Settings, database: Database) -> None:
        async with database.transaction() as tx:
            await set_credential(system("command line"), tx, wiring.vault(loaded), name, credential)
        out.print(f"The credential {name} is set.")

    _with_database(store)


@credential_app.command("list")
def credential_list(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List names and kinds of credentials; never a secret."""

    async def read(_settings: Settings, database: Database) -> list[dict[str, Any]]:
        async with database.transaction() as tx:
            return [asdict(found) for found in await list_credentials(system("command line"), tx)]

    _print_list(_with_database(read), ("name", "kind", "changed_at"), as_json=as_json)


@rooms_app.command("load")
def rooms_load(file: Path) -> None:
    """Load rooms from the YAML FILE: all of them, or nothing and a list of all mistakes."""
    changed = _with_database(lambda _settings, database: meetings_command.load(file, database))
    out.print(f"Added or changed: {changed} rooms")


@meetings_app.command("list")
def meetings_list(
    start: Annotated[str, typer.Option(help="From, as 2026-11-25T09:00 in the programme's zone; else from now.")] = "",
    days: Annotated[int, typer.Option(min=1, max=550, help="How many days.")] = 7,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List booked meetings, the first to begin first."""
    rows = _with_database(lambda loaded, database: meetings_command.booked(loaded, database, start=start, days=days))
    _print_meetings(rows, as_json=as_json)


@meetings_app.command("book")
def meetings_book(
    title: str,
    room: Annotated[list[str], typer.Option(help="Code of a room; repeat it for each.")],
    start: Annotated[str, typer.Option(help="Beginning, as 2026-11-25T09:00 in the programme's zone.")],
    minutes: Annotated[int, typer.Option(min=1, help="How long it lasts.")] = 60,
    key: Annotated[str, typer.Option(help="The same key again gives the same meeting, and books no second one.")] = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Book a meeting: every room or none, and who has a room that is taken."""
    meeting = _with_database(
        lambda loaded, database: meetings_command.book_now(
            loaded, database, title=title, rooms=room, start=start, minutes=minutes, key=key
        )
    )
    _print_meetings([meeting], as_json=as_json)


@meetings_app.command("repeat")
def meetings_repeat(  # noqa: PLR0913, PLR0917 - a command's options
    title: str,
    room: Annotated[list[str], typer.Option(help="Code of a room; repeat it for each.")],
    start: Annotated[str, typer.Option(help="Beginning of the first meeting, in the programme's zone.")],
    rule: Annotated[str, typer.Option(help="When it comes again (RFC 5545), as FREQ=WEEKLY;BYDAY=MO;COUNT=12.")],
    minutes: Annotated[int, typer.Option(min=1, help="How long each lasts.")] = 60,
    optional: Annotated[list[str] | None, typer.Option(help="Code of a room that a meeting can be without.")] = None,
    on_holiday: Annotated[meetings_command.OnHoliday, typer.Option(help="What becomes of it on a day off.")] = (
        meetings_command.OnHoliday.KEEP
    ),
    key: Annotated[str, typer.Option(help="The same key again gives the same series, and books no second one.")] = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Book a meeting that comes again: every room of every meeting or none, and who has a room that is taken."""
    series = _with_database(
        lambda loaded, database: meetings_command.repeat(
            loaded, database, meetings_command.request_of(
                loaded, title=title, rooms=room, optional=optional or [], start=start, minutes=minutes, rule=rule,
                on_holiday=on_holiday,
            ), key=key,
        )
    )  # fmt: skip
    _print_list([series], meetings_command.SERIES_COLUMNS, as_json=as_json)


@meetings_app.command("times")
def meetings_times(
    office: Annotated[list[str], typer.Option(help="Code of an office that has to be there; repeat it for each.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day to look at.")],
    days: Annotated[int, typer.Option(min=1, max=92, help="How many days.")] = 28,
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="How long it lasts.")] = 60,
    optional: Annotated[list[str] | None, typer.Option(help="Code of an office that it can be without.")] = None,
    rule: Annotated[str, typer.Option(help="For a series: when it comes again, as FREQ=WEEKLY;COUNT=52.")] = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Rank times: fewest missing first, with who is missing and whose booking keeps them out. Books nothing."""
    rows = _with_database(
        lambda loaded, database: meetings_command.times(
            loaded, database, offices=office, optional=optional or [], first=first.date(), days=days, minutes=minutes,
            rule=rule,
        )
    )  # fmt: skip
    _print_list(rows, meetings_command.TIME_COLUMNS, as_json=as_json)


@calendar_app.command("show")
def calendar_show(year: int, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the official days of YEAR: off, or worked against the week."""
    days = _with_database(lambda _settings, database: meetings_command.official(database, year))
    _print_list(days, meetings_command.DAY_COLUMNS, as_json=as_json)


@calendar_app.command("set")
def calendar_set(
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"])],
    name: Annotated[str, typer.Option(help="What people call it.")],
    off: Annotated[bool, typer.Option("--off/--worked", help="A day off, or one on which offices work.")] = True,  # noqa: FBT002
) -> None:
    """Enter that DAY is off, or worked, whatever the calendar of holidays says."""
    _with_database(lambda _settings, database: meetings_command.set_official(database, day.date(), name, off=off))


@calendar_app.command("forget")
def calendar_forget(day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"])]) -> None:
    """Let DAY be again what the calendar of holidays says."""
    _with_database(lambda _settings, database: meetings_command.forget_official(database, day.date()))


@playbooks_app.command("list")
def playbooks_list(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the playbooks with their arguments."""
    rows = [
        {
            "name": found.name,
            "risk": str(found.risk),
            "title": found.title.en,
            "arguments": ", ".join(found.arguments),
        }
        for found in _run(playbooks_command.offered)
    ]
    _print_list(rows, ("name", "risk", "title", "arguments"), as_json=as_json)


@playbooks_app.command("run")
def playbooks_run(
    name: str,
    office: Annotated[str, typer.Option(help="Code of the office.")],
    check: Annotated[bool, typer.Option("--check", help="Only say what would change.")] = False,  # noqa: FBT002
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the end, and print what it says.")] = False,  # noqa: FBT002
    argument: Annotated[list[str] | None, typer.Option(help="name=value; repeat it for each.")] = None,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Run the playbook NAME on an office; followed, exit code 3 if it did not succeed. A worker of `serve` runs it."""

    async def start(_settings: Settings, database: Database) -> RunView:
        request = LaunchRequest(name, office, check, playbooks_command.arguments_of(argument or []))
        run = await playbooks_command.launched(database, request)
        return await playbooks_command.followed(database, run.id, show) if follow else run

    def show(line: LineView) -> None:
        if not as_json:
            playbooks_command.print_line(line)

    run = _with_database(start)
    _print_playbook_run(run, as_json=as_json)
    sys.exit(0 if not follow or playbooks_command.well(run) else NO)


@playbooks_app.command("runs")
def playbooks_runs(
    office: Annotated[str | None, typer.Option(help="Only of this office.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most of them.")] = 20,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List runs, the newest first."""
    found = _with_database(lambda _settings, database: playbooks_command.latest(database, office, limit))
    rows = [playbooks_command.as_json(run) for run in found]
    columns = ("id", "playbook", "office", "check", "state", "why", "launched_by", "launched_at")
    _print_list(rows, columns, as_json=as_json)


@playbooks_app.command("show")
def playbooks_show(run: uuid.UUID, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Show what RUN did and said; exit code 3 if it is over and did not succeed."""

    async def read(_settings: Settings, database: Database) -> RunView:
        def show(line: LineView) -> None:
            if not as_json:
                playbooks_command.print_line(line)

        return await playbooks_command.shown(database, run, show)

    found = _with_database(read)
    _print_playbook_run(found, as_json=as_json)
    sys.exit(NO if found.over and not playbooks_command.well(found) else 0)


def _print_playbook_run(run: RunView, *, as_json: bool) -> None:
    if as_json:
        out.print_json(json.dumps(playbooks_command.as_json(run)))
    else:
        out.print(playbooks_command.in_words(run), markup=False, highlight=False)


@audit_app.command("verify")
def audit_verify(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Check the chain of the audit log; exit code 3 if an entry was changed, removed, reordered or put in."""
    report = _with_database(wiring.verify_audit)
    if as_json:
        out.print_json(
            json.dumps(
                {
                    "ok": report.ok,
                    "sealed": report.sealed,
                    "unsealed": report.unsealed,
                    "faults": report.faults,
                    "first_fault": report.first and {"seal_no": report.first.seal_no, "kind": report.first.kind},
                    "head": report.head and {"seal_no": report.head.seal_no, "seal": report.head.seal.hex()},
                }
            )
        )
    else:
        out.print(f"{report.sealed} entries in the chain, {report.unsealed} waiting for their seal.")
        if report.first is None:
            out.print("The chain is sound: nothing was changed, removed or reordered.")
        else:
            counts = ", ".join(f"{count} {kind}" for kind, count in report.faults.items())
            out.print(f"The chain is broken at number {report.first.seal_no} ({report.first.kind}); in all: {counts}.")
    sys.exit(0 if report.ok else NO)


def _text_of(file: Path | None) -> str:
    try:
        return "" if file is None else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        _fail(BadInput(what=f"The file {file}", why=str(error)))


def _secret(what: str) -> SecretStr:
    if sys.stdin.isatty():
        return SecretStr(typer.prompt(what, hide_input=True, confirmation_prompt=True))
    line = sys.stdin.readline()
    return SecretStr(line.removesuffix("\n"))


def _print_list(rows: list[dict[str, Any]], columns: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        out.print_json(json.dumps(rows, default=str))
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    out.print(table)


def _print_meetings(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if not as_json:  # short words, which a narrow terminal breaks between and not within
        times = ("starts_at", "ends_at")
        rows = [
            {**row, **{name: row[name].replace("T", " ") for name in times}, "rooms": ", ".join(row["rooms"])}
            for row in rows
        ]
    _print_list(rows, meetings_command.COLUMNS, as_json=as_json)


def _settings(process: str) -> Settings:
    try:
        loaded = settings.load()
    except VungCaoError as error:
        _fail(error)
    logs.configure(process, form=loaded.log_form, level=loaded.log_level)
    return loaded


def _with_database(work: Callable[[Settings, Database], Awaitable[T]]) -> T:
    """Run `work` with a database of this data folder, brought to this release; one that does not run is run for it."""
    loaded = _settings("command line")

    async def run() -> T:
        async with wiring.ready_database(loaded, "command line") as database:
            return await work(loaded, database)

    return _run(run)


def _run(work: Callable[[], Awaitable[T]]) -> T:
    async def run() -> T:
        return await work()

    try:
        return asyncio.run(run())
    except BadInventoryFile as error:
        for mistake in error.mistakes:
            print(f"{error.fields['file']}:{mistake.line}: {mistake.why}", file=sys.stderr)  # noqa: T201 - for people
        _fail(error)
    except VungCaoError as error:
        _fail(error)


def _fail(error: VungCaoError) -> NoReturn:
    print(error, file=sys.stderr)  # noqa: T201 - the command's own words
    sys.exit(1)


def main() -> None:
    """Entry of the command `vungcao`."""
    app()


if __name__ == "__main__":
    main()
