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
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.commands.inventory import inventory_app, reorganise_app
from api.commands.meetings_app import meetings_app
from api.commands.people import accounts_app, people_app, roles_app, tokens_app
from api.commands.shared import (
    Json,
    fail,
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
    from playbooks.public import LineView, RunView

Auth = Literal["none", "MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]
Priv = Literal["none", "DES", "AES-128", "AES-192", "AES-256"]
"""As inventory's AuthProtocol and PrivProtocol, whose module `--help` does not load."""

NO = 3
"""Exit code of a command that was done and whose answer is no."""

app = typer.Typer(help="Vùng Cao: equipment, networks and e-meeting rooms of programme offices.", no_args_is_help=True)
credential_app = typer.Typer(help="What lets the platform into devices.", no_args_is_help=True)
audit_app = typer.Typer(help="The record of every change.", no_args_is_help=True)
playbooks_app = typer.Typer(help="What is run on the equipment of offices.", no_args_is_help=True)
profile_app = typer.Typer(help="Kinds of devices, and what each is asked.", no_args_is_help=True)
app.add_typer(inventory_app, name="inventory")
app.add_typer(reorganise_app, name="reorganise")
app.add_typer(credential_app, name="credential")
app.add_typer(audit_app, name="audit")
app.add_typer(playbooks_app, name="playbooks")
app.add_typer(meetings_app, name="meetings")
app.add_typer(accounts_app, name="accounts")
app.add_typer(tokens_app, name="tokens")
app.add_typer(roles_app, name="roles")
app.add_typer(people_app, name="people")
app.add_typer(profile_app, name="profile")


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


@credential_app.command("list")
def credential_list(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List names and kinds of credentials; never a secret."""
    from inventory.public import list_credentials
    from kernel.actors import system

    async def read(_settings: Settings, database: Database) -> list[dict[str, Any]]:
        async with database.transaction() as tx:
            return [asdict(found) for found in await list_credentials(system("command line"), tx)]

    print_list(with_database(read), ("name", "kind", "changed_at"), as_json=as_json)


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


@playbooks_app.command("list")
def playbooks_list(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the playbooks with their arguments."""
    from api.commands.playbooks import offered

    rows = [
        {
            "name": found.name,
            "risk": str(found.risk),
            "title": found.title.en,
            "arguments": ", ".join(found.arguments),
        }
        for found in run(offered)
    ]
    print_list(rows, ("name", "risk", "title", "arguments"), as_json=as_json)


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
    from api.commands import playbooks as command
    from playbooks.public import LaunchRequest

    async def start(_settings: Settings, database: Database) -> RunView:
        request = LaunchRequest(name, office, check, command.arguments_of(argument or []))
        run = await command.launched(database, request)
        return await command.followed(database, run.id, show) if follow else run

    def show(line: LineView) -> None:
        if not as_json:
            command.print_line(line)

    run = with_database(start)
    _print_playbook_run(run, as_json=as_json)
    sys.exit(0 if not follow or command.well(run) else NO)


@playbooks_app.command("runs")
def playbooks_runs(
    office: Annotated[str | None, typer.Option(help="Only of this office.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most of them.")] = 20,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List runs, the newest first."""
    from api.commands import playbooks as command

    found = with_database(lambda _settings, database: command.latest(database, office, limit))
    rows = [command.as_json(run) for run in found]
    columns = ("id", "playbook", "office", "check", "state", "why", "launched_by", "launched_at")
    print_list(rows, columns, as_json=as_json)


@playbooks_app.command("show")
def playbooks_show(run: uuid.UUID, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Show what RUN did and said; exit code 3 if it is over and did not succeed."""
    from api.commands import playbooks as command

    async def read(_settings: Settings, database: Database) -> RunView:
        def show(line: LineView) -> None:
            if not as_json:
                command.print_line(line)

        return await command.shown(database, run, show)

    found = with_database(read)
    _print_playbook_run(found, as_json=as_json)
    sys.exit(NO if found.over and not command.well(found) else 0)


def _print_playbook_run(run: RunView, *, as_json: bool) -> None:
    from api.commands import playbooks as command

    if as_json:
        print_json(command.as_json(run))
    else:
        print(command.in_words(run))


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


def main() -> None:
    """Entry of the command `vungcao`."""
    app()


if __name__ == "__main__":
    main()
