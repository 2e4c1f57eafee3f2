"""How many bytes an SNMP exchange puts on the line, in both directions, with the headers of IP and UDP. Pure.

gufo-snmp does not tell what it sends, but BER leaves nothing to choose: the length of a message follows from what is
in it (ITU-T X.690 section 8; RFC 1157, RFC 3416, RFC 3412). What the line adds below IP is not counted: nobody here
knows what it is. `tests/parts/monitor/test_traffic.py` compares these sums with what a relay saw pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

HEADERS_4: Final = 28
"""IPv4 without options, and UDP (RFC 791, RFC 768)."""
HEADERS_6: Final = 48
REQUEST_ID: Final = 6
"""An INTEGER of four octets: request ids are drawn from 31 bits."""
NULL: Final = 2
_PDU_FIELDS: Final = REQUEST_ID + 3 + 3  # request id, error status, error index, or the two numbers of GETBULK
_VERSION: Final = 3
_V3_HEADER: Final = 2 + REQUEST_ID + 5 + 3 + 3  # id, largest message, flags, security model
_V3_CLOCK: Final = 3 + 5  # engine boots and time, as most agents have them
_V3_PRIVACY: Final = 2 + 8
_ENGINE_ID: Final = 2 + 17
"""As long as net-snmp's; others have 5 to 32 octets (RFC 3411 section 5)."""

Value = None | str | bytes | float


class Envelope:
    """What every message to and from one agent carries beside its variables.

    Args:
        version_6: Whether it goes over IPv6.
        community: Of v1 and v2c; None: v3.
        user: Of v3.
        digest: Octets of the authentication digest (v3): 12 to 48; 0 without authentication.
        private: Whether what is said is hidden (v3).
    """

    __slots__ = ("_fixed", "_headers", "_hidden", "_scope")

    def __init__(
        self, *, version_6: bool, community: str | None, user: str = "", digest: int = 0, private: bool = False
    ) -> None:
        self._headers = HEADERS_6 if version_6 else HEADERS_4
        self._scope = self._hidden = 0
        if community is not None:
            self._fixed = _VERSION + tlv(len(community.encode()))
            return
        security = 4 + _ENGINE_ID + _V3_CLOCK + tlv(len(user.encode())) + 2 + digest + (_V3_PRIVACY if private else 2)
        self._fixed = _VERSION + _V3_HEADER + security
        self._scope = _ENGINE_ID + 2  # context engine and name
        self._hidden = 4 if private else 0  # the octets that hide it all

    def message(self, bindings: int) -> int:
        """Return the octets of one message whose variables take `bindings`."""
        pdu = tlv(_PDU_FIELDS + tlv(bindings))
        said = tlv(self._scope + pdu) + self._hidden if self._scope else pdu
        return self._headers + tlv(self._fixed + said)

    def refresh(self) -> int:
        """Return the octets of asking an agent for its clock, and of its report (RFC 3414 section 4)."""
        return 2 * self.message(0) + tlv(_ENGINE_ID)


def tlv(content: int) -> int:
    """Return the octets of one element with `content` octets in it."""
    return content + (2 if content < 0x80 else 3 if content < 0x100 else 4)  # noqa: PLR2004 - forms of X.690 8.1.3


@lru_cache(maxsize=200_000)
def oid_octets(oid: str) -> int:
    """Return the octets of an OBJECT IDENTIFIER, tag and length included."""
    # The first two arcs share an octet, so the second one stands for both.
    return tlv(sum(1 if len(arc) < 3 else max(1, (int(arc).bit_length() + 6) // 7) for arc in oid.split(".")[1:]))  # noqa: PLR2004 - two digits are below 128


def asked(oids: Iterable[str]) -> int:
    """Return the octets of variables that are asked for."""
    return sum([tlv(oid_octets(oid) + NULL) for oid in oids])


def answered(values: Mapping[str, Value]) -> int:
    """Return the octets of variables that came. Once per value of every poll: no I/O."""
    return sum([tlv(oid_octets(oid) + value_octets(value)) for oid, value in values.items()])


def value_octets(value: Value) -> int:
    """Return the octets of a value, tag and length included."""
    if value.__class__ is int:
        return 3 + value.bit_length() // 8
    if isinstance(value, bytes):
        return tlv(len(value))
    if isinstance(value, str):  # an address, or an identifier
        return 6 if value.count(".") == 3 else oid_octets(value)  # noqa: PLR2004 - four numbers
    return NULL if value is None else 9
