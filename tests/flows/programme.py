"""A small programme for the lab: its offices, each with a router and a room, and the people who work with them."""

from __future__ import annotations

import asyncio
from typing import Final

from pydantic import SecretStr

from api import wiring
from inventory.public import Grant, SnmpV2c, SshKey, bundled_profiles, create_account, load_file, set_credential
from kernel.actors import system
from meetings.public import load_rooms
from tests.flows.reader import Reader
from tests.real.lab import Lab
from tests.real.platform import PlainPlatform
from tests.real.waiting import until

CREDENTIAL = "lab"
SSH_KEY = "lab-key"
PASSWORD = "sương trên đèo Gia Bắc"
PEOPLE: Final = {"lan": "official", "hoa": "technician", "duc": "technician", "mai": "security"}
"""Role of everybody who has an account, by sign-in name."""


def programme(lab: Lab) -> str:
    """Return the inventory file of the lab's offices: one router each, `c1-rt1`, with its lines as uplinks."""
    offices = [f"  {code}: {{name: Văn phòng {code}, unit: lam-dong}}" for code in lab.offices]
    devices = [
        f"  {code}-rt1: {{name: Bộ định tuyến, office: {code}, role: router, profile: network-interfaces,"
        f" address: {office.address}, snmp: v2c, credential: {CREDENTIAL},"
        f" ssh: {{user: root, credential: {SSH_KEY}, host_key: {office.host_key}}}}}"
        for code, office in lab.offices.items()
    ]
    uplinks = [
        f"  {code}-{line}: {{device: {code}-rt1, interface: {line}, carrier: VNPT, medium: fibre,"
        " down_bps: 20000000, up_bps: 20000000}"
        for code, office in lab.offices.items()
        for line in office.lines
    ]
    lines = [
        "version: 1",
        "units:",
        "  lam-dong: {name: Lâm Đồng, level: province, valid_from: 1976-02-01}",
        "offices:", *offices,
        "devices:", *devices,
        "uplinks:", *uplinks,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def rooms_of(lab: Lab) -> str:
    """Return the file of the lab's rooms: one in each office, `c1-room`, which needs the office's router."""
    rooms = [
        f"  {code}-room: {{name: Phòng họp {code}, office: {code}, capacity: 12, devices: [{code}-rt1]}}"
        for code in lab.offices
    ]
    return "\n".join(["version: 1", "rooms:", *rooms]) + "\n"


def load_programme(platform: PlainPlatform, lab: Lab) -> None:
    """Load the lab's offices and people into a platform that runs in its hub; return when every router was asked.

    As the commands do it, which start a process for each step; what they say and refuse is tested elsewhere.
    """
    (platform.folder / "programme.yaml").write_text(programme(lab), "utf-8")
    (platform.folder / "rooms.yaml").write_text(rooms_of(lab), "utf-8")
    asyncio.run(_load(platform, lab))

    def asked() -> bool:
        devices = platform.ask_engine("/healths")
        return len(devices) == len(lab.offices) and all(device["polled_at_ms"] for device in devices)

    until(asked, "every router to be asked")


async def _load(platform: PlainPlatform, lab: Lab) -> None:
    actor, vault = system("test"), wiring.vault(platform.settings)
    url = wiring.database_url(platform.settings)
    async with wiring.database(url, "test") as database, database.transaction() as tx:
        await set_credential(actor, tx, vault, CREDENTIAL, SnmpV2c(SecretStr(lab.community)))
        await set_credential(actor, tx, vault, SSH_KEY, SshKey(SecretStr(lab.key.read_text("ascii"))))
        await load_file(platform.folder / "programme.yaml", actor, tx, bundled_profiles())
        await load_rooms(platform.folder / "rooms.yaml", actor, tx)
        for name, role in PEOPLE.items():
            await create_account(actor, tx, name=name, password=PASSWORD, grant=Grant(role))


def signed_in(platform: PlainPlatform, name: str) -> Reader:
    """Return one of `PEOPLE`, signed in."""
    return Reader(platform.url, name, PASSWORD, transport=platform.transport())
