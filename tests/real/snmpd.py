"""Debian's real snmpd for tests: an agent that is not ours, on a free UDP port of 127.0.0.1, in a folder of its own.

It runs as root and as an ordinary user alike, answers SNMP v2c and v3 authPriv (SHA-256, AES-128), and is gone when the
context ends. `restart()` keeps its engine ID and raises its engineBoots, as a real agent's reboot does.
"""

from __future__ import annotations

import os
import signal
import subprocess

from tests.real.server import ADDRESS, SYSTEM_PATH, RealServer, find_program, free_udp_port


class Snmpd(RealServer):
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
    """

    NAME = "snmpd"
    START_TIMEOUT_S = 30.0
    ORDERLY_S = 10.0  # on SIGTERM it saves its persistent state, engineBoots with it
    address = ADDRESS
    community = "test-community"
    v3_user = "test-user"
    v3_auth_key = "test-authentication-passphrase"
    v3_priv_key = "test-privacy-passphrase"
    sys_name = "may-that"
    sys_location = "Bắc Bình"

    def __init__(self) -> None:
        super().__init__()
        self.port = 0

    def freeze(self) -> None:
        """Make it silent: packets are taken by the kernel and not answered until `thaw()`."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        os.kill(self.pid, signal.SIGCONT)

    def choose_ports(self) -> None:
        self.port = free_udp_port(self.address)

    def launch(self) -> subprocess.Popen[bytes]:
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
        return subprocess.Popen(
            [setpriv, "--pdeathsig", "KILL", program, "-f", "-r", "-I", "-smux",
             "-Lf", str(self.folder / "log"), "-p", str(self.folder / "snmpd.pid")],
            env={"MIBS": "", "PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8", "SNMP_PERSISTENT_DIR": str(persistent),
                 "SNMPCONFPATH": f"{self.folder}:{persistent}"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def answers(self) -> bool:
        """Return whether it answers a GET of sysUpTime.0."""
        asked = subprocess.run(
            [find_program("snmpget", "snmp"), "-v2c", "-c", self.community, "-t", "1", "-r", "0", "-On",
             f"{self.address}:{self.port}", ".1.3.6.1.2.1.1.3.0"],
            env={"MIBS": "", "PATH": SYSTEM_PATH, "SNMP_PERSISTENT_DIR": str(self.folder / "client")},
            capture_output=True, check=False, timeout=30,
        )  # fmt: skip
        return asked.returncode == 0
