"""What a launch on an office would meet now, told before anything is launched: targets, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass

from inventory.public import PLAYBOOKS_READ, DeviceView, DeviceWish, SshAccess, devices_on, office_id, ssh_access
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import Conflict
from playbooks.automation.guards import Held, hold
from playbooks.automation.launch import MOST_DEVICES
from playbooks.automation.outside import RoomsInSession
from playbooks.automation.queries import RunView, run_for
from playbooks.automation.repository import run_on
from playbooks.automation.targets import LeftOut, left_out, targets


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a launch would meet.

    Attributes:
        devices: Of the office, by code.
        targets: Devices that it would go to; empty if `hindrance` says why there are none.
        left_out: The others.
        hindrance: Why nothing can be run there, whatever the hour.
        other: The run that has the office.
        held: The session that holds up a change until its end.
    """

    devices: dict[str, DeviceView]
    targets: tuple[SshAccess, ...]
    left_out: tuple[LeftOut, ...]
    hindrance: Conflict | None
    other: RunView | None
    held: Held | None


async def prospect(actor: Actor, office: str, tx: Transaction, sessions: RoomsInSession) -> Prospect:
    """Return what a launch on `office` would meet. It may be otherwise a moment later: the launch looks again.

    Raises:
        NotFound: There is no such office where `actor` may look at playbooks.
    """
    found = await office_id(actor, office, tx, PLAYBOOKS_READ)
    wish = DeviceWish(office=office)
    known = (await devices_on(actor, tx, wish, limit=MOST_DEVICES, permission=PLAYBOOKS_READ)).devices
    access = await ssh_access(actor, tx, office, PLAYBOOKS_READ)
    hindrance: Conflict | None = None
    going: list[SshAccess] = []
    try:
        going = targets(office, access)
    except Conflict as error:
        hindrance = error
    other = await run_on(tx, found)
    return Prospect(
        devices={device.code: device for device in known},
        targets=tuple(going),
        left_out=tuple(left_out(known, access)),
        hindrance=hindrance,
        other=None if other is None else await run_for(actor, other.id, tx),
        held=hold(await sessions(tx, [office], tx.now()), changes=True, overridden=False, at=tx.now()),
    )
