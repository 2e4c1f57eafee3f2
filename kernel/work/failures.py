"""Whether durable work has failed for good, asked of its table alone: the library behind it takes a second to load."""

from __future__ import annotations

import re

import psycopg

from kernel.errors import DatabaseUnavailable

FAILED = ("ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
"""States of a run that ended in an error and will not be tried again."""

CONNECT_TIMEOUT_S = 5


async def has_failed_runs(url: str) -> bool:
    """Return whether the database at `url` (`postgresql://…`) holds a run that failed for good.

    Raises:
        DatabaseUnavailable: It does not answer, or was never brought to this release.
    """
    try:
        connection = await psycopg.AsyncConnection.connect(
            re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url),
            autocommit=True,
            application_name="vungcao status",
            connect_timeout=CONNECT_TIMEOUT_S,
            options="-c statement_timeout=5s",
        )
        async with connection:
            found = await connection.execute(
                "SELECT EXISTS (SELECT FROM dbos.workflow_status WHERE status = ANY (%s::text[]))", [list(FAILED)]
            )
            return await found.fetchone() == (True,)
    except psycopg.Error as error:
        raise DatabaseUnavailable(why=next(iter(str(error).strip().splitlines()), type(error).__name__)) from error
