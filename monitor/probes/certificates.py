"""Reads the certificates that a service shows, and says what is wrong with each. Pure.

OpenSSL decides whether a chain is trusted, and stops at the first thing that it does not like. Whoever has to mend the
server needs more: which of its certificates it is, when each of them ends, and whose is missing.
"""

from __future__ import annotations

import ipaddress
import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

MOST_SHOWN: Final = 10
"""Of one service; a chain has two to four."""
MOST_LETTERS: Final = 200


class Certificate(NamedTuple):
    """One certificate of a chain.

    Attributes:
        subject: Whose it is: common name, else the whole name.
        issuer: Who has signed it, as it says itself.
        names: For which names and addresses it is; of a service's own only.
        begins_ms: From when, Unix milliseconds.
        ends_ms: Until when.
        wrong: `expired`, `not-yet`, `wrong-name`, `self-signed`, `issuer-missing`, `out-of-order`, `unreadable`; empty:
            nothing.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins_ms: int
    ends_ms: int
    wrong: str = ""


def read_chain(shown: Sequence[bytes], name: str, now: datetime, *, trusted: bool) -> tuple[Certificate, ...]:
    """Return what is in the certificates of a service, in the order shown, with what is wrong with each.

    Args:
        shown: In DER, whatever they hold; the service's own comes first.
        name: Whom it must name: a host name or an IP address.
        now: Aware UTC instant.
        trusted: Whether the chain was verified; then the last one's issuer is known to this machine.
    """
    read = [_read(one) for one in shown[:MOST_SHOWN]]
    told = []
    for place, made in enumerate(read):
        if made is None:
            told.append(Certificate("", "", (), 0, 0, "unreadable"))
            continue
        above = read[place + 1] if place + 1 < len(read) else None
        last = place + 1 == len(read)
        names = _names(made) if place == 0 else ()
        told.append(
            Certificate(
                subject=_called(made.subject),
                issuer=_called(made.issuer),
                names=names,
                begins_ms=round(made.not_valid_before_utc.timestamp() * 1000),
                ends_ms=round(made.not_valid_after_utc.timestamp() * 1000),
                wrong=_wrong(made, above, name if place == 0 else "", names, now, last=last, trusted=trusted),
            )
        )
    return tuple(told)


def _wrong(  # noqa: PLR0911 - one reason a line, the worst first
    made: x509.Certificate,
    above: x509.Certificate | None,
    name: str,
    names: Sequence[str],
    now: datetime,
    *,
    last: bool,
    trusted: bool,
) -> str:
    if made.not_valid_after_utc < now:
        return "expired"
    if made.not_valid_before_utc > now:
        return "not-yet"
    if name and not any(_fits(name, each) for each in names):
        return "wrong-name"
    if made.issuer == made.subject:
        return "" if trusted else "self-signed"
    if last:
        return "" if trusted else "issuer-missing"
    if above is None or not _signed_by(made, above):
        return "out-of-order"
    return ""


def _read(der: bytes) -> x509.Certificate | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a later release will refuse: their oddity is no news to our log
            made = x509.load_der_x509_certificate(der)
            # Names and times are parsed only when they are asked for.
            _ = made.subject, made.issuer, made.not_valid_before_utc, made.not_valid_after_utc
    except (ValueError, x509.InvalidVersion):  # openssl took what cryptography does not
        return None
    return made


def _signed_by(made: x509.Certificate, above: x509.Certificate) -> bool:
    try:
        made.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):  # names that differ, a key of another kind, a false signature
        return False
    return True


def _called(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    said = common[0].value if common else name.rfc4514_string()
    text = said if isinstance(said, str) else said.decode("utf-8", "replace")
    return "".join(letter for letter in text if letter.isprintable())[:MOST_LETTERS]


def _names(made: x509.Certificate) -> tuple[str, ...]:
    try:
        found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return ()
    names = [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]
    return tuple("".join(letter for letter in name if letter.isprintable())[:MOST_LETTERS] for name in names[:100])


def _fits(name: str, pattern: str) -> bool:
    """Return whether a certificate's `pattern` means `name`: a star stands for one whole label (RFC 9525 section 6)."""
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(pattern)
    except ValueError:
        pass
    name, pattern = name.lower().rstrip("."), pattern.lower().rstrip(".")
    if pattern.startswith("*."):
        label, _, rest = name.partition(".")
        return bool(label) and rest == pattern[2:]
    return name == pattern
