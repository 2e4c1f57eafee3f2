"""Isolates what Ansible runs on the platform's own machine with bubblewrap, where that is installed and allowed.

It sees the machine's files, read only, and not the platform's data; it writes into its private folder alone; it sees no
process but its own, and all of them end with it. A playbook's tasks on the platform itself can do no more than that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

TRIAL_S: Final = 10.0


def sandbox(folder: Path, project: str, hidden: Sequence[str]) -> list[str]:
    """Return what to put before a command so that it runs isolated; empty if this machine cannot do that.

    Args:
        folder: The private folder, the only one that can be written.
        project: Folder of the playbooks, seen wherever it lies.
        hidden: Folders whose contents are not seen; those that are not there are left out.
    """
    program = shutil.which("bwrap")
    if program is None:
        return []
    words = [
        program, "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
        "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
    ]  # fmt: skip
    for place in hidden:
        if Path(place).is_dir():
            words += ["--tmpfs", place]
    words += ["--ro-bind", project, project, "--bind", str(folder), str(folder), "--"]
    return words if _works(words) else []


def _works(words: Sequence[str]) -> bool:
    """Whether the kernel lets us: in some containers it does not."""
    try:
        done = subprocess.run(
            [*words, "true"],
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TRIAL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
