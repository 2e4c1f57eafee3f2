"""`vungcao accounts`, `tokens`, `roles`, `people`: who may sign in, what they hold, and leaving without a trace.

Whoever sits at the command line of the platform's own machine is a part of the platform, and may everything.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.shared import Json, print_list, secret, with_database
from kernel.actors import system
from kernel.errors import BadInput

if TYPE_CHECKING:
    from inventory.public import AccountView, GrantView, SessionView, TokenView
    from kernel.db.transaction import Database
    from kernel.settings import Settings

ACTOR = system("command line")
A_PAGE = 200

accounts_app = typer.Typer(help="Who may sign in, and what they may do where.", no_args_is_help=True)
tokens_app = typer.Typer(help="What programs sign in with.", no_args_is_help=True)
roles_app = typer.Typer(help="Roles, and what they allow.", no_args_is_help=True)
people_app = typer.Typer(help="Personal data: what is kept of people, and erasing it.", no_args_is_help=True)

ACCOUNT_COLUMNS = ("name", "display_name", "roles", "disabled")
GRANT_COLUMNS = ("id", "account", "role", "unit", "below", "valid_from", "valid_to", "given_by")
SESSION_COLUMNS = ("id", "started_at", "used_at", "address", "program")
TOKEN_COLUMNS = ("id", "title", "permissions", "unit", "ends_at", "used_at")

Unit = Annotated[str | None, typer.Option(help="Code of the unit; without it the whole tree.")]
Alone = Annotated[bool, typer.Option("--alone", help="Only the unit itself, without all below it.")]
From = Annotated[str, typer.Option("--from", help="Beginning, as 2026-11-25T09:00 in the programme's zone; else now.")]
Until = Annotated[str, typer.Option("--until", help="End; else until it is taken away.")]


@accounts_app.command("list")
def accounts_list(
    query: Annotated[str, typer.Option(help="Only those whose name holds it.")] = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List accounts by name."""
    from inventory.public import list_accounts

    async def read(_settings: Settings, database: Database) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        after: str | None = None
        async with database.transaction() as tx:
            while True:
                page = await list_accounts(ACTOR, tx, query=query, limit=A_PAGE, after=after)
                rows += [account_row(account) for account in page.accounts]
                if (after := page.next_cursor) is None:
                    return rows

    print_list(with_database(read), ACCOUNT_COLUMNS, as_json=as_json)


