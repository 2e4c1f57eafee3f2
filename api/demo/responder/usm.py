"""SNMP version 3 with the user-based security model, as the authoritative side (RFC 3412, RFC 3414).

One user with authentication and privacy: HMAC-SHA-96 (RFC 3414) or HMAC-192-SHA-256 (RFC 7860), and AES-128 (RFC 3826).
Whoever asks with less, or wrongly, gets the report that the RFC names for it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from api.demo.responder.ber import (
    COUNTER32,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    BadPacket,
    encode_oid,
    expect,
    header,
    integer,
    octets,
    read_integer,
    read_octets,
    tlv,
)
from api.demo.responder.messages import MAX_MESSAGE, MIN_MAX_MESSAGE, PDU_OVERHEAD, REPORT, V3, bindings_of, response

AuthName = Literal["SHA-1", "SHA-256"]

AUTH = 0x01
PRIV = 0x02
REPORTABLE = 0x04
USER_BASED = 3
TIME_WINDOW_S = 150
KEY_STRETCH = 1 << 20
"""A passphrase is repeated to this many bytes before it is hashed (RFC 3414, appendix A.2)."""
AES_KEY = 16
SALT = 8
LIMIT32 = (1 << 32) - 1
MIN_PASSPHRASE = 8
HEADER_OVERHEAD = 4 + 3 + (2 + 6 + 4 + 3 + 3) + 4 + 2 + 6 + 6 + 4 + 4
"""Everything of a version 3 message that has no length of its own below, at its longest."""

UNSUPPORTED_LEVEL = encode_oid((1, 3, 6, 1, 6, 3, 15, 1, 1, 1, 0))
NOT_IN_TIME_WINDOW = encode_oid((1, 3, 6, 1, 6, 3, 15, 1, 1, 2, 0))
UNKNOWN_USER = encode_oid((1, 3, 6, 1, 6, 3, 15, 1, 1, 3, 0))
UNKNOWN_ENGINE = encode_oid((1, 3, 6, 1, 6, 3, 15, 1, 1, 4, 0))
WRONG_DIGEST = encode_oid((1, 3, 6, 1, 6, 3, 15, 1, 1, 5, 0))
DECRYPTION_ERROR = encode_oid((1, 3, 6, 1, 6, 3, 15, 1, 1, 6, 0))


class _Auth(NamedTuple):
    hash_name: str
    mac: int


AUTHS: dict[str, _Auth] = {"SHA-1": _Auth("sha1", 12), "SHA-256": _Auth("sha256", 24)}


@dataclass(frozen=True, slots=True)
class User:
    """Who may ask in version 3, always with authentication and privacy.

    Attributes:
        name: User name.
        auth: Authentication protocol.
        auth_key: Authentication passphrase, 8 characters or more.
        priv_key: Passphrase of AES-128, 8 characters or more.
    """

    name: str
    auth: AuthName
    auth_key: str = field(repr=False)
    priv_key: str = field(repr=False)

    def __post_init__(self) -> None:
        if self.auth not in AUTHS:
            raise ValueError(f"authentication {self.auth} is neither SHA-1 nor SHA-256")
        if min(len(self.auth_key), len(self.priv_key)) < MIN_PASSPHRASE:
            raise ValueError("a passphrase has fewer than 8 characters")  # RFC 3414, section 11.2


class Request(NamedTuple):
    """A version 3 message that passed, opened.

    Attributes:
        message_id: To be returned with the answer.
        max_size: The largest message that the other side takes.
        context: Context name, returned with the answer.
        scoped: The bytes that hold the PDU.
        at: Where the PDU begins in `scoped`.
        end: Where it ends.
    """

    message_id: int
    max_size: int
    context: bytes
    scoped: bytes
    at: int
    end: int

    def room(self, engine: Engine) -> int:
        """Return how many bytes of bindings fit into an answer."""
        envelope = HEADER_OVERHEAD + 2 * len(engine.id) + len(engine.user.name.encode()) + len(self.context) + 12
        return self.max_size - envelope - engine.mac_size - SALT - PDU_OVERHEAD


class Refusal(NamedTuple):
    """A message that did not pass: the report to send, or None where the other side wants none."""

    report: bytes | None


class Envelope(NamedTuple):
    """What stands around the scoped PDU of a version 3 message (RFC 3412, section 6; RFC 3414, section 2.4).

    Attributes:
        message_id: To be returned with the answer.
        max_size: The largest message that the other side takes.
        flags: Level, and whether a report is wanted.
        engine_id: Whom it is for.
        boots: What the other side believes of our boots.
        time_s: What the other side believes of our time.
        user: Who asks.
        mac_at: Where the digest lies.
        mac: The digest.
        salt: What makes the encryption unique.
        scoped_at: Where the scoped PDU begins.
        end: Where the message ends.
    """

    message_id: int
    max_size: int
    flags: int
    engine_id: bytes
    boots: int
    time_s: int
    user: bytes
    mac_at: int
    mac: bytes
    salt: bytes
    scoped_at: int
    end: int

    @property
    def level(self) -> int:
        """AUTH and PRIV, as far as they are used."""
        return self.flags & (AUTH | PRIV)

    def blanked(self, data: bytes) -> bytes:
        """Return the message with zeros in place of its digest, which is what the digest was made of."""
        return data[: self.mac_at] + bytes(len(self.mac)) + data[self.mac_at + len(self.mac) :]


def read_envelope(data: bytes, at: int, end: int) -> Envelope:
    """Return the envelope of the message whose version ends at `at`.

    Raises:
        BadPacket: It is malformed, of another security model, or wants privacy without authentication.
    """
    start, at = expect(data, at, end, SEQUENCE)
    message_id, start = read_integer(data, start, at)
    max_size, start = read_integer(data, start, at)
    flags, start = read_octets(data, start, at)
    model, start = read_integer(data, start, at)
    if max_size < MIN_MAX_MESSAGE or len(flags) != 1 or model != USER_BASED or flags[0] & (AUTH | PRIV) == PRIV:
        raise BadPacket("a version 3 header that means nothing here")  # RFC 3412, section 7.2
    start, scoped_at = expect(data, at, end, OCTET_STRING)
    start, stop = expect(data, start, scoped_at, SEQUENCE)
    engine_id, start = read_octets(data, start, stop)
    boots, start = read_integer(data, start, stop)
    time_s, start = read_integer(data, start, stop)
    user, start = read_octets(data, start, stop)
    mac_at = header(data, start, stop)[1]
    mac, start = read_octets(data, start, stop)
    salt, start = read_octets(data, start, stop)
    return Envelope(message_id, max_size, flags[0], engine_id, boots, time_s, user, mac_at, mac, salt, scoped_at, end)


@lru_cache(maxsize=64)
def master_key(hash_name: str, passphrase: str) -> bytes:
    """Return the key of a passphrase before it is tied to an engine (RFC 3414, appendix A.2)."""
    raw = passphrase.encode()
    return hashlib.new(hash_name, (raw * (KEY_STRETCH // len(raw) + 1))[:KEY_STRETCH]).digest()


def localized_key(hash_name: str, passphrase: str, engine_id: bytes) -> bytes:
    """Return the key of a passphrase at one engine (RFC 3414, section 2.6)."""
    master = master_key(hash_name, passphrase)
    return hashlib.new(hash_name, master + engine_id + master).digest()


class Engine:
    """One device's SNMP engine: its id, its one user, and how often each check failed.

    The clock of an engine is not kept here: `boots` and `time_s` are arguments.
    """

    def __init__(self, engine_id: bytes, user: User) -> None:
        self.id = engine_id
        self.user = user
        self._name = user.name.encode()
        self._hash, self.mac_size = AUTHS[user.auth]
        self._auth_key = localized_key(self._hash, user.auth_key, engine_id)
        self._priv_key = localized_key(self._hash, user.priv_key, engine_id)[:AES_KEY]
        self._salt = int.from_bytes(hashlib.sha256(engine_id).digest()[:SALT], "big")
        self.refused: dict[bytes, int] = {}

    def open(self, data: bytes, at: int, end: int, boots: int, time_s: int) -> Request | Refusal:
        """Return the message opened, or how it is refused, by the steps of RFC 3414, section 3.2.

        Args:
            data: The whole message.
            at: Index after its version.
            end: End of the message.
            boots: This engine's snmpEngineBoots.
            time_s: This engine's snmpEngineTime.

        Raises:
            BadPacket: It is no version 3 message of the user-based model.
        """
        asked = read_envelope(data, at, end)
        reason = self._check(data, asked, boots, time_s)
        if reason is not None:
            return self._refuse(reason, data, asked, boots, time_s)
        encrypted, _ = read_octets(data, asked.scoped_at, end)
        decryptor = self._cipher(asked.boots, asked.time_s, asked.salt).decryptor()
        scoped = decryptor.update(encrypted) + decryptor.finalize()
        start, stop = expect(scoped, 0, len(scoped), SEQUENCE)
        context_engine, start = read_octets(scoped, start, stop)
        context, start = read_octets(scoped, start, stop)
        if context_engine != self.id:
            raise BadPacket("a context of another engine")
        return Request(asked.message_id, min(asked.max_size, MAX_MESSAGE), context, scoped, start, stop)

    def _check(self, data: bytes, asked: Envelope, boots: int, time_s: int) -> bytes | None:
        """Return the first reason for a refusal, None if there is none."""
        reason = None
        if asked.engine_id != self.id:
            reason = UNKNOWN_ENGINE
        elif asked.user != self._name:
            reason = UNKNOWN_USER
        elif asked.level != AUTH | PRIV:
            reason = UNSUPPORTED_LEVEL
        elif len(asked.mac) != self.mac_size or not hmac.compare_digest(asked.mac, self._sign(asked.blanked(data))):
            reason = WRONG_DIGEST
        elif asked.boots != boots or abs(asked.time_s - time_s) > TIME_WINDOW_S:
            reason = NOT_IN_TIME_WINDOW
        elif len(asked.salt) != SALT:
            reason = DECRYPTION_ERROR
        return reason

    def _refuse(self, reason: bytes, data: bytes, asked: Envelope, boots: int, time_s: int) -> Refusal:
        self.refused[reason] = self.refused.get(reason, 0) + 1
        if not asked.flags & REPORTABLE:
            return Refusal(None)
        request_id = 0 if asked.level & PRIV else _request_id(data, asked.scoped_at, asked.end)
        count = tlv(SEQUENCE, tlv(OBJECT_IDENTIFIER, reason) + integer(self.refused[reason] & LIMIT32, COUNTER32))
        pdu = response(request_id, 0, 0, bindings_of((count,)), REPORT)
        # Signed only where the digest of the question was right: that is how a manager learns our time safely.
        level = AUTH if reason is NOT_IN_TIME_WINDOW else 0
        return Refusal(self._wrap(pdu, asked.message_id, b"", asked.user, level, boots, time_s))

    def seal(self, pdu: bytes, message_id: int, context: bytes, boots: int, time_s: int) -> bytes:
        """Return a version 3 message with `pdu`, signed and encrypted."""
        return self._wrap(pdu, message_id, context, self._name, AUTH | PRIV, boots, time_s)

    def _wrap(
        self, pdu: bytes, message_id: int, context: bytes, user: bytes, level: int, boots: int, time_s: int
    ) -> bytes:
        scoped = tlv(SEQUENCE, octets(self.id) + octets(context) + pdu)
        salt = b""
        if level & PRIV:
            self._salt = (self._salt + 1) & ((1 << 64) - 1)
            salt = self._salt.to_bytes(SALT, "big")
            encryptor = self._cipher(boots, time_s, salt).encryptor()
            scoped = octets(encryptor.update(scoped) + encryptor.finalize())
        mac = bytes(self.mac_size if level & AUTH else 0)
        security = octets(self.id) + integer(boots) + integer(time_s) + octets(user)
        security = octets(tlv(SEQUENCE, security + octets(mac) + octets(salt)))
        head = tlv(SEQUENCE, integer(message_id) + integer(MAX_MESSAGE) + octets(bytes((level,))) + integer(USER_BASED))
        whole = tlv(SEQUENCE, integer(V3) + head + security + scoped)
        if not mac:
            return whole
        at = len(whole) - len(scoped) - len(octets(salt)) - len(mac)
        return whole[:at] + self._sign(whole) + whole[at + len(mac) :]

    def _sign(self, whole: bytes) -> bytes:
        return hmac.digest(self._auth_key, whole, self._hash)[: self.mac_size]

    def _cipher(self, boots: int, time_s: int, salt: bytes) -> Cipher[CFB]:
        # RFC 3826, section 3.1.2.1: boots, time and the sender's salt make the initialisation vector.
        vector = (boots & 0xFFFFFFFF).to_bytes(4, "big") + (time_s & 0xFFFFFFFF).to_bytes(4, "big") + salt
        return Cipher(AES(self._priv_key), CFB(vector))


def _request_id(data: bytes, at: int, end: int) -> int:
    """Return the request id of a PDU that came in the clear, 0 if it cannot be read (RFC 3412, section 7.1, step 3)."""
    try:
        start, stop = expect(data, at, end, SEQUENCE)
        _, start = read_octets(data, start, stop)
        _, start = read_octets(data, start, stop)
        _, start, stop = header(data, start, stop)
        return read_integer(data, start, stop)[0]
    except BadPacket:
        return 0
