"""Under which account the parts of a test run, and folders that all of them may enter.

Tests run as root and as an ordinary user. As root they also try the ordinary user's way, as `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def identities() -> list[str]:
    """Return the accounts that a test can take: `us`, and as root also `nobody`."""
    return ["us", "nobody"] if os.geteuid() == 0 else ["us"]


def run_as(identity: str) -> list[str]:
    """Return the start of a command line that runs what follows as `identity`, which can read this checkout."""
    if identity == "us":
        return []
    account = pwd.getpwnam(identity)
    return run_as_number(account.pw_uid, account.pw_gid)


def run_as_number(uid: int, gid: int) -> list[str]:
    """Return what `run_as` returns, for the account `uid` with the group `gid`; asks for root."""
    prefix = ["setpriv", "--reuid", str(uid), "--regid", str(gid), "--clear-groups"]
    if subprocess.run(
        [*prefix, "test", "-x", sys.executable, "-a", "-r", ROOT / "pyproject.toml"], check=False
    ).returncode:
        # The checkout lies where only root may look, such as under /root: let it read, and do nothing else of root's.
        prefix += ["--inh-caps", "-all,+dac_read_search", "--ambient-caps", "-all,+dac_read_search"]
        # Without this access(2), by which initdb looks for its siblings, asks as if there were no capability.
        prefix += ["--securebits", "+no_setuid_fixup"]
    return prefix


@contextmanager
def short_folder(identity: str = "us") -> Iterator[Path]:
    """Yield a new folder of `identity` with a short path, through which others may pass; removed after."""
    folder = Path(tempfile.mkdtemp(prefix="vc-", dir="/tmp"))  # sockets' names are short, TMPDIR may not be
    folder.chmod(0o711)
    if identity != "us":
        account = pwd.getpwnam(identity)
        os.chown(folder, account.pw_uid, account.pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
