"""Joins parts that are strangers to each other: what one needs and another has, side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from inventory.public import (
    SnmpV2c,
    SnmpV3,
    bundled_profiles,
    credential_for_use,
    device_ids,
    every_device,
    uplinks,
)
from kernel.actors import Actor, system
from kernel.db.transaction import Database, Transaction
from kernel.errors import NotFound
from kernel.secrets import SecretUnreadable, Vault
from monitor.public import Plan, make_plan


def plan_reader(database: Database, vault: Vault, interval_s: float) -> Callable[[], Awaitable[Plan]]:
    """Return what reads the plan: the inventory's devices, with their credentials opened for the probe."""
    actor = system("engine")
    profiles = bundled_profiles()

    async def read() -> Plan:
        async with database.transaction() as tx:
            devices = await every_device(actor, tx)
            credentials = {
                name: await opened_credential(actor, tx, vault, name)
                for name in sorted({device.credential for device in devices})
            }
            return make_plan(
                devices, await device_ids(actor, tx), await uplinks(actor, tx), profiles, credentials, interval_s
            )

    return read


async def opened_credential(actor: Actor, tx: Transaction, vault: Vault, name: str) -> SnmpV2c | SnmpV3 | str:
    """Return the credential, or in words why it cannot be used: one that is broken must not stop all polling."""
    try:
        return await credential_for_use(actor, tx, vault, name)
    except (NotFound, SecretUnreadable) as error:
        return str(error)
