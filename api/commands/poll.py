"""One poll of one device, now, by this very process."""

from __future__ import annotations

from typing import Any

from api import wiring
from api.glue import opened_credential, with_nearest
from inventory.public import SnmpVersion, device_for, device_ids, known_profiles, used
from kernel.actors import system
from kernel.clock import SystemClock
from kernel.errors import BadInput
from kernel.settings import Settings
from monitor.public import Identity, PollResult, Target


async def poll_once(settings: Settings, code: str) -> tuple[Identity, PollResult]:
    """Return what the device `code` says that it is, and what one poll of it brings.

    Raises:
        NotFound: There is no such device.
        BadInput: Its profile or credential cannot be used.
    """
    actor = system("command line")
    async with wiring.ready_database(settings, "command line") as database, database.transaction() as tx:
        (device,) = await with_nearest([await device_for(actor, code, tx)], await device_ids(actor, tx), tx)
        credential = await opened_credential(actor, tx, wiring.vault(settings), device.credential)
        if not isinstance(credential, str):
            used(actor, tx, device.credential, "one poll by hand", [code])
    profile = known_profiles(settings.profiles_dir).get(device.profile)
    if isinstance(credential, str) or profile is None:
        why = credential if isinstance(credential, str) else f"there is no profile {device.profile}"
        raise BadInput(what=f"The device {code}", why=why)
    probe = wiring.probe(SystemClock())
    target = Target(device.code, device.address, device.port, credential, v1=device.snmp == SnmpVersion.V1)
    return await probe.identify(target), await probe.poll(target, profile)


def as_json(identity: Identity, result: PollResult) -> dict[str, Any]:
    """Return what came as scripts get it."""
    return {
        "device": result.device,
        "name": identity.name,
        "description": identity.description,
        "object_id": identity.object_id,
        "outcome": str(result.outcome),
        "why": result.why,
        "started_at_ms": result.started_at_ms,
        "duration_s": round(result.duration_s, 6),
        "asked": result.asked,
        "answered": result.answered,
        "uptime_s": result.uptime_s,
        "octets": result.traffic.octets,
        "readings": [
            {"metric": reading.metric, "instance": reading.instance, "value": reading.value, "kind": str(reading.kind)}
            for reading in result.readings
        ],
    }
