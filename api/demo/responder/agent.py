"""One device: its variables, its traffic, its faults, and what it answers to a packet (RFC 3416, section 4.2)."""

from __future__ import annotations

import heapq
from itertools import count
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from api.demo.responder import usm
from api.demo.responder.ber import OBJECT_IDENTIFIER, OCTET_STRING, BadPacket, parse_oid
from api.demo.responder.faults import Fault, FaultName, Ramp, SetValue
from api.demo.responder.messages import (
    MAX_MESSAGE,
    MESSAGE_OVERHEAD,
    PDU_OVERHEAD,
    V1,
    V2C,
    V3,
    Pdu,
    message,
    read_community,
    read_pdu,
    read_version,
)
from api.demo.responder.movement import TAU, Direction, Flow, Value, day_phase, encode, phases
from api.demo.responder.operations import View, respond, too_big

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet
    from ipaddress import IPv4Address

    from api.demo.responder.tree import Tree

EXAMPLE_ENTERPRISE = 32473
"""RFC 5612: an enterprise number for examples."""
ENGINE_ID_BY_ADDRESS = 1
"""Format octet of an engine id made from an IPv4 address (RFC 3411, section 5, SnmpEngineID)."""
BOOTS_SINCE_S = 1_767_225_600
"""2026-01-01: engineBoots count the seconds from here, so that each start of the responder is a later boot."""
GARBAGE_BYTES = 60
UNKNOWN_SPEED_BPS = 10_000_000
BUSIEST_IDLE_BPS = 20_000_000
"""Mean traffic of an interface that is no uplink stays below this, however fast it is."""


class Bandwidth(NamedTuple):
    """What was committed on an uplink, bits a second towards the office and from it."""

    down_bps: int
    up_bps: int


