"""Debian's real sshd for tests: on a free port of loopback, with keys and files in a folder of its own.

As root it lets root in, as an ordinary user that user: nobody's own keys and configuration are used or changed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.real.influxd import free_tcp_port
from tests.real.snmpd import find_program

if TYPE_CHECKING:
    from types import TracebackType

ADDRESS = "127.0.0.1"
START_TIMEOUT_S = 30.0
PRIVILEGE_SEPARATION = Path("/run/sshd")
"""Compiled into sshd, which refuses to start as root without it. Debian's service makes it; none runs here."""

CONFIGURATION = """
ListenAddress {address}:{port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowUsers {user}
Subsystem sftp internal-sftp
LogLevel VERBOSE
MaxStartups 100
"""


class Sshd:
    """One running sshd. Use it as a context manager, from a thread that outlives it.

    Attributes:
        port: Its port on 127.0.0.1, kept over `stop()` and `start()`.
        user: Whom it lets in.
        private_key: The key that it lets in.
        host_key: Its own public key, as the inventory has it.
        root: Folder that a playbook takes for the root of the device's files.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vc-sshd-", dir="/tmp"))
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.port = 0
        self.root = self.folder / "root"
        self._process: subprocess.Popen[bytes] | None = None
        self._keygen("host_key")
        self._keygen("client_key")
        shutil.copy(self.folder / "client_key.pub", self.folder / "authorized_keys")
        self.private_key = (self.folder / "client_key").read_text()
        self.host_key = " ".join((self.folder / "host_key.pub").read_text().split()[:2])
        for name in ("etc/systemd", "etc/chrony/sources.d", "tmp"):
            (self.root / name).mkdir(parents=True)

    def __enter__(self) -> Self:
        try:
            for _ in range(5):  # another process may take the port between our look and its bind
                self.port = free_tcp_port()
                self._launch()
                if self._answers():
                    return self
                self.stop()
        except BaseException:
            self._clean_up()
            raise
        log = self.log()
        self._clean_up()
        raise RuntimeError(f"sshd did not start: {log}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean_up()

    def stop(self) -> None:
        """End it with the sessions that it serves. Twice is harmless."""
        if self._process is None:
            return
        for pid in self._sessions():
            subprocess.run(["kill", "-KILL", str(pid)], check=False, capture_output=True)
        self._process.kill()
        self._process.wait()
        self._process = None

    def start(self) -> None:
        """Bring it back on the same port after `stop()`."""
        self._launch()
        if not self._answers():
            raise RuntimeError(f"sshd did not start again: {self.log()}")

    def log(self) -> str:
        """Return what it has logged so far."""
        path = self.folder / "log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def _sessions(self) -> list[int]:
        """Return the processes that come from this server."""
        assert self._process is not None
        found, look_at = [], [self._process.pid]
        while look_at:
            listed = subprocess.run(
                ["pgrep", "-P", str(look_at.pop())], check=False, capture_output=True, text=True
            ).stdout.split()
            found += [int(pid) for pid in listed]
            look_at += [int(pid) for pid in listed]
        return found

    def _keygen(self, name: str) -> None:
        subprocess.run(
            [find_program("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-C", name, "-f",
             str(self.folder / name)],
            check=True,
        )  # fmt: skip

    def _launch(self) -> None:
        if os.geteuid() == 0:
            PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        configuration = self.folder / "sshd_config"
        configuration.write_text(
            CONFIGURATION.format(address=ADDRESS, port=self.port, folder=self.folder, user=self.user)
        )
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [find_program("setpriv", "util-linux"), "--pdeathsig", "KILL", "--",
                 find_program("sshd", "openssh-server"), "-D", "-e", "-f", str(configuration)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
            )  # fmt: skip

    def _answers(self) -> bool:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            try:
                with socket.create_connection((ADDRESS, self.port), timeout=5) as connection:
                    if connection.recv(4) == b"SSH-":
                        return True
            except OSError:
                time.sleep(0.05)
        return False

    def _clean_up(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
