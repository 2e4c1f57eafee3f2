"""Debian's real snmpd for tests: an agent that is not ours, on a free UDP port of 127.0.0.1, in a folder of its own.

It runs as root and as an ordinary user alike, answers SNMP v2c and v3 authPriv (SHA-256, AES-128), and is gone when the
context ends. `restart()` keeps its engine ID and raises its engineBoots, as a real agent's reboot does.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

START_TIMEOUT_S = 30.0
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


class RealPartMissing(RuntimeError):
    """A Debian package that a test needs is not installed; the message is the line that installs it."""


def find_program(name: str, package: str) -> str:
    """Return the path of `name`, also where an ordinary user's PATH lacks the sbin folders; RealPartMissing if none."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}")
    if found is None:
        message = f"{name} is missing: apt-get install {package}"
        raise RealPartMissing(message)
    return found


class Snmpd:
    """One running snmpd. Use it as a context manager, from a thread that outlives it.

    Attributes:
        address: Where it listens.
        port: Its UDP port, chosen free.
        community: v2c community with read access to everything.
        v3_user: USM user; authPriv only. With `-strong` behind it SHA-512 and AES-256, with `-auth` SHA-1 and nothing
            hidden, with `-open` neither.
        v3_auth_key: Its authentication passphrase (SHA-256, usmHMAC192SHA256AuthProtocol).
        v3_priv_key: Its privacy passphrase (AES-128).
        sys_name: What sysName.0 answers.
        sys_location: What sysLocation.0 answers.
        folder: Its configuration, persistent files and log.
    """

    address = "127.0.0.1"
    community = "test-community"
    v3_user = "test-user"
    v3_auth_key = "test-authentication-passphrase"
    v3_priv_key = "test-privacy-passphrase"
    sys_name = "may-that"
    sys_location = "Bắc Bình"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vc-snmpd-"))
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id; RuntimeError when it is not running."""
        if self._process is None:
            message = "snmpd is not running"
            raise RuntimeError(message)
        return self._process.pid

    def __enter__(self) -> Self:
        try:
            for _ in range(5):  # another process may take the port between our look and snmpd's bind
                self.port = free_udp_port(self.address)
                self._start()
                if self._answers():
                    return self
                self.stop()
        except BaseException:
            self._clean_up()
            raise
        log = self.log()
        self._clean_up()
        message = f"snmpd did not start: {log}"
        raise RuntimeError(message)

    def __exit__(self, *_: object) -> None:
        self._clean_up()

    def stop(self) -> None:
        """End it, as a power cut would look from outside; `start()` brings it back. Twice is harmless."""
        if self._process is None:
            return
        self._process.terminate()  # on SIGTERM it saves its persistent state, engineBoots with it
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def start(self) -> None:
        """Bring it back on the same port after `stop()`, with engineBoots raised and sysUpTime at zero."""
        self._start()
        if not self._answers():
            message = f"snmpd did not start again: {self.log()}"
            raise RuntimeError(message)

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Make it silent: packets are taken by the kernel and not answered until `thaw()`."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        os.kill(self.pid, signal.SIGCONT)

    def log(self) -> str:
        """Return what it has logged so far."""
        path = self.folder / "snmpd.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def _start(self) -> None:
        program = find_program("snmpd", "snmpd")
        setpriv = find_program("setpriv", "util-linux")
        configuration = self.folder / "snmpd.conf"
        configuration.write_text(
            f"agentaddress udp:{self.address}:{self.port}\n"
            f"rocommunity {self.community} {self.address}\n"
            f'createUser {self.v3_user} SHA-256 "{self.v3_auth_key}" AES "{self.v3_priv_key}"\n'
            f"rouser {self.v3_user} authpriv\n"
            f'createUser {self.v3_user}-strong SHA-512 "{self.v3_auth_key}" AES-256 "{self.v3_priv_key}"\n'
            f"rouser {self.v3_user}-strong authpriv\n"
            f'createUser {self.v3_user}-auth SHA "{self.v3_auth_key}"\n'
            f"rouser {self.v3_user}-auth auth\n"
            f"createUser {self.v3_user}-open\n"
            f"rouser {self.v3_user}-open noauth\n"
            f"sysName {self.sys_name}\n"
            f"sysLocation {self.sys_location}\n",
            "utf-8",
        )
        configuration.chmod(0o600)
        persistent = self.folder / "persistent"
        persistent.mkdir(mode=0o700, exist_ok=True)
        # SNMPCONFPATH: only our files, and the persistent folder among them, else engineBoots would be forgotten.
        # -r: do not mind what an ordinary user cannot read; -I -smux: no TCP port beside.
        self._process = subprocess.Popen(
            [setpriv, "--pdeathsig", "KILL", program, "-f", "-r", "-I", "-smux",
             "-Lf", str(self.folder / "snmpd.log"), "-p", str(self.folder / "snmpd.pid")],
            env={"MIBS": "", "PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8", "SNMP_PERSISTENT_DIR": str(persistent),
                 "SNMPCONFPATH": f"{self.folder}:{persistent}"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _answers(self) -> bool:
        """Return True once it answers a GET of sysUpTime.0, False if it ended or the deadline passed."""
        snmpget = find_program("snmpget", "snmp")
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            asked = subprocess.run(
                [snmpget, "-v2c", "-c", self.community, "-t", "1", "-r", "0", "-On",
                 f"{self.address}:{self.port}", ".1.3.6.1.2.1.1.3.0"],
                env={"MIBS": "", "PATH": SYSTEM_PATH, "SNMP_PERSISTENT_DIR": str(self.folder / "client")},
                capture_output=True, check=False, timeout=30,
            )  # fmt: skip
            if asked.returncode == 0:
                return True
            time.sleep(0.05)
        return False

    def _clean_up(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def free_udp_port(address: str = "127.0.0.1") -> int:
    """Return a UDP port of `address` that is free at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
