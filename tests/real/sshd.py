"""Debian's real sshd for tests: on a free port of loopback, with keys and files in a folder of its own.

As root it lets root in, as an ordinary user that user: nobody's own keys, password and configuration are used or
changed. One that asks for a password has a file of passwords of its own, in a namespace where no other process sees it:
an ordinary user's sshd may not read the machine's, and nobody's password is known.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.real.server import ADDRESS, RealPartMissing, RealServer, find_program, free_tcp_port

PRIVILEGE_SEPARATION = Path("/run/sshd")
"""Compiled into sshd, which refuses to start as root without it. Debian's service makes it; none runs here."""

WITH_PASSWORD: Final = 'mount --bind "$1" /etc/shadow && shift && exec "$@"'

CONFIGURATION = """
ListenAddress {address}:{port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication {by_password}
PubkeyAuthentication {by_key}
KbdInteractiveAuthentication no
PermitRootLogin yes
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
        password: What it asks for, in place of a key.

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

    def __init__(self, address: str = ADDRESS, more: Sequence[str] = (), *, password: str = "") -> None:
        super().__init__()
        self._more = tuple(more)
        self.address = address
        self.password = password
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
            CONFIGURATION.format(
                address=self.address, port=self.port, folder=self.folder, user=self.user,
                by_password="yes" if self.password else "no", by_key="no" if self.password else "yes",
            )
            + "".join(f"ListenAddress {address}:{self.port}\n" for address in self._more)
        )  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*self._within(), find_program("setpriv", "util-linux"), "--pdeathsig", "KILL", "--",
                 find_program("sshd", "openssh-server"), "-D", "-e", "-f", str(configuration)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
            )  # fmt: skip

    def _within(self) -> list[str]:
        """Return what leads into namespaces in which our account has the password; nothing where it asks for a key.

        Raises:
            RealPartMissing: This machine does not let an ordinary user have namespaces.
        """
        if not self.password:
            return []
        crypt = ctypes.CDLL("libcrypt.so.1").crypt
        crypt.argtypes, crypt.restype = (ctypes.c_char_p, ctypes.c_char_p), ctypes.c_char_p
        hashed = crypt(self.password.encode(), b"$6$vungcao$").decode()
        shadow = self.folder / "shadow"
        shadow.write_text(f"{self.user}:{hashed}:::::::\n")
        unshare = find_program("unshare", "util-linux")
        mount = ["sh", "-c", WITH_PASSWORD, "sh", str(shadow)]
        if os.geteuid() == 0:
            return [unshare, "--mount", *mount]
        as_root = [unshare, "--map-root-user", "--mount"]
        tried = subprocess.run([*as_root, "true"], capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            message = (
                f"no accounts of its own: {tried.stderr.strip()} (sysctl user.max_user_namespaces, or run as root)"
            )
            raise RealPartMissing(message)
        return [*as_root, *mount, unshare, "--user", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}"]

    def answers(self) -> bool:
        with socket.create_connection((self.address, self.port), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
