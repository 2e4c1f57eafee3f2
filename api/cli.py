"""The command `vungcao`. Each command says what it does with `--help`, and lists with `--json` for scripts.

Exit codes: 0 done; 1 it could not be done, and why is on standard error; 2 the command itself was wrong; 3 done, and
the answer is no (a device that does not answer, a platform that is not well, a broken audit chain).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from api import wiring
from api.commands import demo as demo_command
from api.commands import poll as poll_command
from api.commands import serve as serve_command
from api.commands import status as status_command
from inventory.public import (
    AuthProtocol,
    BadInventoryFile,
    PrivProtocol,
    SnmpV2c,
    SnmpV3,
    bundled_profiles,
    list_credentials,
    load_file,
    set_credential,
)
from kernel import logs, settings
from kernel.actors import system
from kernel.db.transaction import Database
from kernel.errors import VungCaoError
from kernel.settings import Settings

T = TypeVar("T")

NO = 3
"""Exit code of a command that was done and whose answer is no."""

app = typer.Typer(help="Vùng Cao: equipment, networks and e-meeting rooms of programme offices.", no_args_is_help=True)
inventory_app = typer.Typer(help="Units, offices, devices and uplinks.", no_args_is_help=True)
credential_app = typer.Typer(help="What lets the platform into devices.", no_args_is_help=True)
audit_app = typer.Typer(help="The record of every change.", no_args_is_help=True)
app.add_typer(inventory_app, name="inventory")
app.add_typer(credential_app, name="credential")
app.add_typer(audit_app, name="audit")

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
) -> None:
    """Set the credential NAME. Its secrets are read from a prompt, or line by line from standard input."""
    credential: SnmpV2c | SnmpV3
    if user:
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
