"""Which devices a run goes to, and which not. Decides from what the inventory says; asks nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from inventory.public import POLLED, DeviceState, DeviceView, PlayTarget, SshAccess
from playbooks.automation.errors import HostKeyUnknown, NoTargets, SshKeyMissing

SSH_PORT = 22


class WhyLeftOut(StrEnum):
    """Why a run does not go to a device of its office. Stored with runs: add, never rename."""

    NO_SSH = "no-ssh"
    NO_KEY = "no-key"
    NO_HOST_KEY = "no-host-key"
    NOT_ACTIVE = "not-active"
    UNKNOWN = "unknown"
    """Named one by one, and not there, or not where they may run playbooks: the two look the same."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A device that is meant and that a run does not go to."""

    device: str
    why: WhyLeftOut


def targets(office: str, access: Sequence[SshAccess]) -> list[SshAccess]:
    """Return the devices of `office` that a run goes to, in the order of their codes.

    Args:
        office: Code of the office, for the error.
        access: How its devices are let in to.

    Raises:
        NoTargets: None of them is let in to over SSH.
        SshKeyMissing: The credential of one of them is not set, or is none for SSH; or none holds for it.
        HostKeyUnknown: We could not tell one of them from somebody who answers in its place.
    """
    found = sorted(access, key=lambda one: one.device)
    if not found:
        raise NoTargets(office=office)
    for one in found:
        match _shut_out(one):
            case WhyLeftOut.NO_KEY:
                raise SshKeyMissing(device=one.device, credential=one.credential)
            case WhyLeftOut.NO_HOST_KEY:
                raise HostKeyUnknown(device=one.device)
    return found


def left_out(devices: Sequence[DeviceView], access: Sequence[SshAccess]) -> list[LeftOut]:
    """Return which of the office's `devices` a run does not go to, and why, in the order of their codes."""
    let_in = {one.device for one in access}
    return [LeftOut(code, WhyLeftOut.NO_SSH) for code in sorted({device.code for device in devices} - let_in)]


def sorted_out(found: Sequence[PlayTarget], named: Sequence[str]) -> tuple[list[PlayTarget], list[LeftOut]]:
    """Return the devices that a rollout goes to, and those that it leaves out with why, both by code.

    Args:
        found: Devices that are meant.
        named: Codes of the devices that were named one by one.
    """
    why = {one.device: _why_not(one) for one in found} | dict.fromkeys(
        set(named) - {one.device for one in found}, WhyLeftOut.UNKNOWN
    )
    going = sorted((one for one in found if why[one.device] is None), key=lambda one: one.device)
    return going, [LeftOut(device, reason) for device, reason in sorted(why.items()) if reason is not None]


def _why_not(target: PlayTarget) -> WhyLeftOut | None:
    if target.state not in POLLED and target.state is not DeviceState.STAGED:
        return WhyLeftOut.NOT_ACTIVE
    return WhyLeftOut.NO_SSH if target.access is None else _shut_out(target.access)


def _shut_out(access: SshAccess) -> WhyLeftOut | None:
    if not access.public_key and not access.by_password:
        return WhyLeftOut.NO_KEY
    if not access.host_key and not access.known_hosts:
        return WhyLeftOut.NO_HOST_KEY
    return None


def known_hosts(access: Sequence[SshAccess]) -> list[str]:
    """Return the lines of the known_hosts file (sshd(8)) for these devices, each once, in order."""
    lines: dict[str, None] = {}
    for one in access:
        if one.host_key:
            place = one.address if one.port == SSH_PORT else f"[{one.address}]:{one.port}"
            lines[f"{place} {one.host_key}"] = None
        lines.update(dict.fromkeys(line.strip() for line in one.known_hosts.splitlines() if line.strip()))
    return list(lines)