@accounts_app.command("create")
def accounts_create(
    name: str,
    display_name: Annotated[str, typer.Option(help="What colleagues call the person.")] = "",
    role: Annotated[str | None, typer.Option(help="Role to give at once.")] = None,
    unit: Unit = None,
    alone: Alone = False,  # noqa: FBT002 - a switch of the command line
    no_password: Annotated[  # noqa: FBT002 - a switch of the command line
        bool, typer.Option("--no-password", help="Signs in by the organisation's own sign-in only.")
    ] = False,
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Create the account NAME. Its password is read from a prompt, or from standard input."""
    from inventory.public import Grant, create_account

    if role is None and (unit is not None or alone):
        raise typer.BadParameter("it says where, and not which role", param_hint="--unit")
    password = None if no_password else secret("Password").get_secret_value()
    grant = Grant(role, unit, below=not alone) if role is not None else None

    async def create(_settings: Settings, database: Database) -> dict[str, Any]:
        async with database.transaction() as tx:
            return account_row(
                await create_account(ACTOR, tx, name=name, password=password, grant=grant, display_name=display_name)
            )

    print_list([with_database(create)], ACCOUNT_COLUMNS, as_json=as_json)


@accounts_app.command("disable")
def accounts_disable(name: str) -> None:
    """Let NAME in no more; sessions and tokens end at once."""
    _switch(name, disabled=True)
    print(f"{name} cannot sign in any more.")


@accounts_app.command("enable")
def accounts_enable(name: str) -> None:
    """Let NAME in again; what ended stays ended."""
    _switch(name, disabled=False)
    print(f"{name} can sign in again.")


@accounts_app.command("password")
def accounts_password(name: str) -> None:
    """Give NAME another password, from a prompt or standard input; sessions end."""
    from inventory.public import give_password

    password = secret("Password").get_secret_value()

    async def give(_settings: Settings, database: Database) -> None:
        async with database.transaction() as tx:
            await give_password(ACTOR, tx, name, password)

    with_database(give)
    print(f"{name} has another password.")


@accounts_app.command("reset-factor")
def accounts_reset_factor(name: str) -> None:
    """Forget the second factor of NAME, for a lost phone."""
    from inventory.public import reset_factor

    async def reset(_settings: Settings, database: Database) -> bool:
        async with database.transaction() as tx:
            return await reset_factor(ACTOR, tx, name)

    print("The second factor is forgotten." if with_database(reset) else "There was no second factor.")


@accounts_app.command("link")
def accounts_link(name: str, subject: str) -> None:
    """Let NAME sign in as SUBJECT of the organisation's own sign-in (the setting oidc_issuer)."""
    from inventory.public import link_identity

    async def link(settings: Settings, database: Database) -> None:
        if not settings.oidc_issuer:
            raise BadInput(what="The link", why="no sign-in of an organisation is set up (VUNGCAO_OIDC_ISSUER)")
        async with database.transaction() as tx:
            await link_identity(ACTOR, tx, name, settings.oidc_issuer, subject)

    with_database(link)
    print(f"{name} can sign in by the organisation's own sign-in.")


@accounts_app.command("grants")
def accounts_grants(
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    unit: Annotated[str | None, typer.Option(help="Only on this unit itself.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Also those that have ended.")] = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """List who may do what, where; the newest first."""
    from inventory.public import grants

    async def read(_settings: Settings, database: Database) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        after: str | None = None
        async with database.transaction() as tx:
            while True:
                page = await grants(ACTOR, tx, account=account, unit=unit, ended=ended, limit=A_PAGE, after=after)
                rows += [grant_row(grant) for grant in page.grants]
                if (after := page.next_cursor) is None:
                    return rows

    print_list(with_database(read), GRANT_COLUMNS, as_json=as_json)


@accounts_app.command("grant")
def accounts_grant(
    name: str,
    role: str,
    unit: Unit = None,
    alone: Alone = False,  # noqa: FBT002 - a switch of the command line
    begin: From = "",
    end: Until = "",
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Give NAME the ROLE on a unit; it holds from the next request on."""
    from inventory.public import Grant, grant_role

    async def give(settings: Settings, database: Database) -> dict[str, Any]:
        wanted = Grant(role, unit, not alone, _instant(begin, settings), _instant(end, settings))
        async with database.transaction() as tx:
            return grant_row(await grant_role(ACTOR, tx, name, wanted))

    print_list([with_database(give)], GRANT_COLUMNS, as_json=as_json)


@accounts_app.command("revoke")
def accounts_revoke(grant: uuid.UUID, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Take GRANT (its id) away, from the next request on."""
    from inventory.public import revoke_grant

    async def take(_settings: Settings, database: Database) -> dict[str, Any]:
        async with database.transaction() as tx:
            return grant_row(await revoke_grant(ACTOR, tx, grant))

    print_list([with_database(take)], GRANT_COLUMNS, as_json=as_json)


@accounts_app.command("sessions")
def accounts_sessions(name: str, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the open sessions of NAME, the last used first."""
    from inventory.public import account_sessions

    async def read(_settings: Settings, database: Database) -> list[dict[str, Any]]:
        async with database.transaction() as tx:
            return [session_row(session) for session in await account_sessions(ACTOR, tx, name)]

    print_list(with_database(read), SESSION_COLUMNS, as_json=as_json)


@accounts_app.command("end-sessions")
def accounts_end_sessions(
    name: str, session: Annotated[uuid.UUID | None, typer.Option(help="Only this one.")] = None
) -> None:
    """End the sessions of NAME: every browser has to sign in again."""
    from inventory.public import end_account_sessions

    async def end(_settings: Settings, database: Database) -> int:
        async with database.transaction() as tx:
            return await end_account_sessions(ACTOR, tx, name, session)

    print(f"Ended: {with_database(end)} sessions")


@tokens_app.command("list")
def tokens_list(account: str, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the API tokens of ACCOUNT that still work; never a value."""
    from inventory.public import account_tokens

    async def read(_settings: Settings, database: Database) -> list[dict[str, Any]]:
        async with database.transaction() as tx:
            return [token_row(token) for token in await account_tokens(ACTOR, tx, account)]

    print_list(with_database(read), TOKEN_COLUMNS, as_json=as_json)


@tokens_app.command("create")
def tokens_create(
    account: str,
    title: Annotated[str, typer.Option(help="What it is for.")],
    permission: Annotated[list[str], typer.Option(help="What it allows; repeat it for each.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it works.")] = 90,
    unit: Unit = None,
    alone: Alone = False,  # noqa: FBT002 - a switch of the command line
    as_json: Json = False,  # noqa: FBT002 - a switch of the command line
) -> None:
    """Make an API token of ACCOUNT, which may no more than the account, and print its value, for the only time."""
    from inventory.public import TokenRequest, account_for, make_token

    async def make(_settings: Settings, database: Database) -> dict[str, Any]:
        async with database.transaction() as tx:
            owner = (await account_for(ACTOR, account, tx)).actor
            ends_at = tx.now() + timedelta(days=days)
            made = await make_token(owner, tx, TokenRequest(title, permission, ends_at, unit, not alone))
            return {**token_row(made.token), "value": made.value.get_secret_value()}

    print_list([with_database(make)], ("id", "title", "ends_at", "value"), as_json=as_json)


@tokens_app.command("revoke")
def tokens_revoke(account: str, token: uuid.UUID) -> None:
    """Let TOKEN (its id) of ACCOUNT open nothing any more."""
    from inventory.public import revoke_account_token

    async def revoke(_settings: Settings, database: Database) -> None:
        async with database.transaction() as tx:
            await revoke_account_token(ACTOR, tx, account, token)

    with_database(revoke)
    print("The token opens nothing any more.")


@roles_app.command("list")
def roles_list(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List the roles with what they allow."""
    from inventory.public import roles

    async def read(_settings: Settings, database: Database) -> list[dict[str, Any]]:
        async with database.transaction() as tx:
            return [{**asdict(role), "permissions": list(role.permissions)} for role in await roles(ACTOR, tx)]

    print_list(with_database(read), ("code", "name", "needs_totp", "permissions"), as_json=as_json)


@roles_app.command("second-factor")
def roles_second_factor(
    role: str,
    required: Annotated[bool, typer.Option("--required/--not-required", help="Ask for it, or not.")] = True,  # noqa: FBT002
) -> None:
    """Ask everybody with ROLE for a second factor, from the next request on; or no more."""
    from inventory.public import require_totp

    async def change(_settings: Settings, database: Database) -> None:
        async with database.transaction() as tx:
            await require_totp(ACTOR, tx, role, required=required)

    with_database(change)
    print(f"{role}: a second factor is {'required' if required else 'not required'}.")


@people_app.command("data")
def people_data(as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """List what is kept of people: where, what for, for how long, and what erasing leaves."""
    print_list(personal_data(), ("column", "purpose", "kept", "erased"), as_json=as_json)


@people_app.command("erase")
def people_erase(account: str, as_json: Json = False) -> None:  # noqa: FBT002 - a switch of the command line
    """Erase the person behind ACCOUNT, which must be disabled. What they did stays, under a pseudonym."""
    from api.glue import audit_key
    from api.migrations.tables import Base
    from inventory.public import erase_person

    async def erase(settings: Settings, database: Database) -> dict[str, Any]:
        async with database.transaction() as tx:
            return asdict(await erase_person(ACTOR, tx, account, tables=Base.metadata, audit_key=audit_key(settings)))

    print_list([with_database(erase)], ("pseudonym", "rows", "audit_entries"), as_json=as_json)


def personal_data() -> list[dict[str, str]]:
    """Return every column of personal data with what it says of itself."""
    from api.migrations.tables import Base
    from kernel.personal import personal_columns

    return [
        {
            "column": f"{column.table.name}.{column.name}",
            "purpose": said.purpose,
            "kept": said.kept,
            "erased": {"pseudonym": "a pseudonym", "empty": "nothing", "row": "nothing: the row goes"}[said.erased],
        }
        for column, said in personal_columns(Base.metadata)
    ]


def account_row(account: AccountView) -> dict[str, Any]:
    """Return an account as scripts get it."""
    return {
        "name": account.name,
        "display_name": account.display_name,
        "roles": [role.code for role in account.roles],
        "example": account.example,
        "disabled": account.disabled,
    }


def grant_row(grant: GrantView) -> dict[str, Any]:
    """Return a grant as scripts get it."""
    return {name: _plain(value) for name, value in asdict(grant).items()}


def session_row(session: SessionView) -> dict[str, Any]:
    """Return a session as scripts get it."""
    names = ("id", "started_at", "used_at", "ends_at", "address", "program")
    return {name: _plain(getattr(session, name)) for name in names}


def token_row(token: TokenView) -> dict[str, Any]:
    """Return a token as scripts get it."""
    return {name: _plain(value) for name, value in asdict(token).items()}


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case uuid.UUID():
            return str(value)
        case tuple():
            return list(value)
    return value


def _instant(text: str, settings: Settings) -> datetime | None:
    from api.commands.meetings import instant

    return instant(text, settings) if text else None


def _switch(name: str, *, disabled: bool) -> None:
    from inventory.public import set_disabled

    async def switch(_settings: Settings, database: Database) -> None:
        async with database.transaction() as tx:
            await set_disabled(ACTOR, tx, name, disabled=disabled)

    with_database(switch)
