"""Tables of people: accounts, their sessions, counted tries to sign in, the link of the first start.

Personal data, its purpose and its end. Names of accounts: who did what; kept while the account is. Addresses and
programs of sessions: so that a person sees a session that is not theirs; gone with the session, at most a week.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db.base import Base


class AccountRow(Base):
    """Somebody who may sign in. `language` is None for who has not chosen; `example`: of the example programme."""

    __tablename__ = "account"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    role: Mapped[str]
    language: Mapped[str | None]
    password_hash: Mapped[str]
    example: Mapped[bool]
    disabled: Mapped[bool]
    created_at: Mapped[datetime]


class SessionRow(Base):
    """A session. `key` is the SHA-256 of the token, which only the browser has: a stolen table opens no session."""

    __tablename__ = "session"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(unique=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    started_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime] = mapped_column(index=True)
    address: Mapped[str]
    program: Mapped[str]


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
