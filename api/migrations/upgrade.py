"""Brings a database to this release's schema: ours by Alembic, and that of durable work, in one step."""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from kernel.db.engine import connect
from kernel.work.dbos import migrate_work_schema

LOCK = 7_223_001_961
"""Advisory lock: two starts at once upgrade one after the other."""


def alembic_config() -> Config:
    """Return Alembic's configuration; it needs no file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


async def upgrade(url: str) -> None:
    """Upgrade the database at `url` (`postgresql://…`) to the newest step; done already: nothing happens."""
    engine = connect(url, process="migrations", pool_size=1)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            await connection.commit()
            await connection.run_sync(_upgrade)
            await connection.commit()
            await asyncio.shield(migrate_work_schema(url))
            await connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
