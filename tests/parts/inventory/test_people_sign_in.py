"""Signing in: sessions, their end, counted tries, and what an example account may."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from inventory import passwords
from inventory.access import ADMINISTRATOR
from inventory.errors import ExampleAccountElsewhere, WrongPassword
from inventory.grants import Grant
from inventory.people import AccountView, change_password, create_account, create_example_accounts
from inventory.people_models import AccountRow, SessionRow, SignInTryRow
from inventory.sessions import (
    Peer,
    SessionView,
    confirm_password,
    end_session,
    own_sessions,
    session_for,
    sign_in,
)
from inventory.tries import count_try, gates
from kernel.actors import system
from kernel.audit import AuditEntryRow
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import NotFound, TooManyTries

QUICK = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
PASSWORD = "trời mưa ở Phan Sơn"
OFFICE = Peer("192.0.2.7", "Firefox", local=False)
HOME = Peer("198.51.100.20", "Firefox", local=False)
MACHINE = Peer("127.0.0.1", "Firefox", local=True)


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash in a millisecond: the strength is `test_access_passwords`'s affair."""
    monkeypatch.setattr(passwords, "HASHER", QUICK)


@pytest.fixture
async def hoa(database: Database) -> AccountView:
    async with database.transaction() as tx:
        return await create_account(system("test"), tx, name="hoa", password=PASSWORD, grant=Grant("technician"))


async def found(database: Database, token: str, *, local: bool = False) -> SessionView | None:
    async with database.transaction() as tx:
        return await session_for(token, tx, local=local)


async def fail(database: Database, times: int, peer: Peer = OFFICE, name: str = "hoa") -> None:
    for _ in range(times):
        with pytest.raises(WrongPassword):
            await sign_in(database, name, "wrong", peer)


async def test_the_right_password_opens_a_session_and_only_its_token_finds_it(
    database: Database, hoa: AccountView
) -> None:
    started = await sign_in(database, " Hoa ", PASSWORD, OFFICE)
    session = await found(database, started.token)
    assert session is not None
    assert session.account == hoa
    assert session.address == OFFICE.address
    assert await found(database, started.token[:-1]) is None


async def test_the_table_of_sessions_does_not_hold_the_token(database: Database, hoa: AccountView) -> None:
    started = await sign_in(database, "hoa", PASSWORD, OFFICE)
    async with database.transaction() as tx:
        row = await tx.session.scalar(select(SessionRow))
    assert row is not None
    assert started.token.encode() not in row.key
    assert len(started.token) >= 43  # 256 bits


async def test_each_sign_in_has_a_token_of_its_own(database: Database, hoa: AccountView) -> None:
    first, second = [await sign_in(database, "hoa", PASSWORD, OFFICE) for _ in range(2)]
    assert first.token != second.token
    async with database.transaction() as tx:
        assert {session.id for session in await own_sessions(hoa.actor, tx)} == {first.session.id, second.session.id}


async def test_a_session_ends_when_it_was_not_used_for_half_a_day(
    database: Database, hoa: AccountView, clock: FrozenClock
) -> None:
    started = await sign_in(database, "hoa", PASSWORD, OFFICE)
    clock.forward(timedelta(hours=11, minutes=59))
    assert await found(database, started.token) is not None
    clock.forward(timedelta(hours=11, minutes=59))
    assert await found(database, started.token) is not None, "its use an hour ago was noted"
    clock.forward(timedelta(hours=12))
    assert await found(database, started.token) is None


async def test_a_session_ends_after_a_week_however_much_it_is_used(
    database: Database, hoa: AccountView, clock: FrozenClock
) -> None:
    started = await sign_in(database, "hoa", PASSWORD, OFFICE)
    for _ in range(14):
        clock.forward(timedelta(hours=11))
        assert await found(database, started.token) is not None
    clock.forward(timedelta(hours=14))
    assert await found(database, started.token) is None


async def test_sessions_that_are_over_leave_the_table_at_the_next_sign_in(
    database: Database, hoa: AccountView, clock: FrozenClock
) -> None:
    await sign_in(database, "hoa", PASSWORD, OFFICE)
    clock.forward(timedelta(days=8))
    await sign_in(database, "hoa", PASSWORD, OFFICE)
    async with database.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(SessionRow)) == 1


