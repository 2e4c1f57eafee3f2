"""Proves from here that a device takes its new credential, or no longer takes the old one: what it says proves nothing.

Called when a host of a run has ended well. Nothing is noted of a device that does not answer: the next run asks again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from inventory.public import (
    DeviceDoors,
    Pair,
    SnmpV3,
    SshAccess,
    SshKey,
    Stage,
    device_doors,
    note_proof,
    pair_for_use,
)
from kernel.actors import system
from kernel.db.transaction import Database
from kernel.errors import NotFound
from kernel.secrets import SecretUnreadable, Vault
from playbooks.automation.catalog import Secret

log = structlog.get_logger(__name__)

AsksSnmp = Callable[[str, int, SnmpV3], Awaitable[bool | None]]
"""Says whether the agent at an address and port answers this user: None if it does not answer at all."""


LogsIn = Callable[[SshAccess, SshKey], Awaitable[bool | None]]
"""Says whether a device lets a key in: None if it does not answer, or is not the one that we know."""


@dataclass(frozen=True, slots=True)
class Prover:
    """Proves, and notes what it proved.

    Attributes:
        database: Where credentials are.
        vault: Opens them.
        ask_snmp: Asks an agent.
        log_in: Knocks with a key.
    """

    database: Database
    vault: Vault
    ask_snmp: AsksSnmp
    log_in: LogsIn

    async def __call__(self, device: str, kinds: Sequence[str]) -> None:
        """Prove what is being changed on `device`, of the kinds that are named."""
        actor = system("worker")
        async with self.database.transaction() as tx:
            doors = await device_doors(actor, tx, device)
        if doors is None:
            return
        if Secret.NEW_SNMP in kinds:
            await self._prove(doors, doors.snmp_credential)
        if Secret.NEW_SSH in kinds and doors.ssh is not None:
            await self._prove(doors, doors.ssh.credential)

    async def _prove(self, doors: DeviceDoors, name: str) -> None:
        actor = system("worker")
        try:
            async with self.database.transaction() as tx:
                pair = await pair_for_use(actor, tx, self.vault, name)
        except (NotFound, SecretUnreadable) as error:
            log.warning("rotation_not_proved", device=doors.device, credential=name, why=str(error))
            return
        if pair is None or not await self._holds(doors, pair):
            return
        async with self.database.transaction() as tx:
            begun = await note_proof(tx, self.vault, name, doors.device, pair.stage, actor)
        log.info("rotation_proved", device=doors.device, credential=name, stage=str(pair.stage))
        if begun is not None:
            log.info("rotation_current", credential=name)

    async def _holds(self, doors: DeviceDoors, pair: Pair) -> bool:
        """Return whether the stage is proved: the new one works, or the one in use does and the old one does not."""
        if pair.stage is Stage.SPREADING:
            return await self._works(doors, pair.other) is True
        return await self._works(doors, pair.current) is True and await self._works(doors, pair.other) is False

    async def _works(self, doors: DeviceDoors, credential: object) -> bool | None:
        if isinstance(credential, SnmpV3):
            return await self.ask_snmp(doors.address, doors.port, credential)
        if isinstance(credential, SshKey) and doors.ssh is not None:
            return await self.log_in(doors.ssh, credential)
        return None
