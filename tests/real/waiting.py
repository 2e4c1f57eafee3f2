"""Waiting for the outside to become so, with a deadline that no healthy machine meets."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 60.0


def until(ask: Callable[[], T | None], what: str) -> T:
    """Return the first answer of `ask` that is neither None nor False; AssertionError naming `what` after a minute."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        answer = ask()
        if answer is not None and answer is not False:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for: {what}")


def alive(pid: int) -> bool:
    """Return whether process `pid` runs; one that ended and was not yet asked for its exit code does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def processes_naming(text: str) -> list[int]:
    """Return the processes whose command line has `text`, without our own."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if text in words:
            found.append(int(entry.name))
    return found
