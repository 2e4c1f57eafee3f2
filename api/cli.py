"""The command `vungcao`. Each command says what it does with `--help`, and lists with `--json` for scripts.

Exit codes: 0 done; 1 it could not be done, and why is on standard error; 2 the command itself was wrong; 3 done, and
the answer is no (a device that does not answer, a platform that is not well, a broken audit chain).

Whatever a command needs is imported inside it: `--help` answers without the database's library, `status` without
playbooks.
"""

from __future__ import annotations

import sys
import uuid
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.commands.inventory import inventory_app, reorganise_app
from api.commands.people import accounts_app, people_app, roles_app, tokens_app
from api.commands.playbook_apps import playbooks_app, runs_app, schedules_app
from api.commands.shared import (
    Json,
    fail,
    mistakes_listed,
    print_json,
    print_list,
    print_table,
    run,
    secret,
    settings_of,
    with_database,
)
from kernel.errors import BadInput, VungCaoError

if TYPE_CHECKING:
    from inventory.public import Profile, SnmpV2c, SnmpV3, SshKey
    from kernel.db.transaction import Database
    from kernel.settings import Settings
    from monitor.public import Identity, PollResult

Auth = Literal["none", "MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]
Priv = Literal["none", "DES", "AES-128", "AES-192", "AES-256"]
"""As inventory's AuthProtocol and PrivProtocol, whose module `--help` does not load."""

OnHoliday = Literal["keep", "skip", "move"]
"""As that of meetings."""

NO = 3
"""Exit code of a command that was done and whose answer is no."""

app = typer.Typer(help="Vùng Cao: equipment, networks and e-meeting rooms of programme offices.", no_args_is_help=True)
credential_app = typer.Typer(help="What lets the platform into devices.", no_args_is_help=True)
audit_app = typer.Typer(help="The record of every change.", no_args_is_help=True)
meetings_app = typer.Typer(help="What is booked, and booking it.", no_args_is_help=True)
profile_app = typer.Typer(help="Kinds of devices, and what each is asked.", no_args_is_help=True)
rooms_app = typer.Typer(help="The rooms that can be booked.", no_args_is_help=True)
calendar_app = typer.Typer(help="Days off and days worked, by which meetings move.", no_args_is_help=True)
app.add_typer(inventory_app, name="inventory")
app.add_typer(reorganise_app, name="reorganise")
app.add_typer(credential_app, name="credential")
app.add_typer(audit_app, name="audit")
app.add_typer(playbooks_app, name="playbooks")
app.add_typer(runs_app, name="runs")
app.add_typer(schedules_app, name="schedules")
app.add_typer(meetings_app, name="meetings")
app.add_typer(accounts_app, name="accounts")
app.add_typer(tokens_app, name="tokens")
app.add_typer(roles_app, name="roles")
app.add_typer(people_app, name="people")
app.add_typer(profile_app, name="profile")
meetings_app.add_typer(rooms_app, name="rooms")
meetings_app.add_typer(calendar_app, name="calendar")


@app.command()
def serve() -> None:
    """Run the platform: the database, the engine, the web, the workers, each started again if it dies."""
    from api.commands.serve import run as serve_all

    sys.exit(run(lambda: serve_all(settings_of("serve"))))


@app.command()
def demo() -> None:
    """Run the platform with the example programme, whose devices answer real SNMP on this machine. Data: ./var/demo."""
    from api.commands.demo import run as run_demo
    from api.commands.demo import settings_of_demo
    from kernel import logs

    try:
        prepared = settings_of_demo()
    except VungCaoError as error:
        fail(error)
    logs.configure("demo", form=prepared.log_form, level=prepared.log_level)
    sys.exit(run(lambda: run_demo(prepared)))


@app.command()
def status(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Say how the platform is; exit code 3 if a part is not well."""
    from api.commands.status import look

    found = run(lambda: look(settings_of("status")))
    if as_json:
        print_json(asdict(found))
    else:
        print_table(("part", "state", "since", "detail"), [(p.name, p.state, p.since, p.detail) for p in found.parts])
    sys.exit(0 if found.well else NO)


@app.command()
def poll(device: str, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Ask DEVICE once, now, and print what it says; exit code 3 if it does not answer well."""
    from api.commands import poll as command

    identity, result = run(lambda: command.poll_once(settings_of("poll"), device))
    if as_json:
        print_json(command.as_json(identity, result))
    else:
        _print_poll(device, identity, result)
    sys.exit(0 if result.outcome == "answered" else NO)


@credential_app.command("set")
def credential_set(
    name: str,
    user: Annotated[str, typer.Option(help="User of SNMP v3; without it it is a community of v1 and v2c.")] = "",
    auth: Annotated[Auth, typer.Option(help="How an SNMP v3 user proves itself; none: not.")] = "SHA-256",
    priv: Annotated[Priv, typer.Option(help="How SNMP v3 hides what is said; none: not.")] = "AES-128",
    ssh_key: Annotated[bool, typer.Option("--ssh-key", help="It is an SSH private key, on standard input.")] = False,  # noqa: FBT002
    known_hosts: Annotated[Path | None, typer.Option(help="Of an SSH key: file of believed host keys.")] = None,
) -> None:
    """Set the credential NAME. Its secrets are read from a prompt, or line by line from standard input."""
    from pydantic import SecretStr

    from api.wiring import vault
    from inventory.public import AuthProtocol, PrivProtocol, SnmpV2c, SnmpV3, SshKey, set_credential
    from kernel.actors import system

    credential: SnmpV2c | SnmpV3 | SshKey
    if ssh_key:
        credential = SshKey(SecretStr(sys.stdin.read()), _text_of(known_hosts))
    elif user:
        auth_key, priv_key = (
            SecretStr("") if chosen == "none" else secret(asked)
            for chosen, asked in ((auth, "Authentication passphrase"), (priv, "Privacy passphrase"))
        )
        credential = SnmpV3(user, AuthProtocol(auth), auth_key, PrivProtocol(priv), priv_key)
    else:
        credential = SnmpV2c(secret("Community"))

    async def store(loaded: Settings, database: Database) -> None:
        async with database.transaction() as tx:
            await set_credential(system("command line"), tx, vault(loaded), name, credential)
        print(f"The credential {name} is set.")

    with_database(store)


@credential_app.command("rotate")
def credential_rotate(
    name: str,
    abandon: Annotated[bool, typer.Option("--abandon", help="Forget the new one, while it is not current.")] = False,  # noqa: FBT002
) -> None:
    """Change the credential NAME on its devices: make a new one, and say how far that is each time it is asked.

    The devices' half is the playbook rotate-snmp or rotate-ssh: run it until none waits, then again for the old one.
    """
    from api.wiring import vault
    from inventory.public import Stage, abandon_rotation, begin_rotation
    from kernel.actors import system

    async def change(loaded: Settings, database: Database) -> None:
        actor = system("command line")
        async with database.transaction() as tx:
            if abandon:
                await abandon_rotation(actor, tx, name)
                print(f"The new {name} is forgotten; the one in use stays.")
                return
            found = await begin_rotation(actor, tx, vault(loaded), name)
        done = "taken the new one" if found.stage is Stage.SPREADING else "lost the old one"
        print(f"{name}: {len(found.proved)} of {len(found.proved) + len(found.waiting)} devices have {done}.")
        for device in found.waiting:
            print(f"  waits: {device}")

    with_database(change)


@credential_app.command("list")
def credential_list(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List names and kinds of credentials; never a secret."""
    from inventory.public import list_credentials
    from kernel.actors import system

    async def read(_settings: Settings, database: Database) -> list[dict[str, Any]]:
        async with database.transaction() as tx:
            return [asdict(found) for found in await list_credentials(system("command line"), tx)]

    print_list(with_database(read), ("name", "kind", "changed_at"), as_json=as_json)


@rooms_app.command("load")
def rooms_load(file: Path) -> None:
    """Load rooms from the YAML FILE: all of them, or nothing and a list of all mistakes."""
    from api.commands.meetings import load

    async def load_all(_settings: Settings, database: Database) -> int:
        with mistakes_listed():
            return await load(file, database)

    print(f"Added or changed: {with_database(load_all)} rooms")


@profile_app.command("check")
def profile_check(file: Path, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Read the device profile FILE and print its quality card, or every mistake with its line; asks no device."""
    from api.commands.profile import card

    profile = _profile(file, settings_of("profile"))
    found = card(profile)
    if as_json:
        print_json(found)
        return
    rows = [
        (name.replace("_", " "), "\n".join(value) if isinstance(value, list) else str(value))
        for name, value in found.items()
    ]
    print_table(("", ""), rows, title=f"{profile.name}: {profile.title['vi']} / {profile.title['en']}")


@profile_app.command("try")
def profile_try(
    file: Path,
    address: str,
    port: Annotated[int, typer.Option(min=1, max=65535, help="UDP port of the agent.")] = 161,
    credential: Annotated[str, typer.Option(help="Name of a stored credential; without it a prompt asks.")] = "",
    v1: Annotated[bool, typer.Option("--v1", help="Ask by SNMP v1.")] = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Ask the device at ADDRESS as the profile FILE says, and print what it would get; exit code 3 if not all of it."""
    from api.commands import profile as command
    from api.commands.poll import as_json as in_json
    from inventory.public import SnmpV2c

    loaded = settings_of("profile")
    profile = _profile(file, loaded)
    opened = run(lambda: command.stored(loaded, credential)) if credential else SnmpV2c(secret("Community"))
    identity, result = run(lambda: command.try_out(profile, command.target(address, port, opened, v1=v1)))
    if as_json:
        print_json(in_json(identity, result))
    else:
        _print_poll(f"{profile.name} on {address}", identity, result)
    sys.exit(0 if result.outcome == "answered" else NO)


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
def meetings_book(
    title: str,
    room: Annotated[list[str], typer.Option(help="Code of a room; repeat it for each.")],
    start: Annotated[str, typer.Option(help="Beginning, as 2026-11-25T09:00 in the programme's zone.")],
    minutes: Annotated[int, typer.Option(min=1, help="How long it lasts.")] = 60,
    key: Annotated[str, typer.Option(help="The same key again gives the same meeting, and books no second one.")] = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Book a meeting: every room or none, and who has a room that is taken."""
    from api.commands.meetings import book_now

    meeting = with_database(
        lambda loaded, database: book_now(
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
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="How long it lasts.")] = 60,
    optional: Annotated[list[str] | None, typer.Option(help="Code of an office that it can be without.")] = None,
    rule: Annotated[str, typer.Option(help="For a series: when it comes again, as FREQ=WEEKLY;COUNT=52.")] = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Rank times: fewest missing first, with who is missing and whose booking keeps them out. Books nothing."""
    from api.commands.meetings import TIME_COLUMNS, times

    rows = with_database(
        lambda loaded, database: times(
            loaded, database, offices=office, optional=optional or [], first=first.date(), days=days, minutes=minutes,
            rule=rule,
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


@audit_app.command("verify")
def audit_verify(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Check the chain of the audit log; exit code 3 if an entry was changed, removed, reordered or put in."""
    from api.wiring import verify_audit

    report = with_database(verify_audit)
    if as_json:
        print_json(
            {
                "ok": report.ok,
                "sealed": report.sealed,
                "unsealed": report.unsealed,
                "faults": report.faults,
                "first_fault": report.first and {"seal_no": report.first.seal_no, "kind": report.first.kind},
                "head": report.head and {"seal_no": report.head.seal_no, "seal": report.head.seal.hex()},
            }
        )
    else:
        print(f"{report.sealed} entries in the chain, {report.unsealed} waiting for their seal.")
        if report.first is None:
            print("The chain is sound: nothing was changed, removed or reordered.")
        else:
            counts = ", ".join(f"{count} {kind}" for kind, count in report.faults.items())
            print(f"The chain is broken at number {report.first.seal_no} ({report.first.kind}); in all: {counts}.")
    sys.exit(0 if report.ok else NO)


def _text_of(file: Path | None) -> str:
    try:
        return "" if file is None else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(BadInput(what=f"The file {file}", why=str(error)))


def _print_poll(what: str, identity: Identity, result: PollResult) -> None:
    print(f"{identity.name}: {identity.description}".strip(": "))
    print_table(
        ("metric", "instance", "value"),
        [
            (read.metric, read.instance, f"{read.value:g}" if read.value % 1 else f"{read.value:.0f}")
            for read in result.readings
        ],
        title=f"{what}: {result.outcome} in {result.duration_s:.3f} s, {result.traffic.octets} bytes {result.why}",
    )


def _profile(file: Path, loaded: Settings) -> Profile:
    from inventory.public import BadProfiles, profile_with

    try:
        return profile_with(file, loaded.profiles_dir)
    except BadProfiles as bad:
        for mistake in bad.mistakes:
            print(f"{mistake.file}:{mistake.line}: {mistake.why}", file=sys.stderr)
        fail(bad)
    except VungCaoError as error:
        fail(error)


def _print_meetings(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    from api.commands.meetings import COLUMNS

    if not as_json:  # short words, which a narrow terminal breaks between and not within
        times = ("starts_at", "ends_at")
        rows = [
            {**row, **{name: row[name].replace("T", " ") for name in times}, "rooms": ", ".join(row["rooms"])}
            for row in rows
        ]
    print_list(rows, COLUMNS, as_json=as_json)


def main() -> None:
    """Entry of the command `vungcao`."""
    app()


if __name__ == "__main__":
    main()
