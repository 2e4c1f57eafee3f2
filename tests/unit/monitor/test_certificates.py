"""What is wrong with each certificate of a chain, whatever a service shows."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from monitor.probes.certificates import MOST_SHOWN, read_chain

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NAME = "room.example.vn"


class Signer(NamedTuple):
    der: bytes
    key: ec.EllipticCurvePrivateKey
    name: x509.Name


def sign(
    subject: str, by: Signer | None = None, *, days: tuple[float, float] = (-10, 90), names: tuple[str, ...] = (NAME,)
) -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    alternative: list[x509.GeneralName] = [
        x509.IPAddress(ip_address(each)) if each[0].isdigit() else x509.DNSName(each) for each in names
    ]
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(by.name if by else name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=days[0])).not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        .add_extension(x509.BasicConstraints(ca=subject != NAME, path_length=None), critical=True)
        .sign(by.key if by else key, hashes.SHA256())
    )  # fmt: skip
    return Signer(made.public_bytes(serialization.Encoding.DER), key, name)


@cache
def authority() -> tuple[Signer, Signer]:
    root = sign("Root")
    return root, sign("Middle", root)


def wrongs(*shown: bytes, name: str = NAME, trusted: bool = False) -> list[str]:
    return [one.wrong for one in read_chain(shown, name, NOW, trusted=trusted)]


def test_a_whole_chain_has_nothing_wrong() -> None:
    root, middle = authority()
    own = sign(NAME, middle)
    assert wrongs(own.der, middle.der, root.der, trusted=True) == ["", "", ""]
    assert wrongs(own.der, middle.der, trusted=True) == ["", ""], "the root need not be shown"
    told = read_chain([own.der], NAME, NOW, trusted=False)[0]
    assert (told.subject, told.issuer, told.names) == (NAME, "Middle", (NAME,))
    assert told.ends_ms == round((NOW + timedelta(days=90)).timestamp() * 1000)


def test_the_one_whose_signer_is_missing_is_named() -> None:
    root, middle = authority()
    own = sign(NAME, middle)
    assert wrongs(own.der) == ["issuer-missing"]
    assert wrongs(own.der, middle.der) == ["", "issuer-missing"]
    assert wrongs(own.der, middle.der, root.der) == ["", "", "self-signed"], "a root that nobody here knows"
    assert wrongs(own.der, root.der) == ["out-of-order", "self-signed"]


def test_the_one_that_has_ended_is_named() -> None:
    root = authority()[0]
    middle = sign("Middle", root, days=(-90, -1))
    assert wrongs(sign(NAME, middle).der, middle.der) == ["", "expired"]
    assert wrongs(sign(NAME, root, days=(1, 2)).der) == ["not-yet"]


def test_one_that_only_says_who_signed_it_is_not_believed() -> None:
    root, _ = authority()
    false = sign(NAME, Signer(b"", sign("Thief").key, root.name))
    assert wrongs(false.der, root.der)[0] == "out-of-order"


@pytest.mark.parametrize(
    ("names", "asked", "fits"),
    [
        ((NAME,), "ROOM.example.vn.", True),
        (("*.example.vn",), NAME, True),
        (("*.example.vn",), "a.room.example.vn", False),
        (("*.example.vn",), "example.vn", False),
        (("192.0.2.7",), "192.0.2.7", True),
        (("192.0.2.7",), "192.0.2.8", False),
        (("other.example.vn",), NAME, False),
    ],
)
def test_a_certificate_names_the_service_or_not(names: tuple[str, ...], asked: str, *, fits: bool) -> None:
    root = authority()[0]
    assert wrongs(sign("anything", root, names=names).der, name=asked, trusted=True) == ["" if fits else "wrong-name"]


@given(st.lists(st.binary(max_size=300), max_size=MOST_SHOWN + 3))
def test_whatever_is_shown_is_told_and_never_raised(shown: list[bytes]) -> None:
    told = read_chain(shown, NAME, NOW, trusted=False)
    assert len(told) == min(len(shown), MOST_SHOWN)
    assert {one.wrong for one in told} <= {"unreadable"}


def test_a_certificate_that_was_tampered_with_is_told_and_never_raised() -> None:
    chance = random.Random(7)  # noqa: S311 - the same each time
    root, middle = authority()
    for place in range(len(middle.der)):
        for octet in {0, 255, middle.der[place] ^ 1, chance.randrange(256)}:
            bad = bytearray(middle.der)
            bad[place] = octet
            assert len(read_chain([bytes(bad), root.der], NAME, NOW, trusted=False)) == 2
        assert len(read_chain([middle.der[:place]], "192.0.2.7", NOW, trusted=False)) == 1
