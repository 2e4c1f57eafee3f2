"""The second factor: codes of an authenticator by time (RFC 6238), and codes on paper for when the phone is lost.

A code is taken once, a step before or after now at most; tries are counted as those of passwords are. The secret lies
sealed in the database, and a recovery code as its hash only.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pyotp
import structlog
from pydantic import SecretStr
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from inventory.errors import WrongCode
from inventory.people_models import RecoveryCodeRow, TotpRow
from inventory.sessions import Peer, SessionView, Started, renew_token
from inventory.tries import Gate, count_try, forgive_try, gates
from kernel.actors import Actor, system
from kernel.db.transaction import Database, Transaction
from kernel.errors import NotSignedIn
from kernel.rekey import hold_sealing
from kernel.secrets import Vault

ISSUER: Final = "Vùng Cao"
STEP_S: Final = 30
SKEW: Final = 1
"""Steps before and after now: a phone's clock is seldom right to the second."""

RECOVERY_CODES: Final = 8
RECOVERY_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read as another
RECOVERY_LENGTH: Final = 12

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator is told, once: the secret in base 32, and the same as an address for a QR code."""

    secret: SecretStr
    address: SecretStr


@dataclass(frozen=True, slots=True)
class FactorView:
    """Whether an account has a second factor, since when, and how many codes on paper are left."""

    since: datetime | None
    recovery_codes: int


async def own_factor(actor: Actor, tx: Transaction) -> FactorView:
    """Return what is set up for `actor`'s account."""
    return FactorView(None, 0) if actor.id is None else await factor_of(actor.id, tx)


async def factor_of(account: uuid.UUID, tx: Transaction) -> FactorView:
    """Return what is set up for the account with this id."""
    codes = select(func.count()).where(RecoveryCodeRow.account_id == account).scalar_subquery()
    row = (
        await tx.session.execute(select(TotpRow.confirmed_at, codes).where(TotpRow.account_id == account))
    ).one_or_none()
    return FactorView(*row) if row is not None and row[0] is not None else FactorView(None, 0)


async def begin_enrolment(session: SessionView, tx: Transaction, vault: Vault) -> Enrolment | None:
    """Return a secret for the authenticator of the session's owner, the same until it is confirmed.

    None if there is a confirmed one: it must go first.
    """
    account = session.account
    row = await tx.session.get(TotpRow, account.id, with_for_update=True)
    if row is not None and row.confirmed_at is not None:
        return None
    if row is None:
        await hold_sealing(tx)
        secret = SecretStr(pyotp.random_base32())
        # Two pages opened at once show the same secret: the first one's.
        await tx.session.execute(
            insert(TotpRow)
            .values(account_id=account.id, sealed=_seal(vault, account.id, secret), confirmed_at=None, last_step=0)
            .on_conflict_do_nothing()
        )
        row = await tx.session.get_one(TotpRow, account.id)
    secret = _open(vault, row)
    totp = pyotp.TOTP(secret.get_secret_value(), interval=STEP_S)
    return Enrolment(secret, SecretStr(totp.provisioning_uri(name=account.name, issuer_name=ISSUER)))


async def finish_enrolment(
    session: SessionView, code: str, database: Database, vault: Vault, peer: Peer
) -> tuple[Started, list[str]]:
    """Take the first code of a new authenticator; return the session, with a new token, and the recovery codes.

    Raises:
        TooManyTries: After many failures, with the seconds to wait.
        WrongCode: It is not a code of now, or nothing is being set up.
        NotSignedIn: The session is over.
    """
    account = session.account
    tried = _gates(account.name, peer)
    async with database.transaction() as tx:
        await count_try(tx, tried)
    async with database.transaction() as tx:
        row = await tx.session.get(TotpRow, account.id, with_for_update=True)
        step = None if row is None or row.confirmed_at is not None else _step(vault, row, code, tx.now())
        if row is None or step is None:
            raise WrongCode
        row.confirmed_at, row.last_step = tx.now(), step
        codes = await _new_recovery_codes(tx, account.id)
        await forgive_try(tx, tried)
        tx.audit(account.actor, "second-factor.set", f"account:{account.name}")
        await tx.session.flush()
        started = await renew_token(tx, session.id)
        if started is None:
            raise NotSignedIn
    return started, codes


async def give_code(session: SessionView, code: str, database: Database, vault: Vault, peer: Peer) -> Started:
    """Take a code of the authenticator, or one on paper, and return the session with a new token: it is open now.

    Raises:
        TooManyTries: After many failures, with the seconds to wait.
        WrongCode: Wrong, too old, or used already.
        NotSignedIn: The session is over.
    """
    await prove(session, code, database, vault, peer)
    async with database.transaction() as tx:
        started = await renew_token(tx, session.id)
    if started is None:
        raise NotSignedIn
    return started


