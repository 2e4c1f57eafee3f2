"""Recordings of real devices, read from the package snmpsim-data and cut to the subtrees that we play. None is ours."""

from __future__ import annotations

import bz2
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from api.demo.responder.ber import (
    COUNTER32,
    COUNTER64,
    GAUGE32,
    INTEGER,
    IP_ADDRESS,
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    OPAQUE,
    TIME_TICKS,
    parse_oid,
)
from api.demo.responder.tree import Row, Tree

if TYPE_CHECKING:
    from api.demo.responder.movement import Value

PACKAGE = "snmpsim-data"
FOLDER = "snmpsim_data/data/"
ENDINGS = (".snmprec", ".snmprec.bz2")
SUBTREES = (
    "1.3.6.1.2.1.1.",  # system
    "1.3.6.1.2.1.2.",  # interfaces
    "1.3.6.1.2.1.25.1.",  # HOST-RESOURCES-MIB: system, storage, devices
    "1.3.6.1.2.1.25.2.",
    "1.3.6.1.2.1.25.3.",
    "1.3.6.1.2.1.31.",  # IF-MIB
    "1.3.6.1.2.1.33.",  # UPS-MIB
    "1.3.6.1.4.1.2021.4.",  # UCD-SNMP-MIB: memory, load, system statistics
    "1.3.6.1.4.1.2021.10.",
    "1.3.6.1.4.1.2021.11.",
    "1.3.6.1.4.1.41112.",  # Ubiquiti airMAX
)
NUMBERS = frozenset({INTEGER, COUNTER32, GAUGE32, TIME_TICKS, COUNTER64})
STRINGS = frozenset({OCTET_STRING, OPAQUE})
FIELDS = 3


class RecordingMissing(LookupError):
    """There is no such recording, or the package with the recordings is not installed."""


def find(name: str) -> Path:
    """Return the file of a recording such as `UPS/eaton-93e-80`; RecordingMissing if there is none."""
    try:
        distribution = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise RecordingMissing(f"the package {PACKAGE} is not installed: pip install {PACKAGE}") from error
    for ending in ENDINGS:
        path = Path(str(distribution.locate_file(f"{FOLDER}{name}{ending}")))
        if path.is_file():
            return path
    raise RecordingMissing(f"the package {PACKAGE} has no recording {name}")


@cache
def load(name: str) -> Tree:
    """Return a recording's variables under SUBTREES, the same object each time; RecordingMissing if there is none."""
    path = find(name)
    data = bz2.decompress(path.read_bytes()) if path.suffix == ".bz2" else path.read_bytes()
    subtrees = tuple(subtree.encode() for subtree in SUBTREES)
    rows = (read_line(line) for line in data.split(b"\n") if line.startswith(subtrees))
    return Tree(row for row in rows if row is not None)


def read_line(line: bytes) -> Row | None:
    """Return one line of a recording, `OID|tag|value`; None if it holds a rule of another simulator, not a value."""
    fields = line.rstrip(b"\r").split(b"|", FIELDS - 1)
    if len(fields) != FIELDS or b":" in fields[1]:
        return None
    oid, tag_text, text = fields
    hexadecimal = tag_text.endswith(b"x")
    tag = int(tag_text.removesuffix(b"x"))
    value: Value
    if tag in NUMBERS:
        value = int(text)
    elif tag in STRINGS:
        value = bytes.fromhex(text.decode("ascii")) if hexadecimal else text
    elif tag == IP_ADDRESS:
        value = bytes.fromhex(text.decode("ascii")) if hexadecimal else bytes(int(part) for part in text.split(b"."))
    elif tag == OBJECT_IDENTIFIER:
        value = parse_oid(text.decode("ascii"))
    elif tag == NULL:
        value = None
    else:
        return None
    return Row(parse_oid(oid.decode("ascii")), tag, value)
