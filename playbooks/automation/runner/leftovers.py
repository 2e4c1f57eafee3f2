"""Finds processes of a run: by descent, and, once nobody is left to descend from, by the folder that they name."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LOOKS: Final = 300
BETWEEN_LOOKS_S: Final = 0.01
"""In all three seconds: a process that the kernel does not let die by then waits for a broken disk."""


def children_of(pid: int) -> list[int]:
    """Return the processes whose parent is `pid`, as proc(5) shows them."""
    return [child for child, parent in _parents() if parent == pid]


def descendants_of(pid: int) -> list[int]:
    """Return the processes that come from `pid`, at any distance."""
    by_parent: dict[int, list[int]] = {}
    for child, parent in _parents():
        by_parent.setdefault(parent, []).append(child)
    found: list[int] = []
    look_at = [pid]
    while look_at:
        new = by_parent.get(look_at.pop(), [])
        found += new
        look_at += new
    return found


def naming(mark: str) -> list[int]:
    """Return the processes, not ourselves, whose command line or environment has `mark`.

    ssh-agent hides its environment from all but root, and names its socket in its command line.
    """
    wanted = mark.encode()
    found = []
    for pid in _pids():
        if pid == os.getpid():
            continue
        for part in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                if wanted in Path(f"/proc/{pid}/{part}").read_bytes():
                    found.append(pid)
                    break
    return found


def kill_naming(mark: str) -> int:
    """Kill all processes that name `mark`, see them gone, and return how many there were."""
    seen: set[int] = set()
    for _ in range(LOOKS):
        found = naming(mark)
        if not found:
            break
        seen.update(found)
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(BETWEEN_LOOKS_S)
    return len(seen)


def _parents() -> Iterator[tuple[int, int]]:
    for pid in _pids():
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold anything; state and parent follow it.
            state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                yield pid, int(parent)


def _pids() -> Iterator[int]:
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            yield int(entry.name)
