"""The bundled profiles on recordings of real devices, played by the responder: what each kind of device gives."""

from __future__ import annotations

import bz2
from ipaddress import IPv4Address

import pytest
from pydantic import SecretStr

from api.demo.responder.agent import Agent
from api.demo.responder.recordings import find, read_line
from api.demo.responder.server import Responder
from api.demo.responder.tree import Tree
from inventory.public import SnmpV2c, bundled_profiles
from kernel.clock import SystemClock
from monitor.probes.port import Outcome, PollResult, Target
from monitor.probes.snmp import SnmpProbe

SUBTREES = (
    *(f"1.3.6.1.2.1.{branch}.".encode() for branch in (1, 2, "25.1", "25.2", "25.3", 31, 33, 47, 99)),
    *(b"1.3.6.1.4.1.2021.4.", b"1.3.6.1.4.1.2021.10."),
    *(b"1.0.8802.", b"1.3.6.1.4.1.9.9.", b"1.3.6.1.4.1.2011.5.25.31."),
)


def whole(name: str) -> Tree:
    """Return a recording with everything that a bundled profile may ask for."""
    path = find(name)
    data = bz2.decompress(path.read_bytes()) if path.suffix == ".bz2" else path.read_bytes()
    rows = (read_line(line) for line in data.split(b"\n") if line.startswith(SUBTREES))
    return Tree(row for row in rows if row is not None)


async def polled(recording: str, profile: str) -> PollResult:
    agent = Agent("d", IPv4Address("127.20.78.1"), whole(recording), community="public")
    async with Responder([agent]) as responder:
        target = Target("d", "127.20.78.1", responder.port, SnmpV2c(SecretStr("public")), timeout_s=20, deadline_s=100)
        return await SnmpProbe(SystemClock()).poll(target, bundled_profiles()[profile])


def values(result: PollResult, metric: str) -> dict[str, float]:
    return {reading.instance: reading.value for reading in result.readings if reading.metric == metric}


@pytest.mark.parametrize(
    ("recording", "profile", "expected"),
    [
        ("network/switch/cisco-c3560", "cisco-ios", {"cpu_load_ratio", "memory_used_ratio", "temperature_celsius"}),
        ("network/router/huawei-s5720", "huawei-vrp", {"cpu_load_ratio", "memory_used_ratio", "temperature_celsius"}),
        ("os/linux/slackware", "linux", {"memory_used_ratio", "disk_used_ratio", "load_average_1min"}),
        ("os/windows/server-2003-5-2", "windows", {"memory_used_ratio", "disk_used_ratio", "cpu_load_ratio"}),
        ("cloud/arista-dcs-7150s-52-cl", "entity-sensors", {"temperature_celsius"}),
        ("cloud/arista-dcs-7150s-52-cl", "lldp-neighbours", {"lldp_neighbours"}),
        ("UPS/eaton-93e-80", "ups-mib", {"ups_battery_charge_ratio", "ups_on_battery", "ups_input_volts"}),
    ],
)
async def test_a_kind_of_device_gives_what_its_profile_promises(
    recording: str, profile: str, expected: set[str]
) -> None:
    result = await polled(recording, profile)
    assert result.outcome is Outcome.ANSWERED, result.why
    found = {reading.metric for reading in result.readings}
    assert expected <= found, expected - found
    for reading in result.readings:
        if reading.metric.endswith("_ratio"):
            assert 0 <= reading.value <= 1, reading
        if reading.metric == "temperature_celsius":
            assert 5 < reading.value < 100, reading
    labels = [(reading.metric, reading.instance) for reading in result.readings]
    assert len(labels) == len(set(labels))


async def test_a_huawei_switch_is_not_asked_for_the_cpu_of_its_ports() -> None:
    result = await polled("network/router/huawei-s5720", "huawei-vrp")
    assert len(values(result, "temperature_celsius")) < 5
