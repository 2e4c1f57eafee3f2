"""How devices are let in to: over SSH and SNMP, by the credentials that hold for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import any_, select

from inventory.credential_kinds import CredentialKind, Use
from inventory.credential_models import CredentialRow
from inventory.credential_places import devices_holding, names_for_devices
from inventory.devices import POLLED, Role, SshAccess
from inventory.equipment_queries import texts
from inventory.models import DeviceRow
from kernel.db.transaction import Transaction

SSH_PORT: Final = 22


async def ways_in(tx: Transaction, rows: Sequence[DeviceRow]) -> dict[str, SshAccess]:
    """Return how each of these devices is let in to over SSH, by its code; those that are not have no entry."""
    rows = [row for row in rows if row.ssh_credential is not None]
    held = await names_for_devices(tx, [row.id for row in rows])
    logins = {names[Use.LOGIN] for names in held.values() if Use.LOGIN in names}
    known = {
        row.name: row
        for row in await tx.session.scalars(select(CredentialRow).where(CredentialRow.name == any_(texts(logins))))
    }
    return {row.code: _access(row, held.get(row.code, {}), known) for row in rows}


async def snmp_credential(tx: Transaction, row: DeviceRow) -> str:
    """Return the name of the credential that the device is asked with; empty if none holds for it."""
    held = await names_for_devices(tx, [row.id])
    return held.get(row.code, {}).get(snmp_use(row), "")


async def let_in_with(tx: Transaction, name: str) -> list[str]:
    """Return the devices in service that are let in with the credential `name`, or asked with it, by code."""
    found = await tx.session.scalars(
        select(DeviceRow).where(DeviceRow.id.in_(await devices_holding(tx, name)), DeviceRow.state.in_(POLLED))
    )
    rows = found.all()
    held = await names_for_devices(tx, [row.id for row in rows])
    return sorted(row.code for row in rows if name in _in_use(row, held.get(row.code, {})))


def snmp_use(row: DeviceRow) -> Use:
    """Return which use of a credential it is to ask this device."""
    return Use.SNMP_USER if row.snmp == "v3" else Use.COMMUNITY


def _in_use(row: DeviceRow, held: Mapping[Use, str]) -> set[str]:
    login = held.get(Use.LOGIN, "") if row.ssh_credential is not None else ""
    return {held.get(snmp_use(row), ""), login}


def _access(row: DeviceRow, held: Mapping[Use, str], known: Mapping[str, CredentialRow]) -> SshAccess:
    login = held.get(Use.LOGIN, "")
    credential = known.get(login)
    public: Mapping[str, Any] = {} if credential is None else credential.public
    return SshAccess(
        device=row.code,
        name=row.name,
        role=Role(row.role),
        address=str(row.address),
        port=row.ssh_port or SSH_PORT,
        user=row.ssh_user or "",
        credential=login,
        host_key=row.ssh_host_key or "",
        public_key=public.get("public_key", ""),
        known_hosts=public.get("known_hosts", ""),
        snmp_credential=held.get(snmp_use(row), ""),
        by_password=credential is not None and credential.kind == CredentialKind.SSH_PASSWORD,
        others=tuple((use, held[use]) for use in Use if use is not Use.LOGIN and use in held),
    )
