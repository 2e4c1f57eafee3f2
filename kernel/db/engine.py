"""Connections to PostgreSQL, named after the process that holds them so that the server shows who waits for whom."""

from __future__ import annotations

import re

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


def connect(url: str, *, process: str, pool_size: int = 5) -> AsyncEngine:
    """Return an engine on `url` (`postgresql://…`, as libpq writes it), a pool of at most 2 × `pool_size`.

    Statements end after 30 s and waits for a lock after 10 s: a page must answer or say why not.
    """
    return create_async_engine(
        re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args={
            "application_name": f"vungcao {process}",
            "connect_timeout": 5,
            "options": "-c statement_timeout=30s -c lock_timeout=10s -c timezone=UTC",
        },
    )
