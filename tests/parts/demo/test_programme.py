"""The example programme: its file holds together, and every device of it answers what its profile asks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from api.demo import agents
from api.demo.responder import configuration, synthetic
from api.demo.responder.agent import Agent
from api.demo.responder.ber import parse_oid
from api.demo.responder.faults import FaultName
from api.demo.responder.server import Responder
from inventory import profiles
from inventory.devices import Role
from inventory.links import Medium
from tests.parts.demo.packets import GET, question, read
from tests.real import net_snmp

PROGRAMME = agents.load_programme()
V3 = {"name": "vungcao", "auth": "SHA-256", "auth_key": "authentication pass", "priv_key": "privacy pass"}
PROFILES = Path(profiles.__file__).parent


def built(**more: Any) -> dict[str, Agent]:
    config = agents.configuration(PROGRAMME, community="example", v3=V3, port=0, **more)
    return {agent.code: agent for agent in configuration.read(json.dumps(config)).agents}


AGENTS = built()


@pytest_asyncio.fixture
async def healthy() -> AsyncIterator[Responder]:
    """The whole programme, nothing wrong with it."""
    async with Responder(list(built(faults={}).values())) as serving:
        yield serving


def profile(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a profile's scalars and the columns of its tables, inherited ones among them."""
    content = yaml.safe_load((PROFILES / f"{name}.yaml").read_text("utf-8"))
    scalars, columns = profile(content["extends"]) if "extends" in content else ({}, {})
    for table in content.get("tables", {}).values():
        for metric, column in table["columns"].items():  # makers have tables of their own for the same metric
            columns = columns | {metric: column | {"from": columns.get(metric, {"from": []})["from"] + column["from"]}}
    return scalars | content.get("scalars", {}), columns


def has(agent: Agent, metric: dict[str, Any], *, scalar: bool) -> bool:
    """Return whether the recording holds one of the ways to a metric."""
    oids = [parse_oid(source["oid"]) for source in metric["from"]]
    return any(oid in agent.tree.oids if scalar else len(agent.tree.under(oid)) > 0 for oid in oids)


def test_everything_that_is_named_is_there() -> None:
    units, offices, devices = (PROGRAMME[part] for part in ("units", "offices", "devices"))

    assert PROGRAMME["version"] == 1
    assert all(unit.get("parent", "lam-dong") in units for unit in units.values())
    assert all(successor in units for unit in units.values() for successor in unit.get("successors", ()))
    assert all(office["unit"] in units for office in offices.values())
    assert all(device["office"] in offices for device in devices.values())
    assert all(uplink["device"] in devices for uplink in PROGRAMME["uplinks"].values())
    assert {office["unit"] for office in offices.values()} <= {
        code for code, unit in units.items() if "valid_to" not in unit
    }


def test_words_are_those_of_the_inventory() -> None:
    assert {unit["level"] for unit in PROGRAMME["units"].values()} <= {"province", "district", "commune", "village"}
    assert {device["role"] for device in PROGRAMME["devices"].values()} == set(Role)
    assert {uplink["medium"] for uplink in PROGRAMME["uplinks"].values()} <= set(Medium)
    assert {device["credential"] for device in PROGRAMME["devices"].values()} == {"example-v2c", "example-v3"}
    assert all((PROFILES / f"{device['profile']}.yaml").is_file() for device in PROGRAMME["devices"].values())


def test_districts_end_and_communes_begin_on_1_july_2025() -> None:
    units = PROGRAMME["units"]
    districts = {code: unit for code, unit in units.items() if unit["level"] == "district"}
    communes = {code: unit for code, unit in units.items() if unit["level"] == "commune"}

    assert {units[code]["valid_to"] for code in (*districts, "binh-thuan")} == {date(2025, 7, 1)}
    assert {unit["valid_from"] for unit in communes.values()} == {date(2025, 7, 1)}
    assert {code for unit in districts.values() for code in unit["successors"]} == communes.keys()
    assert {unit["parent"] for unit in communes.values()} == {"lam-dong"}


def test_the_programme_has_the_size_that_it_should() -> None:
    devices = PROGRAMME["devices"].values()
    versions = Counter(device["snmp"] for device in devices)

    assert 14 <= len(PROGRAMME["offices"]) <= 16
    assert 60 <= len(devices) <= 75
    assert min(versions.values()) > 0.4 * len(devices)
    assert len({device["address"] for device in devices}) == len(devices)
    assert all(IPv4Address(device["address"]) in ip_network("127.20.0.0/16") for device in devices)
    assert {device["port"] for device in devices} == {16100}
    assert all(device["credential"] == f"example-{device['snmp']}" for device in devices)


