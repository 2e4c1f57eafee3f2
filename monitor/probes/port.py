"""How a device is asked and what came of it: one port for all ways of asking.

A device that does not answer is data: every fault of a device is an `Outcome`, never an exception.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from inventory.public import Profile, SnmpV2c, SnmpV3


@dataclass(frozen=True, slots=True)
class Target:
    """A device to ask.

    Attributes:
        device: Its code.
        address: Its IP address; names are not looked up while polling.
        port: UDP port of its agent.
        credential: How to be let in.
        timeout_s: How long a request waits for its answer; each repetition waits twice as long as the one before.
        retries: How often a request without answer is repeated.
        deadline_s: How long a whole poll may take.
        v1: It speaks SNMP v1 only; the credential is a community then.

    Two targets are equal if they are the same agent, however patiently it is asked.

    Raises:
        ValueError: If `address` is not an IP address.
    """

    device: str
    address: str
    port: int
    credential: SnmpV2c | SnmpV3
    timeout_s: float = field(default=2.0, compare=False)
    retries: int = field(default=1, compare=False)
    deadline_s: float = field(default=20.0, compare=False)
    v1: bool = False

    def __post_init__(self) -> None:
        ipaddress.ip_address(self.address)


class Outcome(StrEnum):
    """What came of asking a device."""

    ANSWERED = "answered"
    PARTIAL = "partial"  # some expected values are missing
    SILENT = "silent"
    REFUSED = "refused"  # ICMP says that nothing listens there
    AUTHENTICATION_FAILED = "authentication-failed"
    GARBAGE = "garbage"  # what came is not SNMP
    WRONG_REQUEST_ID = "wrong-request-id"  # it answers something that was not asked
    WRONG_ADDRESS = "wrong-address"  # the answer comes from another address, where nobody may trust it

    @property
    def brought_values(self) -> bool:
        """Whether this device is reachable in the sense of the metric `reachable`."""
        return self in _BROUGHT_VALUES


_BROUGHT_VALUES = frozenset({Outcome.ANSWERED, Outcome.PARTIAL})


class Kind(StrEnum):
    """How a value behaves over time (RFC 2578 section 7.1)."""

    GAUGE = "gauge"
    COUNTER32 = "counter32"
    COUNTER64 = "counter64"


class Reading(NamedTuple):
    """One value of one poll.

    Attributes:
        metric: What was measured, as in `docs/metrics.md`.
        instance: Which one of several; empty where there is only one.
        value: In the metric's unit; counters are exact integers.
        kind: How it behaves.
    """

    metric: str
    instance: str
    value: float
    kind: Kind


class Instance(NamedTuple):
    """One row that was found in a table of the device.

    Attributes:
        table: Name of the table in the profile, such as `interfaces`.
        row: Its index in the MIB, such as an ifIndex.
        label: What people call it, and the instance of its series; unique in its table.
    """

    table: str
    row: str
    label: str


class Traffic(NamedTuple):
    """What asking put on the line.

    Attributes:
        requests: Requests sent, repetitions included.
        answers: How many of them were answered in time.
        octets: Bytes in both directions with the headers of IP and UDP, as far as we can know them.
        slowest_s: The longest that an answer took; None if there was none.
    """

    requests: int = 0
    answers: int = 0
    octets: int = 0
    slowest_s: float | None = None


NO_TRAFFIC = Traffic()


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll of one device brought.

    Attributes:
        device: Its code.
        started_at_ms: Unix milliseconds.
        duration_s: How long it took.
        outcome: What came of it.
        asked: How many values were expected.
        answered: How many of them came.
        readings: The values, in the order of the profile; empty unless ANSWERED or PARTIAL.
        uptime_s: The agent's sysUpTime in this poll, seconds, 0 to 2^32 / 100; None if it was not told.
        discontinuities: By instance, the sysUpTime in seconds at which its counters last lost continuity.
        instances: The rows that are known, in table order.
        why: In a few English words what was wrong; empty if ANSWERED.
        traffic: What it cost the line.
    """

    device: str
    started_at_ms: int
    duration_s: float
    outcome: Outcome
    asked: int = 0
    answered: int = 0
    readings: tuple[Reading, ...] = ()
    uptime_s: float | None = None
    discontinuities: Mapping[str, float] = field(default_factory=dict)
    instances: tuple[Instance, ...] = ()
    why: str = ""
    traffic: Traffic = NO_TRAFFIC

    @property
    def completeness(self) -> float:
        """Part of the expected values that came, 0..1; 0 where none was expected."""
        return self.answered / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says that it is; empty texts where it does not say.

    Attributes:
        outcome: What came of asking.
        name: sysName.
        description: sysDescr.
        object_id: sysObjectID, the maker's mark of the kind of device.
        why: In words what was wrong; empty if ANSWERED.
    """

    outcome: Outcome
    name: str = ""
    description: str = ""
    object_id: str = ""
    why: str = ""


class Knock(NamedTuple):
    """What came of one small datagram to a silent device: whether it was answered, and the bytes that it cost."""

    answered: bool
    octets: int


class Probe(Protocol):
    """Asks devices. Limits of how many at once belong to the caller; one device is not asked twice at once."""

    async def poll(self, target: Target, profile: Profile) -> PollResult:
        """Return what one poll brought, within `target.deadline_s` and one more timeout for a diagnosis."""
        ...

    async def knock(self, target: Target) -> Knock:
        """Return whether anybody answers one small datagram within `target.timeout_s`; takes no socket of its own."""
        ...

    async def identify(self, target: Target) -> Identity:
        """Return what the device says that it is."""
        ...

    def forget(self, device: str) -> None:
        """Drop what was learned of `device`, so that the next poll begins as the first one did; unknown is fine."""
        ...