class Agent:
    """One device on one address. Its clock is the caller's: `t` is seconds since `start()`."""

    def __init__(  # noqa: PLR0913 - one argument for each thing that a device is made of
        self,
        code: str,
        address: IPv4Address,
        tree: Tree,
        *,
        community: str | None = None,
        user: usm.User | None = None,
        seed: int = 0,
        uplinks: Mapping[str, Bandwidth] | None = None,
        values: Mapping[str, int | str] | None = None,
        faults: Iterable[Fault] = (),
    ) -> None:
        """Make the device ready.

        Args:
            code: Its code, by which faults are commanded.
            address: Its address in 127.0.0.0/8.
            tree: What it plays.
            community: Community for versions 1 and 2c; None: it does not speak them.
            user: User of version 3; None: it does not speak it.
            seed: What its movement depends on.
            uplinks: Bandwidth by ifName.
            values: Values by object identifier that stand in for the recorded ones, and move as those would.
            faults: Its timeline.

        Raises:
            ValueError: An uplink, a value or a fault names what the recording lacks.
        """
        self.code = code
        self.address = address
        self.tree = tree
        self.seed = seed
        self.engine_id = (
            (1 << 31 | EXAMPLE_ENTERPRISE).to_bytes(4, "big") + bytes((ENGINE_ID_BY_ADDRESS,)) + address.packed
        )
        self._community = None if community is None else community.encode()
        self._engine = None if user is None else usm.Engine(self.engine_id, user)
        self._uplinks = {self._interface(name): bandwidth for name, bandwidth in (uplinks or {}).items()}
        self._values = {
            at: tree.entry(at, _value(tree, at, given))
            for at, given in ((self._position(oid), value) for oid, value in (values or {}).items())
        }
        self._faults = tuple(faults)
        for fault in self._faults:
            self._check(fault)
        self.start(0.0)

    def start(self, epoch_s: float) -> None:
        """Begin at t = 0, which is `epoch_s` seconds since 1970, with a fresh timeline."""
        self.boots = max(1, int(epoch_s) - BOOTS_SINCE_S)
        self.booted_at = 0.0
        self.rebooted = False
        self.silent = False
        self.delay_s = 0.0
        self.wrong_address = False
        self.down: AbstractSet[int] = frozenset()
        self._day = day_phase(epoch_s)
        self._flows: dict[tuple[int, Direction], Flow] = {}
        self._forced: dict[int, float] = {}
        self._view = View(self, self.tree, self._values)
        self._names: frozenset[FaultName] = frozenset()
        self._active: dict[Fault, float] = {}
        self._order = count()
        self._timeline: list[tuple[float, int, bool, Fault, int]] = []
        for fault in self._faults:
            self._schedule(fault, 0)

    # --- what a moving value asks -------------------------------------------------------------------------------------

    def flow(self, interface: int, direction: Direction) -> Flow:
        """Return the traffic of an interface since the device booted."""
        flow = self._flows.get((interface, direction))
        if flow is None:
            key = f"{self.seed}/{interface}/{direction}"
            mean = self._mean_bps(interface, direction, key) / 8
            flow = self._flows[interface, direction] = Flow(mean, self._day, key, self.booted_at)
        return flow

    def _mean_bps(self, interface: int, direction: Direction, key: str) -> float:
        share = phases(f"{key}/mean")[0] / TAU
        bandwidth = self._uplinks.get(interface)
        if bandwidth:
            # At most 0.42 * 1.8, the peak of the waves, is 76 %: below any threshold for a busy uplink.
            return (0.18 + 0.24 * share) * (bandwidth.down_bps if direction == "in" else bandwidth.up_bps)
        return min((0.001 + 0.02 * share) * (self.tree.interfaces[interface].speed_bps or UNKNOWN_SPEED_BPS),
                   (0.2 + 0.8 * share) * BUSIEST_IDLE_BPS)  # fmt: skip

    # --- faults -------------------------------------------------------------------------------------------------------

    def advance(self, t: float) -> None:
        """Let the timeline's faults begin and end that are due at `t`, each at its own time."""
        while self._timeline and self._timeline[0][0] <= t:
            at, _, on, fault, nth = heapq.heappop(self._timeline)
            if on:
                self._schedule(fault, nth + 1)
                self.begin(fault, at)
            else:
                self._active.pop(fault, None)
                self._apply(at)

    def begin(self, fault: Fault, t: float) -> None:
        """Let `fault` begin at `t`; ValueError if it names what the device lacks."""
        self._check(fault)
        if fault.name is FaultName.REBOOT:
            self.boots += 1
            self.booted_at = t
            self.rebooted = True
            self._flows.clear()
            self._forced.clear()
        else:
            self._active[fault] = t
        self._apply(t)

    def end(self, name: FaultName, t: float) -> None:
        """Let every fault of that name end at `t`, the timeline's too; those that are still to come do come."""
        for fault in [active for active in self._active if active.name is name]:
            del self._active[fault]
        self._apply(t)

    @property
    def active(self) -> frozenset[FaultName]:
        """Names of the faults that are on."""
        return self._names

    def _schedule(self, fault: Fault, nth: int) -> None:
        times = fault.times(nth)
        if times is None:
            return
        start, end = times
        heapq.heappush(self._timeline, (start, next(self._order), True, fault, nth))
        if end is not None:
            heapq.heappush(self._timeline, (end, next(self._order), False, fault, nth))

    def _apply(self, t: float) -> None:
        """Derive from the active faults what the device does from `t` on."""
        self._names = frozenset(fault.name for fault in self._active)
        self.silent = FaultName.SILENT in self._names
        self.wrong_address = FaultName.WRONG_ADDRESS in self._names
        self.delay_s = max((fault.delay_s for fault in self._active if fault.name is FaultName.SLOW), default=0.0)
        self._view.hidden = frozenset(
            at for fault in self._active if fault.name is FaultName.HALF_TABLE for at in self._upper_half(fault)
        )
        forced: dict[int, float] = {}
        for fault in self._active:
            if fault.name is FaultName.BUSY_UPLINK:
                interface = self._interface(fault.interface)
                forced[interface] = fault.ratio * self._uplinks[interface].down_bps / 8
        self.down = frozenset(
            self._interface(fault.interface) for fault in self._active if fault.name is FaultName.INTERFACE_DOWN
        )
        for interface in self.down:
            forced[interface] = 0.0
        for interface in self._forced.keys() | forced.keys():
            self.flow(interface, "in").force(t, forced.get(interface))
            self.flow(interface, "out").force(t, 0.0 if interface in self.down else None)
        self._forced = forced
        self._view.overrides = self._values | {
            at: _Set(self.tree, at, value, since)
            for fault, since in self._active.items()
            for at, value in ((self._position(oid), value) for oid, value in fault.values.items())
        }

    def _check(self, fault: Fault) -> None:
        if fault.name in (FaultName.INTERFACE_DOWN, FaultName.BUSY_UPLINK):
            interface = self._interface(fault.interface)
            if fault.name is FaultName.BUSY_UPLINK and interface not in self._uplinks:
                raise ValueError(f"{self.code}: {fault.interface} is no uplink")
        for oid, value in fault.values.items():
            at = self._position(oid)
            _value(self.tree, at, 0 if isinstance(value, Ramp) else value)

    def _upper_half(self, fault: Fault) -> list[int]:
        under = self.tree.under(parse_oid(fault.subtree))
        rows = sorted({self.tree.oids[at][-1] for at in under})
        upper = frozenset(rows[len(rows) // 2 :])
        return [at for at in under if self.tree.oids[at][-1] in upper]

    def _interface(self, name: str) -> int:
        if not name and self._uplinks:
            return next(iter(self._uplinks))
        try:
            return self.tree.interface(name).number
        except KeyError:
            raise ValueError(f"{self.code}: there is no interface {name!r}") from None

    def _position(self, oid: str) -> int:
        try:
            return self.tree.named(parse_oid(oid))
        except KeyError:
            raise ValueError(f"{self.code}: the recording has no {oid}") from None

    # --- answers ------------------------------------------------------------------------------------------------------

    def answer(self, data: bytes, t: float) -> bytes | None:
        """Return the answer to a packet at `t`, or None where a real device says nothing.

        Raises:
            BadPacket: What arrived is no SNMP request.
        """
        self.advance(t)
        version, at, end = read_version(data)
        if self.silent:
            return None
        if FaultName.GARBAGE in self._names:
            return Random(f"{self.seed}/{t}").randbytes(GARBAGE_BYTES)  # noqa: S311 - noise, no secret
        if version == V3:
            return self._answer_v3(data, at, end, t)
        if version not in (V1, V2C):
            raise BadPacket(f"there is no version {version}")
        community, at = read_community(data, at, end)
        if community != self._community:
            return None
        room = MAX_MESSAGE - MESSAGE_OVERHEAD - len(community) - PDU_OVERHEAD
        reply = self._respond(read_pdu(data, at, end), version, room, t)
        return None if reply is None else message(version, community, reply)

    def _answer_v3(self, data: bytes, at: int, end: int, t: float) -> bytes | None:
        if self._engine is None:
            return None
        time_s = int(t - self.booted_at)
        opened = self._engine.open(data, at, end, self.boots, time_s)
        if isinstance(opened, usm.Refusal):
            return opened.report
        pdu = read_pdu(opened.scoped, opened.at, opened.end)
        reply = self._respond(pdu, V3, opened.room(self._engine), t)
        if reply is None:
            return None
        message_id = opened.message_id ^ (FaultName.WRONG_REQUEST_ID in self._names)
        return self._engine.seal(reply, message_id, opened.context, self.boots, time_s)

    def _respond(self, pdu: Pdu, version: int, room: int, t: float) -> bytes | None:
        if FaultName.WRONG_REQUEST_ID in self._names:
            pdu = pdu._replace(request_id=pdu.request_id ^ 1)
        if FaultName.TOO_BIG in self._names:
            return too_big(pdu, version, room)
        return respond(self._view, pdu, version, room, t)


class _Set:
    """A value that a fault has set."""

    __slots__ = ("_at", "_since", "_tree", "_value")

    def __init__(self, tree: Tree, at: int, value: SetValue, since: float) -> None:
        self._tree = tree
        self._at = at
        self._value = value
        self._since = since

    def encode(self, _life: object, t: float) -> bytes:
        """Return it, at its present point where it is a ramp."""
        value = self._value.at(t - self._since) if isinstance(self._value, Ramp) else self._value
        return encode(self._tree.rows[self._at].tag, _value(self._tree, self._at, value))


def _value(tree: Tree, at: int, given: int | str) -> Value:
    """Return `given` as a value for variable `at`; ValueError if its type is another."""
    row = tree.rows[at]
    if isinstance(given, str) and row.tag == OCTET_STRING:
        return given.encode()
    if isinstance(given, str) and row.tag == OBJECT_IDENTIFIER:
        return parse_oid(given)
    if isinstance(given, int) and isinstance(row.value, int):
        return given
    raise ValueError(f"{'.'.join(map(str, row.oid))} cannot be {given!r}")
