"""Agents without a recording, for the load bench: a switch with as many interfaces as asked for."""

from __future__ import annotations

from functools import cache

from api.demo.responder.ber import (
    COUNTER32,
    COUNTER64,
    GAUGE32,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    TIME_TICKS,
    Oid,
    parse_oid,
)
from api.demo.responder.movement import IF_ENTRY, IF_X_ENTRY, Value
from api.demo.responder.tree import Row, Tree

SMALL, MIDDLE, LARGE = 2, 7, 48
"""Interfaces for about 20, 60 and 393 polled values: 4 to 9 scalars and 8 columns."""
SHARES = ((LARGE, 0.05), (MIDDLE, 0.25), (SMALL, 0.70))
"""The country mix: 70 % of the devices small, 25 % middle, 5 % large."""
ABOVE_2_63 = (1 << 63) + 123_456_789
GIGABIT = 1_000_000_000

SCALARS: tuple[tuple[str, int, Value], ...] = (
    ("1.3.6.1.2.1.1.1.0", OCTET_STRING, b"Synthetic switch of the load bench"),
    ("1.3.6.1.2.1.1.2.0", OBJECT_IDENTIFIER, parse_oid("1.3.6.1.4.1.32473.1")),  # RFC 5612: the example enterprise
    ("1.3.6.1.2.1.1.3.0", TIME_TICKS, 123_456_700),
    ("1.3.6.1.2.1.1.4.0", OCTET_STRING, b""),
    ("1.3.6.1.2.1.1.5.0", OCTET_STRING, b"synthetic"),
    ("1.3.6.1.2.1.1.6.0", OCTET_STRING, b""),
    ("1.3.6.1.2.1.25.1.1.0", TIME_TICKS, 123_456_700),
    ("1.3.6.1.2.1.25.3.3.1.2.1", INTEGER, 12),
    ("1.3.6.1.4.1.2021.4.5.0", INTEGER, 262_144),
    ("1.3.6.1.4.1.2021.4.6.0", INTEGER, 131_072),
    ("1.3.6.1.4.1.2021.10.1.5.1", INTEGER, 25),
    ("1.3.6.1.4.1.2021.11.9.0", INTEGER, 8),
    ("1.3.6.1.4.1.2021.11.10.0", INTEGER, 4),
    ("1.3.6.1.4.1.2021.11.11.0", INTEGER, 88),
)


@cache
def tree(interfaces: int) -> Tree:
    """Return the variables of an agent with this many interfaces, the same object each time."""
    rows = [Row(parse_oid(oid), tag, value) for oid, tag, value in SCALARS]
    rows.append(Row(parse_oid("1.3.6.1.2.1.2.1.0"), INTEGER, interfaces))
    for index in range(1, interfaces + 1):
        octets_in, octets_out = ABOVE_2_63 + index * GIGABIT, (1 << 40) + index * GIGABIT
        entry: dict[Oid, tuple[int, Value]] = {
            (*IF_ENTRY, 1): (INTEGER, index),
            (*IF_ENTRY, 2): (OCTET_STRING, b"GigabitEthernet0/%d" % index),
            (*IF_ENTRY, 3): (INTEGER, 6),
            (*IF_ENTRY, 4): (INTEGER, 1500),
            (*IF_ENTRY, 5): (GAUGE32, GIGABIT),
            (*IF_ENTRY, 7): (INTEGER, 1),
            (*IF_ENTRY, 8): (INTEGER, 1),
            (*IF_ENTRY, 10): (COUNTER32, octets_in & 0xFFFFFFFF),
            (*IF_ENTRY, 13): (COUNTER32, 0),
            (*IF_ENTRY, 14): (COUNTER32, 0),
            (*IF_ENTRY, 16): (COUNTER32, octets_out & 0xFFFFFFFF),
            (*IF_ENTRY, 19): (COUNTER32, 0),
            (*IF_ENTRY, 20): (COUNTER32, 0),
            (*IF_X_ENTRY, 1): (OCTET_STRING, b"Gi0/%d" % index),
            (*IF_X_ENTRY, 6): (COUNTER64, octets_in),
            (*IF_X_ENTRY, 10): (COUNTER64, octets_out),
            (*IF_X_ENTRY, 15): (GAUGE32, 1000),
            (*IF_X_ENTRY, 18): (OCTET_STRING, b""),
        }
        rows.extend(Row((*column, index), tag, value) for column, (tag, value) in entry.items())
    return Tree(rows)


def interfaces_of(number: int) -> int:
    """Return how many interfaces the device with this running number has in the country mix."""
    place = (number * 0.6180339887498949) % 1.0  # golden ratio: any stretch of numbers holds the mix closely
    for interfaces, share in SHARES:
        if place < share:
            return interfaces
        place -= share
    return SMALL
