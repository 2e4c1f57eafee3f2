"""Where credentials hold: the nearest one wins, the page says from where, and nobody reaches beyond their place."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from inventory.credential_kinds import (
    KEEP,
    Credential,
    CredentialKind,
    EnableSecret,
    SnmpV2c,
    SnmpV3,
    SshPassword,
    Token,
    Use,
    made_of,
)
from inventory.credential_places import (
    MISSING,
    CredentialPlace,
    PlaceKind,
    attach,
    credentials_at,
    detach,
    names_for_devices,
)
from inventory.credentials import (
    credential_for_use,
    list_credentials,
    remove_credential,
    reseal_credentials,
    set_credential,
)
from inventory.errors import CodeTaken, CredentialInUse
from inventory.load import load_file
from inventory.models import DeviceRow, UnitRow
from inventory.profiles import bundled_profiles
from inventory.queries import ssh_access
from inventory.reorganisations import apply_due, propose, schedule
from inventory.reorganise import Create, Merge
from kernel.actors import Actor, Place, system
from kernel.audit import AuditEntryRow
from kernel.clock import FrozenClock
from kernel.db.transaction import Database, Transaction
from kernel.errors import BadInput, NotFound, Refused
from kernel.ids import new_id
from kernel.secrets import FixedKeys, Vault
from tests.builders.actors import account_actor

TEST = system("test")
VAULT = Vault(bytes(32))
INVENTORY = """\
version: 1
units:
  lam-dong: {name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}
  phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  la-da: {name: Xã La Dạ, level: commune, parent: lam-dong, valid_from: 2025-07-01}
offices:
  ps: {name: Trụ sở Phan Sơn, unit: phan-son}
  ld: {name: Trụ sở La Dạ, unit: la-da}
devices:
  ps-rt1: {name: Bộ định tuyến, office: ps, role: router, profile: host, address: 10.20.1.1, snmp: v2c,
    ssh: {user: vungcao, host_key: "ssh-ed25519 AAAA"}}
  ps-sw1: {name: Chuyển mạch, office: ps, role: switch, profile: host, address: 10.20.1.2, snmp: v3}
  ld-rt1: {name: Bộ định tuyến, office: ld, role: router, profile: host, address: 10.20.2.1, snmp: v2c,
    credential: cua-rieng}
