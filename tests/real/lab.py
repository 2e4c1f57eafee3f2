"""Offices to manage: each a small machine with a real sshd and a real snmpd, behind a line that can be cut or weakened.

Every office has network, mount, UTS and PID namespaces of its own, and so has the hub from which the platform looks at
them. All of it hangs below one process, and everything is gone when that is: nothing of it is seen by, or reaches, the
machine's own network.

    test process ── Unix sockets ── hub ── relay (lab_links) ── office c1: sshd 22, snmpd 161
                                     └──── relay ─────────────── office c2 …

Whatever shall reach the offices runs in the hub: put `lab.prefix` before its command. Files, Unix sockets and
databases are those of the machine. A TCP port that is opened in the hub is reached from outside through
`lab.door(port)`, a Unix socket that leads there; the hub's own process passes the bytes on, so that no thread of a test
has to change namespaces.

As root plain namespaces are made. An ordinary user's are made within a user namespace, for which `newuidmap` (Debian's
package uidmap) and lines for that user in /etc/subuid and /etc/subgid are needed. Where a namespace cannot be made the
lab says so and fails: a test that needs it is never skipped.
"""

from __future__ import annotations

import contextlib
import getpass
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.real.server import SYSTEM_PATH, RealPartMissing, find_program

ROOT = Path(__file__).resolve().parents[2]
HUB = "tests.real.lab_hub"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
BITS_OF_A_LINE = 4
"""Each line has a network of four addresses."""
PARTS = (("unshare", "util-linux"), ("nsenter", "util-linux"), ("ip", "iproute2"), ("sshd", "openssh-server"),
         ("ssh-keygen", "openssh-client"), ("snmpd", "snmpd"), ("snmpget", "snmp"))  # fmt: skip


class LabFailed(RuntimeError):
    """The lab could not be built; the message says which part of it, and what to do."""


@dataclass(frozen=True, slots=True)
class Office:
    """One office.

    Attributes:
        code: Its host name and sysName, such as `c1`.
        address: Where its sshd and snmpd answer, whichever of its lines is up; in the hub only.
        lines: Names of its interfaces towards the hub, the preferred one first.
        host_key: Public key of its sshd: its kind and the key, as in a line of known_hosts.
    """

    lab: Lab = field(repr=False)
    code: str
    address: str
    lines: tuple[str, ...]
    host_key: str

    def cut(self, *lines: str) -> None:
        """Pull the cable of these lines, or of all; both sides see it."""
        self._set(lines, up=False)

    def mend(self, *lines: str) -> None:
        """Put the cable of these lines, or of all, in again, and let nothing ail it."""
        self._set(lines, up=True, delay_ms=0, loss=0, kbit=0)

    def weaken(self, *lines: str, delay_ms: float = 0, loss: float = 0, kbit: float = 0) -> None:
        """Let these lines, or all, be slow and lossy: delay and loss (0..1) in each direction, rate 0 for no limit."""
        self._set(lines, delay_ms=delay_ms, loss=loss, kbit=kbit)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Return how a command ended that somebody types at the office's own console, as root."""
        words = [*self.lab.enter(self.code), "/usr/bin/env", "-i", f"PATH={SYSTEM_PATH}", "HOME=/root", *command]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0 or not check, f"{command} in {self.code}: {done.stderr}"
        return done

    def read(self, path: str) -> str:
        """Return a file of the office."""
        return self.run("cat", path).stdout

    def _set(self, lines: Sequence[str], **how: float | bool) -> None:
        for line in lines or self.lines:
            self.lab.order({"link": f"{self.code}-{self.lines.index(line)}", **how})