async def test_an_ended_session_opens_nothing_and_a_stranger_cannot_end_it(
    database: Database, hoa: AccountView
) -> None:
    started = await sign_in(database, "hoa", PASSWORD, OFFICE)
    async with database.transaction() as tx:
        lan = await create_account(system("test"), tx, name="lan", password=PASSWORD, grant=Grant("official"))
    with pytest.raises(NotFound):
        async with database.transaction() as tx:
            await end_session(lan.actor, started.session.id, tx)
    async with database.transaction() as tx:
        await end_session(hoa.actor, started.session.id, tx)
    assert await found(database, started.token) is None


async def test_a_new_password_ends_all_other_sessions(database: Database, hoa: AccountView) -> None:
    here, elsewhere = await sign_in(database, "hoa", PASSWORD, OFFICE), await sign_in(database, "hoa", PASSWORD, HOME)
    async with database.transaction() as tx:
        await change_password(hoa.actor, tx, password="trời nắng ở Phan Lâm", keep=here.session.id)
    assert await found(database, here.token) is not None
    assert await found(database, elsewhere.token) is None
    with pytest.raises(WrongPassword):
        await sign_in(database, "hoa", PASSWORD, OFFICE)
    await sign_in(database, "hoa", "trời nắng ở Phan Lâm", OFFICE)


async def test_an_unknown_name_a_wrong_password_and_a_disabled_account_get_the_same_answer(
    database: Database, hoa: AccountView
) -> None:
    async with database.transaction() as tx:
        lan = await create_account(system("test"), tx, name="lan", password=PASSWORD, grant=Grant("official"))
        await tx.session.execute(update(AccountRow).where(AccountRow.id == lan.id).values(disabled=True))
    told = set()
    for name, password in (("nobody", PASSWORD), ("hoa", "wrong"), ("lan", PASSWORD)):
        with pytest.raises(WrongPassword) as raised:
            await sign_in(database, name, password, OFFICE)
        told.add((str(raised.value), str(raised.value.fields)))
    assert len(told) == 1


async def test_disabling_an_account_closes_its_open_sessions(database: Database, hoa: AccountView) -> None:
    started = await sign_in(database, "hoa", PASSWORD, OFFICE)
    async with database.transaction() as tx:
        await tx.session.execute(update(AccountRow).values(disabled=True))
    assert await found(database, started.token) is None


async def test_after_five_failures_even_the_right_password_has_to_wait_and_then_enters(
    database: Database, hoa: AccountView, clock: FrozenClock
) -> None:
    await fail(database, 5)
    with pytest.raises(TooManyTries) as raised:
        await sign_in(database, "hoa", PASSWORD, OFFICE)
    assert raised.value.fields == {"wait_s": 2}
    clock.forward(timedelta(seconds=2))
    await sign_in(database, "hoa", PASSWORD, OFFICE)


async def test_tries_during_the_wait_do_not_make_it_longer(
    database: Database, hoa: AccountView, clock: FrozenClock
) -> None:
    await fail(database, 5)
    for _ in range(20):
        with pytest.raises(TooManyTries):
            await sign_in(database, "hoa", "wrong", OFFICE)
    clock.forward(timedelta(seconds=2))
    await sign_in(database, "hoa", PASSWORD, OFFICE)


async def test_a_right_password_forgives_the_wrong_ones_before(database: Database, hoa: AccountView) -> None:
    for _ in range(3):
        await fail(database, 4)
        await sign_in(database, "hoa", PASSWORD, OFFICE)


async def test_failures_are_forgotten_after_an_hour_of_rest(
    database: Database, hoa: AccountView, clock: FrozenClock
) -> None:
    await fail(database, 4)
    clock.forward(timedelta(minutes=61))
    await fail(database, 4)


async def test_many_guesses_at_once_are_not_looked_at_more_often_than_guesses_one_by_one(
    database: Database, hoa: AccountView
) -> None:
    answers = await asyncio.gather(
        *(sign_in(database, "hoa", "wrong", OFFICE) for _ in range(9)), return_exceptions=True
    )
    assert sum(isinstance(answer, WrongPassword) for answer in answers) == 5
    assert sum(isinstance(answer, TooManyTries) for answer in answers) == 4


