"""`vungcao serve` on an inventory of one's own: devices answered by Debian's snmpd, history in either store."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from monitor.samples import Sample, Series
from monitor.store.duckdb import open_duckdb
from monitor.store.influxdb import open_influxdb
from monitor.store.port import HistoryStore
from tests.flows.reader import Reader, audit_is_sound, setup_token, use_setup_link
from tests.real.influxd import Influxd, WriteApiProxy
from tests.real.net_snmp import Target, Value, snmpbulkwalk, snmpget
from tests.real.platform import PlainPlatform
from tests.real.snmpd import Snmpd
from tests.real.waiting import until

NAME, PASSWORD = "quanly", "suối Kiết chảy về La Ngà"
DATABASE = "vungcao"
BUCKET = f"{DATABASE}/autogen"

UNHURRIED = {"VUNGCAO_POLL_INTERVAL_S": "2", "VUNGCAO_ALERT_HOLD_S": "3"}
"""A poll waits half its interval for each answer; an agent on a busy machine may need most of a second."""

UPTIME = "1.3.6.1.2.1.1.3.0"
IF_TYPE, IF_SPEED, IF_ADMIN, IF_OPER = (f"1.3.6.1.2.1.2.2.1.{column}" for column in (3, 5, 7, 8))
IF_NAME, IF_IN, IF_OUT, IF_HIGH_SPEED = (f"1.3.6.1.2.1.31.1.1.1.{column}" for column in (1, 6, 10, 15))
LOOPBACK, UP = 24, 1

# Not the profile `host`: in the first minute of its life snmpd knows no load of processors, and is told to lack it.
INVENTORY = """\
version: 1
units:
  lam-dong: {{name: Lâm Đồng, level: province, valid_from: 1976-02-01}}
  suoi-kiet: {{name: Xã Suối Kiết, level: commune, parent: lam-dong, valid_from: 2025-07-01}}
offices:
  sk: {{name: Văn phòng xã Suối Kiết, unit: suoi-kiet}}
devices:
  sk-pc1:
    {{name: Máy chủ, office: sk, role: switch, profile: network-interfaces, address: 127.0.0.1, port: {v2c}, snmp: v2c, credential: plain}}
  sk-pc2:
    {{name: Phòng họp, office: sk, role: meeting-room, profile: network-interfaces, address: 127.0.0.1, port: {v3}, snmp: v3, credential: safe}}
"""  # noqa: E501 - a line is a device

Agents = Mapping[str, Snmpd]
"""By code of the device that each answers for."""


@dataclass(frozen=True)
class Site:
    """One platform, with its store, and somebody who looks at it."""

    store: str
    platform: PlainPlatform
    reader: Reader
    token: str

    def outcomes(self) -> dict[str, str]:
        return {device["device"]: device["outcome"] for device in self.platform.ask_engine("/healths")}

    def states(self) -> dict[str, str]:
        return {device["device"]: device["state"] for device in self.platform.ask_engine("/healths")}

    def set_community(self, community: str) -> None:
        done = self.platform.command("credential", "set", "plain", given=f"{community}\n")
        assert done.returncode == 0, done.stderr

    def values(self, device: str) -> dict[tuple[str, str], float]:
        """Return the last values of a device, as the API tells them."""
        now = self.reader.ask(f"/devices/{device}")["now"]
        return {(value["metric"], value["instance"]): value["value"] for value in now["values"]}


@pytest.fixture(scope="module")
def agents() -> Iterator[Agents]:
    with Snmpd() as first, Snmpd() as second:
        yield {"sk-pc1": first, "sk-pc2": second}


@pytest.fixture(scope="module")
def influxd() -> Iterator[Influxd]:
    with Influxd(auth=True) as running:
        running.ask(f"CREATE DATABASE {DATABASE}")
        yield running


@pytest.fixture(scope="module")
def proxy(influxd: Influxd) -> Iterator[WriteApiProxy]:
    with WriteApiProxy(influxd) as running:
        yield running


@pytest.fixture(scope="module")
def over_duckdb(agents: Agents) -> Iterator[Site]:
    with (
        PlainPlatform({"VUNGCAO_STORE": "duckdb", **UNHURRIED}) as platform,
        set_up("duckdb", platform, agents) as site,
    ):
        yield site


@pytest.fixture(scope="module")
def over_influxdb(agents: Agents, influxd: Influxd, proxy: WriteApiProxy) -> Iterator[Site]:
    settings = {
        "VUNGCAO_STORE": "influxdb",
        "VUNGCAO_INFLUXDB_URL": proxy.url,
        "VUNGCAO_INFLUXDB_TOKEN": influxd.token,
        "VUNGCAO_INFLUXDB_BUCKET": BUCKET,
        **UNHURRIED,
    }
    with PlainPlatform(settings) as platform, set_up("influxdb", platform, agents) as site:
        yield site


@pytest.fixture
def sites(over_duckdb: Site, over_influxdb: Site) -> list[Site]:
    """The same devices watched by two platforms, whose stores differ."""
    return [over_duckdb, over_influxdb]


@pytest.fixture(params=["duckdb", "influxdb"])
def site(request: pytest.FixtureRequest) -> Site:
    """One of the two."""
    found: Site = request.getfixturevalue(f"over_{request.param}")
    return found


@contextmanager
def set_up(store: str, platform: PlainPlatform, agents: Agents) -> Iterator[Site]:
    """Do what whoever installs the platform does: make the first account, load the inventory, set credentials."""
    token = setup_token(platform)
    assert use_setup_link(platform.url, token, NAME, PASSWORD) == httpx.codes.SEE_OTHER
    with Reader(platform.url, NAME, PASSWORD) as reader:
        site = Site(store, platform, reader, token)
        load_inventory(site, agents)
        yield site


def load_inventory(site: Site, agents: Agents) -> None:
    platform = site.platform
    file = platform.folder / "inventory.yaml"
    file.write_text(INVENTORY.format(v2c=agents["sk-pc1"].port, v3=agents["sk-pc2"].port), "utf-8")
    done = platform.command("inventory", "load", str(file))
    assert done.returncode == 0, done.stderr
    until(lambda: site.outcomes() == dict.fromkeys(agents, "cannot-ask"), "devices without credentials to be known")
    assert "There is no credential plain" in site.reader.page("/devices/sk-pc1")

    site.set_community(Snmpd.community)
    keys = f"{Snmpd.v3_auth_key}\n{Snmpd.v3_priv_key}\n"
    protocols = ("--auth", "SHA-256", "--priv", "AES-128")
    done = platform.command("credential", "set", "safe", "--user", Snmpd.v3_user, *protocols, given=keys)
    assert done.returncode == 0, done.stderr
    until(lambda: site.outcomes() == dict.fromkeys(agents, "answered"), "the devices to answer")


def target(device: str, agents: Agents) -> Target:
    agent = agents[device]
    if device == "sk-pc1":
        return Target(agent.address, agent.port, agent.community)
    return Target(agent.address, agent.port, user=agent.v3_user, auth_key=agent.v3_auth_key, priv_key=agent.v3_priv_key)


def column(target: Target, oid: str) -> dict[str, Value]:
    """Return a column of a table as net-snmp's tool reads it, by index of its row."""
    return {name.removeprefix(f"{oid}."): value for name, value in asyncio.run(snmpbulkwalk(target, oid)).items()}


