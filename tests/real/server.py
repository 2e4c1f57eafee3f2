"""A real server of Debian's for tests, whichever it is: on free ports of its own, in a folder of its own.

It is asked until it answers, can be stopped and brought back, and is gone when the context ends or the tests die.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from types import TracebackType

ADDRESS = "127.0.0.1"
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
PORT_TRIES = 5
LOOK_EVERY_S = 0.05


class RealPartMissing(RuntimeError):
    """A Debian package that a test needs is not installed; the message is the line that installs it."""


def find_program(name: str, package: str) -> str:
    """Return the path of `name`, also where an ordinary user's PATH lacks the sbin folders; RealPartMissing if none."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}")
    if found is None:
        message = f"{name} is missing: apt-get install {package}"
        raise RealPartMissing(message)
    return found


def free_tcp_port(address: str = ADDRESS) -> int:
    """Return a TCP port of `address` that is free at this moment."""
    return _free_port(socket.SOCK_STREAM, address)


def free_udp_port(address: str = ADDRESS) -> int:
    """Return a UDP port of `address` that is free at this moment."""
    return _free_port(socket.SOCK_DGRAM, address)


def _free_port(kind: socket.SocketKind, address: str) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


class RealServer(ABC):
    """One running server. Use it as a context manager, from a thread that outlives it.

    A subclass says how it is launched and how it is seen to answer; the rest is the same for all.

    Attributes:
        folder: Its configuration, data and log; removed at the end.
    """

    NAME: ClassVar[str]
    START_TIMEOUT_S: ClassVar[float] = 60.0
    ORDERLY_S: ClassVar[float] = 20.0
    """What it gets to end by itself after SIGTERM; 0: it is killed at once, as in a crash."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"vc-{self.NAME}-", dir="/tmp"))  # sockets' names are short
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            for _ in range(PORT_TRIES):  # another process may take a port between our look and its bind
                self.choose_ports()
                self._process = self.launch()
                if self._comes_up():
                    self.set_up()
                    return self
                self.stop()
            self._fail("did not start")
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean_up()

    @abstractmethod
    def choose_ports(self) -> None:
        """Choose free ports."""

    @abstractmethod
    def launch(self) -> subprocess.Popen[bytes]:
        """Return its process, just started on the chosen ports; it dies with us."""

    @abstractmethod
    def answers(self) -> bool:
        """Return whether it answers now; an error of the network is a no."""

    def set_up(self) -> None:  # noqa: B027 - most have nothing to do
        """Do what is done once, when it answers for the first time."""

    @property
    def pid(self) -> int:
        """Return its process id; RuntimeError when it is not running."""
        if self._process is None:
            message = f"{self.NAME} is not running"
            raise RuntimeError(message)
        return self._process.pid

    def start(self) -> None:
        """Bring it back on the same ports after `stop()`, and return when it answers."""
        self._process = self.launch()
        if not self._comes_up():
            self._fail("did not start again")

    def stop(self) -> None:
        """End it; what it has acknowledged stays. Twice is harmless."""
        if self._process is None:
            return
        try:
            if self.ORDERLY_S:
                self._process.terminate()
                self._process.wait(self.ORDERLY_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop it and bring it back."""
        self.stop()
        self.start()

    def log(self) -> str:
        """Return what it has logged so far."""
        path = self.folder / "log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def _comes_up(self) -> bool:
        """Return True once it answers, False if it ended or the deadline passed."""
        deadline = time.monotonic() + self.START_TIMEOUT_S
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            try:
                if self.answers():
                    return True
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(LOOK_EVERY_S)
        return False

    def _fail(self, how: str) -> None:
        message = f"{self.NAME} {how}: {self.log()[-4000:]}"
        raise RuntimeError(message)

    def _clean_up(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