class Lab:
    """Offices `c1`, `c2`, … and the hub before them. Use it as a context manager.

    Args:
        offices: How many, 1 to 50.
        lines: How many lines each has to the hub, `wan0`, `wan1`, …; the first one that is up is taken.

    Attributes:
        offices: By code.
        prefix: The start of a command line that runs what follows in the hub's network, as who runs the test.
        key: File of the private key that every office lets in, as `root` and as `ops`.
        folder: Where the lab keeps its files.
        community, v3_user, v3_auth_key, v3_priv_key: What the snmpd of every office takes (SHA-256, AES-128).
    """

    community = "lab-community"
    v3_user = "lab-user"
    v3_auth_key = "lab-authentication-passphrase"
    v3_priv_key = "lab-privacy-passphrase"

    def __init__(self, offices: int = 3, *, lines: int = 1) -> None:
        self._made = tempfile.TemporaryDirectory(prefix="vc-lab-", dir="/tmp")  # sockets' names are short
        self.folder = Path(self._made.name)
        self.key = self.folder / "key"
        self.offices: dict[str, Office] = {}
        self.prefix: list[str] = []
        self._count, self._lines = offices, lines
        self._process: subprocess.Popen[str] | None = None
        self._pids: dict[str, int] = {}
        self._doors: dict[int, Path] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(BrokenPipeError):  # it may have ended by itself, with words unread
                process.stdin.close()  # the hub ends, and everything in its PID namespace with it
            try:
                process.wait(STOP_TIMEOUT_S)
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
        self._made.cleanup()

    @property
    def pid(self) -> int:
        """Process id, as the machine sees it, of the one process below which the lab hangs."""
        assert self._process is not None
        return self._process.pid

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Return how a command ended that runs in the hub's network."""
        done = subprocess.run([*self.prefix, *command], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0 or not check, f"{command} in the hub: {done.stderr}"
        return done

    def ssh(self, office: Office, *command: str, user: str = "root") -> subprocess.CompletedProcess[str]:
        """Return how a command ended that was given to an office over SSH, its host key checked."""
        known = self.folder / f"known-{office.code}"
        known.write_text(f"{office.address} {office.host_key}\n", "utf-8")
        return self.run(
            "ssh", "-F", "none", "-i", str(self.key), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
            "-o", f"UserKnownHostsFile={known}", "-o", "ConnectTimeout=20", f"{user}@{office.address}", *command,
            check=False,
        )  # fmt: skip

    def door(self, port: int) -> Path:
        """Return a Unix socket that leads to this TCP port of the hub's 127.0.0.1, whether it is open yet or not."""
        if port not in self._doors:
            path = self.folder / f"door-{port}"
            self.order({"door": port, "path": str(path)})
            self._doors[port] = path
        return self._doors[port]

    def enter(self, office: str) -> list[str]:
        """Return the start of a command line that runs what follows within an office, as its root."""
        return [*self.enter_hub(), "nsenter", "--target", str(self._pids[office]), "--net", "--mount", "--uts", "--pid",
                "--root", "--wd", "--"]  # fmt: skip

    def enter_hub(self) -> list[str]:
        """Return the start of a command line that runs what follows within the hub, as its root."""
        return ["nsenter", "--target", str(self._first()), *_user_namespace(), "--net", "--mount", "--pid", "--"]

    def order(self, what: dict[str, Any]) -> None:
        """Let the hub do something; LabFailed if it has ended."""
        self._say(what)
        if self._hear() != "done":
            raise LabFailed(f"the hub did not do {what}: {self._log()}")

    def _start(self) -> None:
        for program, package in PARTS:
            find_program(program, package)
        for name in ("key", "host-key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", self.folder / name],
                           check=True)  # fmt: skip
        plan = [self._plan(number) for number in range(1, self._count + 1)]
        # --kill-child: the hub dies with unshare; setpriv: that dies with us, where the kernel has not forgotten it.
        command = ["setpriv", "--pdeathsig", "KILL", "unshare", *_new_user(), "--net", "--mount", "--pid", "--fork",
                   "--kill-child", "--mount-proc", "--propagation", "private", sys.executable, "-m", HUB]  # fmt: skip
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                env={"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}, cwd=ROOT,
            )  # fmt: skip
        self._say({"offices": plan})
        answer = self._hear()
        if not answer:
            raise LabFailed(f"the lab did not start: {self._log()}{_advice()}")
        self._pids = json.loads(answer)
        host_key = " ".join((self.folder / "host-key.pub").read_text("ascii").split()[:2])
        for about in plan:
            lines = tuple(line["interface"] for line in about["lines"])
            self.offices[about["code"]] = Office(self, about["code"], about["address"], lines, host_key)
        self.prefix = [
            "nsenter",
            "--target",
            str(self._first()),
            *_user_namespace(),
            "--net",
            "--",
            *_ourselves_again(),
        ]

    def _plan(self, number: int) -> dict[str, Any]:
        code = f"c{number}"
        root = self.folder / f"root-{code}"
        root.mkdir()
        lines = [
            {
                "name": f"{code}-{line}",
                "interface": f"wan{line}",
                "hub": f"10.77.{number}.{line * BITS_OF_A_LINE + 1}",
                "office": f"10.77.{number}.{line * BITS_OF_A_LINE + 2}",
            }
            for line in range(self._lines)
        ]
        return {
            "code": code, "address": f"10.77.{100 + number}.1", "lines": lines, "root": str(root),
            "key": (self.folder / "key.pub").read_text("ascii"),
            "host_key": (self.folder / "host-key").read_text("ascii"),
            "community": self.community, "v3_user": self.v3_user, "v3_auth_key": self.v3_auth_key,
            "v3_priv_key": self.v3_priv_key,
        }  # fmt: skip

    def _first(self) -> int:
        """Return the hub's process id as the machine sees it: the child of unshare."""
        deadline_s = time.monotonic() + START_TIMEOUT_S
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        while time.monotonic() < deadline_s:
            if found := children.read_text("ascii").split():
                return int(found[0])
        raise LabFailed(f"the lab has no hub: {self._log()}")

    def _say(self, what: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._process.wait(STOP_TIMEOUT_S)
            raise LabFailed(f"the lab has ended: {self._log()}{_advice()}") from None

    def _hear(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace").strip()


def connect_to(port: int, lab: Lab | None = None) -> socket.socket:
    """Return a connection to a TCP port of 127.0.0.1, of ours or of the lab's hub; OSError if nobody listens there.

    A door closes the connection at once where nobody listens behind it: whoever reads finds that out.
    """
    if lab is None:
        return socket.create_connection(("127.0.0.1", port), 30)
    connected = socket.socket(socket.AF_UNIX)
    connected.settimeout(30)
    try:
        connected.connect(str(lab.door(port)))
    except BaseException:
        connected.close()
        raise
    return connected


def connection_to(port: int, lab: Lab | None = None) -> http.client.HTTPConnection:
    """Return an HTTP connection to a TCP port of 127.0.0.1, of ours or of the lab's hub, opened at its first use."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    if lab is not None:
        connection.connect = lambda: setattr(connection, "sock", connect_to(port, lab))  # type: ignore[method-assign]
    return connection


def _is_root() -> bool:
    return os.geteuid() == 0


def _new_user() -> list[str]:
    """Return the options that make an ordinary user the root of a user namespace with all accounts in it."""
    if _is_root():
        return []
    find_program("newuidmap", "uidmap")
    for name in ("/etc/subuid", "/etc/subgid"):
        path = Path(name)
        owners = [line.split(":")[0] for line in path.read_text("utf-8").splitlines()] if path.exists() else []
        if not {getpass.getuser(), str(os.geteuid())} & set(owners):
            raise RealPartMissing(
                f"{name} gives no accounts to {getpass.getuser()}, which sshd needs within the lab. As root:"
                f" usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {getpass.getuser()}"
            )
    return ["--user", "--map-root-user", "--map-auto"]


def _user_namespace() -> list[str]:
    return [] if _is_root() else ["--user", "--preserve-credentials"]


def _ourselves_again() -> list[str]:
    """Return what makes root of the lab's user namespace the ordinary user again that it is outside."""
    if _is_root():
        return []
    return ["unshare", "--user", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}", "--"]


def _advice() -> str:
    if _is_root():
        return (
            "\nRoot may make namespaces unless a container forbids it: give it CAP_SYS_ADMIN, or use a virtual machine."
        )
    return (
        "\nAn ordinary user needs user namespaces: see user.max_user_namespaces and kernel.unprivileged_userns_clone"
        " (sysctl), or run the tests as root."
    )