async def prove(session: SessionView, code: str, database: Database, vault: Vault, peer: Peer) -> None:
    """Take a code, which is used up with it. Raises TooManyTries or WrongCode as `give_code`."""
    account = session.account
    tried = _gates(account.name, peer)
    async with database.transaction() as tx:
        await count_try(tx, tried)
    async with database.transaction() as tx:
        right = await _take(tx, account.id, code, vault)
        if right:
            await forgive_try(tx, tried)
        else:
            tx.audit(system("web"), "second-factor.refused", f"account:{account.name}", after={"address": peer.address})
    if not right:
        log.warning("second_factor_failed", account=account.name, address=peer.address)
        raise WrongCode


async def remove_factor(account: uuid.UUID, name: str, actor: Actor, tx: Transaction) -> bool:
    """Take an account's second factor away and return whether there was one. The caller has made sure who may.

    Where a role requires one, the next request leads to setting up another.
    """
    gone = await tx.session.scalar(delete(TotpRow).where(TotpRow.account_id == account).returning(TotpRow.account_id))
    await tx.session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.account_id == account))
    if gone is not None:
        tx.audit(actor, "second-factor.removed", f"account:{name}")
    return gone is not None


async def _take(tx: Transaction, account: uuid.UUID, code: str, vault: Vault) -> bool:
    row = await tx.session.get(TotpRow, account, with_for_update=True)
    if row is None or row.confirmed_at is None:
        return False
    step = _step(vault, row, code, tx.now())
    if step is not None:
        row.last_step = step
        return True
    used = await tx.session.scalar(
        delete(RecoveryCodeRow)
        .where(RecoveryCodeRow.account_id == account, RecoveryCodeRow.key == _hash(account, code))
        .returning(RecoveryCodeRow.account_id)
    )
    return used is not None


def _step(vault: Vault, row: TotpRow, code: str, now: datetime) -> int | None:
    """Return the time step whose code `code` is, later than the last one taken; None if it is none."""
    plain = "".join(code.split())
    totp = pyotp.TOTP(_open(vault, row).get_secret_value(), interval=STEP_S)
    here = int(now.timestamp()) // STEP_S
    for step in range(here - SKEW, here + SKEW + 1):
        if step > row.last_step and hmac.compare_digest(totp.generate_otp(step).encode(), plain.encode()):
            return step
    return None


async def _new_recovery_codes(tx: Transaction, account: uuid.UUID) -> list[str]:
    codes = ["".join(secrets.choice(RECOVERY_LETTERS) for _ in range(RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]
    await tx.session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.account_id == account))
    await tx.session.execute(
        insert(RecoveryCodeRow), [{"account_id": account, "key": _hash(account, code)} for code in codes]
    )
    return ["-".join(code[start : start + 4] for start in range(0, RECOVERY_LENGTH, 4)) for code in codes]


def _hash(account: uuid.UUID, code: str) -> bytes:
    # About 59 bits of chance, and tries are counted: a slow hash would only make signing in slow.
    plain = "".join(code.split()).replace("-", "").lower()
    return hashlib.sha256(account.bytes + plain.encode()).digest()


def _gates(name: str, peer: Peer) -> list[Gate]:
    """Return the gates of a try: of six digits each wrong one counts, wherever it comes from."""
    both, address, _ = gates(f"second factor of {name}", peer.address)
    everywhere = gates(f"second factor of {name}", "everywhere")[0]
    return [both, address, Gate(everywhere.key, free=10, most=timedelta(minutes=15))]


async def reseal_factors(tx: Transaction, vault: Vault, limit: int) -> int:
    """Seal at most `limit` secrets of authenticators anew; see `kernel.rekey.Reseal`."""
    now = vault.beginning()
    old = func.substring(TotpRow.sealed, 1, len(now)) != now
    statement = select(TotpRow).where(old).order_by(TotpRow.account_id).limit(limit).with_for_update()
    rows = (await tx.session.scalars(statement)).all()
    for row in rows:
        row.sealed = _seal(vault, row.account_id, _open(vault, row))
    return len(rows)


def _seal(vault: Vault, account: uuid.UUID, secret: SecretStr) -> bytes:
    return vault.seal(secret, table="totp", row=str(account), field="sealed")


def _open(vault: Vault, row: TotpRow) -> SecretStr:
    return vault.open(row.sealed, table="totp", row=str(row.account_id), field="sealed")
