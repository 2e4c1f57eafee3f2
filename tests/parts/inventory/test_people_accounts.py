"""Accounts: making them, the example programme's, and the link of the first start."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from inventory.access import ADMINISTRATOR
from inventory.errors import BadName, NameTaken, SetupLinkOver, WeakPassword
from inventory.grants import Grant
from inventory.people import (
    EXAMPLE_ACCOUNTS,
    AccountView,
    choose_language,
    create_account,
    create_example_accounts,
    example_accounts,
    own_account,
)
from inventory.people_models import AccountRow, SetupLinkRow
from inventory.setup_link import ensure_setup_link, setup_link_works, use_setup_link
from kernel.actors import system
from kernel.audit import AuditEntryRow
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import BadInput, NotSignedIn, Refused
from kernel.ids import new_id
from tests.builders.actors import account_actor

PASSWORD = "trời mưa ở Phan Sơn"
TEST = system("test")


async def make(database: Database, name: str = "hoa", role: str = "technician", display_name: str = "") -> AccountView:
    async with database.transaction() as tx:
        return await create_account(
            TEST, tx, name=name, password=PASSWORD, grant=Grant(role), display_name=display_name
        )


async def new_link(database: Database) -> str | None:
    async with database.transaction() as tx:
        return await ensure_setup_link(tx)


async def use(database: Database, token: str, name: str = "chi", password: str = PASSWORD) -> AccountView:
    async with database.transaction() as tx:
        return await use_setup_link(tx, token, name=name, password=password)


async def test_an_account_is_made_and_the_audit_log_tells_of_it_without_its_password(database: Database) -> None:
    account = await make(database, " Hoa.Tran ", display_name="Trần Thị Hoa")
    assert (account.name, account.display_name, [role.code for role in account.roles]) == (
        "hoa.tran",
        "Trần Thị Hoa",
        ["technician"],
    )
    async with database.transaction() as tx:
        entry = await tx.session.scalar(select(AuditEntryRow))
        stored = await tx.session.scalar(select(AccountRow.password_hash))
    assert entry is not None
    assert (entry.action, entry.target) == ("account.created", "account:hoa.tran")
    assert entry.after == {"display_name": "Trần Thị Hoa", "example": False}
    assert stored is not None
    assert PASSWORD not in stored


async def test_only_who_manages_accounts_makes_one(database: Database) -> None:
    for role in ("technician", "official", "secretary", "security"):
        with pytest.raises(Refused):
            async with database.transaction() as tx:
                await create_account(
                    account_actor(new_id(), "hoa", role), tx, name="lan", password=PASSWORD, grant=Grant("official")
                )


@pytest.mark.parametrize("name", ["", "x", "1hoa", "hoa tran", "hoà", "a" * 33, "hoa@phanson"])
async def test_what_cannot_be_a_name_is_refused(database: Database, name: str) -> None:
    with pytest.raises(BadName):
        await make(database, name)


async def test_a_weak_password_an_unknown_role_and_an_endless_name_are_refused(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(WeakPassword):
            await create_account(TEST, tx, name="hoa", password="short", grant=Grant("official"))
        with pytest.raises(
            BadInput, match="official, secretary, technician, engineer, security, auditor, administrator"
        ):
            await create_account(TEST, tx, name="hoa", password=PASSWORD, grant=Grant("king"))
        with pytest.raises(BadInput, match="80 characters"):
            await create_account(
                TEST, tx, name="hoa", password=PASSWORD, grant=Grant("official"), display_name="x" * 81
            )


async def test_of_two_that_take_the_same_name_at_once_one_is_told_so(database: Database) -> None:
    answers = await asyncio.gather(make(database), make(database), return_exceptions=True)
    assert sum(isinstance(answer, NameTaken) for answer in answers) == 1
    assert sum(isinstance(answer, AccountView) for answer in answers) == 1


async def test_the_example_programme_has_accounts_of_each_role_and_making_them_again_changes_nothing(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        made = await create_example_accounts(TEST, tx)
    assert [(account.name, account.roles[0].code, account.example) for account in made] == [
        ("kythuat", "technician", True),
        ("kythuat2", "technician", True),
        ("canbo", "official", True),
        ("thuky", "secretary", True),
        ("anninh", "security", True),
        ("quantri", "administrator", True),
    ]
    async with database.transaction() as tx:
        assert await create_example_accounts(TEST, tx) == []
        assert await example_accounts(tx) == made


async def test_a_disabled_example_account_is_not_shown(database: Database) -> None:
    async with database.transaction() as tx:
        await create_example_accounts(TEST, tx)
        await tx.session.execute(update(AccountRow).where(AccountRow.name == "anninh").values(disabled=True))
        assert "anninh" not in {account.name for account in await example_accounts(tx)}


async def test_a_person_chooses_a_language_and_it_stays(database: Database) -> None:
    hoa = await make(database)
    async with database.transaction() as tx:
        await choose_language(hoa.actor, tx, "en")
    async with database.transaction() as tx:
        assert (await own_account(hoa.actor, tx)).language == "en"
        with pytest.raises(BadInput):
            await choose_language(hoa.actor, tx, "fr")


async def test_a_part_of_the_platform_has_no_account(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(NotSignedIn):
            await own_account(TEST, tx)


async def test_the_link_of_the_first_start_makes_one_administrator_and_no_second(database: Database) -> None:
    token = await new_link(database)
    assert token is not None
    account = await use(database, token)
    assert [role.code for role in account.roles] == [ADMINISTRATOR]
    with pytest.raises(SetupLinkOver):
        await use(database, token, "chi2")
    assert await new_link(database) is None
    async with database.transaction() as tx:
        entry = await tx.session.scalar(select(AuditEntryRow))
    assert entry is not None
    assert (entry.actor, entry.action, entry.target) == ("setup-link", "account.created", "account:chi")


async def test_of_two_that_use_the_link_at_once_one_becomes_administrator(database: Database) -> None:
    token = await new_link(database)
    assert token is not None
    answers = await asyncio.gather(use(database, token, "chi"), use(database, token, "lan"), return_exceptions=True)
    assert sum(isinstance(answer, AccountView) for answer in answers) == 1
    assert sum(isinstance(answer, SetupLinkOver) for answer in answers) == 1


async def test_a_link_is_over_after_a_day_and_when_a_newer_one_was_printed(
    database: Database, clock: FrozenClock
) -> None:
    first, second = await new_link(database), await new_link(database)
    assert first is not None
    assert second is not None
    with pytest.raises(SetupLinkOver):
        await use(database, first)
    clock.forward(timedelta(hours=24))
    async with database.transaction() as tx:
        assert not await setup_link_works(tx, second)
    with pytest.raises(SetupLinkOver):
        await use(database, second)


async def test_a_link_survives_a_mistake_in_the_form(database: Database) -> None:
    token = await new_link(database)
    assert token is not None
    with pytest.raises(WeakPassword):
        await use(database, token, password="short")
    assert (await use(database, token)).name == "chi"


async def test_a_link_printed_before_there_was_an_administrator_is_worth_nothing_after(database: Database) -> None:
    token = await new_link(database)
    assert token is not None
    await make(database, "chi", ADMINISTRATOR)
    async with database.transaction() as tx:
        assert not await setup_link_works(tx, token)
    with pytest.raises(SetupLinkOver):
        await use(database, token, "lan")


async def test_example_accounts_do_not_count_as_administrators(database: Database) -> None:
    async with database.transaction() as tx:
        await create_example_accounts(TEST, tx)
    assert ADMINISTRATOR in {grant.role for _, _, grant in EXAMPLE_ACCOUNTS}
    assert await new_link(database) is not None


async def test_the_table_of_links_does_not_hold_the_token(database: Database) -> None:
    token = await new_link(database)
    assert token is not None
    async with database.transaction() as tx:
        assert token.encode() not in (await tx.session.scalar(select(SetupLinkRow.key)) or b"")
