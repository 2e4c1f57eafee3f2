"""How much memory a run's processes take together: pages that they share count once (proc(5), smaps_rollup, Pss).

Asking the kernel for that costs a millisecond a process: it is asked only where the cheap answer, which counts shared
pages for each of them, is too much.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Final

from playbooks.automation.runner.leftovers import descendants_of

PSS: Final = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def memory_over(pid: int, most_bytes: int) -> int:
    """Return the bytes that `pid` and all that comes from it take if they are more than `most_bytes`, else 0."""
    tree = (pid, *descendants_of(pid))
    if sum(_resident(each) for each in tree) <= most_bytes:
        return 0
    taken = sum(_proportional(each) for each in tree)
    return taken if taken > most_bytes else 0


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError):  # it ended meanwhile
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE
    return 0


def _proportional(pid: int) -> int:
    with contextlib.suppress(OSError):
        found = PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"))
        return int(found[1]) * 1024 if found else 0
    return 0
