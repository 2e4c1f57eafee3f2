"""Devices: what one is and how it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from inventory.credential_kinds import Use


class Role(StrEnum):
    """What a device does in its office."""

    ROUTER = "router"
    SWITCH = "switch"
    ACCESS_POINT = "access-point"
    UPS = "ups"
    MEETING_ROOM = "meeting-room"


class SnmpVersion(StrEnum):
    """Which SNMP a device speaks."""

    V1 = "v1"
    V2C = "v2c"
    V3 = "v3"


class DeviceState(StrEnum):
    """Where a device is in its life."""

    PLANNED = "planned"
    STAGED = "staged"
    ACTIVE = "active"
    MAINTENANCE = "maintenance"
    RETIRED = "retired"


MOVES: Final[Mapping[DeviceState, frozenset[DeviceState]]] = MappingProxyType(
    {
        DeviceState.PLANNED: frozenset({DeviceState.STAGED, DeviceState.RETIRED}),
        DeviceState.STAGED: frozenset({DeviceState.PLANNED, DeviceState.ACTIVE, DeviceState.RETIRED}),
        DeviceState.ACTIVE: frozenset({DeviceState.MAINTENANCE, DeviceState.RETIRED}),
        DeviceState.MAINTENANCE: frozenset({DeviceState.STAGED, DeviceState.ACTIVE, DeviceState.RETIRED}),
        DeviceState.RETIRED: frozenset({DeviceState.STAGED}),
    }
)
"""From each state to the next: installed step by step, back to the workshop, and out of the store again."""

POLLED: Final = frozenset({DeviceState.ACTIVE, DeviceState.MAINTENANCE})
"""Only these are asked: before, a device is not there to answer, and who repairs one wants to see it come back."""


def may_become(now: DeviceState, then: DeviceState) -> bool:
    """Return whether a device that is `now` may be `then` next; to stay as it is, it always may."""
    return now == then or then in MOVES[now]


class Ownership(StrEnum):
    """Whose a device is."""

    OWNED = "owned"
    LEASED = "leased"


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device as others see it.

    Attributes:
        code: Stable code, such as `ps-rt1`.
        name: What people call it.
        role: What it does.
        office: Code of its office.
        office_name: Name of its office.
        unit_name: Name of the office's unit.
        profile: Name of the profile that says what to ask.
        address: IP address.
        port: UDP port of its SNMP agent.
        snmp: Version.
        credential: Name of the credential, never its value; empty: the nearest one of its place holds.
        state: Where it is in its life.
        ownership: Whose it is.
        lessor: Who leases it out; empty for one that is owned.
        vendor: Who made it; empty if nobody wrote it down, as the three after it.
        model: The maker's name for its kind.
        serial: The maker's number for this one.
        firmware: Version of what runs on it.
        warranty_until: Last day of its warranty; None if nobody wrote it down.
        addresses: Further IP addresses of it.
    """

    code: str
    name: str
    role: Role
    office: str
    office_name: str
    unit_name: str
    profile: str
    address: str
    port: int
    snmp: SnmpVersion
    credential: str
    state: DeviceState = DeviceState.ACTIVE
    ownership: Ownership = Ownership.OWNED
    lessor: str = ""
    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    addresses: tuple[str, ...] = ()
    warranty_until: date | None = None


@dataclass(frozen=True, slots=True)
class SshAccess:
    """How a device is let in to over SSH.

    Attributes:
        device: Code of the device.
        name: What people call it.
        role: What it does.
        address: IP address.
        port: TCP port of its SSH server.
        user: Account on the device.
        credential: Name of the one that holds; never its value. Empty if none does.
        host_key: The server's public key, as `ssh-ed25519 AAAA…`; empty if the inventory does not know it.
        public_key: The credential's public half; empty if there is no such SSH key.
        known_hosts: Lines of a known_hosts file that the credential brings for all of its devices.
        snmp_credential: Name of the one it is asked with, whose secrets its files may hold.
        by_password: Whether `credential` is a password, and no key.
        others: Names of all else that holds for it, by use, whether it is asked so or not: its files may show any.
    """

    device: str
    name: str
    role: Role
    address: str
    port: int
    user: str
    credential: str
    host_key: str
    public_key: str
    known_hosts: str
    snmp_credential: str
    by_password: bool = False
    others: tuple[tuple[Use, str], ...] = ()
