"""Debian's real sshd for tests: on a free port of loopback, with keys and files in a folder of its own.

As root it lets root in, as an ordinary user that user: nobody's own keys and configuration are used or changed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.real.server import ADDRESS, RealServer, find_program, free_tcp_port

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
MaxStartups 300
"""


class Sshd(RealServer):
    """One running sshd. Use it as a context manager, from a thread that outlives it.

    Args:
        address: Of loopback, such as a device of the example has.
        more: Further addresses, on the same port: one server plays many devices.

    Attributes:
        port: Its port on that address, kept over `stop()` and `start()`.
        user: Whom it lets in.
        private_key: The key that it lets in.
        host_key: Its own public key, as the inventory has it.
        root: Folder that a playbook takes for the root of the device's files.
    """

    NAME = "sshd"
    START_TIMEOUT_S = 30.0
    ORDERLY_S = 0

    def __init__(self, address: str = ADDRESS, more: Sequence[str] = ()) -> None:
        super().__init__()
        self._more = tuple(more)
        self.address = address
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.port = 0
        self.root = self.folder / "root"
        self._keygen("host_key")
        self._keygen("client_key")
        shutil.copy(self.folder / "client_key.pub", self.folder / "authorized_keys")
        self.private_key = (self.folder / "client_key").read_text()
        self.host_key = " ".join((self.folder / "host_key.pub").read_text().split()[:2])
        for name in ("etc/systemd", "etc/chrony/sources.d", "tmp"):
            (self.root / name).mkdir(parents=True)

    def stop(self) -> None:
        """End it with the sessions that it serves. Twice is harmless."""
        if self._process is not None:
            for pid in self._sessions():
                subprocess.run(["kill", "-KILL", str(pid)], check=False, capture_output=True)
        super().stop()

    def choose_ports(self) -> None:
        self.port = free_tcp_port(self.address)

    def _sessions(self) -> list[int]:
        """Return the processes that come from this server."""
        found, look_at = [], [self.pid]
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

    def launch(self) -> subprocess.Popen[bytes]:
        if os.geteuid() == 0:
            PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        configuration = self.folder / "sshd_config"
        configuration.write_text(
            CONFIGURATION.format(address=self.address, port=self.port, folder=self.folder, user=self.user)
            + "".join(f"ListenAddress {address}:{self.port}\n" for address in self._more)
        )
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [find_program("setpriv", "util-linux"), "--pdeathsig", "KILL", "--",
                 find_program("sshd", "openssh-server"), "-D", "-e", "-f", str(configuration)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
            )  # fmt: skip

    def answers(self) -> bool:
        with socket.create_connection((self.address, self.port), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