def number(target: Target, oid: str) -> float:
    value = asyncio.run(snmpget(target, oid))[oid]
    assert isinstance(value, int)
    return value


def names(target: Target) -> dict[str, str]:
    """Return the names of the interfaces that matter, by index."""
    kinds = column(target, IF_TYPE)
    return {
        row: name.decode()
        for row, name in column(target, IF_NAME).items()
        if isinstance(name, bytes) and kinds[row] != LOOPBACK
    }


def lasting(target: Target) -> dict[tuple[str, str], float]:
    """Return what does not move while we look, as net-snmp's tools read it."""
    found: dict[tuple[str, str], float] = {}
    oper, admin, speed, high_speed = (column(target, oid) for oid in (IF_OPER, IF_ADMIN, IF_SPEED, IF_HIGH_SPEED))
    for row, name in names(target).items():
        found["if_oper_status", name] = float(oper[row] == UP)
        found["if_admin_status", name] = float(admin[row] == UP)
        megabits, bits = high_speed[row], speed[row]
        assert isinstance(megabits, int)
        assert isinstance(bits, int)
        if megabits or bits:
            found["if_speed_bps", name] = megabits * 1e6 or bits
    return found


def moving(target: Target) -> dict[tuple[str, str], float]:
    """Return what only grows, as net-snmp's tools read it now."""
    found: dict[tuple[str, str], float] = {("uptime_s", ""): number(target, UPTIME) / 100}
    for metric, oid in (("if_in_octets", IF_IN), ("if_out_octets", IF_OUT)):
        octets = column(target, oid)
        for row, name in names(target).items():
            count = octets[row]
            assert isinstance(count, int)
            found[metric, name] = count
    return found


@pytest.fixture(params=["sk-pc1", "sk-pc2"])
def device(request: pytest.FixtureRequest) -> str:
    """A device: the first speaks SNMP v2c, the second v3 with SHA-256 and AES-128."""
    return str(request.param)


def test_the_link_of_the_first_administrator_works_once(site: Site) -> None:
    assert httpx.get(f"{site.platform.url}/setup", params={"token": site.token}).status_code == httpx.codes.GONE
    assert use_setup_link(site.platform.url, site.token, "kesau", PASSWORD) == httpx.codes.GONE
    assert audit_is_sound(site.platform)