def test_every_uplink_ends_on_an_interface_that_is_up_and_carries_traffic() -> None:
    for code, uplink in PROGRAMME["uplinks"].items():
        agent = AGENTS[uplink["device"]]
        interface = agent.tree.interface(uplink["interface"])
        assert interface.up, code
        assert interface.speed_bps >= uplink["down_bps"] >= uplink["up_bps"] > 0, code
        assert agent.flow(interface.number, "in").carried(60) * 8 / 60 < 0.8 * uplink["down_bps"], code
        names = [other.name for other in agent.tree.interfaces.values()]
        assert names.count(uplink["interface"]) == 1, code


@pytest.mark.parametrize("code", list(PROGRAMME["devices"]))
def test_every_device_has_what_its_profile_cannot_do_without(code: str) -> None:
    device = PROGRAMME["devices"][code]
    scalars, columns = profile(device["profile"])

    for metric, source in scalars.items():
        if source.get("required"):
            assert has(AGENTS[code], source, scalar=True), metric
    for metric, source in columns.items():
        if source.get("required"):
            assert has(AGENTS[code], source, scalar=False), metric


@pytest.mark.parametrize(
    ("role", "metrics"),
    [
        ("router", ["if_in_octets", "if_out_octets", "if_speed_bps", "if_in_errors", "if_out_discards"]),
        ("switch", ["if_in_octets", "if_out_octets", "if_speed_bps"]),
        ("access-point", ["if_in_octets", "wifi_clients"]),
        ("ups", ["ups_battery_charge_ratio", "ups_battery_runtime_s", "temperature_celsius", "ups_input_volts"]),
        ("meeting-room", ["cpu_load_ratio", "memory_total_kib", "memory_free_kib", "memory_used_units"]),
    ],
)
def test_devices_show_what_their_role_is_watched_for(role: str, metrics: list[str]) -> None:
    for code, device in PROGRAMME["devices"].items():
        if device["role"] != role:
            continue
        scalars, columns = profile(device["profile"])
        for metric in metrics:
            source, scalar = (scalars[metric], True) if metric in scalars else (columns[metric], False)
            assert has(AGENTS[code], source, scalar=scalar), f"{code}: {metric}"


async def test_every_device_answers_with_its_own_name(healthy: Responder) -> None:
    for code, device in PROGRAMME["devices"].items():
        target = net_snmp.Target(device["address"], healthy.port, "example")
        if device["snmp"] == "v3":
            target = net_snmp.Target(
                device["address"], healthy.port, user=V3["name"], auth_key=V3["auth_key"], priv_key=V3["priv_key"]
            )
        read_back = await net_snmp.snmpget(target, agents.SYS_NAME, agents.SYS_LOCATION)
        assert read_back[agents.SYS_NAME] == code.encode()
        assert read_back[agents.SYS_LOCATION] == PROGRAMME["offices"][device["office"]]["name"].encode()


def test_within_a_minute_four_devices_have_their_faults_and_the_rest_is_healthy() -> None:
    own = built()
    for agent in own.values():
        agent.advance(20)
    at_20 = {code: set(agent.active) for code, agent in own.items() if agent.active}
    for agent in own.values():
        agent.advance(60)
    at_60 = {code: set(agent.active) for code, agent in own.items() if agent.active}

    assert at_20 == {
        "dk-rt1": {FaultName.INTERFACE_DOWN},
        "ps-rt1": {FaultName.BUSY_UPLINK},
        "bt-ap1": {FaultName.SILENT},
    }
    assert at_60 == at_20 | {"hn-ups1": {FaultName.SET_VALUES}}
    assert agents.FAULTS.keys() == at_60.keys()


def test_faults_come_and_go_for_ever() -> None:
    own = built()
    seen: dict[str, set[bool]] = {code: set() for code in agents.FAULTS}
    for t in range(100_000, 101_000, 5):
        for code in agents.FAULTS:
            own[code].advance(t)
            seen[code].add(bool(own[code].active))

    assert all(states == {True, False} for states in seen.values())


def test_a_ups_on_battery_says_so_and_runs_down() -> None:
    ups = built()["hn-ups1"]
    oids = (agents.UPS_OUTPUT_SOURCE, agents.UPS_CHARGE_REMAINING, agents.UPS_SECONDS_ON_BATTERY)

    def at(t: float) -> list[int]:
        answer = read(ups.answer(question(GET, *oids, community=b"example"), t))
        return [int.from_bytes(content, "big") for _, _, content in answer.values]

    assert at(0) == [3, 100, 0]
    assert at(145) == [5, 90, 100]
    assert at(200) == [3, 100, 0]


def test_the_country_mix_holds() -> None:
    mix = Counter(synthetic.interfaces_of(number) for number in range(10_000))

    assert mix[synthetic.LARGE] == pytest.approx(500, abs=5)
    assert mix[synthetic.MIDDLE] == pytest.approx(2500, abs=5)
    assert mix[synthetic.SMALL] == pytest.approx(7000, abs=5)
