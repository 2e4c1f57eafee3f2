"""Devices: what one is and how it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a device does in its office."""

    ROUTER = "router"
    SWITCH = "switch"
    ACCESS_POINT = "access-point"
    UPS = "ups"
    MEETING_ROOM = "meeting-room"


class SnmpVersion(StrEnum):
    """Which SNMP a device speaks."""

    V2C = "v2c"
    V3 = "v3"


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
        credential: Name of the credential; never its value.
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
