"""`vungcao secrets`: what lets the platform into devices, and where it holds.

Secrets come from a prompt or from standard input, never from the command line, which everybody on the machine can read.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.commands.shared import Json, fail, print_json, print_list, secret, with_database
from kernel.errors import BadInput, VungCaoError

if TYPE_CHECKING:
    from inventory.public import Credential, CredentialPlace
    from kernel.db.transaction import Database
    from kernel.settings import Settings

Auth = Literal["none", "MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]
Priv = Literal["none", "DES", "AES-128", "AES-192", "AES-256"]
"""As inventory's AuthProtocol and PrivProtocol, whose module `--help` does not load."""

Kind = Literal["snmp-v2c", "snmp-v3", "ssh-key", "ssh-password", "enable-secret", "token"]
UseOf = Literal["community", "snmp-user", "login", "enable", "token"]

Unit = Annotated[str, typer.Option(help="Code of a unit: it holds there and for all below.")]
Office = Annotated[str, typer.Option(help="Code of an office.")]
Device = Annotated[str, typer.Option(help="Code of a device.")]

secrets_app = typer.Typer(help="What lets the platform into devices, and where it holds.", no_args_is_help=True)


@secrets_app.command("set")
def set_(  # noqa: PLR0913, PLR0917 - a command's options
    name: str,
    kind: Annotated[Kind | None, typer.Option(help="What it is; without it a community of SNMP v1 and v2c.")] = None,
    user: Annotated[str, typer.Option(help="User of SNMP v3; it is one of SNMP v3 then.")] = "",
    auth: Annotated[Auth, typer.Option(help="How an SNMP v3 user proves itself; none: not.")] = "SHA-256",
    priv: Annotated[Priv, typer.Option(help="How SNMP v3 hides what is said; none: not.")] = "AES-128",
    ssh_key: Annotated[bool, typer.Option("--ssh-key", help="It is an SSH private key, on standard input.")] = False,  # noqa: FBT002
    known_hosts: Annotated[Path | None, typer.Option(help="For SSH: file of believed host keys.")] = None,
    unit: Unit = "",
    office: Office = "",
    device: Device = "",
) -> None:
    """Set the credential NAME, and let it hold at a place if one is given. Secrets: a prompt, or standard input."""
    chosen = kind or ("snmp-v3" if user else "ssh-key" if ssh_key else "snmp-v2c")
    fields = {"user": user, "auth_protocol": auth, "priv_protocol": priv, "known_hosts": _text_of(known_hosts)}
    credential = _asked_for(chosen, fields)
    place = _place(unit, office, device)

    async def store(loaded: Settings, database: Database) -> None:
        from api.wiring import vault
        from inventory.public import attach, set_credential
        from kernel.actors import system

        actor = system("command line")
        async with database.transaction() as tx:
            await set_credential(actor, tx, vault(loaded), name, credential)
            if place is not None:
                await attach(actor, tx, place, name)
        print(f"The credential {name} is set.")

    with_database(store)


