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
    SnmpVersion,
    User,
    ValueType,
)
from gufo.snmp.aio import SnmpSession
from gufo.snmp.user import KeyType

from inventory.public import NO_QUIRKS, AuthProtocol, PrivProtocol, Quirks, SnmpV2c, SnmpV3
from kernel.clock import Clock
from monitor.probes.octets import Envelope, answered, asked
from monitor.probes.port import Outcome, Target, Traffic
from monitor.probes.snmp_plan import UPTIME

MOST_KEYS = 50
"""Values asked in one request: 50 counters and their names fit the 1,472 octets of a datagram that nobody fragments."""

MOST_ROWS = 4096
"""Rows of one table; more is a table without end."""

LONGEST_WAIT = 4
"""Times the first wait."""

ROWS_A_REQUEST = 40
FIRST_ROWS = 10
"""Rows asked at once of a device of which no table is known yet; more follow where there are more."""
MISSING = 2
"""Octets of "no such object" beyond the name of what was asked."""

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
_DIGEST: Mapping[AuthProtocol, int] = {  # RFC 3414 section 6, RFC 7860 section 4
    AuthProtocol.NONE: 0,
    AuthProtocol.MD5: 12,
    AuthProtocol.SHA1: 12,
    AuthProtocol.SHA224: 16,
    AuthProtocol.SHA256: 24,
    AuthProtocol.SHA384: 32,
    AuthProtocol.SHA512: 48,
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
            user = _user(credential)
            if len(self._users) >= 1000:  # noqa: PLR2004 - credentials in use are few; replaced ones must not pile up
                self._users.clear()
            self._users[credential] = user
        return user


def _user(credential: SnmpV3) -> User:
    auth = _AUTHENTICATION.get(credential.auth_protocol)
    if auth is None:
        return User(credential.user)
    auth_key = auth(auth.get_master_key(credential.auth_key.get_secret_value().encode()), KeyType.Master)
    priv = _PRIVACY.get(credential.priv_protocol)
    if priv is None:
        return User(credential.user, auth_key=auth_key)
    # The privacy key is derived with the authentication protocol's hash (RFC 3414 section 2.6).
    priv_key = priv(auth.get_master_key(credential.priv_key.get_secret_value().encode()), KeyType.Master)
    return User(credential.user, auth_key=auth_key, priv_key=priv_key)


class Conversation:
    """One exchange. The caller bounds its whole length with `asyncio.timeout`.

    Attributes:
        values: Everything that `get` was answered so far, by identifier; of use also after a `NoAnswer`.
    """

    def __init__(
        self, target: Target, remembered: Remembered, keys: MasterKeys, clock: Clock, quirks: Quirks = NO_QUIRKS
    ) -> None:
        self.values: dict[str, ValueType] = {}
        self._target = target
        self._remembered = remembered
        self._keys = keys
        self._clock = clock
        self._most_rows = 1 if target.v1 else quirks.rows_a_request or ROWS_A_REQUEST
        self._session: SnmpSession | None = None
        self._wait_s = target.timeout_s
        self._envelope = _envelope(target)
        self._requests = self._answers = self._octets = 0
        self._slowest_s: float | None = None
        self._took_s = 0.0
        self._rows = 0

    @property
    def traffic(self) -> Traffic:
        """What it has put on the line so far."""
        return Traffic(self._requests, self._answers, self._octets, self._slowest_s)

    async def get(self, oids: Sequence[str]) -> None:
        """Ask for `oids` and for the uptime, and put what comes into `values`; what does not exist is left out.

        Raises:
            NoAnswer: The device fell silent or talks nonsense; `values` holds what came before.
        """
        at = 0
        while True:
            part = oids[at : at + self._remembered.most_keys]
            if await self._get_part(part):
                at += len(part)
                if not self.values:
                    message = "it answers even the smallest request with an error"
                    raise NoAnswer(Outcome.PARTIAL, message)
                if at >= len(oids):
                    return

    async def _get_part(self, oids: Sequence[str]) -> bool:
        """Ask for `oids` in one request, and return False if they must be asked again in smaller parts."""
        part = [UPTIME, *oids]
        answer = await self._repeat(partial(_get, oids=part), asked(part))
        self.values |= answer
        self._slowest_s = max(self._slowest_s or 0.0, self._took_s)
        self._octets += self._envelope.message(answered(answer) + (len(part) - len(answer)) * MISSING)
        if answer or len(oids) <= 1:
            return True
        half = len(oids) // 2
        if not self._target.v1:
            # tooBig comes back as an empty answer, not as an error: halve and ask again.
            self._remembered.most_keys = half
            return False
        # One name that it does not have fails the whole request (RFC 1157 section 4.1.2): find out which.
        if self.values or await self._get_part(()):
            for some in (oids[:half], oids[half:]):
                if self.values:
                    await self._get_part(some)
        return True

    async def walk(self, column: str) -> dict[str, ValueType]:
        """Return the values of a table's column by index, in the table's order; empty if there is no such table.

        Raises:
            NoAnswer: The device fell silent, talks nonsense, or its table has no end.
        """
        rows = await self._walk(column, self._most_rows)
        # An agent may answer GETBULK with tooBig, which looks like an empty table.
        return rows if rows or self._most_rows == 1 else await self._walk(column, 1)

    async def _walk(self, column: str, most_rows: int) -> dict[str, ValueType]:
        """Walk `column`, asking for as many rows at once as the longest table so far had.

        What comes after the end of a column is not wanted, and would fill the answer to its brim.
        """
        at_once = min(most_rows, max(FIRST_ROWS, self._rows + 1))
        rows = await self._repeat(partial(_walk, column=column, at_once=at_once), asked([column]))
        self._rows = max(self._rows, len(rows))
        requests = len(rows) // at_once + 1
        row = answered({f"{column}.{index}": value for index, value in rows.items()}) // max(1, len(rows)) or 20
        # The first request was counted when it was sent. Rows beyond the end of the column were sent, too.
        self._count(requests - 1, requests - 1, (requests - 1) * self._envelope.message(asked([column]) + 6))
        self._octets += requests * self._envelope.message(row * at_once)
        return rows

    def _count(self, requests: int, answers: int, octets: int) -> None:
        self._requests += requests
        self._answers += answers
        self._octets += octets

    async def _repeat(self, ask: Callable[[SnmpSession], Awaitable[T]], bindings: int) -> T:
        """Return the answer to `ask`, repeated as the target allows; a rejected or broken one once more.

        Args:
            ask: What to do.
            bindings: Octets of the variables in its request.
        """
        silent = rejected = broken = 0
        while True:
            try:
                self._count(1, 0, self._envelope.message(bindings))
                answer = await self._ask(ask)
            except TimeoutError:
                silent += 1
                if silent > self._target.retries:
                    message = f"no answer to {silent} requests, the last of {self._wait_s:g} s"
                    raise NoAnswer(Outcome.SILENT, message) from None
                # What is late once is late again, and only a longer wait ever learns how late (RFC 6298 section 5.5).
                self._wait_s = min(2 * self._wait_s, LONGEST_WAIT * self._target.timeout_s)
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
                raise _no_way(error) from None
            else:
                self._answers += 1
                return answer
            # Begin anew: a stray datagram goes with the old socket, and a remembered engine that is not there any more
            # cannot be told from silence.
            self._session = None
            self._remembered.engine_id = b""

    async def _ask(self, ask: Callable[[SnmpSession], Awaitable[T]]) -> T:
        try:
            session = self._session or await self._open()
            began_s = self._clock.monotonic_s()
            answer = await ask(session)
        except BaseException as error:
            # Some malformed datagrams make gufo-snmp's Rust code panic (index out of bounds in its BER header). That
            # arrives as a BaseException of a class that cannot be imported, and must not end the whole process.
            if type(error).__name__ != "PanicException":
                raise
            raise SnmpDecodeError(str(error)) from None
        self._took_s = self._clock.monotonic_s() - began_s
        return answer

    async def _open(self) -> SnmpSession:
        target, remembered, wait_s = self._target, self._remembered, self._wait_s
        if isinstance(target.credential, SnmpV2c):
            community = target.credential.community.get_secret_value()
            version = SnmpVersion.v1 if target.v1 else SnmpVersion.v2c
            session = SnmpSession(target.address, target.port, community, version=version, timeout=wait_s)
        else:
            user = self._keys.user(target.credential)
            known = remembered.engine_id or None
            session = SnmpSession(target.address, target.port, engine_id=known, user=user, timeout=wait_s)
            await session.refresh()  # the engine, where it is not known; then its boots and time
            rounds = (0 if known else 1) + (1 if user.require_auth() else 0)
            self._count(rounds, rounds, rounds * self._envelope.refresh())
            remembered.engine_id = session.get_engine_id()
        self._session = session
        return session


def _envelope(target: Target) -> Envelope:
    version_6 = ":" in target.address
    credential = target.credential
    if isinstance(credential, SnmpV2c):
        return Envelope(version_6=version_6, community=credential.community.get_secret_value())
    return Envelope(
        version_6=version_6,
        community=None,
        user=credential.user,
        digest=_DIGEST[credential.auth_protocol],
        private=credential.priv_protocol is not PrivProtocol.NONE,
    )


async def _get(session: SnmpSession, oids: Sequence[str]) -> dict[str, ValueType]:
    return await session.get_many(oids)


async def _walk(session: SnmpSession, column: str, *, at_once: int) -> dict[str, ValueType]:
    rows: dict[str, ValueType] = {}
    start = len(column) + 1
    async for oid, value in session.getbulk(column, at_once) if at_once > 1 else session.getnext(column):
        index = oid[start:]
        # gufo-snmp follows an agent that goes round in circles for as long as it leads.
        if index in rows or len(rows) >= MOST_ROWS:
            message = f"the table {column} has no end"
            raise NoAnswer(Outcome.GARBAGE, message)
        rows[index] = value
    return rows


def _no_way(error: OSError) -> NoAnswer:
    """Return what an error of the network means; one of our own machine is raised."""
    if _number(error) in _OUR_OWN:
        raise error
    return NoAnswer(Outcome.SILENT, f"no way there: {error}")


def _number(error: OSError) -> int | None:
    """Return the error's number; gufo-snmp has it in the text only."""
    if error.errno is not None:
        return error.errno
    found = re.search(r"os error (\d+)", str(error))
    return int(found[1]) if found else None
