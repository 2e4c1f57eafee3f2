"""An office whose router is let in to over SSH, with its room, for tests of playbooks; nothing answers there."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from inventory.profiles import bundled_profiles
from inventory.public import SshKey, load_file, set_credential
from kernel.actors import system
from kernel.db.transaction import Database
from kernel.ids import new_id
from kernel.secrets import Vault
from meetings.public import BookingRequest, book, load_rooms
from tests.builders.actors import account_actor

INVENTORY = """\
version: 1
units:
  phan-son: {name: Xã Phan Sơn, level: commune, valid_from: 2025-07-01}
offices:
  ps: {name: Văn phòng xã Phan Sơn, unit: phan-son}
  ld: {name: Văn phòng xã La Dạ, unit: phan-son}
devices:
  ps-rt1:
    {name: Bộ định tuyến, office: ps, role: router, profile: network-interfaces, address: 10.20.1.1, snmp: v2c,
     credential: v2c, ssh: {user: vungcao, credential: ssh-key, host_key: "ssh-ed25519 AAAA"}}
  ps-ups1:
    {name: Bộ lưu điện, office: ps, role: ups, profile: ups-mib, address: 10.20.1.2, snmp: v2c, credential: v2c}
  ld-rt1:
    {name: Bộ định tuyến, office: ld, role: router, profile: network-interfaces, address: 10.20.2.1, snmp: v2c,
     credential: v2c}
"""
WITHOUT_SSH = INVENTORY.replace(', ssh: {user: vungcao, credential: ssh-key, host_key: "ssh-ed25519 AAAA"}', "")
ROOMS = """\
version: 1
rooms:
  ps-room: {name: Phòng họp Phan Sơn, office: ps, capacity: 20, devices: []}
"""


async def load_office(database: Database, folder: Path, inventory: str = INVENTORY) -> None:
    """Put the offices, the room and the key of the router into the database."""
    (folder / "office.yaml").write_text(inventory)
    (folder / "rooms.yaml").write_text(ROOMS)
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    async with database.transaction() as tx:
        await load_file(folder / "office.yaml", system("test"), tx, bundled_profiles())
        await load_rooms(folder / "rooms.yaml", system("test"), tx)
        await set_credential(system("test"), tx, Vault(bytes(32)), "ssh-key", SshKey(SecretStr(key)))


async def meet(database: Database, begins: datetime) -> None:
    """Book the room for an hour."""
    async with database.transaction() as tx:
        wanted = BookingRequest("Giao ban tuần", ("ps-room",), begins, begins + timedelta(hours=1))
        await book(wanted, account_actor(new_id(), "lan", "official"), tx)
