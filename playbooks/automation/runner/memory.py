"""How much memory a run's processes take together: pages that they share count once (proc(5), smaps_rollup, Pss)."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Final

from playbooks.automation.runner.leftovers import descendants_of

PSS: Final = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)


def memory_of(pid: int) -> int:
    """Return the bytes that `pid` and all that comes from it take; those that end meanwhile count nothing."""
    total = 0
    for each in (pid, *descendants_of(pid)):
        with contextlib.suppress(OSError):
            found = PSS.search(Path(f"/proc/{each}/smaps_rollup").read_text(encoding="ascii"))
            total += int(found[1]) * 1024 if found else 0
    return total