async def test_a_stranger_elsewhere_does_not_keep_the_owner_out(
    database: Database, hoa: AccountView, clock: FrozenClock
) -> None:
    await sign_in(database, "hoa", PASSWORD, OFFICE)
    async with database.transaction() as tx:  # as if a thousand strangers had each tried a few times
        await tx.session.execute(update(SignInTryRow).where(SignInTryRow.succeeded_at.is_(None)).values(failures=999))
        await tx.session.execute(update(SignInTryRow).values(last_at=tx.now()))
    with pytest.raises(TooManyTries):
        await sign_in(database, "hoa", PASSWORD, HOME)
    async with database.transaction() as tx:  # the office's own address stays out of it
        await tx.session.execute(
            update(SignInTryRow).where(SignInTryRow.key == gates("hoa", OFFICE.address)[1].key).values(failures=0)
        )
    await sign_in(database, "hoa", PASSWORD, OFFICE)


async def test_one_address_that_tries_many_names_is_slowed_down_too(database: Database, clock: FrozenClock) -> None:
    async with database.transaction() as tx:
        await count_try(tx, gates("somebody", OFFICE.address))
        await tx.session.execute(
            update(SignInTryRow).where(SignInTryRow.key == gates("x", OFFICE.address)[1].key).values(failures=30)
        )
    with pytest.raises(TooManyTries):
        await sign_in(database, "another", "wrong", OFFICE)
    await fail(database, 1, HOME, "another")


async def test_a_failure_at_an_account_is_audited_and_what_was_typed_as_an_unknown_name_is_not(
    database: Database, hoa: AccountView
) -> None:
    await fail(database, 1)
    await fail(database, 1, name="my secret password")
    async with database.transaction() as tx:
        entries = list(await tx.session.scalars(select(AuditEntryRow).where(AuditEntryRow.action == "session.refused")))
        keys = list(await tx.session.scalars(select(SignInTryRow.key)))
    assert [(entry.target, entry.after) for entry in entries] == [("account:hoa", {"address": OFFICE.address})]
    assert not any(b"secret" in key for key in keys)


async def test_signing_in_is_audited_with_who_and_from_where(database: Database, hoa: AccountView) -> None:
    await sign_in(database, "hoa", PASSWORD, OFFICE)
    async with database.transaction() as tx:
        entry = await tx.session.scalar(select(AuditEntryRow).where(AuditEntryRow.action == "session.started"))
    assert entry is not None
    assert (entry.actor, entry.actor_id, entry.target, entry.after) == (
        "hoa",
        hoa.id,
        "account:hoa",
        {"address": OFFICE.address},
    )


async def test_a_weaker_hash_is_made_anew_when_its_owner_signs_in(database: Database, hoa: AccountView) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=512, parallelism=1).hash(PASSWORD)
    async with database.transaction() as tx:
        await tx.session.execute(update(AccountRow).values(password_hash=weak))
    await sign_in(database, "hoa", PASSWORD, OFFICE)
    async with database.transaction() as tx:
        stored = await tx.session.scalar(select(AccountRow.password_hash))
    assert stored is not None
    assert stored.startswith("$argon2id$v=19$m=1024,")
    await sign_in(database, "hoa", PASSWORD, OFFICE)


async def test_the_owner_is_asked_again_before_something_weighty_and_guessing_there_is_slowed_down_too(
    database: Database, hoa: AccountView
) -> None:
    await confirm_password(database, hoa.actor, PASSWORD, OFFICE)
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await confirm_password(database, hoa.actor, "wrong", OFFICE)
    with pytest.raises(TooManyTries):
        await confirm_password(database, hoa.actor, PASSWORD, OFFICE)


async def test_an_example_account_signs_in_on_the_machine_itself_and_nowhere_else(database: Database) -> None:
    async with database.transaction() as tx:
        await create_example_accounts(system("demo"), tx)
    with pytest.raises(ExampleAccountElsewhere):
        await sign_in(database, "quantri", "vungcao-demo", OFFICE)
    started = await sign_in(database, "quantri", "vungcao-demo", MACHINE)
    assert [role.code for role in started.session.account.roles] == [ADMINISTRATOR]
    assert await found(database, started.token, local=True) is not None
    assert await found(database, started.token, local=False) is None, "its cookie is worth nothing elsewhere either"
