"""One exchange with one SNMP agent: repeats what was lost, halves what is too big, and says in a word why it failed.

What gufo-snmp 0.13 leaves to its caller, and this does: it sends nothing twice; a tooBig and a request of which nothing
exists come back as the same empty answer; a socket outlives a lost answer but must not outlive a poll.

A session lives as long as one poll. Opening it costs a v2c poll no more than a kept socket does, and a v3 poll one more
round trip for the agent's clock (its engine ID and localised keys are remembered); in return the number of sockets is
the caller's number of concurrent polls, and each poll asks from a new port, which is harder to answer falsely.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from gufo.snmp import (
    Aes128Key,
    Aes192Key,
    Aes256Key,
    BaseAuthKey,
    BasePrivKey,
    DesKey,
    Md5Key,
    Sha1Key,
    Sha224Key,
    Sha256Key,
    Sha384Key,
    Sha512Key,
    SnmpAuthError,
    SnmpDecodeError,
    SnmpError,
    User,
    ValueType,
)
from gufo.snmp.aio import SnmpSession
from gufo.snmp.user import KeyType

from inventory.public import AuthProtocol, PrivProtocol, SnmpV2c, SnmpV3
from monitor.probes.port import Outcome, Target
from monitor.probes.snmp_plan import UPTIME

MOST_KEYS = 50
"""Values asked in one request: 50 counters and their names fit the 1,472 octets of a datagram that nobody fragments."""

MOST_ROWS = 4096
"""Rows of one table; more is a table without end."""

ROWS_A_REQUEST = 40

_AUTHENTICATION: Mapping[AuthProtocol, type[BaseAuthKey]] = {
    AuthProtocol.MD5: Md5Key,
    AuthProtocol.SHA1: Sha1Key,
    AuthProtocol.SHA224: Sha224Key,
    AuthProtocol.SHA256: Sha256Key,
    AuthProtocol.SHA384: Sha384Key,
    AuthProtocol.SHA512: Sha512Key,
}
_PRIVACY: Mapping[PrivProtocol, type[BasePrivKey]] = {
    PrivProtocol.DES: DesKey,
    PrivProtocol.AES128: Aes128Key,
    PrivProtocol.AES192: Aes192Key,
    PrivProtocol.AES256: Aes256Key,
}
_OUR_OWN = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What goes wrong on our side: no data about a device, but a fault to be raised."""

T = TypeVar("T")


class NoAnswer(Exception):
    """The exchange ended without an answer to the last request."""

    def __init__(self, outcome: Outcome, why: str) -> None:
        self.outcome = outcome
        self.why = why
        super().__init__(why)


@dataclass(slots=True)
class Remembered:
    """What makes the next exchange with the same agent cheaper.

    Attributes:
        most_keys: How many values one request may ask for; halved by an agent that finds its answers too big.
        engine_id: The agent's SNMP engine ID (v3), once it was discovered; empty: discover it.
    """

    most_keys: int = MOST_KEYS
    engine_id: bytes = b""


class MasterKeys:
    """Users with their master keys, which take a million octets of hashing each (RFC 3414 A.2): once a credential."""

    def __init__(self) -> None:
        self._users: dict[SnmpV3, User] = {}

    def user(self, credential: SnmpV3) -> User:
        """Return the user of `credential`, its keys not yet localised."""
        user = self._users.get(credential)
        if user is None:
            auth = _AUTHENTICATION[credential.auth_protocol]
            priv = _PRIVACY[credential.priv_protocol]
            user = User(
                credential.user,
                auth_key=auth(auth.get_master_key(credential.auth_key.get_secret_value().encode()), KeyType.Master),
                # The privacy key is derived with the authentication protocol's hash (RFC 3414 section 2.6).
                priv_key=priv(auth.get_master_key(credential.priv_key.get_secret_value().encode()), KeyType.Master),
            )
            if len(self._users) >= 1000:  # noqa: PLR2004 - credentials in use are few; replaced ones must not pile up
                self._users.clear()
            self._users[credential] = user
        return user


