"""Credentials: what is stored is sealed, what is shown is no secret, what is opened is what was set."""

from __future__ import annotations

import base64
import os

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text

from inventory.credential_kinds import AuthProtocol, CredentialKind, PrivProtocol, SnmpV2c, SnmpV3
from inventory.credential_models import CredentialRow
from inventory.credentials import credential_for_use, list_credentials, set_credential
from kernel.actors import Actor, system
from kernel.audit import AuditEntryRow
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import BadInput, NotFound, Refused
from kernel.ids import new_id
from kernel.secrets import SecretUnreadable, Vault
from tests.builders.actors import account_actor

COMMUNITY = "cộng-đồng-kín"
V2C = SnmpV2c(SecretStr(COMMUNITY))
V3 = SnmpV3(
    user="giám-sát",
    auth_protocol=AuthProtocol.SHA256,
    auth_key=SecretStr("authentication-hush"),
    priv_protocol=PrivProtocol.AES128,
    priv_key=SecretStr("privacy-hush-hush"),
)
ENGINE = system("engine")


@pytest.fixture
def vault() -> Vault:
    return Vault(os.urandom(32))


def somebody(role: str) -> Actor:
    return account_actor(new_id(), f"a {role}", role)


@pytest.mark.parametrize("credential", [V2C, V3])
async def test_what_is_opened_is_what_was_set(credential: SnmpV2c | SnmpV3, database: Database, vault: Vault) -> None:
    async with database.transaction() as tx:
        await set_credential(somebody("administrator"), tx, vault, "office-routers", credential)
    async with database.transaction() as tx:
        assert await credential_for_use(ENGINE, tx, vault, "office-routers") == credential


async def test_no_secret_is_readable_in_the_database_or_in_what_is_printed(database: Database, vault: Vault) -> None:
    async with database.transaction() as tx:
        await set_credential(somebody("administrator"), tx, vault, "v2c", V2C)
        await set_credential(somebody("administrator"), tx, vault, "v3", V3)
    async with database.engine.connect() as connection:
        stored = [str(row) for row in await connection.execute(text("SELECT c::text FROM credential c"))]
        stored += [str(row) for row in await connection.execute(text("SELECT a::text FROM audit_entry a"))]
        sealed = (await connection.scalars(select(CredentialRow.sealed))).all()
    assert len(stored) == 4
    raw = b"".join(base64.b64decode(value) for fields in sealed for value in fields.values())
    for secret in (COMMUNITY, "authentication-hush", "privacy-hush-hush"):
        assert not [row for row in stored if secret in row]
        assert secret.encode() not in raw
        assert secret not in repr(V2C) + repr(V3) + str(V2C) + str(V3)


async def test_setting_is_on_record_without_values(database: Database, vault: Vault) -> None:
    administrator = somebody("administrator")
    async with database.transaction() as tx:
        await set_credential(administrator, tx, vault, "core", V2C)
    async with database.transaction() as tx:
        await set_credential(administrator, tx, vault, "core", V3)
        entries = (await tx.session.scalars(select(AuditEntryRow).order_by(AuditEntryRow.id))).all()
    public = {"kind": "snmp-v3", "user": "giám-sát", "auth_protocol": "SHA-256", "priv_protocol": "AES-128"}
    assert [(entry.action, entry.target, entry.before, entry.after) for entry in entries] == [
        ("credential.set", "credential:core", None, {"kind": "snmp-v2c"}),
        ("credential.set", "credential:core", {"kind": "snmp-v2c"}, public),
    ]
    assert {entry.actor_id for entry in entries} == {administrator.id}


async def test_setting_again_replaces_and_leaves_nothing_of_the_old(database: Database, vault: Vault) -> None:
    for credential in (V3, V2C):
        async with database.transaction() as tx:
            await set_credential(somebody("administrator"), tx, vault, "core", credential)
    async with database.transaction() as tx:
        assert await credential_for_use(ENGINE, tx, vault, "core") == V2C
        (row,) = (await tx.session.scalars(select(CredentialRow))).all()
        assert (row.public, list(row.sealed)) == ({}, ["community"])


