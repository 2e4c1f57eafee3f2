"""An office's router on FRRouting, with a neighbour in the hub and an uplink that is cut; its configuration is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parts.playbooks.content.play import Player, files_of
from tests.real.lab import Lab, Office
from tests.real.lab_neighbour import Neighbour
from tests.real.waiting import until

pytestmark = pytest.mark.timeout(900)
WANTED: dict[str, Any] = {
    "addresses": ["lan0=10.20.5.1/24", "wan0=10.77.1.2/30", "wan1=10.77.1.6/30"],
    "uplinks": ["wan0=10.77.1.1", "wan1=10.77.1.5"],
    "ospf_interfaces": ["wan0", "wan1"],
    "ospf_hello_s": 1,
}

GOOD: dict[str, Any] = {"addresses": ["lo=10.20.6.1/24"], "uplinks": ["wan0=10.77.2.1", "wan1=10.77.2.5"]}


@pytest.fixture(scope="module")
def neighbour(lab: Lab) -> Iterator[Neighbour]:
    with Neighbour(lab, ["c1-0", "c1-1"]) as running:
        yield running


@pytest.mark.drill
def test_a_router_is_set_keeps_its_way_out_when_a_line_is_cut_and_is_undone(
    lab: Lab, office: Office, player: Player, neighbour: Neighbour
) -> None:
    # The lab's own ways out would come before those of FRRouting, as a DHCP client's do.
    office.run("sh", "-c", "ip link add lan0 type bridge; ip link set lan0 up;"
               " while ip route del default 2>/dev/null; do :; done")  # fmt: skip
    before = files_of(office)
    foretold = player.play("office-router", office, check=True, **WANTED)
    assert "Configuration" in foretold.changed
    after = files_of(office)
    asked = {
        "etc/frr/zebra.conf",
        "etc/frr/staticd.conf",
    }  # Debian's script makes these, empty, when asked for the state
    assert {path: after[path] for path in after if path not in asked} == before, "a dry run changes nothing"

    player.play("office-router", office, **WANTED)
    until(lambda: "10.20.5.0/24" in neighbour.routes(), "the office's network to be known in the hub")
    assert way_out(office) == "wan0"
    office.cut("wan0")
    until(lambda: way_out(office) == "wan1", "the second line to be taken")
    until(lambda: "c1-1" in neighbour.routes().get("10.20.5.0/24", ""), "the hub to come by the second line")
    office.mend()
    until(lambda: way_out(office) == "wan0", "the first line to be taken again")
    assert player.play("office-router", office, **WANTED).changed == []

    office.run("vtysh", "-c", "configure terminal", "-c", "ip route 192.0.2.0/24 blackhole", "-c", "end", "-c", "write")
    assert "192.0.2.0/24" in office.read("/etc/frr/frr.conf")
    back = player.play("office-router", office, **WANTED)
    assert "Configuration" in back.changed
    assert "192.0.2.0/24" not in office.run("vtysh", "-c", "show running-config").stdout

    player.play("office-router-undo", office)
    assert "etc/frr/frr.conf" not in files_of(office)
    until(lambda: "10.20.5.0/24" not in neighbour.routes(), "the office's network to be forgotten in the hub")


@pytest.fixture(scope="module")
def router(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Office:
    office = lab.offices["c2"]
    Player(lab, tmp_path_factory.mktemp("router")).play("office-router", office, **GOOD)
    return office


@pytest.mark.drill
def test_a_configuration_that_locks_us_out_is_undone_by_the_router_itself(
    lab: Lab, router: Office, tmp_path: Path
) -> None:
    office = router
    player = Player(lab, tmp_path, {"guard_s": 12})
    # The hub's own addresses on the office's side: what the hub sends is answered to ourselves from then on.
    bad: dict[str, Any] = {**GOOD, "addresses": [*GOOD["addresses"], "wan0=10.77.2.1/32", "wan1=10.77.2.5/32"]}
    lost = player.play("office-router", office, fails=True, **bad)
    assert lost.stats["c2"]["unreachable"] or lost.stats["c2"]["failures"]
    until(lambda: lab.ssh(office, "true").returncode == 0, "the router to have gone back")
    assert "10.77.2.1/32" not in office.read("/etc/frr/frr.conf")
    assert "10.77.2.1/32" not in office.run("ip", "address", "show", "dev", "wan0").stdout


def test_a_configuration_is_read_without_python_and_what_changed_is_told(
    lab: Lab, router: Office, tmp_path: Path
) -> None:
    router.run("sh", "-c", "useradd -M -d / -s /usr/bin/vtysh -G frrvty -p '*' netadm;"
               " cp /etc/ssh/keys/root /etc/ssh/keys/netadm; chgrp frrvty /etc/frr/vtysh.conf")  # fmt: skip
    first = Player(lab, tmp_path).play("configuration-backup", router, user="netadm")
    read = first.fact("vungcao_report", "c2")
    assert "ip route 0.0.0.0/0 10.77.2.1 wan0 10" in read["configuration"]
    later = Player(lab, tmp_path, {"vungcao_last_configuration": read})
    assert later.play("configuration-backup", router, user="netadm").changed == []
    router.run("vtysh", "-c", "configure terminal", "-c", "ip route 198.51.100.0/24 blackhole")
    told = later.play("configuration-backup", router, user="netadm", check=True)
    assert told.changed == ["Read the configuration"]
    (difference,) = [told.tasks[0].result["diff"]]
    assert "198.51.100.0/24" in difference["after"]
    assert "198.51.100.0/24" not in difference["before"]


def way_out(office: Office) -> str:
    """Return the interface of the default route that FRRouting has given to the kernel."""
    routes = json.loads(office.run("vtysh", "-c", "show ip route 0.0.0.0/0 json").stdout or "{}")
    return next(
        (hop["interfaceName"] for route in routes.get("0.0.0.0/0", []) if route["protocol"] == "static"
         for hop in route["nexthops"] if route.get("installed") and hop.get("fib")),
        "",
    )  # fmt: skip
