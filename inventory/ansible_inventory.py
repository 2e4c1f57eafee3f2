"""What Ansible is told of the devices that somebody may see: hosts, and groups by unit, level, office, role, profile.

Names of groups are made so that Ansible takes them as they are: letters, digits and underscores, a letter first. Codes
have hyphens and no underscores, so that no two of them become one. Keys and passwords are no part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import aliased

from inventory.access import INVENTORY_READ, narrow_offices
from inventory.devices import POLLED
from inventory.equipment_queries import last_period
from inventory.models import DeviceRow, OfficeRow, UnitPeriodRow, UnitRow
from inventory.tree import above
from inventory.units import day_of
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound

SSH_PORT: Final = 22
TEMPLATE: Final = re.compile(r"\{(?=[{%#])")
KNOWN_HOSTS: Final = "known_hosts"


@dataclass(frozen=True, slots=True)
class AnsibleHost:
    """A device that is let in to over SSH.

    Attributes:
        code: Its code, which is its name to Ansible.
        name: What people call it.
        address: IP address.
        port: TCP port of its SSH server.
        user: Account on the device.
        host_key: The server's public key; empty if the inventory does not know it.
        role: What it does.
        profile: Its profile.
        office: Code of its office.
        office_name: Name of its office.
        unit: Code of the office's unit.
        level: Code of the unit's level.
        vendor: Who made it; empty if nobody wrote it down, as is the model.
        model: The maker's name for its kind.
    """

    code: str
    name: str
    address: str
    port: int
    user: str
    host_key: str
    role: str
    profile: str
    office: str
    office_name: str
    unit: str
    level: str
    vendor: str
    model: str


@dataclass(frozen=True, slots=True)
class AnsibleInventory:
    """Hosts in the order of their codes, and the units above them: each to the one right above it, or None."""

    hosts: tuple[AnsibleHost, ...]
    parents: Mapping[str, str | None]

    def listed(self) -> dict[str, Any]:
        """Return a dynamic inventory's answer to `--list`, with the variables of all hosts: no `--host` follows."""
        groups: dict[str, dict[str, Any]] = {}
        for group, host in self._members():
            groups.setdefault(group, {}).setdefault("hosts", []).append(host)
        for group, child in self._children():
            groups.setdefault(child, {})
            groups.setdefault(group, {}).setdefault("children", []).append(child)
        tops = sorted(groups.keys() - {child for _, child in self._children()})
        return {
            "_meta": {"hostvars": {host.code: variables(host) for host in self.hosts}},
            "all": {"children": [*tops, "ungrouped"]},
            **dict(sorted(groups.items())),
        }

    def static(self) -> dict[str, Any]:
        """Return the same as a YAML inventory has it."""
        listed = self.listed()
        hosts = listed.pop("_meta")["hostvars"]
        tops = listed.pop("all")["children"]
        groups = {
            group: {kind: dict.fromkeys(said[kind]) for kind in ("hosts", "children") if kind in said}
            for group, said in listed.items()
        }
        ssh = f"-o UserKnownHostsFile={{{{ inventory_dir }}}}/{KNOWN_HOSTS} -o StrictHostKeyChecking=yes"
        whole = {"vars": {"ansible_ssh_common_args": ssh}, "hosts": hosts, "children": dict.fromkeys(tops)}
        return {"all": whole, **groups}

    def known_hosts(self) -> str:
        """Return the lines of a known_hosts file (sshd(8)) for the hosts whose keys the inventory knows."""
        known = (host for host in self.hosts if host.host_key)
        return "".join(f"{_place(host)} {host.host_key}\n" for host in known)

    def _members(self) -> Iterator[tuple[str, str]]:
        for host in self.hosts:
            yield group_of("unit", host.unit), host.code
            yield group_of("office", host.office), host.code
            yield group_of("role", host.role), host.code
            yield group_of("profile", host.profile), host.code
            yield group_of("level", host.level), host.code

    def _children(self) -> Iterator[tuple[str, str]]:
        for unit, parent in sorted(self.parents.items()):
            if parent is not None:
                yield group_of("unit", parent), group_of("unit", unit)
        for office, unit in sorted({(host.office, host.unit) for host in self.hosts}):
            yield group_of("unit", unit), group_of("office", office)