async def test_a_list_shows_names_and_kinds(database: Database, vault: Vault, clock: FrozenClock) -> None:
    async with database.transaction() as tx:
        await set_credential(ENGINE, tx, vault, "zebra", V2C)
        await set_credential(ENGINE, tx, vault, "apple", V3)
    async with database.transaction() as tx:
        views = await list_credentials(somebody("administrator"), tx)
    assert [(view.name, view.kind, view.changed_at) for view in views] == [
        ("apple", CredentialKind.SNMP_V3, clock.now()),
        ("zebra", CredentialKind.SNMP_V2C, clock.now()),
    ]


@pytest.mark.parametrize("role", ["technician", "official", "secretary", "security"])
async def test_only_an_administrator_sets_and_lists(role: str, database: Database, vault: Vault) -> None:
    async with database.transaction() as tx:
        with pytest.raises(Refused):
            await set_credential(somebody(role), tx, vault, "core", V2C)
        with pytest.raises(Refused):
            await list_credentials(somebody(role), tx)


async def test_not_even_an_administrator_has_one_opened(database: Database, vault: Vault) -> None:
    async with database.transaction() as tx:
        await set_credential(ENGINE, tx, vault, "core", V2C)
        with pytest.raises(Refused):
            await credential_for_use(somebody("administrator"), tx, vault, "core")


async def test_a_credential_that_is_not_there_is_named(database: Database, vault: Vault) -> None:
    async with database.transaction() as tx:
        with pytest.raises(NotFound, match="credential core"):
            await credential_for_use(ENGINE, tx, vault, "core")


async def test_a_sealed_value_copied_to_another_credential_does_not_open(database: Database, vault: Vault) -> None:
    async with database.transaction() as tx:
        await set_credential(ENGINE, tx, vault, "core", V2C)
        await set_credential(ENGINE, tx, vault, "edge", SnmpV2c(SecretStr("other")))
    async with database.engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE credential SET sealed = (SELECT sealed FROM credential WHERE name = 'core') WHERE name = 'edge'"
            )
        )
    async with database.transaction() as tx:
        with pytest.raises(SecretUnreadable):
            await credential_for_use(ENGINE, tx, vault, "edge")


@pytest.mark.parametrize("name", ["", "Core", "-core", "core router", "lõi", "c" * 64, "core\n"])
async def test_a_name_that_the_inventory_file_cannot_have_is_refused(
    name: str, database: Database, vault: Vault
) -> None:
    async with database.transaction() as tx:
        with pytest.raises(BadInput):
            await set_credential(ENGINE, tx, vault, name, V2C)


@pytest.mark.parametrize(
    "credential",
    [
        SnmpV2c(SecretStr("")),
        SnmpV2c(SecretStr("public\n")),
        SnmpV3("", AuthProtocol.SHA1, SecretStr("12345678"), PrivProtocol.AES128, SecretStr("12345678")),
        SnmpV3("u" * 33, AuthProtocol.SHA1, SecretStr("12345678"), PrivProtocol.AES128, SecretStr("12345678")),
        SnmpV3("user", AuthProtocol.SHA1, SecretStr("1234567"), PrivProtocol.AES128, SecretStr("12345678")),
        SnmpV3("user", AuthProtocol.SHA1, SecretStr("12345678"), PrivProtocol.AES128, SecretStr("1234567")),
    ],
)
async def test_what_no_device_takes_is_refused_without_repeating_it(
    credential: SnmpV2c | SnmpV3, database: Database, vault: Vault
) -> None:
    async with database.transaction() as tx:
        with pytest.raises(BadInput) as raised:
            await set_credential(ENGINE, tx, vault, "core", credential)
    assert "1234567" not in str(raised.value)
