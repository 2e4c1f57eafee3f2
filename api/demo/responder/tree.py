"""The variables of one recording in their order: a tree that every agent which plays this recording shares."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from api.demo.responder import movement
from api.demo.responder.ber import (
    INTEGER,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    TIME_TICKS,
    Oid,
    decode_oid,
    encode_oid,
    integer,
    octets,
    parse_oid,
    tlv,
)
from api.demo.responder.messages import MAX_MESSAGE
from api.demo.responder.movement import IF_ENTRY, IF_X_ENTRY, UP, Computed, Life, Moving, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

SYS_UP_TIME = parse_oid("1.3.6.1.2.1.1.3.0")
ENGINE = parse_oid("1.3.6.1.6.3.10.2.1")
MEGABIT = 1_000_000
LIMIT_OF_IF_SPEED = (1 << 32) - 1


class Row(NamedTuple):
    """One recorded variable."""

    oid: Oid
    tag: int
    value: Value


class Interface(NamedTuple):
    """An interface of a recording.

    Attributes:
        number: Its ifIndex.
        name: ifName, or ifDescr where the device has no ifXTable.
        speed_bps: Recorded speed; 0 where the device does not say.
        up: Whether it was up.
    """

    number: int
    name: str
    speed_bps: int
    up: bool


class Tree:
    """Variables sorted by object identifier.

    Attributes:
        oids: Arcs, ascending.
        names: The same, encoded with tag and length.
        entries: For each the whole encoded binding if it never changes, else how it moves.
        rows: What was recorded.
        position: Index of each by the content of its encoded name.
        interfaces: Interfaces by ifIndex.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        """Sort and encode `rows`; of repeats the first counts. sysUpTime.0 and the engine's scalars are added."""
        found: dict[Oid, Row] = {}
        for row in rows:
            found.setdefault(row.oid, row)
        found.setdefault(SYS_UP_TIME, Row(SYS_UP_TIME, TIME_TICKS, 0))
        computed = {(*ENGINE, arc, 0): Computed(function) for arc, function in _ENGINE_SCALARS.items()}
        for oid in computed:
            found[oid] = Row(oid, INTEGER, 0)
        self.oids = sorted(found)
        self.rows = [found[oid] for oid in self.oids]
        self.interfaces = _interfaces(found)
        self.moving = frozenset(interface.number for interface in self.interfaces.values() if interface.up)
        uptime = found[SYS_UP_TIME].value
        self.uptime_s = uptime / movement.TICKS_A_SECOND if isinstance(uptime, int) else 0.0
        self.names: list[bytes] = []
        self.entries: list[bytes | Moving] = []
        self.position: dict[bytes, int] = {}
        for at, row in enumerate(self.rows):
            content = encode_oid(row.oid)
            name = tlv(OBJECT_IDENTIFIER, content)
            self.names.append(name)
            self.position[content] = at
            self.entries.append(computed.get(row.oid) or self.entry(at, row.value))

    def entry(self, at: int, value: Value) -> bytes | Moving:
        """Return how variable `at` answers if `value` had been recorded; ValueError if it does not suit the type."""
        row = self.rows[at]
        moves = movement.of(row.oid, row.tag, value, self.moving, self.uptime_s)
        return tlv(SEQUENCE, self.names[at] + moves) if isinstance(moves, bytes) else moves

    def after(self, name: bytes) -> int:
        """Return the index of the first variable behind `name` (encoded content); BadPacket if that is malformed."""
        at = self.position.get(name)
        if at is not None:
            return at + 1
        return bisect_left(self.oids, decode_oid(name))

    def under(self, subtree: Oid) -> range:
        """Return the indexes of the variables under `subtree`."""
        end = (*subtree[:-1], subtree[-1] + 1)
        return range(bisect_left(self.oids, subtree), bisect_left(self.oids, end))

    def named(self, oid: Oid) -> int:
        """Return the index of a variable; KeyError if there is none."""
        at = bisect_left(self.oids, oid)
        if at == len(self.oids) or self.oids[at] != oid:
            raise KeyError(".".join(map(str, oid)))
        return at

    def interface(self, name: str) -> Interface:
        """Return the interface with this ifName; KeyError if there is none."""
        for interface in self.interfaces.values():
            if interface.name == name:
                return interface
        raise KeyError(name)


def _interfaces(found: dict[Oid, Row]) -> dict[int, Interface]:
    def number(column: Oid, index: int) -> int:
        row = found.get((*column, index))
        return row.value if row and isinstance(row.value, int) else 0

    def text(column: Oid, index: int) -> str:
        row = found.get((*column, index))
        return row.value.decode("utf-8", "replace") if row and isinstance(row.value, bytes) else ""

    interfaces = {}
    for oid in found:
        if oid[:-1] != (*IF_ENTRY, 8):
            continue
        index = oid[-1]
        speed_bps = number((*IF_ENTRY, 5), index)
        if speed_bps == LIMIT_OF_IF_SPEED:
            speed_bps = number((*IF_X_ENTRY, 15), index) * MEGABIT
        name = text((*IF_X_ENTRY, 1), index) or text((*IF_ENTRY, 2), index)
        interfaces[index] = Interface(index, name, speed_bps, number((*IF_ENTRY, 8), index) == UP)
    return interfaces


def _engine_time(life: Life, t: float) -> bytes:
    return integer(int(t - life.booted_at))


def _engine_boots(life: Life, _t: float) -> bytes:
    return integer(life.boots)


def _engine_id(life: Life, _t: float) -> bytes:
    return octets(life.engine_id)


def _engine_max_size(_life: Life, _t: float) -> bytes:
    return integer(MAX_MESSAGE)


_ENGINE_SCALARS = {1: _engine_id, 2: _engine_boots, 3: _engine_time, 4: _engine_max_size}
"""snmpEngineID, snmpEngineBoots, snmpEngineTime and snmpEngineMaxMessageSize (RFC 3411, section 5)."""
