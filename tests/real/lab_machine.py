"""What makes a small Debian of an office's root: accounts, services that sysvinit starts, dpkg's record of packages.

Used by the office's first process; needs nothing beyond the standard library. /usr is the machine's, so that its
programs are there; what dpkg says of them is true, for the packages that playbooks ask for. systemd is not there: an
office is a machine that starts its services by /etc/init.d, of which there are still many.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ACCOUNTS = (
    ("root", 0, 0, "/root", "/bin/bash"),
    ("ops", 1000, 1000, "/home/ops", "/bin/bash"),
    ("sshd", 107, 65534, "/run/sshd", "/usr/sbin/nologin"),
    ("Debian-snmp", 108, 108, "/var/lib/snmp", "/bin/false"),
    ("frr", 109, 109, "/nonexistent", "/usr/sbin/nologin"),
    ("_apt", 42, 65534, "/nonexistent", "/usr/sbin/nologin"),
    ("nobody", 65534, 65534, "/nonexistent", "/usr/sbin/nologin"),
)
GROUPS = {"root": 0, "adm": 4, "tty": 5, "sudo": 27, "shadow": 42, "video": 44, "Debian-snmp": 108, "frr": 109,
          "frrvty": 110, "input": 111, "audio": 29, "ops": 1000, "nogroup": 65534}  # fmt: skip
COPIED = ("alternatives", "apt/apt.conf.d", "chromium.d", "debian_version", "default/useradd", "fonts", "init.d/frr",
          "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "login.defs", "nsswitch.conf", "pam.d", "protocols",
          "rsyslog.conf", "security", "services")  # fmt: skip
FOLDERS = (*(f"etc/rc{level}.d" for level in "0123456S"), "etc/default", "etc/frr", "etc/init.d", "etc/skel",
           "etc/sudoers.d", "etc/rsyslog.d", "etc/snmp/snmpd.conf.d", "etc/sysctl.d", "etc/apt/sources.list.d",
           "etc/apt/trusted.gpg.d",
           "etc/apt/preferences.d", "etc/ssh/sshd_config.d", "etc/ssl/private", "etc/cron.d", "opt", "srv", "run/frr",
           "run/lock", "var/agentx", "var/cache/apt/archives/partial", "var/lib/apt/lists/partial",
           "var/lib/dpkg/alternatives", "var/lib/dpkg/info", "var/lib/dpkg/parts", "var/lib/dpkg/triggers",
           "var/lib/dpkg/updates", "var/log/apt", "var/log/frr", "var/spool/rsyslog")  # fmt: skip
PACKAGES = ("chromium", "frr", "frr-pythontools", "nftables", "openssh-server", "python3-apt", "rsyslog", "snmpd",
            "sudo", "unattended-upgrades", "xvfb")  # fmt: skip

SCRIPT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          {name}
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: {name}
### END INIT INFO
start() {{ start-stop-daemon --start --quiet --oknodo --pidfile {pid} --exec {program} -- {options} {more}; }}
stop() {{ start-stop-daemon --stop --quiet --oknodo --retry TERM/5/KILL/5 --pidfile {pid} --exec {program}; }}
case "$1" in
  start) start ;;
  stop) stop ;;
  restart|force-reload) stop; start ;;
  reload) start-stop-daemon --stop --quiet --signal HUP --pidfile {pid} --exec {program} ;;
  status) start-stop-daemon --status --pidfile {pid} && echo "{name} is running" ;;
esac
"""
RULES = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          nftables
# Required-Start:
# Required-Stop:
# Default-Start:     S
# Default-Stop:
# Short-Description: nftables
### END INIT INFO
case "$1" in
  start|restart|force-reload|reload) nft -f /etc/nftables.conf ;;
  stop) nft flush ruleset ;;
  status) [ -n "$(nft list ruleset)" ] && echo "nftables is running" ;;
