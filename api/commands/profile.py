"""A device profile that is being written: what it says, and what it would get from a device."""

from __future__ import annotations

import ipaddress
from typing import Any

from api import wiring
from api.glue import opened_credential
from inventory.public import Column, Profile, Scalar, SnmpV2c, SnmpV3, used
from kernel.actors import system
from kernel.clock import SystemClock
from kernel.errors import BadInput
from kernel.settings import Settings
from monitor.public import Identity, PollResult, Target


def card(profile: Profile) -> dict[str, Any]:
    """Return the quality card of `profile`: how much it asks, on what authority, and who has seen it work."""
    columns = [column for table in profile.tables for column in table.columns]
    values: list[Scalar | Column] = [*profile.scalars, *columns]
    return {
        "values_once": len(profile.scalars),
        "tables": [f"{table.name}: {len(table.columns)} values a row" for table in profile.tables],
        "ratios": len(profile.ratios),
        "objects_asked": len({source.object.oid for value in values for source in value.sources}),
        "required": sorted({value.metric for value in values if value.required}),
        "recognised_by": list(profile.identifies) or ["nothing: it must be chosen in the inventory"],
        "quirks": profile.quirks.why or "none",
        "cites": [f"{mib}: {document}" for mib, document in sorted(profile.cites.items())],
        "tested": [f"{each.device}, {each.how}, {each.on:%Y-%m-%d}" for each in profile.tested]
        or ["with no device yet"],
        "untested": profile.untested or "nothing known",
    }


async def stored(settings: Settings, name: str) -> SnmpV2c | SnmpV3:
    """Return the stored credential `name`; BadInput says why it cannot be used."""
    async with wiring.ready_database(settings, "command line") as database, database.transaction() as tx:
        actor = system("command line")
        found = await opened_credential(actor, tx, wiring.vault(settings), name)
        if not isinstance(found, str):
            used(actor, tx, name, "trying a profile by hand", [])
    if isinstance(found, str):
        raise BadInput(what=f"The credential {name}", why=found)
    return found


def target(address: str, port: int, credential: SnmpV2c | SnmpV3, *, v1: bool) -> Target:
    """Return whom to ask; BadInput if `address` is no IP address, or v1 is asked with the credential of a v3 user."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise BadInput(what="The address", why=f"{address} is no IP address") from None
    if v1 and isinstance(credential, SnmpV3):
        raise BadInput(what="The credential", why="SNMP v1 takes a community, and this is a user of v3")
    return Target(address, address, port, credential, deadline_s=60, v1=v1)


async def try_out(profile: Profile, asked: Target) -> tuple[Identity, PollResult]:
    """Return what the device says that it is, and what one poll by `profile` brings."""
    probe = wiring.probe(SystemClock())
    return await probe.identify(asked), await probe.poll(asked, profile)
