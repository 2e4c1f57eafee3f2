"""Erasing a person: nothing leads to them any more, what was done stays, and the sealed record is still sound."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import Text, cast, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.commands.people import personal_data
from api.demo.agents import PROGRAMME
from api.migrations.tables import Base
from inventory import passwords
from inventory.administer import account_for, set_disabled
from inventory.erase import erase_person
from inventory.errors import AccountNotErasable, WrongPassword
from inventory.grants import Grant
from inventory.people import create_account
from inventory.public import bundled_profiles, load_file
from inventory.sessions import Peer, sign_in
from kernel.actors import system
from kernel.audit import AuditEntryRow
from kernel.audit_chain import FaultKind, Sealer, verify
from kernel.audit_erasure import AuditBroken
from kernel.db.transaction import Database
from kernel.errors import NotFound

TEST = system("test")
KEY = os.urandom(32)
PASSWORD = "trời mưa ở Phan Sơn"
PEER = Peer("203.0.113.9", "Firefox", local=False)
ROOT = Path(__file__).parents[3]


@pytest.fixture
async def lived(database: Database) -> None:
    """Somebody signed in, did something, was mentioned by others, and left."""
    async with database.transaction() as tx:
        await load_file(PROGRAMME, TEST, tx, bundled_profiles())
        made = await create_account(
            TEST, tx, name="hoa.tran", password=PASSWORD, display_name="Trần Thị Hoa", grant=Grant("technician")
        )
        await create_account(TEST, tx, name="hoa", password=None, grant=Grant("official"))
    await sign_in(database, "hoa.tran", PASSWORD, PEER)
    with pytest.raises(WrongPassword):
        await sign_in(database, "hoa.tran", "sai", PEER)
    async with database.transaction() as tx:
        tx.audit(made.actor, "alert.taken", "alert:1", after={"by": "hoa.tran", "of": ["hoa.tran", "hoa"]})
        tx.audit(TEST, "alert.released", "alert:1", before={"by": "hoa.tran"})
    await Sealer(database, KEY).seal_new()
    async with database.transaction() as tx:
        await set_disabled(TEST, tx, "hoa.tran", disabled=True)


async def erase(database: Database) -> str:
    async with database.transaction() as tx:
        return (await erase_person(TEST, tx, "hoa.tran", tables=Base.metadata, audit_key=KEY)).pseudonym


async def everything(database: Database) -> str:
    """Return all that is stored, as text."""
    async with database.transaction() as tx:
        rows = [
            str(row)
            for table in Base.metadata.sorted_tables
            for row in await tx.session.execute(select(*(cast(column, Text) for column in table.columns)))
        ]
    return "\n".join(rows)


async def test_nothing_leads_to_the_person_any_more_and_the_chain_is_sound(
    database: Database, engine: AsyncEngine, lived: None
) -> None:
    async with engine.connect() as connection:
        before = await verify(connection, KEY)
    assert "hoa.tran" in await everything(database)
    pseudonym = await erase(database)
    stored = await everything(database)
    for trace in ("hoa.tran", "Trần Thị Hoa", "203.0.113.9", "argon2"):
        assert trace not in stored
    await Sealer(database, KEY).seal_new()
    async with engine.connect() as connection:
        after = await verify(connection, KEY)
    assert after.ok, after
    assert after.sealed > before.sealed
    async with database.transaction() as tx:
        taken = await tx.session.scalar(select(AuditEntryRow).where(AuditEntryRow.action == "alert.taken"))
    assert taken is not None
    assert (taken.actor, taken.after) == (pseudonym, {"by": pseudonym, "of": [pseudonym, "hoa"]})


async def test_a_head_kept_elsewhere_still_fits(database: Database, engine: AsyncEngine, lived: None) -> None:
    await Sealer(database, KEY).seal_new()
    async with engine.connect() as connection:
        kept = (await verify(connection, KEY)).head
    await erase(database)
    assert kept is not None
    async with database.transaction() as tx:
        seal = await tx.session.scalar(select(AuditEntryRow.seal).where(AuditEntryRow.seal_no == kept.seal_no))
    assert seal == kept.seal


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_entry SET actor = 'somebody' WHERE action = 'alert.taken'",
        "UPDATE audit_entry SET erased_seal = NULL WHERE action = 'alert.taken'",
        "UPDATE audit_entry SET erased_seal = seal WHERE action = 'alert.taken'",
        "UPDATE audit_entry SET erased_seal = seal, actor = 'x' WHERE erased_seal IS NULL AND seal_no = 1",
    ],
)
async def test_an_erased_entry_is_no_hole_in_the_chain(
    database: Database, engine: AsyncEngine, lived: None, tampering: str
) -> None:
    await erase(database)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        assert (await connection.execute(text(tampering))).rowcount == 1
    async with engine.connect() as connection:
        report = await verify(connection, KEY)
    assert (report.ok, set(report.faults)) == (False, {FaultKind.CHANGED})


async def test_the_table_lets_nothing_else_be_changed_in_the_name_of_erasing(
    engine: AsyncEngine, database: Database, lived: None
) -> None:
    for change in ("action = 'x'", "reason = 'x'", "actor = 'x'", "erased_seal = 'x', seal = 'x'"):
        with pytest.raises(DBAPIError, match="only grows"):
            async with engine.begin() as connection:
                await connection.execute(text(f"UPDATE audit_entry SET {change} WHERE seal_no = 1"))


async def test_a_chain_that_was_tampered_with_is_not_sealed_over(
    database: Database, engine: AsyncEngine, lived: None
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        await connection.execute(text("UPDATE audit_entry SET reason = 'x' WHERE action = 'alert.taken'"))
    with pytest.raises(AuditBroken):
        await erase(database)
    async with database.transaction() as tx:
        assert (await account_for(TEST, "hoa.tran", tx)).display_name == "Trần Thị Hoa", "nothing was erased"


async def test_who_can_still_sign_in_is_not_erased_and_nobody_twice(database: Database, lived: None) -> None:
    async with database.transaction() as tx:
        await set_disabled(TEST, tx, "hoa.tran", disabled=False)
    with pytest.raises(AccountNotErasable):
        await erase(database)
    async with database.transaction() as tx:
        await set_disabled(TEST, tx, "hoa.tran", disabled=True)
    await erase(database)
    with pytest.raises(NotFound):
        await erase(database)


def test_every_column_that_names_somebody_says_what_for() -> None:
    declared = {row["column"] for row in personal_data()}
    suspicious = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Text)
        and (column.name.endswith("_by") or column.name in {"actor", "organiser", "display_name", "subject", "program"})
    }
    suspicious.discard("booking_key.actor")  # the account's id, which tells nothing once the account is erased
    assert suspicious <= declared, suspicious - declared


def test_the_list_for_people_is_the_one_that_the_tables_give() -> None:
    page = (ROOT / "docs/how-to/personal-data.md").read_text(encoding="utf-8")
    for row in personal_data():
        assert f"| `{row['column']}` | {row['purpose']} | {row['kept']} | {row['erased']} |" in page


async def test_a_hash_of_nothing_matches_no_password() -> None:
    assert not await passwords.matches("", None)
