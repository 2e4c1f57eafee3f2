"""A listening Unix socket that only our own account can open."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BACKLOG = 128


@contextmanager
def private_socket(path: Path) -> Iterator[socket.socket]:
    """Yield a listening socket at `path`, 0600 from its first instant; what a dead process left there is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    try:
        listener.listen(BACKLOG)
        listener.settimeout(0)
        yield listener
    finally:
        listener.close()
        path.unlink(missing_ok=True)
