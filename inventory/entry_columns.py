"""What a file or a form says of a thing, as the columns of its row: the same for edits by hand and for imports."""

from __future__ import annotations

from typing import Any

from inventory.devices import DeviceState, Ownership
from inventory.offices import OfficeKind
from inventory.programme_file import CheckEntry, DeviceEntry, OfficeEntry, UplinkEntry
from kernel.i18n import sort_key


def office_columns(entry: OfficeEntry) -> dict[str, Any]:
    """Return the columns of an office, without its unit."""
    return {
        "name": entry.name,
        "name_sort": sort_key(entry.name),
        "address": entry.address,
        "latitude": entry.latitude,
        "longitude": entry.longitude,
        "kind": entry.kind or OfficeKind.IMPLEMENTING_ORGANISATION,
        "hours": entry.hours or "",
    }


def device_columns(entry: DeviceEntry) -> dict[str, Any]:
    """Return the columns of a device, without its office."""
    return {
        "name": entry.name,
        "role": entry.role,
        "profile": entry.profile,
        "address": entry.address,
        "port": entry.port,
        "snmp": entry.snmp,
        "credential": entry.credential,
        "ssh_port": entry.ssh and entry.ssh.port,
        "ssh_user": entry.ssh and entry.ssh.user,
        "ssh_credential": entry.ssh and entry.ssh.credential,
        "ssh_host_key": entry.ssh and entry.ssh.host_key,
        "state": entry.state or DeviceState.ACTIVE,
        "ownership": entry.ownership or Ownership.OWNED,
        "lessor": entry.lessor or "",
        "vendor": entry.vendor or "",
        "model": entry.model or "",
        "serial": entry.serial or "",
        "firmware": entry.firmware or "",
        "warranty_until": entry.warranty_until,
        "addresses": list(entry.addresses or ()),
    }


def uplink_columns(entry: UplinkEntry) -> dict[str, Any]:
    """Return the columns of an uplink, without its devices."""
    return {
        "interface": entry.interface,
        "carrier": entry.carrier,
        "medium": entry.medium,
        "down_bps": entry.down_bps,
        "up_bps": entry.up_bps,
        "redundancy_group": entry.group or "",
    }


def check_columns(entry: CheckEntry) -> dict[str, Any]:
    """Return the columns of a check, without its device."""
    return {
        "kind": entry.kind,
        "place": entry.place,
        "every_s": entry.every_s,
        "port": entry.port_asked,
        "options": entry.options(),
    }
