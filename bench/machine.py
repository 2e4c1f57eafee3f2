"""On what a figure was measured, in words; a figure without it means nothing."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path


def machine() -> dict[str, str]:
    """Return processor, cores, memory, kernel, Python and the load average of the last minute."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory_kb = int(Path("/proc/meminfo").read_text(encoding="utf-8").split()[1])
    return {
        "processor": cpu,
        "cores": str(os.cpu_count()),
        "memory": f"{memory_kb / 1024**2:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.2f}",
    }


def cpu_s_of(pid: int) -> float:
    """Return user and system seconds of a running process so far (proc(5), /proc/pid/stat, fields 14 and 15)."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_s_of_all(pid: int) -> float:
    """Return user and system seconds of a running process and of all that it has started, the ended ones included."""
    stats: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended while we looked
                stats[int(entry.name)] = _stat(int(entry.name))
    own, found = [pid], 0
    while own:
        at = own.pop()
        own += [child for child, fields in stats.items() if int(fields[1]) == at]
        found += sum(map(int, stats[at][11:15]))  # utime, stime, and those of children that were waited for
    return found / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
