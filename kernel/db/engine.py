"""Connections to PostgreSQL, named after the process that holds them so that the server shows who waits for whom."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

SESSION: Final = {
    "statement_timeout": "30s",  # a page must answer, or say why not
    "lock_timeout": "10s",
    "timezone": "UTC",
    # Measured in bench/inventory: who may see what, and where, decides how a statement is best carried out. A plan made
    # for any values takes four times as long as one for these, and to compile one takes longer than to follow it.
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
}


def connect(url: str, *, process: str, pool_size: int = 5) -> AsyncEngine:
    """Return an engine on `url` (`postgresql://…`, as libpq writes it), a pool of at most 2 × `pool_size`."""
    return create_async_engine(
        re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args={
            "application_name": f"vungcao {process}",
            "connect_timeout": 5,
            "options": " ".join(f"-c {name}={value}" for name, value in SESSION.items()),
        },
    )
