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

    V1 = "v1"
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
        credential: Name of the credential; never its value.
        host_key: The server's public key, as `ssh-ed25519 AAAA…`; empty if the inventory does not know it.
        public_key: The credential's public half; empty if there is no such SSH key.
        known_hosts: Lines of a known_hosts file that the credential brings for all of its devices.
        snmp_credential: Name of its other credential, whose secrets its files may hold.
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
