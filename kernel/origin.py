"""What brings a change about: its request, command or work, and the reason that somebody gave. Set at a process's edge.

It reaches the audit log by itself, so that no use case has to carry it along.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import structlog

MOST_REQUEST: Final = 128
MOST_REASON: Final = 500

_reason: ContextVar[str] = ContextVar("reason", default="")


def request_now() -> str:
    """Return the number of the request, command or work that runs, as the log has it; empty if there is none."""
    return str(structlog.contextvars.get_contextvars().get("request", ""))[:MOST_REQUEST]


def reason_now() -> str:
    """Return why it is done, in the words of who does it; empty if they gave none."""
    return _reason.get()


@contextmanager
def because(reason: str) -> Iterator[None]:
    """Let every change inside the block have `reason` on record, unless it brings its own."""
    token = _reason.set(" ".join(reason.split())[:MOST_REASON])
    try:
        yield
    finally:
        _reason.reset(token)
