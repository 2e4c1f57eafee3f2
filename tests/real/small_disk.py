"""A disk of a few megabytes at one folder, for one program and its children; filled and emptied from outside.

It is a tmpfs in a mount namespace of that program's own, so that it is gone when the last of them ends, in any way.
An ordinary user makes it in a user namespace, in which the program then runs under that user's own number again.
"""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

from tests.real.server import RealPartMissing, find_program

MOUNT = 'mount -t tmpfs -o "size=$1,mode=0700" none "$2" && shift 2 && exec "$@"'
BLOCK = 65536


class SmallDisk:
    """A disk at `folder`, which must be there.

    Args:
        folder: Where the program sees it.
        size: Bytes.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self._size = size

    @property
    def within(self) -> list[str]:
        """Return the start of a command line that runs what follows it with this disk.

        Raises:
            RealPartMissing: This machine does not let an ordinary user have namespaces.
        """
        unshare = find_program("unshare", "util-linux")
        mount = ["sh", "-c", MOUNT, "sh", str(self._size), str(self.folder)]
        if os.geteuid() == 0:
            return [unshare, "--mount", *mount]
        as_root = [unshare, "--map-root-user", "--mount"]
        tried = subprocess.run([*as_root, "true"], capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            message = (
                f"no small disk can be made: {tried.stderr.strip()} (sysctl user.max_user_namespaces, or run as root)"
            )
            raise RealPartMissing(message)
        return [*as_root, *mount, unshare, "--user", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}"]

    def fill(self, pid: int) -> None:
        """Take every byte that is left on the disk of process `pid`."""
        with self._ballast(pid).open("wb", buffering=0) as ballast:
            for block in (BLOCK, 1):
                try:
                    while True:
                        ballast.write(bytes(block))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def make_room(self, pid: int) -> None:
        """Give back what `fill` took."""
        self._ballast(pid).unlink()

    def _ballast(self, pid: int) -> Path:
        return Path(f"/proc/{pid}/root{self.folder}/ballast")
