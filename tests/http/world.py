"""A small country for tests of access: a province, two communes in it, a village; the same things stand in each.

A role is granted on the commune Phan Sơn. Its own office lies inside, the village's below, the province's above, and
La Dạ's outside. Every name and id of a place is a mark: it must not be found in what is told to who may not see it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from sqlalchemy import insert, select

from inventory.grant_models import GrantRow
from inventory.models import DeviceRow, OfficeRow
from inventory.public import (
    CredentialPlace,
    EnableSecret,
    Grant,
    KitItem,
    KitVersion,
    KitView,
    Peer,
    PlaceKind,
    Role,
    SnmpV2c,
    SshKey,
    TokenRequest,
    WindowKind,
    WindowWish,
    add_window,
    bundled_profiles,
    create_account,
    create_kit,
    load_file,
    make_token,
    plan_delivery,
    set_at_place,
    set_credential,
)
from inventory.sessions import start_session
from kernel.actors import system
from kernel.db.transaction import Database, Transaction
from kernel.ids import new_id
from kernel.secrets import Vault
from meetings.public import BookingRequest, SeriesRequest, book, book_series, load_rooms
from monitor.models import AlertChangeRow, AlertRow
from playbooks.automation.models import PlaybookRunRow

TEST = system("test")
WEEKLY = datetime(2027, 3, 1, 8, 0)  # noqa: DTZ001 - local time, as a series has it
NIGHT = datetime(2026, 11, 24, 22)  # noqa: DTZ001 - local time, as a window has it
PASSWORD = "trời mưa ở Phan Sơn"
PLACES = ("inside", "below", "above", "outside")
Where = Literal["inside", "below", "above", "outside"]
UNITS = {"inside": "phan-son", "below": "bon-thop", "above": "lam-dong", "outside": "la-da"}
OFFICES = {"inside": "ps", "below": "bt", "above": "dl", "outside": "ld"}

INVENTORY = """\
version: 1
units:
  lam-dong: {name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}
  phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  la-da: {name: Xã La Dạ, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  bon-thop: {name: Thôn Bon Thớp, level: village, parent: phan-son, valid_from: 2025-07-01}
offices:
"""


KIT = KitView("commune-office", "Bộ chuẩn xã", "", "commune", (KitVersion(date(2026, 1, 1), (KitItem(Role.UPS, 1),)),))


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the country, with one thing of each kind."""

    unit: str
    office: str
    device: str
    room: str
    alert: uuid.UUID
    meeting: uuid.UUID
    title: str
    series: uuid.UUID
    run: uuid.UUID
    account: str
    session: uuid.UUID
    token: uuid.UUID
    grant: uuid.UUID
    delivery: uuid.UUID
    window: uuid.UUID

    @property
    def marks(self) -> frozenset[str]:
        """Return what tells of this place and of no other."""
        return frozenset(
            {
                self.device,
                f"Trụ sở {self.office}",
                f"so {self.office}-hd",
                self.room,
                self.title,
                self.account,
                f"cua-{self.office}",
                f"Đêm của {self.office}",
            }
            | {
                str(each)
                for each in (
                    self.alert,
                    self.meeting,
                    self.series,
                    self.run,
                    self.session,
                    self.token,
                    self.grant,
                    self.delivery,
                    self.window,
                )
            }
        )


async def make_world(database: Database, folder: Path) -> dict[str, Place]:
    """Return the places of a country that was just made."""
    devices = "devices:\n"
    uplinks, checks, contracts = "uplinks:\n", "checks:\n", "contracts:\n"
    text, rooms = INVENTORY, "version: 1\nrooms:\n"
    for number, where in enumerate(PLACES):
        office = OFFICES[where]
        text += f"  {office}: {{name: Trụ sở {office}, unit: {UNITS[where]}}}\n"
        devices += (
            f"  {office}-rt1: {{name: Bộ định tuyến {office}, office: {office}, role: router,"
            f" profile: network-interfaces, address: 10.20.{number}.1, snmp: v2c, credential: v2c,"
            f' ssh: {{user: vungcao, credential: ssh-key, host_key: "ssh-ed25519 AAAA"}}}}\n'
        )
        uplinks += (
            f"  {office}-wan: {{device: {office}-rt1, interface: ether1, carrier: VNPT, medium: fibre,"
            " down_bps: 50000000, up_bps: 50000000}\n"
        )
        checks += f"  {office}-ssh: {{device: {office}-rt1, kind: tcp, port: 22}}\n"
        contracts += (
            f"  {office}-hd: {{kind: line, party: VNPT, number: so {office}-hd, starts: 2026-01-01,"
            f" ends: 2026-12-31, uplinks: [{office}-wan]}}\n"
        )
        rooms += (
            f"  {office}-room: {{name: Phòng họp {office}, office: {office}, capacity: 9, devices: [{office}-rt1]}}\n"
        )
    (folder / "world.yaml").write_text(text + devices + uplinks + checks + contracts, encoding="utf-8")
    (folder / "world-rooms.yaml").write_text(rooms, encoding="utf-8")
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    async with database.transaction() as tx:
        await load_file(folder / "world.yaml", TEST, tx, bundled_profiles())
        await load_rooms(folder / "world-rooms.yaml", TEST, tx)
        for office in OFFICES.values():
            place = CredentialPlace(PlaceKind.OFFICE, office)
            secret = EnableSecret(SecretStr("bí mật"))
            await set_at_place(TEST, tx, Vault(bytes(32)), place, f"cua-{office}", secret)
            await set_at_place(TEST, tx, Vault(bytes(32)), place, f"ma-{office}", SnmpV2c(SecretStr("bí mật")))
        await set_credential(TEST, tx, Vault(bytes(32)), "ssh-key", SshKey(SecretStr(key)))
        await create_kit(TEST, tx, KIT)
    places = {}
    for where in PLACES:
        async with database.transaction() as tx:
            places[where] = await _furnish(UNITS[where], OFFICES[where], tx)
    return places


async def _furnish(unit: str, office: str, tx: Transaction) -> Place:
    office_id = await tx.session.scalar(select(OfficeRow.id).where(OfficeRow.code == office))
    device_id = await tx.session.scalar(select(DeviceRow.id).where(DeviceRow.code == f"{office}-rt1"))
    begin = tx.now() + timedelta(days=1)
    title = f"Giao ban {office}"
    meeting = await book(BookingRequest(title, (f"{office}-room",), begin, begin + timedelta(hours=1)), TEST, tx)
    weeks = SeriesRequest(title, (f"{office}-room",), "FREQ=WEEKLY;COUNT=2", WEEKLY, "Asia/Ho_Chi_Minh", 60)
    series = await book_series(weeks, TEST, tx)
    alert, run = new_id(), new_id()
    await tx.session.execute(
        insert(AlertRow).values(
            id=alert, rule="uplink-down", severity="critical", device_id=device_id, instance="ether1", details={},
            raised_at=tx.now(),
        )
    )  # fmt: skip
    await tx.session.execute(
        insert(AlertChangeRow).values(id=new_id(), alert_id=alert, at=tx.now(), change="raised", actor="engine")
    )
    held = {"room": f"{office}-room", "meeting": title, "until": begin.isoformat()}
    await tx.session.execute(
        insert(PlaybookRunRow).values(
            id=run, playbook="time-and-dns", office_id=office_id, check_mode=False, arguments={},
            targets=[f"{office}-rt1"], state="held", why="", details={}, launched_by_id=new_id(), launched_by="test",
            launched_at=tx.now(), held_for=held, override_reason="",
        )
    )  # fmt: skip
    name = f"nguoi-{office}"
    whose = await create_account(TEST, tx, name=name, password=PASSWORD, grant=Grant("official", unit=unit))
    other = await create_account(TEST, tx, name=f"khac-{office}", password=None, grant=Grant("official", unit=unit))
    grant = await tx.session.scalar(select(GrantRow.id).where(GrantRow.account_id == other.id))
    started = await start_session(tx, whose.id, Peer("10.0.0.1", "Firefox", local=False))
    wanted = TokenRequest("May doc", ["inventory.read"], tx.now() + timedelta(days=9))
    token = await make_token(whose.actor, tx, wanted)
    assert grant is not None
    delivery = await plan_delivery(TEST, tx, office, {"ups": 1})
    night = WindowWish(WindowKind.MAINTENANCE, f"Đêm của {office}", NIGHT, 120, office=office, rule="FREQ=DAILY")
    window = await add_window(TEST, night, tx)
    return Place(
        unit, office, f"{office}-rt1", f"{office}-room", alert, meeting.id, title, series.id, run, name,
        started.session.id, token.token.id, grant, delivery.id, window.id,
    )  # fmt: skip


def nowhere(like: Place) -> Place:
    """Return a place that is not there, with names and ids of the same form."""
    return replace(
        like, unit="khong-co", office="kc", device="kc-rt1", room="kc-room", alert=new_id(), meeting=new_id(),
        series=new_id(), run=new_id(), account="nguoi-kc", session=new_id(), token=new_id(), grant=new_id(),
        delivery=new_id(), window=new_id(),
    )  # fmt: skip
