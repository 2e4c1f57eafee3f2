"""Sign-in by an organisation's own accounts (OpenID Connect): the trip there and back, and whose account it is.

What the organisation says is checked by who speaks with it (`api.http.oidc`). Here: a browser comes back once, it is
the one that went, and a subject is never joined to an account by its name: an administrator links it, or a new account
is made for it, which may do nothing until somebody grants it something.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select

from inventory.errors import ProviderRefused
from inventory.people import MOST_DISPLAY_NAME, NAME, create_account
from inventory.people_models import AccountRow, IdentityRow, ProviderTripRow
from inventory.sessions import Peer, Started, start_session
from kernel.actors import system
from kernel.db.transaction import Transaction
from kernel.errors import NotSignedIn

TRIP_LASTS: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Trip:
    """What a browser takes along (`state`, and what is derived from `verifier`), and what must come back with it."""

    state: str
    nonce: str
    verifier: str
    target: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody whom the organisation vouches for; names are what it calls them, and prove nothing."""

    issuer: str
    subject: str
    name: str
    display_name: str


async def begin_trip(tx: Transaction, browser: str, target: str) -> Trip:
    """Return what to send along with the browser that has the cookie `browser` and wants to go on to `target`."""
    await tx.session.execute(delete(ProviderTripRow).where(ProviderTripRow.started_at <= tx.now() - TRIP_LASTS))
    trip = Trip(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), target)
    tx.session.add(
        ProviderTripRow(
            key=_hash(trip.state),
            browser=_hash(browser),
            nonce=trip.nonce,
            verifier=trip.verifier,
            target=target,
            started_at=tx.now(),
        )
    )
    return trip


async def end_trip(tx: Transaction, browser: str, state: str) -> Trip | None:
    """Return the trip of `state`, which is over with that; None if there is none, or another browser went."""
    row = (
        await tx.session.execute(
            delete(ProviderTripRow)
            .where(ProviderTripRow.key == _hash(state), ProviderTripRow.started_at > tx.now() - TRIP_LASTS)
            .returning(ProviderTripRow.browser, ProviderTripRow.nonce, ProviderTripRow.verifier, ProviderTripRow.target)
        )
    ).one_or_none()
    if row is None or row.browser != _hash(browser):
        return None
    return Trip(state, row.nonce, row.verifier, row.target)


async def sign_in_by_provider(tx: Transaction, subject: Subject, peer: Peer, provider: str) -> Started:
    """Start a session of the account that `subject` is; the first time one is made, which may do nothing yet.

    Raises:
        ProviderRefused: The account is disabled.
    """
    account = await tx.session.scalar(
        select(IdentityRow.account_id).where(
            IdentityRow.issuer == subject.issuer, IdentityRow.subject == subject.subject
        )
    )
    if account is None:
        name = await _free_name(tx, subject)
        made = await create_account(
            system("sign-in"), tx, name=name, password=None, display_name=subject.display_name[:MOST_DISPLAY_NAME]
        )
        account = made.id
        tx.session.add(
            IdentityRow(issuer=subject.issuer, subject=subject.subject, account_id=account, linked_at=tx.now())
        )
        await tx.session.flush()
    try:
        return await start_session(tx, account, peer)
    except NotSignedIn:
        raise ProviderRefused(provider=provider) from None


async def _free_name(tx: Transaction, subject: Subject) -> str:
    """Return a sign-in name like what the organisation calls the person, that nobody has."""
    plain = unicodedata.normalize("NFKD", subject.name.partition("@")[0].lower().replace("đ", "d"))
    name = re.sub(r"[^a-z0-9.-]", "", plain).lstrip("0123456789.-")[:24]
    if not NAME.fullmatch(name):
        name = "nguoi-dung"
    if await tx.session.scalar(select(AccountRow.id).where(AccountRow.name == name)) is None:
        return name
    # Whoever it is, it is nobody who is here already.
    return f"{name}-{hashlib.sha256(f'{subject.issuer}|{subject.subject}'.encode()).hexdigest()[:6]}"


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
