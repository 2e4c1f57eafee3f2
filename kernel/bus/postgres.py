"""Hears PostgreSQL's notifications. News may be missed while the connection is away: each return says so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import NamedTuple

import psycopg
from psycopg import sql

LONGEST_WAIT_S = 10.0
CHECK_EVERY_S = 15.0
"""A dead connection is noticed at the latest after this time, for a silent one looks like a quiet one."""


class Heard(NamedTuple):
    """One piece of news. `channel` is empty when the connection was made (again): read what you may have missed."""

    channel: str
    payload: str


async def listen(url: str, channels: Sequence[str]) -> AsyncIterator[Heard]:
    """Yield the news of `channels` for ever, over connections that are made again when they break.

    Args:
        url: `postgresql://…`.
        channels: Names of notification channels.
    """
    wait_s = 0.5
    libpq_url = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                libpq_url, autocommit=True, connect_timeout=5, application_name="vungcao listen"
            ) as connection:
                for channel in channels:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                wait_s = 0.5
                yield Heard("", "")
                while True:
                    async with aclosing(connection.notifies(timeout=CHECK_EVERY_S)) as news:
                        async for notify in news:
                            yield Heard(notify.channel, notify.payload)
                    await connection.execute("SELECT 1")
        except psycopg.OperationalError:
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