esac
"""


@dataclass(frozen=True)
class Service:
    """A server of the office: its program, what it is started with, and where it says its process id."""

    name: str
    program: str
    pid: str
    options: str
    more: str = ""


SERVICES = (
    Service("ssh", "/usr/sbin/sshd", "/run/sshd.pid", "-f /etc/ssh/sshd_config -E /var/log/sshd.log"),
    Service("snmpd", "/usr/sbin/snmpd", "/run/snmpd.pid",
            "-r -I -smux,mteTrigger,mteTriggerConf -Lf /var/log/snmpd.log -p /run/snmpd.pid"),
    Service("rsyslog", "/usr/sbin/rsyslogd", "/run/rsyslogd.pid", "-i /run/rsyslogd.pid"),
)  # fmt: skip


def lay_out(root: Path) -> None:
    """Write accounts, init scripts and the record of packages into a new root of files."""
    etc = root / "etc"
    for name in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        _copy(Path("/etc", name), etc / name)
    (etc / "passwd").write_text(
        "".join(f"{name}:x:{uid}:{gid}:{name}:{home}:{shell}\n" for name, uid, gid, home, shell in ACCOUNTS), "utf-8"
    )
    members = {"frrvty": "frr"}
    (etc / "group").write_text(
        "".join(f"{name}:x:{gid}:{members.get(name, '')}\n" for name, gid in GROUPS.items()), "utf-8"
    )
    (root / "var/run").symlink_to("/run")
    (etc / "gshadow").write_text("".join(f"{name}:!::\n" for name in GROUPS), "utf-8")
    (etc / "shadow").write_text("".join(f"{each[0]}:*:20000:0:99999:7:::\n" for each in ACCOUNTS), "utf-8")
    for name in ("shadow", "gshadow"):
        (etc / name).chmod(0o640)
    for service in SERVICES:
        script(root, service.name, SCRIPT.format_map(vars(service)))
    script(root, "nftables", RULES)
    logs = (etc / "rsyslog.conf").read_text("utf-8")  # the kernel's messages are the machine's: not ours to take
    (etc / "rsyslog.conf").write_text(logs.replace('module(load="imklog")', ""), "utf-8")
    (etc / "sudoers").write_text("root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n", "utf-8")
    (etc / "sudoers").chmod(0o440)
    (etc / "frr/daemons").write_text("ospfd=no\nvtysh_enable=yes\n", "utf-8")
    _record_of_packages(root / "var/lib/dpkg")
    _owned(root)


def script(root: Path, name: str, text: str) -> None:
    """Write an init script."""
    file = root / "etc/init.d" / name
    file.write_text(text, "utf-8")
    file.chmod(0o755)


def _copy(source: Path, target: Path) -> None:
    """Copy what may be read: the rest is not for an ordinary user who runs the tests."""
    target.parent.mkdir(parents=True, exist_ok=True)
    words = ["cp", "-a", "--no-preserve=ownership", "-T", str(source), str(target)]
    subprocess.run(words, capture_output=True, check=False)


def _owned(root: Path) -> None:
    """Give each service what it writes to."""
    owners = {"home/ops": (1000, 1000), "etc/frr": (109, 109), "run/frr": (109, 110), "var/log/frr": (109, 109)}
    for name, (uid, gid) in owners.items():
        folder = root / name
        subprocess.run(["chown", "-R", f"{uid}:{gid}", str(folder)], check=True)
        folder.chmod(0o755)  # vtysh is run by people too


def _record_of_packages(folder: Path) -> None:
    """Let dpkg know the packages that are there, and nothing of the hundreds that nobody asks for."""
    known = _installed(PACKAGES)
    (folder / "status").write_text(known, "utf-8")
    (folder / "available").touch()
    for line in known.splitlines():
        if line.startswith("Package: "):
            (folder / "info" / f"{line.split()[1]}.list").touch()


def _installed(packages: Sequence[str]) -> str:
    """Return what the machine's dpkg says of these, without what they need: that is not recorded."""
    asked = subprocess.run(["dpkg-query", "--status", *packages], capture_output=True, text=True, check=False).stdout
    needs = ("Depends:", "Pre-Depends:", "Recommends:", "Suggests:", "Breaks:", "Conflicts:", "Replaces:", "Conffiles:")
    kept, leaving = [], False
    for line in asked.splitlines():
        leaving = line.startswith(needs) or (leaving and line.startswith(" "))
        if not leaving:
            kept.append(line)
    return "\n".join(kept) + "\n"
