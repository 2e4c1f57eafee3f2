"""Accounts: who may sign in, and what they choose for themselves. What they may do is granted: see `grants.py`."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, delete, select
from sqlalchemy.dialects.postgresql import insert

from inventory import passwords
from inventory.access import ACCOUNTS_MANAGE, ADMINISTRATOR
from inventory.errors import BadName, NameTaken
from inventory.grants import Grant, administrators, give
from inventory.holding import Holding, RoleTitle, actor_of, holdings, read_holding
from inventory.models import UnitRow
from inventory.people_models import AccountRow, SessionRow
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotSignedIn
from kernel.i18n import LANGUAGES, Sentence
from kernel.ids import new_id

NAME: Final = re.compile(r"[a-z][a-z0-9.-]{1,31}")
MOST_DISPLAY_NAME: Final = 80

EXAMPLE_PASSWORD: Final = "vungcao-demo"  # noqa: S105 - published on purpose; such accounts sign in on loopback only
EXAMPLE_ACCOUNTS: Final = (
    ("kythuat", "Kỹ thuật viên mẫu", Grant("technician")),
    ("kythuat2", "Kỹ thuật viên mẫu thứ hai", Grant("technician")),
    ("canbo", "Cán bộ mẫu", Grant("official")),
    ("thuky", "Thư ký mẫu", Grant("secretary")),
    ("anninh", "Cán bộ an ninh mẫu", Grant("security")),
    ("quantri", "Quản trị viên mẫu", Grant(ADMINISTRATOR)),
    ("phanson", "Kỹ thuật viên xã mẫu", Grant("technician", unit="phan-son")),
)
"""Sign-in name, name for people and grant of an account for each kind of user.

What needs two technicians has two; the last one's is a commune only.
"""


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as others see it.

    Attributes:
        name: Sign-in name, small letters.
        display_name: What people call them.
        roles: By which it may do something now.
        language: Chosen language; None for who has not chosen.
        example: Belongs to the example programme: signs in on the platform's own machine only.
        disabled: Cannot sign in.
        actor: The actor that this account is, with what it holds now.
    """

    id: uuid.UUID
    name: str
    display_name: str
    roles: tuple[RoleTitle, ...]
    language: str | None
    example: bool
    disabled: bool
    actor: Actor


def accounts(tx: Transaction) -> Select[AccountRow, Any]:
    """Return the statement for accounts with what they hold now; give its rows to `view`."""
    return select(AccountRow, holdings(tx.now()))


def view(row: AccountRow, holding: Holding) -> AccountView:
    """Return what others see of an account's row."""
    return AccountView(
        id=row.id,
        name=row.name,
        display_name=row.display_name,
        roles=holding.roles,
        language=row.language,
        example=row.example,
        disabled=row.disabled,
        actor=actor_of(row.id, row.name, holding),
    )


def plain_name(name: str) -> str:
    """Return a sign-in name as it is stored: without spaces around it, in small letters."""
    return name.strip().lower()


async def create_account(
    actor: Actor,
    tx: Transaction,
    *,
    name: str,
    password: str | None,
    grant: Grant | None = None,
    display_name: str = "",
    example: bool = False,
) -> AccountView:
    """Create an account and return it; its name for people is its sign-in name if `display_name` is empty.

    Args:
        password: None: it signs in by the organisation's own sign-in only.
        grant: What it may do from now on; None: nothing yet.

    Raises:
        Refused: If `actor` may not manage accounts: everywhere, or where the grant is.
        BadName: If `name` cannot be one.
        WeakPassword: If `password` is too easy to guess.
        BadInput: If there is no such role, or `display_name` is too long.
        NotFound: If there is no such unit that `actor` may see.
        NameTaken: If there is such an account.
    """
    actor.require(ACCOUNTS_MANAGE)
    if grant is None:
        actor.require_everywhere(ACCOUNTS_MANAGE)
    name = plain_name(name)
    display_name = display_name.strip() or name
    if not NAME.fullmatch(name):
        raise BadName
    if len(display_name) > MOST_DISPLAY_NAME:
        raise BadInput(
            what="The name for people", why=Sentence("it has more than {most} characters", most=MOST_DISPLAY_NAME)
        )
    if password is not None:
        passwords.check_strength(password, name)
    row = AccountRow(
        id=new_id(),
        name=name,
        display_name=display_name,
        role="",
        language=None,
        example=example,
        disabled=False,
        password_hash="" if password is None else await passwords.hash_of(password),
        created_at=tx.now(),
    )
    values = {column.key: getattr(row, column.key) for column in AccountRow.__table__.columns}
    added = await tx.session.scalar(
        insert(AccountRow).values(values).on_conflict_do_nothing(index_elements=["name"]).returning(AccountRow.id)
    )
    if added is None:
        raise NameTaken(name=name)
    tx.audit(actor, "account.created", f"account:{name}", after={"display_name": display_name, "example": example})
    if grant is not None:
        await give(actor, tx, account=row.id, name=name, grant=grant)
    found = (await tx.session.execute(accounts(tx).where(AccountRow.id == row.id))).one()
    return view(found[0], read_holding(found[1]))