def group_of(kind: str, code: str) -> str:
    """Return the name of the group of a unit, office, role, profile or level."""
    return f"{kind}_{code.replace('-', '_')}"


def variables(host: AnsibleHost) -> dict[str, Any]:
    """Return what Ansible knows of a host."""
    return {
        "ansible_host": host.address,
        "ansible_port": host.port,
        "ansible_user": host.user,
        "vungcao_name": harmless(host.name),
        "vungcao_office": host.office,
        "vungcao_office_name": harmless(host.office_name),
        "vungcao_unit": host.unit,
        "vungcao_role": host.role,
        "vungcao_profile": host.profile,
        "vungcao_vendor": harmless(host.vendor),
        "vungcao_model": harmless(host.model),
    }


def harmless(text: str) -> str:
    """Return free text so that Ansible does not carry it out: what an inventory says is a template to it."""
    return TEMPLATE.sub("{ ", text)


async def ansible_inventory(actor: Actor, tx: Transaction) -> AnsibleInventory:
    """Return the devices in use that are let in to over SSH and that `actor` may see, with the units above them."""
    hosts = await _hosts(actor, tx)
    parent = aliased(UnitRow)
    today = day_of(tx.now())
    theirs = narrow_offices(
        select(OfficeRow.unit_id)
        .join(DeviceRow, DeviceRow.office_id == OfficeRow.id)
        .where(DeviceRow.ssh_credential.is_not(None), DeviceRow.state.in_(POLLED)),
        actor,
        today,
    )
    units = (
        select(UnitRow.code, parent.code)
        .join(UnitPeriodRow, (UnitPeriodRow.unit_id == UnitRow.id) & last_period())
        .outerjoin(parent, parent.id == UnitPeriodRow.parent_id)
        .where(UnitRow.id.in_(above(theirs, today)))
    )
    return AnsibleInventory(tuple(hosts), {row[0]: row[1] for row in await tx.session.execute(units)})


async def ansible_host(actor: Actor, tx: Transaction, code: str) -> dict[str, Any]:
    """Return the variables of one host; NotFound if there is none that `actor` may see."""
    found = await _hosts(actor, tx, code)
    if not found:
        raise NotFound(kind="device", code=code)
    return variables(found[0])


async def _hosts(actor: Actor, tx: Transaction, code: str | None = None) -> list[AnsibleHost]:
    statement = (
        select(
            DeviceRow.code, DeviceRow.name, DeviceRow.address, DeviceRow.ssh_port, DeviceRow.ssh_user,
            DeviceRow.ssh_host_key, DeviceRow.role, DeviceRow.profile, OfficeRow.code.label("office"),
            OfficeRow.name.label("office_name"), UnitRow.code.label("unit"), UnitRow.level, DeviceRow.vendor,
            DeviceRow.model,
        )
        .join(OfficeRow, OfficeRow.id == DeviceRow.office_id)
        .join(UnitRow, UnitRow.id == OfficeRow.unit_id)
        .where(DeviceRow.ssh_credential.is_not(None), DeviceRow.state.in_(POLLED))
        .order_by(DeviceRow.code)
    )  # fmt: skip
    if code is not None:
        statement = statement.where(DeviceRow.code == code)
    rows = await tx.session.execute(narrow_offices(statement, actor, day_of(tx.now()), INVENTORY_READ))
    return [
        AnsibleHost(
            row.code, row.name, str(row.address), row.ssh_port or SSH_PORT, row.ssh_user or "", row.ssh_host_key or "",
            row.role, row.profile, row.office, row.office_name, row.unit, row.level, row.vendor, row.model,
        )
        for row in rows
    ]  # fmt: skip


def _place(host: AnsibleHost) -> str:
    return host.address if host.port == SSH_PORT else f"[{host.address}]:{host.port}"
