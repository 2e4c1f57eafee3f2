"""Tables of people: accounts, how they prove themselves, their sessions and tokens, counted tries to sign in.

What is personal says so at its column; `docs/how-to/personal-data.md` lists all of it.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base
from kernel.personal import personal

WITH_ACCOUNT: Final = "as long as the account"
WITH_SESSION: Final = "as long as the session: at most a week"


class AccountRow(Base):
    """Somebody who may sign in. `language` is None for who has not chosen; `example`: of the example programme."""

    __tablename__ = "account"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True, info=personal("Sign-in, and who did what", kept=WITH_ACCOUNT))
    display_name: Mapped[str] = mapped_column(
        info=personal("What colleagues call the person", kept=WITH_ACCOUNT, account="id")
    )
    role: Mapped[str] = mapped_column(server_default=text("''"))
    """Read by the release before grants only; goes with the next one."""
    language: Mapped[str | None]
    password_hash: Mapped[str] = mapped_column(
        info=personal("Proves who signs in", kept=WITH_ACCOUNT, erased="empty", account="id")
    )
    """Empty: signs in by the organisation's own sign-in only."""
    example: Mapped[bool]
    disabled: Mapped[bool]
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


class SessionRow(Base):
    """A session. `key` is the SHA-256 of the token, which only the browser has: a stolen table opens no session."""

    __tablename__ = "session"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(unique=True)
    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"),
        index=True,
        info=personal("Whose session it is", kept=WITH_SESSION, erased="row", account="account_id"),
    )
    started_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime] = mapped_column(index=True)
    second_at: Mapped[datetime | None]
    """When the second factor was given; None: not (yet)."""
    address: Mapped[str] = mapped_column(
        info=personal("Lets people see a session not theirs", kept=WITH_SESSION, erased="row", account="account_id")
    )
    program: Mapped[str] = mapped_column(
        info=personal("Lets people see a session not theirs", kept=WITH_SESSION, erased="row", account="account_id")
    )


class IdentityRow(Base):
    """Under which subject an organisation's own sign-in (OpenID Connect) knows an account."""

    __tablename__ = "identity"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(
        primary_key=True,
        info=personal("Sign-in by the organisation's account", kept=WITH_ACCOUNT, erased="row", account="account_id"),
    )
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    linked_at: Mapped[datetime]


class ProviderTripRow(Base):
    """A browser that was sent to the organisation's sign-in and is to come back, once. `key` is the hash of `state`."""

    __tablename__ = "provider_trip"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    browser: Mapped[bytes]
    nonce: Mapped[str]
    verifier: Mapped[str]
    target: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(index=True)


class TotpRow(Base):
    """The second factor of an account (RFC 6238): the sealed secret, and the time step of the last code taken."""

    __tablename__ = "totp"

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(
        info=personal("Second factor", kept="until it is replaced", erased="row", account="account_id")
    )
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger)


class RecoveryCodeRow(Base):
    """A code that stands in once for a lost phone; only its hash, and gone when it was used."""

    __tablename__ = "recovery_code"

    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"),
        primary_key=True,
        info=personal("Second factor", kept="until it is used", erased="row", account="account_id"),
    )
    key: Mapped[bytes] = mapped_column(primary_key=True)


class ApiTokenRow(Base):
    """What a program proves itself with: never more than its owner may, and no longer than `ends_at`.

    `key` is the SHA-256 of the token, which was shown once.
    """

    __tablename__ = "api_token"
    __table_args__ = (CheckConstraint("unit_id IS NOT NULL OR below", name="whole_tree"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[bytes] = mapped_column(unique=True)
    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"),
        index=True,
        info=personal("Whose program it is", kept="as long as the account", erased="row", account="account_id"),
    )
    title: Mapped[str]
    permissions: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"), index=True)
    below: Mapped[bool]
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInTryRow(Base):
    """How often one gate was tried in vain; `key` is a hash, for what strangers type as a name may be a password."""

    __tablename__ = "sign_in_try"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    succeeded_at: Mapped[datetime | None]


class SetupLinkRow(Base):
    """The link that makes the first administrator; deleted when it is used. `key` is the SHA-256 of its token."""

    __tablename__ = "setup_link"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime]
