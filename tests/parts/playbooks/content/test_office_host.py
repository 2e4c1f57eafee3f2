"""An office host is brought up, changed by hand, brought back and undone, on a machine of the lab."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.parts.playbooks.content.play import SNMP, Player, files_of
from tests.real.lab import Lab, Office
from tests.real.waiting import until

pytestmark = pytest.mark.timeout(1800)
SYS_NAME = ".1.3.6.1.2.1.1.5.0"
LOG_PORT = 6010
LISTENER = f"""\
import socket
listening = socket.create_server(("", {LOG_PORT}))
while True:
    connection, _ = listening.accept()
    while data := connection.recv(65536):
        print(data.decode(errors="replace"), flush=True)
"""


def arguments(*people: str) -> dict[str, Any]:
    return {
        "people": list(people), "management_networks": ["10.77.0.0/16"], "log_server": "10.77.1.1",
        "log_port": LOG_PORT, "site_name": "Văn phòng xã Phan Sơn",
    }  # fmt: skip


@pytest.mark.drill
def test_a_host_is_brought_up_brought_back_and_undone(lab: Lab, office: Office, player: Player, tmp_path: Path) -> None:
    key = subprocess.run(
        ["ssh-keygen", "-y", "-f", lab.key], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    wanted = arguments(f"hoa:{key}", f"duc:{key}")
    before = files_of(office)

    foretold = player.play("office-host", office, check=True, **wanted)
    assert files_of(office) == before, "a dry run changes nothing"

    made = player.play("office-host", office, **wanted)
    assert [task for task in foretold.changed if task not in made.changed] == [], "what was foretold was done"
    assert set(made.changed) - set(foretold.changed) == {"Let the device go back by itself", "Load",
                                                         "All is well, stay as it is"}  # fmt: skip
    assert asked(lab, office, tmp_path) == "c1"
    assert asked_by_community(lab, office) == ""
    assert lab.ssh(office, "sudo -n id -un", user="hoa").stdout == "root\n"
    assert office.read("/etc/timezone") == "Asia/Ho_Chi_Minh\n"
    assert not reached(lab, office, 8080), "what is not open is closed"
    with listener(lab, tmp_path / "log"):
        office.run("logger", "-t", "test", "Nhật ký của văn phòng")
        until(lambda: "Nhật ký của văn phòng" in (tmp_path / "log").read_text("utf-8"), "the log to arrive")

    again = player.play("office-host", office, **wanted)
    assert again.changed == []

    office.run("sh", "-c", "echo 'rocommunity public' >> /etc/snmp/snmpd.conf; service snmpd restart;"
               " nft flush ruleset; echo >> /etc/nftables.conf; rm /home/hoa/.ssh/authorized_keys")  # fmt: skip
    back = player.play("office-host", office, **arguments(f"hoa:{key}"))
    assert [task for task in back.changed if "go back" not in task and "All is well" not in task] == [
        "Their keys, and no others", "Accounts of those who left are closed", "Keys of those who left are gone",
        "Packet filter", "SNMP agent, without v1 and v2c", "Restart snmpd", "Load",
    ]  # fmt: skip
    assert lab.ssh(office, "id -un", user="hoa").stdout == "hoa\n"
    assert lab.ssh(office, "id -un", user="duc").returncode != 0, "who left gets in no more"
    assert not reached(lab, office, 8080)

    undone = player.play("office-host-undo", office)
    assert "Put back what was there before" in undone.changed
    after = files_of(office)
    ours = ("etc/passwd", "etc/shadow", "etc/group", "etc/gshadow", "etc/sub", "etc/rc", "home/", "var/lib/snmp",
            "etc/.pwd", "var/lib/apt", "var/lib/rsyslog")  # fmt: skip
    changed = {path for path in {**before, **after} if before.get(path) != after.get(path)}
    assert {path for path in changed if not path.startswith(ours)} == backups(changed)
    assert office.run("nft", "list", "ruleset").stdout == ""
    until(lambda: asked_by_community(lab, office) == "c1", "the agent to answer as before")
    assert player.play("office-host-undo", office).changed == []


def test_who_would_lock_us_out_changes_nothing(lab: Lab, player: Player) -> None:
    office = lab.offices["c2"]
    before = files_of(office)
    wanted: dict[str, Any] = {**arguments(), "management_networks": ["192.0.2.0/24"]}
    refused = player.play("office-host", office, check=True, fails=True, **wanted)
    assert "10.77.2.1 is not in the networks that may manage this host" in refused.output
    assert files_of(office) == before


def backups(paths: set[str]) -> set[str]:
    """Return those that Ansible made of files that it wrote over."""
    return {path for path in paths if path.endswith("~")}


def asked(lab: Lab, office: Office, folder: Path) -> str:
    """Return the agent's name as SNMPv3 tells it; the passphrases are in a file, for they have more than letters."""
    (folder / "snmp.conf").write_text(
        f"defSecurityName {SNMP['user']}\ndefSecurityLevel authPriv\ndefAuthType SHA-256\ndefPrivType AES\n"
        + "".join(
            f'def{which}Passphrase "{SNMP[name]}"\n'.replace("\\", "\\\\").replace(' \\"', ' "')
            for which, name in (("Priv", "priv_key"),)
        )
        + 'defAuthPassphrase "' + SNMP["auth_key"].replace("\\", "\\\\").replace('"', '\\"') + '"\n',
        "utf-8",
    )  # fmt: skip
    return answer(lab, ["env", f"SNMPCONFPATH={folder}", "MIBS=", "snmpget", "-v3"], office)


def asked_by_community(lab: Lab, office: Office) -> str:
    return answer(lab, ["env", "MIBS=", "snmpget", "-v2c", "-c", lab.community], office)


def answer(lab: Lab, words: list[str], office: Office) -> str:
    done = lab.run(*words, "-t", "1", "-r", "1", "-Oqv", office.address, SYS_NAME, check=False)
    return done.stdout.strip().strip('"')


def reached(lab: Lab, office: Office, port: int) -> bool:
    """Return whether a port answers from the hub: a refusal is an answer."""
    words = ["timeout", "2", "bash", "-c", f"exec 3<>/dev/tcp/{office.address}/{port}"]
    return "refused" in lab.run(*words, check=False).stderr


@contextmanager
def listener(lab: Lab, log: Path) -> Iterator[None]:
    """Listen in the hub, as the centre's log server."""
    with log.open("w") as out:
        process = subprocess.Popen([*lab.prefix, "python3", "-c", LISTENER], stdout=out)
        try:
            yield
        finally:
            process.kill()
            process.wait()
