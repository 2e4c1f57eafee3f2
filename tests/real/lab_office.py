"""One office of the lab: the first process of its namespaces, which builds a root of files and runs sshd and snmpd.

Run by the lab's hub, in new network, mount, UTS and PID namespaces; needs nothing beyond the standard library. What it
is comes as a line of JSON; it says `here`, waits until the hub has given it its lines, and says `ready` when both
servers answer. The root is built from nothing in memory, with this machine's /usr beneath, read-only: what a playbook
changes in an office, it changes there and nowhere else.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from array import array
from pathlib import Path
from typing import Any

from tests.real import lab_machine

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
START_TIMEOUT_S = 60.0
PR_SET_NAME = 15  # linux/prctl.h
FOLDERS = ("dev/pts", "dev/shm", "etc/ssh/keys", "etc/snmp", "etc/systemd", "home/ops", "old", "proc", "root",
           "run/sshd", "sys", "tmp", "usr", "var/lib/snmp", "var/log", "var/tmp")  # fmt: skip
MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
SIOCETHTOOL, ETHTOOL_STXCSUM, ETHTOOL_STSO = 0x8946, 0x17, 0x1F


def checksums_by_software(interface: str) -> None:
    """Let every packet carry its checksum: the relay passes frames on as they are, and no card completes them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for what in (ETHTOOL_STXCSUM, ETHTOOL_STSO):
            value = array("I", [what, 0])
            fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP", interface.encode(), value.buffer_info()[0]))


def leave_dead_lines(interface: str) -> None:
    """Let routes over this interface count only while its cable is in."""
    Path(f"/proc/sys/net/ipv4/conf/{interface}/ignore_routes_with_linkdown").write_text("1", "ascii")


def main() -> None:
    """Become the office, and stay until killed."""
    about = json.loads(sys.stdin.readline())
    say("here")
    if not sys.stdin.readline():
        return
    os.environ["PATH"] = PATH
    run("hostname", about["code"])
    network(about)
    root(Path(about["root"]), about)
    # Ansible asks for the name first, and would otherwise take the /sbin/init of the machine for ours.
    ctypes.CDLL(None).prctl(PR_SET_NAME, b"sysvinit")
    os.environ |= {"LC_ALL": "C.UTF-8", "MIBS": ""}
    for service in ("ssh", "snmpd"):
        run("service", service, "start")
    wait_for(about)
    say("ready")
    while True:  # the first process of a PID namespace takes in every orphan
        try:
            os.wait()
        except ChildProcessError:
            signal.pause()


def network(about: dict[str, Any]) -> None:
    """Give addresses to the lines, the first of which is preferred while its cable is in."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{about['address']}/32", "dev", "lo")
    for preference, line in enumerate(about["lines"], 1):
        checksums_by_software(line["interface"])
        leave_dead_lines(line["interface"])
        run("ip", "address", "add", f"{line['office']}/30", "dev", line["interface"])
        run("ip", "link", "set", line["interface"], "up")
        run("ip", "route", "add", "default", "via", line["hub"], "metric", str(preference), "src", about["address"])


def root(folder: Path, about: dict[str, Any]) -> None:
    """Build the office's files in memory and leave the machine's behind."""
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(folder))
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    (folder / "tmp").chmod(0o1777)
    (folder / "var/tmp").chmod(0o1777)
    run("mount", "--bind", "/usr", str(folder / "usr"))
    run("mount", "-o", "remount,bind,ro", str(folder / "usr"))
    for name in MERGED:
        if Path("/", name).is_symlink():
            (folder / name).symlink_to(Path("/", name).readlink())
    lab_machine.lay_out(folder)
    files(folder, about)
    for name in DEVICES:
        (folder / "dev" / name).touch()
        run("mount", "--bind", f"/dev/{name}", str(folder / "dev" / name))
    run("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts", str(folder / "dev/pts"))
    (folder / "dev/ptmx").symlink_to("pts/ptmx")
    (folder / "dev/fd").symlink_to("/proc/self/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (folder / "dev" / name).symlink_to(f"/proc/self/fd/{number}")
    run("mount", "-t", "proc", "proc", str(folder / "proc"))
    for name in ("kernel", "fs", "vm"):  # not of the office's namespaces, but the machine's
        settings = str(folder / "proc/sys" / name)
        run("mount", "--bind", settings, settings)
        run("mount", "-o", "remount,bind,ro", settings)
    os.chdir(folder)
    run("pivot_root", ".", "old")
    os.chdir("/")
    run("umount", "-l", "/old")
    Path("/old").rmdir()


def files(folder: Path, about: dict[str, Any]) -> None:
    """Write the few files that make a machine of it; a playbook finds and changes them."""
    etc = folder / "etc"
    code, community = about["code"], about["community"]
    texts = {
        "hostname": f"{code}\n",
        "hosts": f"127.0.0.1 localhost\n127.0.1.1 {code}\n",
        "resolv.conf": "nameserver 192.0.2.53\n",
        "timezone": "Etc/UTC\n",
        "ssh/keys/root": about["key"],
        "ssh/keys/ops": about["key"],
        "ssh/host_key": about["host_key"],
        "ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\nPort 22\nHostKey /etc/ssh/host_key\n"
        "PermitRootLogin prohibit-password\nUsePAM no\n"
        "PasswordAuthentication no\nAuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys/%u\n"
        "Subsystem sftp internal-sftp\nMaxStartups 200:30:400\nUseDNS no\nPidFile /run/sshd.pid\nPrintMotd no\n",
        "snmp/snmpd.conf": f"agentaddress udp:161\nrocommunity {community}\nsysName {code}\nsysLocation Office {code}\n"
        f'createUser {about["v3_user"]} SHA-256 "{about["v3_auth_key"]}" AES "{about["v3_priv_key"]}"\n'
        f"rouser {about['v3_user']} authpriv\n",
    }
    for name, text in texts.items():
        (etc / name).write_text(text, "utf-8")
    for name in ("ssh/host_key", "snmp/snmpd.conf"):
        (etc / name).chmod(0o600)
    (etc / "os-release").symlink_to("../usr/lib/os-release")


def wait_for(about: dict[str, Any]) -> None:
    """Return when both servers answer; SystemExit with what they logged if they do not."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    ask = ["snmpget", "-v2c", "-c", about["community"], "-t", "1", "-r", "0", about["address"], ".1.3.6.1.2.1.1.3.0"]
    while time.monotonic() < deadline_s:
        try:
            with socket.create_connection((about["address"], 22), 1) as connection:
                greeted = connection.recv(4) == b"SSH-"
        except OSError:
            greeted = False
        asked = subprocess.run(ask, env={"PATH": PATH, "MIBS": ""}, capture_output=True, check=False)
        if greeted and asked.returncode == 0:
            return
        time.sleep(0.05)
    logs = "".join(path.read_text("utf-8", "replace") for path in Path("/var/log").glob("*.log"))
    sys.exit(f"the servers of the office {about['code']} do not answer:\n{logs}")


def run(*command: str) -> None:
    """Run a command that must succeed; SystemExit with what it said if it does not."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")


def say(word: str) -> None:
    """Tell the hub."""
    print(word, flush=True)  # noqa: T201 - the hub reads it


if __name__ == "__main__":
    main()
