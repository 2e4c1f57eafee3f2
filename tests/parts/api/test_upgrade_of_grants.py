"""The step that turns roles of accounts into grants, on a database as the release before left it; and back."""

from __future__ import annotations

import asyncio

from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.migrations.upgrade import alembic_config
from inventory.administer import account_for
from kernel.actors import system
from kernel.clock import SystemClock
from kernel.db.engine import connect
from kernel.db.transaction import Database
from kernel.work.dbos import DbosQueue
from tests.real.postgres import DebianPostgres

ACCOUNTS = """
INSERT INTO account (id, name, display_name, role, password_hash, example, disabled, created_at)
SELECT gen_random_uuid(), name, name, role, 'x', false, false, now()
FROM (VALUES ('chi', 'administrator'), ('lan', 'security'), ('ma', 'district-clerk')) AS before (name, role)
"""


async def _step(engine: AsyncEngine, to: str, *, up: bool) -> None:
    def run(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, to)

    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()


async def test_a_role_becomes_a_grant_on_the_whole_tree_and_a_word_that_is_none_becomes_nothing(
    server: DebianPostgres,
) -> None:
    url = server.new_database("before_grants")
    engine = connect(url, process="test")
    try:
        await _step(engine, "0006", up=True)
        async with engine.begin() as connection:
            await connection.execute(text(ACCOUNTS))
        await _step(engine, "0007", up=True)
        database = Database(engine, SystemClock(), DbosQueue(url))
        async with database.transaction() as tx:
            held = {
                name: [(hold.role, hold.within) for hold in (await account_for(system("test"), name, tx)).actor.holds]
                for name in ("chi", "lan", "ma")
            }
        assert held == {"chi": [("administrator", ())], "lan": [("security", ())], "ma": []}
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE account SET role = ''"))
        await _step(engine, "0006", up=False)
        async with engine.connect() as connection:
            roles = {row.name: row.role for row in await connection.execute(text("SELECT name, role FROM account"))}
        assert roles == {"chi": "administrator", "lan": "security", "ma": ""}
    finally:
        await engine.dispose()
        await asyncio.sleep(0)
