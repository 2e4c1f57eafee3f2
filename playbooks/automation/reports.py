"""What playbooks hand over about devices by the fact `vungcao_report`, and where it goes beside the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inventory.public import note_device_facts
from kernel.actors import system
from kernel.db.transaction import Transaction


async def take_report(tx: Transaction, device: str, report: Mapping[str, Any]) -> None:
    """Write what `report` says of the device itself into the inventory; the rest stays with the run."""
    facts = report.get("device")
    if isinstance(facts, Mapping):
        await note_device_facts(system("worker"), tx, device, facts)