@secrets_app.command("list")
def list_(unit: Unit = "", office: Office = "", device: Device = "", as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List names and kinds, or what holds at a place and from where; never a secret."""
    place = _place(unit, office, device)

    async def read(_settings: Settings, database: Database) -> list[dict[str, Any]]:
        from inventory.public import credentials_at, list_credentials
        from kernel.actors import system

        actor, rows = system("command line"), []
        async with database.transaction() as tx:
            if place is not None:
                return [
                    {
                        "use": held.use,
                        "name": held.name,
                        "kind": held.kind,
                        "from": held.place.target,
                        "holds": held.nearest,
                    }
                    for held in await credentials_at(actor, tx, place)
                ]
            after = None
            while page := await list_credentials(actor, tx, after=after):
                rows += [asdict(found) for found in page]
                after = page[-1].name
        return rows

    columns = ("name", "kind", "changed_at") if place is None else ("use", "name", "kind", "from", "holds")
    print_list(with_database(read), columns, as_json=as_json)


@secrets_app.command("attach")
def attach_(name: str, unit: Unit = "", office: Office = "", device: Device = "") -> None:
    """Let the credential NAME hold at a unit and all below it, at an office, or at a device. The nearest one holds."""
    place = _required(unit, office, device)

    async def store(_settings: Settings, database: Database) -> None:
        from inventory.public import attach
        from kernel.actors import system

        async with database.transaction() as tx:
            await attach(system("command line"), tx, place, name)
        print(f"The credential {name} holds at {place.target}.")

    with_database(store)


@secrets_app.command("detach")
def detach_(use: UseOf, unit: Unit = "", office: Office = "", device: Device = "") -> None:
    """Take the credential for USE away from a place: the next one above holds there again."""
    place = _required(unit, office, device)

    async def store(_settings: Settings, database: Database) -> None:
        from inventory.public import Use, detach
        from kernel.actors import system

        async with database.transaction() as tx:
            await detach(system("command line"), tx, place, Use(use))
        print(f"Nothing is attached to {place.target} for {use} any more.")

    with_database(store)


@secrets_app.command("remove")
def remove(name: str) -> None:
    """Forget the credential NAME, which holds nowhere any more."""

    async def forget(_settings: Settings, database: Database) -> None:
        from inventory.public import remove_credential
        from kernel.actors import system

        async with database.transaction() as tx:
            await remove_credential(system("command line"), tx, name)
        print(f"The credential {name} is forgotten.")

    with_database(forget)


@secrets_app.command("rekey")
def rekey(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Seal every secret anew under a fresh master key, while everything runs. Interrupted, the next call goes on."""
    from api.wiring import rekey as seal_anew

    done = with_database(seal_anew)
    if as_json:
        print_json(asdict(done))
        return
    rows = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in done.rows.items())
    print(f"{'An earlier attempt was gone on with. ' if done.resumed else ''}Sealed anew: {rows}.")


@secrets_app.command("rotate")
def rotate(
    name: str,
    abandon: Annotated[bool, typer.Option("--abandon", help="Forget the new one, while it is not current.")] = False,  # noqa: FBT002
) -> None:
    """Change the credential NAME on its devices: make a new one, and say how far that is each time it is asked.

    The devices' half is the playbook rotate-snmp or rotate-ssh: run it until none waits, then again for the old one.
    """

    async def change(loaded: Settings, database: Database) -> None:
        from api.wiring import vault
        from inventory.public import Stage, abandon_rotation, begin_rotation
        from kernel.actors import system

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


def _asked_for(kind: str, fields: dict[str, str]) -> Credential:
    from inventory.public import CredentialKind, made_of

    asked = {
        "snmp-v2c": [("community", "Community")],
        "snmp-v3": [
            (field, words)
            for field, words, protocol in (
                ("auth_key", "Authentication passphrase", "auth_protocol"),
                ("priv_key", "Privacy passphrase", "priv_protocol"),
            )
            if fields[protocol] != "none"
        ],
        "ssh-password": [("password", "Password")],
        "enable-secret": [("secret", "Enable secret")],
        "token": [("token", "Token")],
    }.get(kind, [])
    secrets = {field: secret(words).get_secret_value() for field, words in asked}
    if kind == "ssh-key":
        secrets["private_key"] = sys.stdin.read()
    try:
        return made_of(CredentialKind(kind), {**fields, **secrets})
    except VungCaoError as error:
        fail(error)


def _place(unit: str, office: str, device: str) -> CredentialPlace | None:
    from inventory.public import CredentialPlace, PlaceKind

    given = [(kind, code) for kind, code in zip(PlaceKind, (unit, office, device), strict=True) if code]
    if len(given) > 1:
        fail(BadInput(what="The place", why="give one of --unit, --office and --device"))
    return CredentialPlace(*given[0]) if given else None


def _required(unit: str, office: str, device: str) -> CredentialPlace:
    place = _place(unit, office, device)
    if place is None:
        fail(BadInput(what="The place", why="give one of --unit, --office and --device"))
    return place


def _text_of(file: Path | None) -> str:
    try:
        return "" if file is None else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(BadInput(what=f"The file {file}", why=str(error)))
