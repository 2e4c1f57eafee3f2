"""The lab itself: offices answer, lines can be cut and weakened, the platform sees that, and nothing is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.programme import load_programme
from tests.parts.monitor.test_icmp import PINGING, told
from tests.real.accounts import ROOT, identities, run_as
from tests.real.lab import Lab, Office
from tests.real.platform import PlainPlatform
from tests.real.waiting import alive, until

SYS_NAME = ".1.3.6.1.2.1.1.5.0"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(3, lines=2) as running:
        yield running


@pytest.fixture(autouse=True)
def mended(lab: Lab) -> Iterator[None]:
    yield
    for office in lab.offices.values():
        office.mend()


def ping(lab: Lab, office: Office) -> dict[str, Any]:
    return told([*lab.prefix, *PINGING, office.address])


def test_ssh_leads_into_each_office_and_its_host_key_is_checked(lab: Lab) -> None:
    for code, office in lab.offices.items():
        done = lab.ssh(office, "hostname && id -un")
        assert (done.returncode, done.stdout.split()) == (0, [code, "root"]), done.stderr
        assert lab.ssh(office, "id -un", user="ops").stdout.strip() == "ops"


def test_snmp_answers_in_each_office_in_both_versions(lab: Lab) -> None:
    as_user = ["-v3", "-l", "authPriv", "-u", lab.v3_user, "-a", "SHA-256", "-A", lab.v3_auth_key, "-x", "AES",
               "-X", lab.v3_priv_key]  # fmt: skip
    for code, office in lab.offices.items():
        for credential in (["-v2c", "-c", lab.community], as_user):
            done = lab.run("env", "MIBS=", "snmpget", *credential, "-Oqv", office.address, SYS_NAME)
            assert done.stdout.strip().strip('"') == code


def test_what_is_changed_in_an_office_is_changed_there_only(lab: Lab) -> None:
    here, there = lab.offices["c1"], lab.offices["c2"]
    before = Path("/etc/resolv.conf").read_text("utf-8")
    done = lab.ssh(here, "echo 'nameserver 192.0.2.1' > /etc/resolv.conf && touch /usr/share/changed")
    assert done.returncode != 0
    assert "Read-only file system" in done.stderr
    assert "192.0.2.1" in here.read("/etc/resolv.conf")
    assert "192.0.2.1" not in there.read("/etc/resolv.conf")
    assert Path("/etc/resolv.conf").read_text("utf-8") == before
    assert not Path("/usr/share/changed").exists()


def test_an_office_reaches_the_hub_and_nothing_else(lab: Lab) -> None:
    office = lab.offices["c1"]
    addresses = office.run("ip", "-brief", "address").stdout.split()
    assert {word for word in addresses if "@" in word or word == "lo"} == {"lo", *(
        word for word in addresses if word.startswith(("wan0@", "wan1@"))
    )}  # fmt: skip
    assert lab.run("ip", "route", "show", "default").stdout == ""


def test_a_line_that_is_cut_leaves_the_other_and_both_cut_leave_nothing(lab: Lab) -> None:
    office = lab.offices["c1"]
    assert ping(lab, office)["loss"] == 0
    office.cut("wan0")
    until(lambda: ping(lab, office)["loss"] == 0, "the second line to carry it")
    office.cut("wan1")
    answer = ping(lab, office)
    assert (answer["method"], answer["loss"], answer["rtt_s"]) == ("icmp", 1.0, None)
    assert ping(lab, lab.offices["c2"])["loss"] == 0
    office.mend()
    until(lambda: ping(lab, office)["loss"] == 0, "the lines to carry it again")


def test_a_weak_line_is_slow_and_lossy(lab: Lab) -> None:
    office = lab.offices["c2"]
    office.weaken(delay_ms=60)
    until(lambda: (ping(lab, office)["rtt_s"] or 0) >= 0.12, "each way to take 60 ms")
    office.weaken(delay_ms=0, loss=0.5)
    until(lambda: 0 < ping(lab, office)["loss"] < 1, "some packets to be lost, and some not")


def test_the_platform_in_the_hub_sees_a_cut_and_a_weak_line(lab: Lab) -> None:
    cut, weak = lab.offices["c1"], lab.offices["c2"]
    with PlainPlatform(lab=lab) as platform:
        load_programme(platform, lab)

        def value(office: Office, metric: str) -> float | None:
            values = platform.ask_engine(f"/devices/{office.code}-rt1")["values"]
            return next((each["value"] for each in values if each["metric"] == metric), None)

        for office in lab.offices.values():
            until(lambda office=office: value(office, "loss_ratio") == 0.0, f"pings of {office.code}")  # type: ignore[misc]
        assert platform.ask_engine("/board")["ping_method"] == "icmp"
        assert value(cut, "ping_method") == 1

        cut.cut("wan0")
        until(lambda: value(cut, "if_oper_status") is not None, "a poll over the other line")
        until(lambda: uplink_state(platform, "c1-wan0") == "critical", "a poll to see the cut line")
        assert platform.device("c1-rt1")["outcome"] == "answered"
        cut.cut()
        until(lambda: platform.device("c1-rt1")["outcome"] == "silent", "a poll to see the office gone")
        until(lambda: value(cut, "loss_ratio") == 1.0, "a ping to see it too")
        assert value(cut, "rtt_s") is None
        cut.mend()
        until(lambda: value(cut, "loss_ratio") == 0.0, "pings to be answered again")
        until(lambda: platform.device("c1-rt1")["outcome"] == "answered", "polls to be answered again")

        weak.weaken(delay_ms=40, loss=0.3)
        until(lambda: (value(weak, "rtt_s") or 0) >= 0.08, "the delay to be measured")
        until(lambda: "rule=link-lossy" in platform.log.read_text("utf-8"), "the lossy line to alert")
        assert platform.device("c3-rt1")["state"] == "ok"


def uplink_state(platform: PlainPlatform, code: str) -> str:
    """Return the state of one uplink as the engine knows it."""
    uplinks = platform.ask_engine("/uplinks")
    return next(str(uplink["state"]) for uplink in uplinks if uplink["uplink"] == code)


@pytest.mark.parametrize("end", ["in order", "killed"])
def test_nothing_is_left_behind(end: str) -> None:
    mounts = Path("/proc/self/mounts").read_text("utf-8")
    with Lab(2) as lab:
        folder, below = lab.folder, descendants(lab.pid)
        own = network_namespaces(below)
        assert len(own) == 4, "of the hub, the relay and two offices"
        assert len(below) >= 8, "hub, relay, and in each office its first process, sshd and snmpd"
        if end == "killed":
            os.kill(lab.pid, signal.SIGKILL)
        assert Path("/proc/self/mounts").read_text("utf-8") == mounts, "the lab's mounts are its own"
    until(lambda: not any(alive(pid) for pid in below), "every process of the lab to be gone")
    everybody = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    assert not own & network_namespaces(everybody)
    assert not folder.exists()


def test_the_lab_goes_with_the_process_that_made_it() -> None:
    maker = subprocess.Popen(
        [*PYTHON, "from tests.real.lab import Lab\nwith Lab(1) as it: print(it.pid, it.folder, flush=True), input()"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert maker.stdout is not None
    assert maker.stdin is not None
    with maker:
        pid, folder = maker.stdout.readline().split()
        below = descendants(int(pid))
        assert below
        maker.kill()
    until(lambda: not any(alive(pid) for pid in below), "every process of the lab to be gone")
    shutil.rmtree(folder)  # files, of which nobody is left to take care


PYTHON = (PINGING[0], "-c")


def test_where_no_namespace_can_be_made_the_lab_says_so_and_fails() -> None:
    asked = "from tests.real.lab import Lab\nwith Lab(1): pass"
    barred = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-all"]
    start = [*barred] if os.geteuid() == 0 else ["unshare", "--user", "sh", "-c", 'exec "$@"', "sh"]
    done = subprocess.run([*start, *PYTHON, asked], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "CAP_SYS_ADMIN" in last or "as root" in done.stderr.lower(), done.stderr


def test_an_ordinary_user_without_accounts_to_lend_is_told_what_is_missing() -> None:
    for identity in identities()[1:]:  # those that root can take
        done = subprocess.run(
            [*run_as(identity), *PYTHON, "from tests.real.lab import Lab\nwith Lab(1): pass"],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 1
        assert "usermod --add-subuids" in done.stderr


def descendants(pid: int) -> list[int]:
    """Return the processes below `pid`, in any namespace."""
    found = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except FileNotFoundError:
        return []
    for child in children:
        found += [int(child), *descendants(int(child))]
    return found


def network_namespaces(pids: list[int]) -> set[str]:
    """Return the network namespaces that these processes are in; those that have ended are in none."""
    found = set()
    for pid in pids:
        try:
            found.add(str(Path(f"/proc/{pid}/ns/net").readlink()))
        except OSError:
            continue
    return found


@pytest.mark.drill
def test_a_line_of_256_kbit_with_loss_is_polled_and_nobody_there_is_called_down(lab: Lab) -> None:
    weak = lab.offices["c1"]
    with PlainPlatform({"VUNGCAO_POLL_INTERVAL_S": "3", "VUNGCAO_ALERT_HOLD_S": "3"}, lab=lab) as platform:
        load_programme(platform, lab)
        weak.weaken(delay_ms=50, loss=0.1, kbit=256)

        def polls() -> int:
            engine = platform.ask_engine("/devices/c1-rt1")["health"]
            seen.add((engine["polled_at_ms"], engine["outcome"]))
            return len(seen)

        seen: set[tuple[int, str]] = set()
        until(lambda: polls() >= 10, "ten polls over the weak line")
        assert {outcome for _, outcome in seen} <= {"answered", "partial"}
        assert "rule=device-unreachable" not in platform.log.read_text("utf-8")
        cost = next(line for line in platform.ask_engine("/uplinks") if line["uplink"] == "c1-wan0")
        assert 0 < cost["poll_cost_bps"] < 10_000, "a poll and a burst of pings every three seconds"