def test_one_poll_brings_what_net_snmp_reads(over_duckdb: Site, agents: Agents, device: str) -> None:
    asked = target(device, agents)
    before = moving(asked)
    done = over_duckdb.platform.command("poll", device, "--json")
    after = moving(asked)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["name"], told["outcome"], told["answered"]) == (Snmpd.sys_name, "answered", told["asked"])
    read = {(reading["metric"], reading["instance"]): reading["value"] for reading in told["readings"]}
    wanted = lasting(asked)
    assert {key: value for key, value in read.items() if key[0] in {metric for metric, _ in wanted}} == wanted
    assert before.keys() <= read.keys()
    assert all(before[key] <= read[key] <= after[key] for key in before)


def test_the_platform_shows_and_keeps_what_net_snmp_reads(site: Site, agents: Agents, device: str) -> None:
    values, wanted = site.values(device), lasting(target(device, agents))
    assert {key: values.get(key) for key in wanted} == wanted
    series = [f"{metric}|{instance}" for metric, instance in values]

    def kept() -> dict[tuple[str, str], list[Any]]:
        """Return the last hour of every series, in steps of one; the API takes twenty series at a time."""
        found = {}
        for start in range(0, len(series), 20):
            lines = site.reader.ask(f"/devices/{device}/history", series=series[start : start + 20])
            found.update({(line["metric"], line["instance"]): line["points"] for line in lines})
        return found

    history = until(lambda: found if all((found := kept()).values()) else None, "history of every series")
    assert {key: history[key][-1]["mean"] for key in wanted} == wanted
    assert values["reachable", ""] == history["reachable", ""][-1]["high"] == 1


def test_the_board_is_the_same_over_both_stores(sites: list[Site], agents: Agents) -> None:
    tiles = [re.findall(r'<a class="tile (\w+)" id="tile-([\w-]+)"', one.reader.page("/")) for one in sites]
    assert tiles == [[("ok", "sk")]] * 2
    listed = [one.reader.ask("/devices")["items"] for one in sites]
    assert [item["code"] for item in listed[0]] == sorted(agents)
    assert listed[0] == listed[1]
    assert [one.states() for one in sites] == [dict.fromkeys(agents, "ok")] * 2
    assert [one.platform.ask_engine("/board")["store"]["name"] for one in sites] == [one.store for one in sites]
    for code in agents:
        first, second = (one.values(code).keys() for one in sites)
        assert first == second


def test_an_agent_that_stops_raises_an_alert_which_clears_when_it_is_back(
    sites: list[Site], agents: Agents, device: str
) -> None:
    def all_say(state: str) -> bool:
        wanted = {code: state if code == device else "ok" for code in agents}
        return all(one.states() == wanted for one in sites)

    agents[device].stop()
    try:
        until(lambda: all(one.reader.has_open_alert("device-unreachable", device) for one in sites), "the alert")
        until(lambda: all_say("critical"), "the device to be critical, and the other one well")
        for one in sites:
            assert 'class="tile critical" id="tile-sk"' in one.reader.page("/")
    finally:
        agents[device].start()
    until(lambda: not any(one.reader.open_alerts() for one in sites), "the alert to clear")
    until(lambda: all_say("ok"), "all to be well")


def test_a_credential_that_is_set_anew_is_used_at_once(over_duckdb: Site) -> None:
    one = over_duckdb
    one.set_community("no-longer")
    try:
        until(lambda: one.outcomes() == {"sk-pc1": "silent", "sk-pc2": "answered"}, "the old community to be forgotten")
    finally:
        one.set_community(Snmpd.community)
    until(lambda: one.states() == dict.fromkeys(one.states(), "ok"), "the new community to be used")
    until(lambda: not one.reader.open_alerts(), "the alert to clear")


def test_both_stores_hold_the_same_series_with_the_same_last_values(
    sites: list[Site], agents: Agents, influxd: Influxd, proxy: WriteApiProxy
) -> None:
    """The last of the file: only one process may open the embedded store, so the platforms are stopped for it."""
    for one in sites:
        one.platform.stop()

    async def latest(store: HistoryStore) -> Mapping[Series, Sample]:
        try:
            return await store.latest(0)
        finally:
            await store.close()

    async def both() -> tuple[Mapping[Series, Sample], Mapping[Series, Sample]]:
        folders = [one.platform.settings.history_dir for one in sites]
        kept = await latest(await open_duckdb(folders[0]))
        remote = await open_influxdb(proxy.url, BUCKET, "vungcao", influxd.token, folders[1] / "spool")
        return kept, await latest(remote)

    kept, remote = asyncio.run(both())
    assert kept.keys() == remote.keys()
    for code in agents:
        for (metric, instance), value in lasting(target(code, agents)).items():
            series = Series(metric, code, instance)
            assert kept[series].value == remote[series].value == value
        at_ms = [
            {found[Series(metric, code, "")].at_ms for metric in ("reachable", "uptime_s")} for found in (kept, remote)
        ]
        assert [len(times) for times in at_ms] == [1, 1], "values of one poll have one time"
