"""`vungcao webhooks`: programs that launch playbooks by a signed call, and addresses that are told of runs.

A secret is printed once, by the command that makes it. An address may hold a secret too: it comes from a prompt or from
standard input, never from the command line, which everybody on the machine can read.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.commands.playbook_apps import Arguments, Check, On
from api.commands.shared import Json, print_json, print_list, secret, with_database
from kernel.actors import system

if TYPE_CHECKING:
    from pydantic import SecretStr

    from kernel.db.transaction import Database
    from kernel.settings import Settings
    from playbooks.public import CallPage, DeliveryPage, HookView, ReceiverView

ACTOR: Final = system("command line")
A_PAGE: Final = 200
HOOKS: Final = ("id", "name", "playbook", "owner", "made_at", "last")
CALLS: Final = ("at", "message_id", "run", "code", "why")
RECEIVERS: Final = ("id", "name", "host", "events", "made_by", "last")
DELIVERIES: Final = ("at", "event", "state", "why")

webhooks_app = typer.Typer(
    help="Programs that launch playbooks, and addresses that are told of runs.", no_args_is_help=True
)
receivers_app = typer.Typer(help="Addresses that are told of runs.", no_args_is_help=True)
webhooks_app.add_typer(receivers_app, name="receivers")

After = Annotated[str | None, typer.Option(help="Id of the last one of the list before.")]


@webhooks_app.command("list")
def webhooks_list(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the webhooks that launch, the newest first, each with what its last call did."""

    async def listed(_settings: Settings, database: Database) -> list[HookView]:
        from playbooks.public import hooks

        async with database.transaction() as tx:
            return await hooks(ACTOR, tx)

    print_list([_hook(one) for one in with_database(listed)], HOOKS, as_json=as_json)


@webhooks_app.command("add")
def webhooks_add(
    playbook: str,
    name: Annotated[str, typer.Option(help="How people call it.")],
    owner: Annotated[str, typer.Option(help="Sign-in name of whose rights it has.")],
    on: On = None,
    check: Check = False,  # noqa: FBT002 - a switch of the command line
    argument: Arguments = None,
    only_in_windows: Annotated[  # noqa: FBT002 - a switch of the command line
        bool, typer.Option("--only-in-windows", help="Go on in maintenance windows only.")
    ] = False,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Let a signed call launch PLAYBOOK, and print where it goes and its secret, which is shown this once."""

    async def add(settings: Settings, database: Database) -> tuple[HookView, SecretStr]:
        from api.commands.playbooks import arguments_of, known, wish_of
        from api.glue import outside
        from api.wiring import vault
        from inventory.public import account_for
        from playbooks.public import Order, make_hook

        order = Order(playbook, wish_of(on or []), check, arguments_of(argument or []), only_in_windows)
        async with database.transaction() as tx:
            account = await account_for(ACTOR, owner, tx)
            return await make_hook(name, order, account.actor, tx, outside(), vault(settings), catalog=known(settings))

    made, value = with_database(add)
    _print_made(_hook(made), value, as_json=as_json)


@webhooks_app.command("calls")
def webhooks_calls(webhook: uuid.UUID, after: After = None, as_json: Json = False) -> None:  # noqa: FBT002 - a switch
    """List what became of the calls of WEBHOOK in 90 days, the newest first, 200 at most."""

    async def listed(_settings: Settings, database: Database) -> CallPage:
        from playbooks.public import hook_calls

        async with database.transaction() as tx:
            return await hook_calls(ACTOR, webhook, tx, limit=A_PAGE, after=after)

    rows = [
        {
            "message_id": call.message_id,
            "at": call.at.isoformat(),
            "run": str(call.run) if call.run else None,
            "code": call.code,
            "why": call.why,
        }
        for call in with_database(listed).calls
    ]
    print_list(rows, CALLS, as_json=as_json)


@webhooks_app.command("end")
def webhooks_end(webhook: uuid.UUID) -> None:
    """Let nothing be launched by WEBHOOK any more."""

    async def end(_settings: Settings, database: Database) -> None:
        from playbooks.public import end_hook

        async with database.transaction() as tx:
            await end_hook(ACTOR, webhook, tx)

    with_database(end)
    print(f"{webhook}: ended")


@receivers_app.command("list")
def receivers_list(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the addresses that are told, the newest first, each with how the last message went."""

    async def listed(_settings: Settings, database: Database) -> list[ReceiverView]:
        from playbooks.public import receivers

        async with database.transaction() as tx:
            return await receivers(ACTOR, tx)

    print_list([_receiver(one) for one in with_database(listed)], RECEIVERS, as_json=as_json)


@receivers_app.command("add")
def receivers_add(
    name: Annotated[str, typer.Option(help="How people call it.")],
    event: Annotated[
        list[str] | None, typer.Option(help="What it is told; repeat it. Else ends, stops, proposals.")
    ] = None,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Let an address be told of runs, and print the secret that messages to it are signed with, this once.

    The address comes from a prompt, or from standard input.
    """
    address = secret("Address")

    async def add(settings: Settings, database: Database) -> tuple[ReceiverView, SecretStr]:
        from api.wiring import vault
        from playbooks.public import USUALLY_TOLD, add_receiver

        async with database.transaction() as tx:
            return await add_receiver(
                name, address.get_secret_value(), event or USUALLY_TOLD, ACTOR, tx, vault(settings)
            )

    made, value = with_database(add)
    _print_made(_receiver(made), value, as_json=as_json)


@receivers_app.command("told")
def receivers_told(receiver: uuid.UUID, after: After = None, as_json: Json = False) -> None:  # noqa: FBT002 - a switch
    """List what RECEIVER was told in 90 days, the newest first, 200 at most."""

    async def listed(_settings: Settings, database: Database) -> DeliveryPage:
        from playbooks.public import receiver_deliveries

        async with database.transaction() as tx:
            return await receiver_deliveries(ACTOR, receiver, tx, limit=A_PAGE, after=after)

    rows = [
        {
            "id": str(told.id),
            "at": told.at.isoformat(),
            "event": told.event,
            "state": told.state,
            "why": told.why,
        }
        for told in with_database(listed).deliveries
    ]
    print_list(rows, DELIVERIES, as_json=as_json)


@receivers_app.command("end")
def receivers_end(receiver: uuid.UUID) -> None:
    """Tell RECEIVER nothing any more."""

    async def end(_settings: Settings, database: Database) -> None:
        from playbooks.public import end_receiver

        async with database.transaction() as tx:
            await end_receiver(ACTOR, receiver, tx)

    with_database(end)
    print(f"{receiver}: ended")


def _hook(hook: HookView) -> dict[str, Any]:
    last = hook.last
    return {
        "id": str(hook.id),
        "address": f"/hooks/{hook.id}",
        "name": hook.name,
        **hook.order.columns(),
        "owner": hook.owner,
        "made_at": hook.made_at.isoformat(),
        "last": (str(last.run) if last.run else last.code) if last else None,
    }


def _receiver(receiver: ReceiverView) -> dict[str, Any]:
    return {
        "id": str(receiver.id),
        "name": receiver.name,
        "host": receiver.host,
        "events": list(receiver.events),
        "made_by": receiver.made_by,
        "made_at": receiver.made_at.isoformat(),
        "last": receiver.last.state if receiver.last else None,
    }


def _print_made(row: dict[str, Any], value: SecretStr, *, as_json: bool) -> None:
    if as_json:
        print_json({**row, "secret": value.get_secret_value()})
    else:
        print(f"{row['id']}: {row['name']}, {row.get('address') or row['host']}")
        print(f"Secret, shown this once: {value.get_secret_value()}")
