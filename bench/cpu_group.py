"""CPU time of a program with all that comes from it, also what ended unseen: as the kernel's control groups count it.

Asks for root. What a process reports of its children leaves out those that others reap: SSH's masters, and whatever
ends with a namespace of its own.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Self

V1 = Path("/sys/fs/cgroup/cpuacct")
V2 = Path("/sys/fs/cgroup")


class CpuGroup:
    """A control group of its own, gone when the block ends. RuntimeError where none can be made."""

    def __init__(self, name: str) -> None:
        self.path = (V1 if V1.is_dir() else V2) / f"vc-bench-{os.getpid()}-{name}"

    def __enter__(self) -> Self:
        try:
            self.path.mkdir()
        except OSError as error:
            message = f"CPU time is counted by control groups, which ask for root: {error}"
            raise RuntimeError(message) from error
        return self

    def __exit__(self, *error: object) -> None:
        for _ in range(100):  # what was killed leaves the group a moment later
            for pid in (self.path / "cgroup.procs").read_text().split():
                with contextlib.suppress(OSError):
                    (self.path.parent / "cgroup.procs").write_text(pid)
            with contextlib.suppress(OSError):
                self.path.rmdir()
                return
            time.sleep(0.05)

    def take(self, pid: int) -> None:
        """Count a running process from now on, with all that it will start."""
        (self.path / "cgroup.procs").write_text(str(pid))

    def running(self, command: list[str]) -> list[str]:
        """Return `command` so that it counts from its first moment."""
        return ["sh", "-c", f'echo $$ > {self.path}/cgroup.procs; exec "$@"', "sh", *command]

    @property
    def seconds(self) -> float:
        """CPU seconds so far."""
        return spent(self.path)


def spent(path: Path) -> float:
    """Return the CPU seconds that the group at `path` has taken so far."""
    if (path / "cpuacct.usage").exists():
        return int((path / "cpuacct.usage").read_text()) / 1e9
    fields = dict(line.split() for line in (path / "cpu.stat").read_text().splitlines())
    return int(fields["usage_usec"]) / 1e6
