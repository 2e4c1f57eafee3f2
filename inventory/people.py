"""Accounts: who may sign in, with which role, and what they choose for themselves."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert

from inventory import passwords
from inventory.access import ACCOUNTS_MANAGE, ADMINISTRATOR, ROLES, account_actor
from inventory.errors import BadName, NameTaken
from inventory.people_models import AccountRow, SessionRow
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotSignedIn
from kernel.i18n import LANGUAGES
from kernel.ids import new_id

NAME: Final = re.compile(r"[a-z][a-z0-9.-]{1,31}")
MOST_DISPLAY_NAME: Final = 80

EXAMPLE_PASSWORD: Final = "vungcao-demo"  # noqa: S105 - published on purpose; such accounts sign in on loopback only
EXAMPLE_ACCOUNTS: Final = (
    ("kythuat", "Kỹ thuật viên mẫu", "technician"),
    ("kythuat2", "Kỹ thuật viên mẫu thứ hai", "technician"),
    ("canbo", "Cán bộ mẫu", "official"),
    ("thuky", "Thư ký mẫu", "secretary"),
    ("anninh", "Cán bộ an ninh mẫu", "security"),
    ("quantri", "Quản trị viên mẫu", ADMINISTRATOR),
)
"""Sign-in name, name for people and role of an account for each kind of user; what needs two technicians has two."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as others see it.

    Attributes:
        name: Sign-in name, small letters.
        display_name: What people call them.
        role: A key of `inventory.access.ROLES`.
        language: Chosen language; None for who has not chosen.
        example: Belongs to the example programme: signs in on the platform's own machine only.
    """

    id: uuid.UUID
    name: str
    display_name: str
    role: str
    language: str | None
    example: bool

    @property
    def actor(self) -> Actor:
        """The actor that this account is."""
        return account_actor(self.id, self.name, self.role)


def view(row: AccountRow) -> AccountView:
    """Return what others see of an account's row."""
    return AccountView(row.id, row.name, row.display_name, row.role, row.language, row.example)


def plain_name(name: str) -> str:
    """Return a sign-in name as it is stored: without spaces around it, in small letters."""
    return name.strip().lower()


async def create_account(
    actor: Actor, tx: Transaction, *, name: str, password: str, role: str, display_name: str = "", example: bool = False
) -> AccountView:
    """Create an account and return it; its name for people is its sign-in name if `display_name` is empty.

    Raises:
        Refused: If `actor` may not manage accounts.
        BadName: If `name` cannot be one.
        WeakPassword: If `password` is too easy to guess.
        BadInput: If there is no such role, or `display_name` is too long.
        NameTaken: If there is such an account.
    """
    actor.require(ACCOUNTS_MANAGE)
    name = plain_name(name)
    display_name = display_name.strip() or name
    if not NAME.fullmatch(name):
        raise BadName
    if role not in ROLES:
        raise BadInput(what=f"The role {role}", why=f"roles are {', '.join(sorted(ROLES))}")
    if len(display_name) > MOST_DISPLAY_NAME:
        raise BadInput(what="The name for people", why=f"it has more than {MOST_DISPLAY_NAME} characters")
    passwords.check_strength(password, name)
    row = AccountRow(
        id=new_id(),
        name=name,
        display_name=display_name,
        role=role,
        language=None,
        example=example,
        disabled=False,
        password_hash=await passwords.hash_of(password),
        created_at=tx.now(),
    )
    values = {column.key: getattr(row, column.key) for column in AccountRow.__table__.columns}
    added = await tx.session.scalar(
        insert(AccountRow).values(values).on_conflict_do_nothing(index_elements=["name"]).returning(AccountRow.id)
    )
    if added is None:
        raise NameTaken(name=name)
    tx.audit(
        actor,
        "account.created",
        f"account:{name}",
        after={"display_name": display_name, "role": role, "example": example},
    )
    return view(row)


async def create_example_accounts(actor: Actor, tx: Transaction) -> list[AccountView]:
    """Create those example accounts that do not exist yet and return them."""
    actor.require(ACCOUNTS_MANAGE)
    names = [name for name, _, _ in EXAMPLE_ACCOUNTS]
    present = set(await tx.session.scalars(select(AccountRow.name).where(AccountRow.name.in_(names))))
    return [
        await create_account(
            actor, tx, name=name, display_name=display_name, role=role, password=EXAMPLE_PASSWORD, example=True
        )
        for name, display_name, role in EXAMPLE_ACCOUNTS
        if name not in present
    ]


async def example_accounts(tx: Transaction) -> list[AccountView]:
    """Return the example accounts that can sign in, in the order of `EXAMPLE_ACCOUNTS`."""
    order = {name: place for place, (name, _, _) in enumerate(EXAMPLE_ACCOUNTS)}
    rows = await tx.session.scalars(select(AccountRow).where(AccountRow.example, ~AccountRow.disabled))
    return sorted((view(row) for row in rows), key=lambda account: order.get(account.name, len(order)))


async def own_account(actor: Actor, tx: Transaction) -> AccountView:
    """Return the account of `actor`; NotSignedIn if it has none."""
    return view(await _own_row(actor, tx))


async def actor_of(account: uuid.UUID, tx: Transaction) -> Actor | None:
    """Return who acts where `account` is known by a secret of theirs; None if it is gone, disabled, or an example."""
    row = await tx.session.get(AccountRow, account)
    if row is None or row.disabled or row.example:
        return None
    return account_actor(row.id, row.name, row.role)


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
        raise BadInput(what=f"The language {language}", why=f"languages are {', '.join(LANGUAGES)}")
    (await _own_row(actor, tx)).language = language


async def administered(tx: Transaction) -> bool:
    """Return whether there is an administrator who can sign in from anywhere: an example account is none."""
    found = await tx.session.scalar(
        select(
            exists().where(
                AccountRow.role == ADMINISTRATOR,
                ~AccountRow.disabled,
                ~AccountRow.example,
            )
        )
    )
    return bool(found)


async def _own_row(actor: Actor, tx: Transaction) -> AccountRow:
    row = await tx.session.get(AccountRow, actor.id) if actor.id else None
    if row is None:
        raise NotSignedIn
    return row
