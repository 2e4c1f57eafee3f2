"""A credential is changed on devices while all of them go on being let in: the vault's half.

    begun ──> each device takes the new one beside the old, and is proved ──> all are: the new one is current
          ──> each device loses the old one, and that is proved ──> all have: the old one is forgotten

At every moment the credential in use opens every device, wherever a run was cut. The new one lies beside it under its
name and `.next`, the old one under `.last`: no name that people give has a dot. Playbooks do the devices' half.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from sqlalchemy import select

from inventory.credential_kinds import Credential, SnmpV3, SshKey
from inventory.credential_models import CredentialRow
from inventory.credentials import CREDENTIALS_USE, LAST, NEXT, credential_for_use, keep, require_changer, set_credential
from inventory.devices import SshAccess
from inventory.models import DeviceRow
from inventory.ways_in import let_in_with, snmp_credential, ways_in
from kernel.actors import Actor, system
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from kernel.secrets import Vault

NUMBER: Final = re.compile(r"-\d{1,6}$")
LONGEST_USER: Final = 32  # RFC 3414, section 5: usmUserName


class Stage(StrEnum):
    """How far a change of a credential is."""

    SPREADING = "spreading"
    CLEANING = "cleaning"


@dataclass(frozen=True, slots=True)
class Rotation:
    """A credential that is being changed on devices.

    Attributes:
        name: Of the credential.
        stage: Whether devices take the new one, or lose the old one.
        since: When this stage began.
        proved: Devices of which it is proved, by code.
        waiting: The others that are let in with it, by code.
    """

    name: str
    stage: Stage
    since: datetime
    proved: tuple[str, ...]
    waiting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """What a device is let in with while its credential is changed: the one in use, and the one to be proved or gone.

    Attributes:
        stage: Whether `other` is the new one, or the old one.
    """

    stage: Stage
    current: Credential
    other: Credential


async def begin_rotation(actor: Actor, tx: Transaction, vault: Vault, name: str) -> Rotation:
    """Make a new credential beside `name` and return how far it is; one that is being changed already stays so.

    Raises:
        Refused: The actor may not.
        NotFound: There is no credential of that name.
        BadInput: It is a community, which devices cannot take beside another one in a safe way.
    """
    await require_changer(actor, tx, name)
    current = await _row(tx, name, lock=True)
    if current is None:
        raise NotFound(kind="credential", code=name)
    under_way = await rotation(actor, tx, name)
    if under_way is not None:
        return under_way
    match await _opened(tx, vault, current):
        case SnmpV3() as user:
            new: Credential = replace(
                user,
                user=_next_user(user.user),
                auth_key=SecretStr(secrets.token_urlsafe(24)),
                priv_key=SecretStr(secrets.token_urlsafe(24)),
            )
        case SshKey(_, known_hosts):
            new = SshKey(SecretStr(_new_key()), known_hosts)
        case _:
            why = "only SNMPv3 users and SSH keys are changed on devices: let devices with a community speak SNMPv3"
            raise BadInput(what=f"The credential {name}", why=why)
    await keep(tx, vault, name + NEXT, new, more={"proved": []})
    tx.audit(actor, "credential.rotation-begun", f"credential:{name}", after={"kind": current.kind})
    found = await rotation(actor, tx, name)
    assert found is not None  # noqa: S101 - it was made two lines above
    return found


async def abandon_rotation(actor: Actor, tx: Transaction, name: str) -> None:
    """Forget the new credential, while it is not current. Devices that took it keep it until they are brought up again.

    Raises:
        Refused: The actor may not.
        NotFound: No new one is being spread.
    """
    await require_changer(actor, tx, name)
    row = await _row(tx, name + NEXT, lock=True)
    if row is None:
        raise NotFound(kind="credential that is being spread", code=name)
    tx.audit(actor, "credential.rotation-abandoned", f"credential:{name}", before={"proved": row.public["proved"]})
    await tx.session.delete(row)


async def rotation(actor: Actor, tx: Transaction, name: str) -> Rotation | None:
    """Return how far the change of the credential `name` is; None if it is not being changed. Raises Refused."""
    await require_changer(actor, tx, name)
    found = await _under_way(tx, name)
    if found is None:
        return None
    stage, row = found
    proved = row.public["proved"]
    waiting = [device for device in await let_in_with(tx, name) if device not in set(proved)]
    return Rotation(name, stage, row.changed_at, tuple(sorted(proved)), tuple(waiting))


async def pair_for_use(actor: Actor, tx: Transaction, vault: Vault, name: str) -> Pair | None:
    """Return both credentials while `name` is being changed; None if it is not. Raises as `credential_for_use`."""
    current = await credential_for_use(actor, tx, vault, name)
    found = await _under_way(tx, name)
    if found is None:
        return None
    stage, row = found
    return Pair(stage, current, await _opened(tx, vault, row))


async def note_proof(tx: Transaction, vault: Vault, name: str, device: str, stage: Stage, by: Actor) -> Stage | None:
    """Note that `device` was proved, and go on when it was the last one; return the stage that has now begun, if any.

    What is proved for a stage that is over is not counted.
    """
    current = await _row(tx, name, lock=True)
    found = await _under_way(tx, name, lock=True)
    if current is None or found is None or found[0] is not stage:
        return None
    row = found[1]
    row.public = {**row.public, "proved": sorted({*row.public["proved"], device})}
    if set(await let_in_with(tx, name)) - set(row.public["proved"]):
        return None
    if stage is Stage.CLEANING:
        await tx.session.delete(row)
        tx.audit(by, "credential.rotated", f"credential:{name}", after={"devices": len(row.public["proved"])})
        return None
    old, new = await _opened(tx, vault, current), await _opened(tx, vault, row)
    await tx.session.delete(row)
    await keep(tx, vault, name + LAST, old, more={"proved": []})
    await set_credential(by, tx, vault, name, new)  # on record, and announced to who polls
    return Stage.CLEANING


@dataclass(frozen=True, slots=True)
class DeviceDoors:
    """Where and with what one device is let in to.

    Attributes:
        device: Its code.
        address: IP address.
        port: UDP port of its SNMP agent.
        snmp_credential: Name of the credential that it is asked with.
        ssh: How it is let in to over SSH; None if it is not.
    """

    device: str
    address: str
    port: int
    snmp_credential: str
    ssh: SshAccess | None


async def device_doors(actor: Actor, tx: Transaction, device: str) -> DeviceDoors | None:
    """Return the doors of a device; None if there is none of that code. For parts of the platform. Raises Refused."""
    actor.require(CREDENTIALS_USE)
    row = await tx.session.scalar(select(DeviceRow).where(DeviceRow.code == device))
    if row is None:
        return None
    ways = await ways_in(tx, [row])
    return DeviceDoors(row.code, str(row.address), row.port, await snmp_credential(tx, row), ways.get(row.code))


async def _under_way(tx: Transaction, name: str, *, lock: bool = False) -> tuple[Stage, CredentialRow] | None:
    for stage, end in ((Stage.SPREADING, NEXT), (Stage.CLEANING, LAST)):
        row = await _row(tx, name + end, lock=lock)
        if row is not None:
            return stage, row
    return None


async def _row(tx: Transaction, name: str, *, lock: bool = False) -> CredentialRow | None:
    statement = select(CredentialRow).where(CredentialRow.name == name)
    row: CredentialRow | None = await tx.session.scalar(statement.with_for_update() if lock else statement)
    return row


async def _opened(tx: Transaction, vault: Vault, row: CredentialRow) -> Credential:
    return await credential_for_use(system("rotation"), tx, vault, row.name)


def _next_user(user: str) -> str:
    """Return another name of the same length or a little longer: `ops`, `ops-2`, `ops-3`."""
    found = NUMBER.search(user)
    base, number = (user[: found.start()], int(found[0][1:])) if found else (user, 1)
    end = f"-{number + 1}"
    return base[: LONGEST_USER - len(end)] + end


def _new_key() -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
