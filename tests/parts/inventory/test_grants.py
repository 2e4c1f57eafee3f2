"""Grants in the real database: where they reach, when they hold, who may give them, and what they never allow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text

from inventory.access import ACCOUNTS_MANAGE, ADMINISTRATOR, INVENTORY_READ, narrow_offices, narrow_units
from inventory.administer import account_for, end_account_sessions, give_password, list_accounts, set_disabled
from inventory.errors import GrantOver, LastAdministrator
from inventory.grant_models import GrantRow
from inventory.grants import Grant, grant_role, grants, revoke_grant
from inventory.models import OfficeRow, UnitRow
from inventory.people import create_account, own_account
from inventory.profiles import bundled_profiles
from inventory.public import UnitWish, load_file, offices, units_on
from kernel.actors import Actor, system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.errors import BadInput, NotFound, Refused

TEST = system("test")
PASSWORD = "trời mưa ở Phan Sơn"
TREE = """\
version: 1
units:
  lam-dong: {name: Tỉnh Lâm Đồng, level: province, valid_from: 1976-02-01}
  binh-thuan: {name: Tỉnh Bình Thuận, level: province, valid_from: 1992-04-01, valid_to: 2025-07-01,
               successors: [lam-dong]}
  bac-binh: {name: Huyện Bắc Bình, level: district, parent: binh-thuan, valid_from: 1992-04-01, valid_to: 2025-07-01,
             successors: [phan-son]}
  phan-son: {name: Xã Phan Sơn, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  la-da: {name: Xã La Dạ, level: commune, parent: lam-dong, valid_from: 2025-07-01}
  bon-thop: {name: Thôn Bon Thớp, level: village, parent: phan-son, valid_from: 2025-07-01}
offices:
  dl: {name: Đà Lạt, unit: lam-dong}
  ps: {name: Phan Sơn, unit: phan-son}
  bt: {name: Bon Thớp, unit: bon-thop}
  ld: {name: La Dạ, unit: la-da}
"""

Make = Callable[..., Awaitable[Actor]]


@pytest.fixture
async def tree(database: Database, tmp_path: Path) -> None:
    (tmp_path / "tree.yaml").write_text(TREE, encoding="utf-8")
    async with database.transaction() as tx:
        await load_file(tmp_path / "tree.yaml", TEST, tx, bundled_profiles())


@pytest.fixture
def make(database: Database, tree: None) -> Make:
    """What makes an account with these grants, and returns its actor."""

    async def made(name: str, *given: Grant) -> Actor:
        async with database.transaction() as tx:
            await create_account(TEST, tx, name=name, password=None)
            for grant in given:
                await grant_role(TEST, tx, name, grant)
        return await now(database, name)

    return made


async def now(database: Database, name: str) -> Actor:
    """Return the actor that the account is at this moment."""
    async with database.transaction() as tx:
        return (await account_for(TEST, name, tx)).actor


async def seen(database: Database, actor: Actor) -> set[str]:
    async with database.transaction() as tx:
        return {office.code for office in (await offices(actor, tx)).offices}


@pytest.mark.parametrize(
    ("given", "reached"),
    [
        ([Grant("official")], {"dl", "ps", "bt", "ld"}),
        ([Grant("official", unit="lam-dong")], {"dl", "ps", "bt", "ld"}),
        ([Grant("official", unit="lam-dong", below=False)], {"dl"}),
        ([Grant("official", unit="phan-son")], {"ps", "bt"}),
        ([Grant("official", unit="phan-son", below=False)], {"ps"}),
        ([Grant("official", unit="bon-thop"), Grant("technician", unit="la-da")], {"bt", "ld"}),
    ],
)
async def test_a_grant_reaches_its_unit_and_what_is_below_if_it_says_so(
    make: Make, database: Database, given: list[Grant], reached: set[str]
) -> None:
    assert await seen(database, await make("hoa", *given)) == reached


async def test_who_was_granted_nothing_is_refused(make: Make, database: Database) -> None:
    with pytest.raises(Refused):
        await seen(database, await make("hoa"))


async def test_a_grant_holds_from_its_beginning_to_its_end(make: Make, database: Database, clock: FrozenClock) -> None:
    begin = clock.now() + timedelta(hours=1)
    hoa = await make("hoa", Grant("official", "phan-son", valid_from=begin, valid_to=begin + timedelta(hours=1)))
    assert not hoa.may(INVENTORY_READ)
    clock.forward(timedelta(hours=1))
    assert await seen(database, await now(database, "hoa")) == {"ps", "bt"}
    clock.forward(timedelta(hours=1))
    assert not (await now(database, "hoa")).may(INVENTORY_READ)


async def test_a_grant_taken_away_is_gone_at_once_and_stays_on_record(make: Make, database: Database) -> None:
    await make("hoa", Grant("official", unit="phan-son"))
    async with database.transaction() as tx:
        (given,) = (await grants(TEST, tx)).grants
        ended = await revoke_grant(TEST, tx, given.id)
    assert (ended.ended_by, ended.given_by) == ("test", "test")
    assert not (await now(database, "hoa")).may(INVENTORY_READ)
    async with database.transaction() as tx:
        assert (await grants(TEST, tx)).grants == []
        assert [one.id for one in (await grants(TEST, tx, ended=True)).grants] == [given.id]
        with pytest.raises(GrantOver):
            await revoke_grant(TEST, tx, given.id)


async def test_a_unit_is_seen_with_the_names_above_it_and_on_the_old_map_with_what_became_it(
    make: Make, database: Database, clock: FrozenClock
) -> None:
    hoa = await make("hoa", Grant("official", unit="phan-son"))
    today = clock.now().date()
    before = today.replace(year=2025, month=6, day=30)
    async with database.transaction() as tx:
        now = (await units_on(hoa, tx, UnitWish(as_of=today))).units
        then = (await units_on(hoa, tx, UnitWish(as_of=before))).units
    assert {unit.code for unit in now} == {"lam-dong", "phan-son", "bon-thop"}
    assert {unit.code for unit in then} == {"binh-thuan", "bac-binh"}


async def test_an_administrator_of_a_commune_gives_no_more_than_a_commune(make: Make, database: Database) -> None:
    chi = await make("chi", Grant(ADMINISTRATOR, unit="phan-son"))
    await make("hoa", Grant("official", unit="bon-thop"))
    await make("lan", Grant("official", unit="la-da"))
    async with database.transaction() as tx:
        given = await grant_role(chi, tx, "hoa", Grant("technician", unit="phan-son"))
        assert (given.given_by, given.unit) == ("chi", "phan-son")
        for wider in (Grant("official", unit="lam-dong"), Grant("official", unit="la-da")):
            with pytest.raises(NotFound):
                await grant_role(chi, tx, "hoa", wider)
        with pytest.raises(Refused):
            await grant_role(chi, tx, "hoa", Grant("official"))
        with pytest.raises(NotFound):
            await grant_role(chi, tx, "lan", Grant("official", unit="phan-son"))
        with pytest.raises(Refused):
            await create_account(chi, tx, name="moi", password=None)
    with pytest.raises(NotFound):
        async with database.transaction() as tx:
            await create_account(chi, tx, name="moi", password=None, grant=Grant("official", unit="la-da"))
    async with database.transaction() as tx:
        made = await create_account(chi, tx, name="moi", password=None, grant=Grant("official", unit="bon-thop"))
        assert {account.name for account in (await list_accounts(chi, tx)).accounts} == {"chi", "hoa", made.name}


async def test_an_administrator_of_one_unit_alone_gives_nothing_that_reaches_below(
    make: Make, database: Database
) -> None:
    chi = await make("chi", Grant(ADMINISTRATOR, unit="phan-son", below=False))
    await make("hoa", Grant("official", unit="phan-son"))
    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await grant_role(chi, tx, "hoa", Grant("official", unit="phan-son"))
        assert (await grant_role(chi, tx, "hoa", Grant("official", unit="phan-son", below=False))).below is False


async def test_nobody_locks_out_somebody_who_may_more_than_they_manage(make: Make, database: Database) -> None:
    chi = await make("chi", Grant(ADMINISTRATOR, unit="phan-son"))
    await make("lan", Grant("official", unit="phan-son"), Grant("official", unit="la-da"))
    await make("hoa", Grant("official", unit="phan-son"), Grant("auditor"))
    for name in ("lan", "hoa"):
        async with database.transaction() as tx:
            assert (await account_for(chi, name, tx, ACCOUNTS_MANAGE)).name == name, "seen, for one grant lies there"
            with pytest.raises(Refused):
                await set_disabled(chi, tx, name, disabled=True)
            with pytest.raises(Refused):
                await give_password(chi, tx, name, PASSWORD)
            with pytest.raises(Refused):
                await end_account_sessions(chi, tx, name)


async def test_the_last_administrator_of_the_tree_stays(make: Make, database: Database) -> None:
    await make("chi", Grant(ADMINISTRATOR))
    with pytest.raises(LastAdministrator):
        async with database.transaction() as tx:
            await set_disabled(TEST, tx, "chi", disabled=True)
    async with database.transaction() as tx:
        (only,) = (await grants(TEST, tx, account="chi")).grants
    with pytest.raises(LastAdministrator):
        async with database.transaction() as tx:
            await revoke_grant(TEST, tx, only.id)
    await make("dung", Grant(ADMINISTRATOR))
    async with database.transaction() as tx:
        assert (await set_disabled(TEST, tx, "chi", disabled=True)).disabled


@pytest.mark.parametrize(
    "wrong",
    [
        Grant("king"), Grant("official", unit="binh-thuan"), Grant("official", below=False),
    ],
)  # fmt: skip
async def test_a_grant_that_makes_no_sense_is_refused(make: Make, database: Database, wrong: Grant) -> None:
    await make("hoa")
    async with database.transaction() as tx:
        with pytest.raises(BadInput):
            await grant_role(TEST, tx, "hoa", wrong)


async def test_a_grant_begins_no_earlier_than_it_is_given_and_ends_after_that(
    make: Make, database: Database, clock: FrozenClock
) -> None:
    await make("hoa")
    long_ago = clock.now() - timedelta(days=9)
    async with database.transaction() as tx:
        given = await grant_role(TEST, tx, "hoa", Grant("official", valid_from=long_ago))
        assert given.valid_from == tx.now()
        with pytest.raises(BadInput):
            await grant_role(TEST, tx, "hoa", Grant("official", valid_to=tx.now()))


async def test_one_statement_finds_an_actor_however_many_grants_it_has(make: Make, database: Database) -> None:
    hoa = await make("hoa", *(Grant("official", unit=unit) for unit in ("phan-son", "la-da", "bon-thop") * 5))
    asked: list[str] = []
    async with database.transaction() as tx:
        connection = await tx.session.connection()
        event.listen(connection.sync_connection, "before_cursor_execute", lambda *told: asked.append(str(told[2])))
        account = await own_account(hoa, tx)
    assert len(asked) == 1
    assert len(account.actor.holds) == 3, "the same grant twice allows no more"


async def test_the_country_s_offices_are_narrowed_by_an_index(database: Database, make: Make) -> None:
    hoa = await make("hoa", Grant("official", unit="phan-son"))
    async with database.transaction() as tx:
        today = tx.now().date()
        counted = select(func.count()).select_from(narrow_offices(select(OfficeRow.id), hoa, today).subquery())
        assert await tx.session.scalar(counted) == 2
        named = narrow_units(select(UnitRow.code), hoa, today, today)
        assert len((await tx.session.scalars(named)).all()) == 4, (
            "with the district that its commune was, and the names above on that day"
        )


async def test_roles_of_the_release_before_became_grants_on_the_whole_tree(database: Database, make: Make) -> None:
    # What the migration does, done again for an account as the release before wrote it.
    await make("hoa")
    async with database.transaction() as tx:
        await tx.session.execute(text("UPDATE account SET role = 'security' WHERE name = 'hoa'"))
        await tx.session.execute(
            text(
                "INSERT INTO role_grant (id, account_id, role, below, valid_from, given_at, given_by)"
                " SELECT gen_random_uuid(), account.id, account.role, true, account.created_at, account.created_at,"
                " 'upgrade' FROM account JOIN role ON role.code = account.role"
            )
        )
        row = await tx.session.scalar(select(GrantRow))
    assert row is not None
    assert (row.role, row.unit_id) == ("security", None)
    assert (await now(database, "hoa")).may_everywhere(INVENTORY_READ)