class Conversation:
    """One exchange. The caller bounds its whole length with `asyncio.timeout`.

    Attributes:
        values: Everything that `get` was answered so far, by identifier; of use also after a `NoAnswer`.
    """

    def __init__(self, target: Target, remembered: Remembered, keys: MasterKeys) -> None:
        self.values: dict[str, ValueType] = {}
        self._target = target
        self._remembered = remembered
        self._keys = keys
        self._session: SnmpSession | None = None

    async def get(self, oids: Sequence[str]) -> None:
        """Ask for `oids` and for the uptime, and put what comes into `values`; what does not exist is left out.

        Raises:
            NoAnswer: The device fell silent or talks nonsense; `values` holds what came before.
        """
        at = 0
        while True:
            part = [UPTIME, *oids[at : at + self._remembered.most_keys]]
            answer = await self._repeat(partial(_get, oids=part))
            self.values |= answer
            if not answer and len(part) > 2:  # noqa: PLR2004 - the uptime and one more
                # tooBig comes back as an empty answer, not as an error: halve and ask again.
                self._remembered.most_keys = (len(part) - 1) // 2
                continue
            if not self.values:
                message = "it answers even the smallest request with an error"
                raise NoAnswer(Outcome.PARTIAL, message)
            at += len(part) - 1
            if at >= len(oids):
                return

    async def walk(self, column: str) -> dict[str, ValueType]:
        """Return the values of a table's column by index, in the table's order; empty if there is no such table.

        Raises:
            NoAnswer: The device fell silent, talks nonsense, or its table has no end.
        """
        rows = await self._repeat(partial(_walk, column=column, bulk=True))
        # An agent may answer GETBULK with tooBig, which looks like an empty table.
        return rows or await self._repeat(partial(_walk, column=column, bulk=False))

    async def _repeat(self, ask: Callable[[SnmpSession], Awaitable[T]]) -> T:
        """Return the answer to `ask`, repeated as the target allows; a rejected or broken one once more."""
        silent = rejected = broken = 0
        while True:
            try:
                return await self._ask(ask)
            except TimeoutError:
                silent += 1
                if silent > self._target.retries:
                    message = f"no answer to {silent} requests of {self._target.timeout_s:g} s each"
                    raise NoAnswer(Outcome.SILENT, message) from None
            except SnmpAuthError:
                rejected += 1
                if rejected > 1:  # the first may only mean that the agent was started again, and its clock with it
                    message = "the agent rejects this credential"
                    raise NoAnswer(Outcome.AUTHENTICATION_FAILED, message) from None
            except SnmpError as error:
                broken += 1
                if broken > 1:
                    message = f"what it answers is not SNMP: {error}"
                    raise NoAnswer(Outcome.GARBAGE, message) from None
            except OSError as error:
                if _number(error) in _OUR_OWN:
                    raise
                message = f"no way there: {error}"
                raise NoAnswer(Outcome.SILENT, message) from None
            # Begin anew: a stray datagram goes with the old socket, and a remembered engine that is not there any more
            # cannot be told from silence.
            self._session = None
            self._remembered.engine_id = b""

    async def _ask(self, ask: Callable[[SnmpSession], Awaitable[T]]) -> T:
        try:
            return await ask(self._session or await self._open())
        except BaseException as error:
            # Some malformed datagrams make gufo-snmp's Rust code panic (index out of bounds in its BER header). That
            # arrives as a BaseException of a class that cannot be imported, and must not end the whole process.
            if type(error).__name__ != "PanicException":
                raise
            raise SnmpDecodeError(str(error)) from None

    async def _open(self) -> SnmpSession:
        target, remembered = self._target, self._remembered
        if isinstance(target.credential, SnmpV2c):
            community = target.credential.community.get_secret_value()
            session = SnmpSession(target.address, target.port, community, timeout=target.timeout_s)
        else:
            user = self._keys.user(target.credential)
            known = remembered.engine_id or None
            session = SnmpSession(target.address, target.port, engine_id=known, user=user, timeout=target.timeout_s)
            await session.refresh()  # the engine, where it is not known; then its boots and time
            remembered.engine_id = session.get_engine_id()
        self._session = session
        return session


async def _get(session: SnmpSession, oids: Sequence[str]) -> dict[str, ValueType]:
    return await session.get_many(oids)


async def _walk(session: SnmpSession, column: str, *, bulk: bool) -> dict[str, ValueType]:
    rows: dict[str, ValueType] = {}
    start = len(column) + 1
    async for oid, value in session.getbulk(column, ROWS_A_REQUEST) if bulk else session.getnext(column):
        index = oid[start:]
        # gufo-snmp follows an agent that goes round in circles for as long as it leads.
        if index in rows or len(rows) >= MOST_ROWS:
            message = f"the table {column} has no end"
            raise NoAnswer(Outcome.GARBAGE, message)
        rows[index] = value
    return rows


def _number(error: OSError) -> int | None:
    """Return the error's number; gufo-snmp has it in the text only."""
    if error.errno is not None:
        return error.errno
    found = re.search(r"os error (\d+)", str(error))
    return int(found[1]) if found else None
