"""The command `vungcao`. Each command says what it does with `--help`, and lists with `--json` for scripts.

Exit codes: 0 done; 1 it could not be done, and why is on standard error; 2 the command itself was wrong; 3 done, and
the answer is no (a device that does not answer, a platform that is not well, a broken audit chain).

Whatever a command needs is imported inside it: `--help` answers without the database's library, `status` without
playbooks.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.audit import audit_app
from api.commands.inventory import inventory_app, reorganise_app
from api.commands.meetings_app import meetings_app
from api.commands.needs import coverage_app, deliveries_app, kits_app
from api.commands.people import accounts_app, people_app, roles_app, tokens_app
from api.commands.playbook_apps import playbooks_app, runs_app, schedules_app
from api.commands.secrets import secrets_app
from api.commands.shared import (
    Json,
    fail,
    print_json,
    print_table,
    run,
    secret,
    settings_of,
)
from api.commands.webhooks import webhooks_app
from api.commands.windows import windows_app
from kernel.errors import VungCaoError

if TYPE_CHECKING:
    from inventory.public import Profile
    from kernel.settings import Settings
    from monitor.public import Identity, PollResult


NO = 3
"""Exit code of a command that was done and whose answer is no."""

app = typer.Typer(help="Vùng Cao: equipment, networks and e-meeting rooms of programme offices.", no_args_is_help=True)
profile_app = typer.Typer(help="Kinds of devices, and what each is asked.", no_args_is_help=True)
app.add_typer(inventory_app, name="inventory")
app.add_typer(reorganise_app, name="reorganise")
app.add_typer(coverage_app, name="coverage")
app.add_typer(kits_app, name="kits")
app.add_typer(deliveries_app, name="deliveries")
app.add_typer(secrets_app, name="secrets")
app.add_typer(secrets_app, name="credential", hidden=True)  # as it was called
app.add_typer(audit_app, name="audit")
app.add_typer(playbooks_app, name="playbooks")
app.add_typer(runs_app, name="runs")
app.add_typer(schedules_app, name="schedules")
app.add_typer(webhooks_app, name="webhooks")
app.add_typer(windows_app, name="windows")
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