"""
PROVINCE, COMMUNE = CredentialPlace(PlaceKind.UNIT, "lam-dong"), CredentialPlace(PlaceKind.UNIT, "phan-son")
OFFICE, ROUTER = CredentialPlace(PlaceKind.OFFICE, "ps"), CredentialPlace(PlaceKind.DEVICE, "ps-rt1")


@pytest.fixture
async def tx_of(database: Database, tmp_path: Path) -> Database:
    (tmp_path / "tree.yaml").write_text(INVENTORY, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "tree.yaml", TEST, tx, bundled_profiles())
    return database


async def community(tx: Transaction, name: str, *, actor: Actor = TEST) -> None:
    await set_credential(actor, tx, VAULT, name, SnmpV2c(SecretStr(f"kín {name}")))


async def engineer(tx: Transaction, unit: str) -> Actor:
    node = await tx.session.scalar(select(UnitRow.id).where(UnitRow.code == unit))
    assert node is not None
    return account_actor(new_id(), "a ky su", "engineer", Place(node))


async def test_the_nearest_one_holds_and_each_use_is_told_apart(tx_of: Database) -> None:
    async with tx_of.transaction() as tx:
        for name, place in (("tinh", PROVINCE), ("xa", COMMUNE), ("tru-so", OFFICE), ("rieng", ROUTER)):
            await community(tx, name)
            await attach(TEST, tx, place, name)
            assert (await names_for_devices(tx))["ps-rt1"][Use.COMMUNITY] == name
        await set_credential(TEST, tx, VAULT, "mat-khau", SshPassword(SecretStr("hush-hush")))
        await attach(TEST, tx, PROVINCE, "mat-khau")
    async with tx_of.transaction() as tx:
        held = await credentials_at(TEST, tx, ROUTER)
        assert [(one.use, one.name, one.place.target, one.nearest) for one in held] == [
            (Use.COMMUNITY, "rieng", "device:ps-rt1", True),
            (Use.COMMUNITY, "tru-so", "office:ps", False),
            (Use.COMMUNITY, "xa", "unit:phan-son", False),
            (Use.COMMUNITY, "tinh", "unit:lam-dong", False),
            (Use.LOGIN, "mat-khau", "unit:lam-dong", True),
        ]
        assert held[-1].place_name == "Tỉnh Lâm Đồng"
        assert await names_for_devices(tx) == {
            "ps-rt1": {Use.COMMUNITY: "rieng", Use.LOGIN: "mat-khau"},
            "ps-sw1": {Use.COMMUNITY: "tru-so", Use.LOGIN: "mat-khau"},
            "ld-rt1": {Use.COMMUNITY: "cua-rieng", Use.LOGIN: "mat-khau"},
        }
        (access,) = await ssh_access(TEST, tx, "ps")
        assert (access.credential, access.by_password, access.snmp_credential) == ("mat-khau", True, "rieng")
        for place in (ROUTER, OFFICE, COMMUNE):
            await detach(TEST, tx, place, Use.COMMUNITY)
        assert (await names_for_devices(tx))["ps-rt1"][Use.COMMUNITY] == "tinh"
        with pytest.raises(NotFound):
            await detach(TEST, tx, COMMUNE, Use.COMMUNITY)


async def test_a_name_that_is_not_there_is_not_passed_over(tx_of: Database) -> None:
    async with tx_of.transaction() as tx:
        await community(tx, "tinh")
        await attach(TEST, tx, PROVINCE, "tinh")
        first, second = await credentials_at(TEST, tx, CredentialPlace(PlaceKind.DEVICE, "ld-rt1"))
    assert (first.name, first.kind, first.nearest) == ("cua-rieng", MISSING, True)
    assert (second.name, second.nearest) == ("tinh", False)


async def test_attaching_is_on_record_with_what_was_there(tx_of: Database) -> None:
    async with tx_of.transaction() as tx:
        for name in ("cu", "moi"):
            await community(tx, name)
            await attach(TEST, tx, COMMUNE, name)
        await attach(TEST, tx, COMMUNE, "moi")
        await detach(TEST, tx, COMMUNE, Use.COMMUNITY)
        await tx.session.flush()
        entries = await tx.session.scalars(
            select(AuditEntryRow)
            .where(AuditEntryRow.target == COMMUNE.target, AuditEntryRow.action != "unit.created")
            .order_by(AuditEntryRow.id)
        )
        assert [(entry.action, entry.before, entry.after) for entry in entries] == [
            ("credential.attached", None, {"community": "cu"}),
            ("credential.attached", {"community": "cu"}, {"community": "moi"}),
            ("credential.detached", {"community": "moi"}, None),
        ]


async def test_who_holds_a_place_sets_credentials_there_and_nowhere_else(tx_of: Database) -> None:
    async with tx_of.transaction() as tx:
        await community(tx, "cua-rieng")
        await community(tx, "chung")
        for place in (COMMUNE, CredentialPlace(PlaceKind.UNIT, "la-da")):
            await attach(TEST, tx, place, "chung")
        theirs = await engineer(tx, "phan-son")
        await set_credential(theirs, tx, VAULT, "cua-xa", SnmpV2c(SecretStr("của xã")), new_at_place=True)
        await attach(TEST, tx, OFFICE, "cua-xa")
    async with tx_of.transaction() as tx:
        assert [one.name for one in await list_credentials(theirs, tx)] == ["chung", "cua-xa"]
        await community(tx, "cua-xa", actor=theirs)
        await attach(theirs, tx, ROUTER, "cua-xa")
        with pytest.raises(Refused):
            await community(tx, "chung", actor=theirs)  # it holds elsewhere too
        with pytest.raises(CodeTaken):
            await community(tx, "cua-rieng", actor=theirs)
        with pytest.raises(Refused):
            await community(tx, "khong-o-dau", actor=theirs)
        for place in (PROVINCE, CredentialPlace(PlaceKind.OFFICE, "ld"), CredentialPlace(PlaceKind.DEVICE, "ld-rt1")):
            with pytest.raises(NotFound):
                await attach(theirs, tx, place, "cua-xa")
            with pytest.raises(NotFound):
                await credentials_at(theirs, tx, place)
        with pytest.raises(NotFound):
            await attach(theirs, tx, OFFICE, "cua-rieng")


async def test_a_device_without_ssh_gets_no_login(tx_of: Database) -> None:
    async with tx_of.transaction() as tx:
        await set_credential(TEST, tx, VAULT, "mat-khau", SshPassword(SecretStr("hush-hush")))
        with pytest.raises(BadInput, match="not let in to over SSH"):
            await attach(TEST, tx, CredentialPlace(PlaceKind.DEVICE, "ps-sw1"), "mat-khau")


async def test_what_holds_somewhere_is_neither_removed_nor_made_another_kind(tx_of: Database) -> None:
    async with tx_of.transaction() as tx:
        await community(tx, "xa")
        await attach(TEST, tx, COMMUNE, "xa")
        with pytest.raises(CredentialInUse):
            await remove_credential(TEST, tx, "xa")
        with pytest.raises(CredentialInUse):
            await set_credential(TEST, tx, VAULT, "xa", Token(SecretStr("t")))
        await detach(TEST, tx, COMMUNE, Use.COMMUNITY)
        await remove_credential(TEST, tx, "xa")
        assert await list_credentials(TEST, tx) == []


KINDS: list[tuple[Credential, dict[str, str], Credential]] = [
    (EnableSecret(SecretStr("lên quyền")), {"secret": KEEP}, EnableSecret(SecretStr("lên quyền"))),
    (Token(SecretStr("tok")), {"token": KEEP}, Token(SecretStr("tok"))),
    (
        SshPassword(SecretStr("hush"), ""),
        {"password": KEEP, "known_hosts": "@cert-authority * ssh-ed25519 A"},
        SshPassword(SecretStr("hush"), "@cert-authority * ssh-ed25519 A"),
    ),
    (
        made_of(CredentialKind.SNMP_V3, {"user": "a", "auth_key": "12345678", "priv_key": "abcdefgh"}),
        {"user": "b", "auth_key": KEEP, "priv_key": "87654321"},
        made_of(CredentialKind.SNMP_V3, {"user": "b", "auth_key": "12345678", "priv_key": "87654321"}),
    ),
]


@pytest.mark.parametrize(("first", "sent", "then"), KINDS, ids=lambda one: type(one).__name__)
async def test_the_placeholder_keeps_what_is_there(
    first: Credential, sent: dict[str, str], then: Credential, database: Database
) -> None:
    kind = {EnableSecret: "enable-secret", Token: "token", SshPassword: "ssh-password", SnmpV3: "snmp-v3"}[type(first)]
    sent_back = made_of(CredentialKind(kind), sent)
    async with database.transaction() as tx:
        with pytest.raises(BadInput, match="none yet that could be kept"):
            await set_credential(TEST, tx, VAULT, "core", sent_back)
        await set_credential(TEST, tx, VAULT, "core", first)
        await set_credential(TEST, tx, VAULT, "core", sent_back)
        assert await credential_for_use(TEST, tx, VAULT, "core") == then


async def test_what_is_sealed_anew_opens_with_the_new_key_alone(tx_of: Database) -> None:
    old, new = os.urandom(32), os.urandom(32)
    both = Vault(FixedKeys(new, old))
    async with tx_of.transaction() as tx:
        for number in range(5):
            await set_credential(TEST, tx, Vault(old), f"c{number}", SnmpV2c(SecretStr(f"bí mật {number}")))
        assert [await reseal_credentials(tx, both, 3) for _ in range(3)] == [3, 2, 0]
    async with tx_of.transaction() as tx:
        opened = [await credential_for_use(TEST, tx, Vault(new), f"c{number}") for number in range(5)]
    assert opened == [SnmpV2c(SecretStr(f"bí mật {number}")) for number in range(5)]


async def test_a_unit_that_nobody_holds_anything_for_has_nothing(tx_of: Database) -> None:
    async with tx_of.transaction() as tx:
        assert await credentials_at(TEST, tx, PROVINCE) == []
        assert await names_for_devices(tx, []) == {}
        row = await tx.session.scalar(select(DeviceRow).where(DeviceRow.code == "ps-rt1"))
        assert row is not None
        assert (row.credential, row.ssh_credential) == ("", "")


async def test_equipment_keeps_its_community_when_its_commune_is_merged(tx_of: Database, clock: FrozenClock) -> None:
    day = date(2026, 12, 1)
    async with tx_of.transaction() as tx:
        for name, place in (("tinh", PROVINCE), ("xa", COMMUNE)):
            await community(tx, name)
            await attach(TEST, tx, place, name)
        merged = Merge(units=("phan-son", "la-da"), into="xa-moi")
        new = Create(unit="xa-moi", name="Xã Mới", level="commune", parent="lam-dong")
        made = await propose(TEST, tx, [], title="Sáp nhập", day=day, operations=[new, merged])
        await schedule(TEST, tx, [], made.id)
    clock.forward(timedelta(days=10))
    assert await apply_due(tx_of, []) is not None
    async with tx_of.transaction() as tx:
        names = await names_for_devices(tx)
        assert (names["ps-rt1"][Use.COMMUNITY], names["ps-sw1"][Use.COMMUNITY]) == ("xa", "xa")
        held = await credentials_at(TEST, tx, OFFICE)
        assert [(one.name, one.place.target) for one in held] == [("xa", "office:ps"), ("tinh", "unit:lam-dong")]
        assert [one.name for one in await credentials_at(TEST, tx, CredentialPlace(PlaceKind.OFFICE, "ld"))] == ["tinh"]
