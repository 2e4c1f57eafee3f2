"""What is polled: every device of the inventory with how to ask it, and why some cannot be asked."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from inventory.public import CheckView, DeviceView, Profile, Role, SnmpV2c, SnmpV3, SnmpVersion, UplinkView
from monitor.poller.limits import Line
from monitor.poller.patience import FIRST_S
from monitor.probes.check import CheckTarget
from monitor.probes.port import Target
from monitor.rates import Committed


@dataclass(frozen=True, slots=True)
class PlannedDevice:
    """A device that is polled.

    Attributes:
        target: How to ask it.
        profile: What to ask.
        uplinks: Its uplinks by interface.
        committed: What was committed on each of these interfaces.
        ping: Whether it is pinged too: an office's router, whose line a meeting needs.
        line: What leads there, and what polling may take of it; None: no uplink of its office is known.
        site: Code of its office.
    """

    target: Target
    profile: Profile
    uplinks: Mapping[str, UplinkView]
    committed: Mapping[str, Committed]
    ping: bool = False
    line: Line | None = None
    site: str = ""


class LeftOut(NamedTuple):
    """Why a device is not polled.

    Attributes:
        reason: `no-profile`, `no-credential` (gone, unreadable, or not one of SNMP) or `wrong-version`.
        why: In English, with names.
    """

    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is polled.

    Attributes:
        devices: By code.
        ids: Id of every device of the inventory by code, also of those that cannot be polled.
        left_out: Why a device is not polled, by code.
        checks: Services that are checked from this place, by the check's code.
        mark: Of all these devices and no others, the inventory's `DeviceSet.mark`.
    """

    devices: Mapping[str, PlannedDevice] = field(default_factory=dict)
    ids: Mapping[str, uuid.UUID] = field(default_factory=dict)
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    checks: Mapping[str, CheckTarget] = field(default_factory=dict)
    mark: str = ""


NO_PLAN = Plan()


def make_plan(
    devices: list[DeviceView],
    ids: Mapping[str, uuid.UUID],
    uplinks: list[UplinkView],
    profiles: Mapping[str, Profile],
    credentials: Mapping[str, SnmpV2c | SnmpV3 | str],
    interval_s: float,
    line_share: float,
) -> Plan:
    """Return the plan.

    Args:
        devices: All devices.
        ids: Their ids by code.
        uplinks: All uplinks.
        profiles: By name.
        credentials: By name; a text says why that one cannot be used.
        interval_s: Seconds between two polls of a device, which bounds how long one may take.
        line_share: What polling may take of what a carrier has committed to an office, 0..1.
    """
    lines: dict[str, dict[str, UplinkView]] = {}
    for uplink in uplinks:
        lines.setdefault(uplink.device, {})[uplink.interface] = uplink
    sites = _sites(uplinks, line_share)
    planned: dict[str, PlannedDevice] = {}
    left_out: dict[str, LeftOut] = {}
    for device in devices:
        profile = profiles.get(device.profile)
        credential = credentials.get(device.credential, f"there is no credential {device.credential}")
        if profile is None:
            left_out[device.code] = LeftOut("no-profile", f"there is no profile {device.profile}")
        elif isinstance(credential, str):
            left_out[device.code] = LeftOut("no-credential", credential)
        elif (device.snmp == "v3") != isinstance(credential, SnmpV3):
            why = f"the credential {device.credential} is not one for SNMP {device.snmp}"
            left_out[device.code] = LeftOut("wrong-version", why)
        else:
            own = lines.get(device.code, {})
            planned[device.code] = PlannedDevice(
                target=Target(
                    device=device.code,
                    address=device.address,
                    port=device.port,
                    credential=credential,
                    deadline_s=max(interval_s, FIRST_S),
                    v1=device.snmp == SnmpVersion.V1,
                ),
                profile=profile,
                uplinks=own,
                committed={interface: Committed(uplink.down_bps, uplink.up_bps) for interface, uplink in own.items()},
                ping=device.role == Role.ROUTER,
                line=sites.get(device.office),
                site=device.office,
            )
    return Plan(planned, ids, left_out)


def check_targets(checks: list[CheckView], devices: list[DeviceView], place: str) -> dict[str, CheckTarget]:
    """Return what is checked from `place`, by the check's code: a check elsewhere is another engine's."""
    addresses = {device.code: device.address for device in devices}
    return {
        check.code: CheckTarget(check, addresses[check.device])
        for check in checks
        if check.place == place and check.device in addresses
    }


def _sites(uplinks: list[UplinkView], share: float) -> dict[str, Line]:
    """Return the line of each office that has one. Of several any may carry the polls, so the narrowest counts."""
    narrowest: dict[str, int] = {}
    for uplink in uplinks:
        bps = min(uplink.down_bps, uplink.up_bps)
        narrowest[uplink.office] = min(bps, narrowest.get(uplink.office, bps))
    return {office: Line(office, bps * share / 8) for office, bps in narrowest.items()}