async def create_example_accounts(actor: Actor, tx: Transaction) -> list[AccountView]:
    """Create those example accounts that do not exist yet, and whose unit does, and return them."""
    actor.require(ACCOUNTS_MANAGE)
    names = [name for name, _, _ in EXAMPLE_ACCOUNTS]
    present = set(await tx.session.scalars(select(AccountRow.name).where(AccountRow.name.in_(names))))
    bounds = {grant.unit for _, _, grant in EXAMPLE_ACCOUNTS if grant.unit is not None}
    units = {None, *await tx.session.scalars(select(UnitRow.code).where(UnitRow.code.in_(bounds)))}
    return [
        await create_account(
            actor, tx, name=name, display_name=display_name, grant=grant, password=EXAMPLE_PASSWORD, example=True
        )
        for name, display_name, grant in EXAMPLE_ACCOUNTS
        if name not in present and grant.unit in units
    ]


async def example_accounts(tx: Transaction) -> list[AccountView]:
    """Return the example accounts that can sign in, in the order of `EXAMPLE_ACCOUNTS`."""
    order = {name: place for place, (name, _, _) in enumerate(EXAMPLE_ACCOUNTS)}
    rows = await tx.session.execute(accounts(tx).where(AccountRow.example, ~AccountRow.disabled))
    found = [view(row, read_holding(held)) for row, held in rows]
    return sorted(found, key=lambda account: order.get(account.name, len(order)))


async def own_account(actor: Actor, tx: Transaction) -> AccountView:
    """Return the account of `actor`; NotSignedIn if it has none."""
    found = (await tx.session.execute(accounts(tx).where(AccountRow.id == actor.id))).one_or_none()
    if found is None:
        raise NotSignedIn
    return view(found[0], read_holding(found[1]))


async def has_password(actor: Actor, tx: Transaction) -> bool:
    """Return whether `actor`'s own account signs in by a password; not by the organisation's sign-in only."""
    return bool((await _own_row(actor, tx)).password_hash)


async def actor_for(account: uuid.UUID, tx: Transaction, *, examples: bool = False) -> Actor | None:
    """Return who acts where `account` is known by a secret of theirs; None if it is gone or disabled.

    An account of the example programme counts with `examples` only.
    """
    found = (await tx.session.execute(accounts(tx).where(AccountRow.id == account))).one_or_none()
    if found is None or found[0].disabled or (found[0].example and not examples):
        return None
    return actor_of(found[0].id, found[0].name, read_holding(found[1]))


async def change_password(actor: Actor, tx: Transaction, *, password: str, keep: uuid.UUID | None) -> None:
    """Give `actor`'s own account a new password and end its sessions except `keep`.

    The caller has made sure that it is really the owner: see `inventory.sessions.confirm_password`.

    Raises:
        NotSignedIn: If `actor` is no account.
        WeakPassword: If `password` is too easy to guess.
    """
    row = await _own_row(actor, tx)
    passwords.check_strength(password, row.name)
    row.password_hash = await passwords.hash_of(password)
    others = SessionRow.account_id == row.id, SessionRow.id.is_distinct_from(keep)
    await tx.session.execute(delete(SessionRow).where(*others))
    tx.audit(actor, "account.password-changed", f"account:{row.name}")


async def choose_language(actor: Actor, tx: Transaction, language: str) -> None:
    """Remember the language that `actor` wants to read; BadInput if there is none such."""
    if language not in LANGUAGES:
        raise BadInput(
            what=Sentence("The language {language}", language=language),
            why=Sentence("choose among {known}", known=", ".join(LANGUAGES)),
        )
    (await _own_row(actor, tx)).language = language


async def administered(tx: Transaction) -> bool:
    """Return whether there is an administrator who can sign in from anywhere: an example account is none."""
    return await administrators(tx) > 0


async def _own_row(actor: Actor, tx: Transaction) -> AccountRow:
    row = await tx.session.get(AccountRow, actor.id) if actor.id else None
    if row is None:
        raise NotSignedIn
    return row
