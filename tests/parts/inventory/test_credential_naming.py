"""Which credential somebody may let a device name: not every one of the vault, by whatever way they try."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from inventory.access import CREDENTIALS_SET, INVENTORY_CHANGE, INVENTORY_READ
from inventory.credential_kinds import SnmpV2c
from inventory.credential_places import CredentialPlace, PlaceKind, attach
from inventory.credentials import set_credential
from inventory.edit import change_device, create_device
from inventory.load import load_file
from inventory.models import UnitRow
from kernel.actors import Actor, Hold, Permission, Place
from kernel.db.transaction import Database
from kernel.errors import BadInput
from kernel.ids import new_id
from kernel.secrets import Vault
from tests.builders.imports import ADMIN, PROFILES, counts, preview, refusals

VAULT: Final = Vault(bytes(32))
TREE: Final = """\
version: 1
units:
  lam-dong: {name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}
  phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  la-da: {name: Xã La Dạ, level: commune, parent: lam-dong, valid_from: 2025-07-01}
offices:
  ps: {name: Trụ sở Phan Sơn, unit: phan-son}
  ld: {name: Trụ sở La Dạ, unit: la-da}
devices:
  ps-rt1: {name: Bộ định tuyến, office: ps, role: router, profile: host, address: 10.20.1.1, snmp: v2c, credential: xa}
  ps-sw1: {name: Chuyển mạch, office: ps, role: switch, profile: host, address: 10.20.1.2, snmp: v2c}
  ld-rt1: {name: Bộ định tuyến, office: ld, role: router, profile: host, address: 10.20.2.1, snmp: v2c,
    credential: la-da-rieng}
"""
NEW: Final = {
    "name": "Mới", "office": "ps", "role": "switch", "profile": "host", "address": "10.20.1.9", "snmp": "v2c",
}  # fmt: skip
REACHED: Final = ("", "tinh", "xa")
"""The province's own holds at every office of it; the other is what the router beside it is asked with."""
BEYOND: Final = ("la-da-rieng", "khong-gan", "no-such")
"""That of another commune, one that is attached nowhere, and one that there is not."""


@pytest.fixture
async def country(database: Database, tmp_path: Path) -> Database:
    (tmp_path / "tree.yaml").write_text(TREE, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "tree.yaml", ADMIN, tx, PROFILES)
        for name in ("tinh", "xa", "la-da-rieng", "khong-gan"):
            await set_credential(ADMIN, tx, VAULT, name, SnmpV2c(SecretStr(f"hush {name}")))
        await tx.session.flush()
        await attach(ADMIN, tx, CredentialPlace(PlaceKind.UNIT, "lam-dong"), "tinh")
    return database


async def somebody(database: Database, *permissions: Permission, unit: str = "phan-son") -> Actor:
    async with database.transaction() as tx:
        node = await tx.session.scalar(select(UnitRow.id).where(UnitRow.code == unit))
    assert node is not None
    held = frozenset({INVENTORY_READ, INVENTORY_CHANGE, *permissions})
    return Actor(new_id(), "an", (Hold("editor", held, (Place(node),)),))


async def changed(database: Database, actor: Actor, code: str, **fields: Any) -> None:
    async with database.transaction() as tx:
        await change_device(actor, tx, code, fields, lambda _: True, PROFILES)


async def test_an_editor_names_what_holds_there_and_nothing_of_others(country: Database) -> None:
    an = await somebody(country)
    for number, name in enumerate(REACHED):
        await changed(country, an, "ps-sw1", credential=name)
        async with country.transaction() as tx:
            fields = {**NEW, "address": f"10.20.1.{100 + number}", "credential": name}
            await create_device(an, tx, f"moi-{number}", fields, PROFILES)
    told = set()
    for name in BEYOND:
        for attempt in ({"credential": name}, {"ssh": {"user": "ops", "credential": name}}):
            with pytest.raises(BadInput) as refused:
                await changed(country, an, "ps-sw1", **attempt)
            told.add(str(refused.value).replace(name, "NAME"))
        with pytest.raises(BadInput):
            async with country.transaction() as tx:
                await create_device(an, tx, "moi", {**NEW, "credential": name}, PROFILES)
    assert len(told) == 1, "who may not use one does not learn whether there is one"


async def test_what_a_device_names_already_may_stay_and_who_sets_credentials_names_what_they_see(
    country: Database,
) -> None:
    an, binh = await somebody(country), await somebody(country, CREDENTIALS_SET)
    await changed(country, ADMIN, "ps-sw1", credential="khong-gan")
    await changed(country, an, "ps-sw1", name="Bộ chuyển mạch", credential="khong-gan")
    await changed(country, ADMIN, "ps-sw1", credential="")
    with pytest.raises(BadInput):
        await changed(country, binh, "ps-sw1", credential="la-da-rieng")
    both = await somebody(country, CREDENTIALS_SET, unit="lam-dong")
    await changed(country, both, "ps-sw1", credential="la-da-rieng")


async def test_an_import_may_name_no_more_than_a_form(country: Database) -> None:
    an = await somebody(country)
    head = "code;name;office;role;profile;address;snmp;credential;ssh_user;ssh_credential\n"
    rows = [
        f"moi-{number};Mới;ps;switch;host;10.20.1.{100 + number};v2c;{name};;\n"
        for number, name in enumerate((*REACHED, *BEYOND))
    ]
    seen = await preview(
        country, head + "".join(rows) + "ps-sw1;Mới;ps;switch;host;10.20.1.2;v2c;;ops;khong-gan\n", actor=an
    )
    assert counts(seen) == {"added": 3, "refused": 4}, await refusals(country, seen)
    why = "does not hold there: leave it empty, or ask somebody who sets credentials there."
    assert await refusals(country, seen) == {
        **{5 + n: [f"credential: The credential {name} {why}"] for n, name in enumerate(BEYOND)},
        8: [f"ssh.credential: The credential khong-gan {why}"],
    }
    assert counts(await preview(country, head + "".join(rows))) == {"added": 6}, "who may set any names any"


async def test_a_new_office_in_the_same_file_stands_where_its_unit_does(country: Database) -> None:
    an = await somebody(country)
    text = (
        "version: 1\noffices:\n  ps2: {name: Điểm họp, unit: phan-son}\ndevices:\n"
        "  p1: {name: A, office: ps2, role: switch, profile: host, address: 10.20.1.50, snmp: v2c, credential: tinh}\n"
        "  p2: {name: B, office: ps2, role: ups, profile: host, address: 10.20.1.51, snmp: v2c, credential: no-such}\n"
    )
    seen = await preview(country, text, "new.yaml", actor=an)
    assert counts(seen) == {"added": 2, "refused": 1}
    assert set(await refusals(country, seen)) == {6}
