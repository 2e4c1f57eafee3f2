"""Every process is killed, every store stops: the platform says so, goes on, and comes back whole."""

from __future__ import annotations

import html
import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.flows.reader import Reader, audit_is_sound
from tests.real.command import NO
from tests.real.influxd import Influxd, WriteApiProxy
from tests.real.platform import Platform
from tests.real.postgres import DebianPostgres
from tests.real.waiting import alive, until

MORE = {"half-table": {"subtree": "1.3.6.1.2.1.2.2.1.8"}}
"""What a fault wants beside its name: half a table hides rows of ifOperStatus."""


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with Platform() as running:
        yield running


@pytest.fixture
def reader(platform: Platform) -> Iterator[Reader]:
    with Reader(platform.url) as signed_in:
        yield signed_in


def has_outcome(platform: Platform, device: str, outcome: str) -> bool:
    return bool(platform.device(device)["outcome"] == outcome)


def told_ready(platform: Platform) -> dict[str, Any]:
    """Return what `/readyz` says of each part."""
    parts: dict[str, Any] = httpx.get(f"{platform.url}/readyz", timeout=20).json()["parts"]
    return parts


def polled_after(platform: Platform, at_ms: int) -> bool:
    """Return whether a device was polled after `at_ms`; an engine that is away was not heard of yet."""
    try:
        return any(device["polled_at_ms"] > at_ms for device in platform.ask_engine("/healths"))
    except (httpx.TransportError, json.JSONDecodeError):
        return False


@pytest.mark.parametrize("name", ["web", "engine", "worker", "responder", "postgres"])
def test_a_killed_process_comes_back_and_the_platform_is_well_again(platform: Platform, name: str) -> None:
    pid = platform.child(name)
    others = {child.name: child.pid for child in platform.state().children if child.name != name}
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid), f"{name} to die")

    def another() -> bool:
        child = next(child for child in platform.state().children if child.name == name)
        return child.restarts > 0 and child.pid not in (None, pid)

    until(another, f"{name} to be started again")
    until(platform.is_ready, "the platform to be well again")
    last = max(device["polled_at_ms"] for device in platform.ask_engine("/healths"))
    until(lambda: polled_after(platform, last), "polling to go on")
    if name in ("web", "responder"):
        assert others == {child.name: child.pid for child in platform.state().children if child.name != name}


def test_an_alert_that_fell_into_an_outage_of_the_database_is_there_after_it(
    platform: Platform, reader: Reader
) -> None:
    pid = platform.child("postgres")
    os.kill(pid, signal.SIGSTOP)
    try:
        platform.fault("ps-rt1", "silent", on=True)
        until(lambda: platform.device("ps-rt1")["state"] == "critical", "the device to be critical without a database")
        os.kill(pid, signal.SIGKILL)
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGCONT)
    until(lambda: reader.has_open_alert("device-unreachable", "ps-rt1"), "the alert to be written")
    platform.fault("ps-rt1", "silent", on=False)
    until(lambda: not reader.has_open_alert("device-unreachable", "ps-rt1"), "the alert to be cleared")


def test_a_database_that_stops_is_said_everywhere_and_what_happened_meanwhile_is_written_later() -> None:
    with DebianPostgres() as server, Platform({"VUNGCAO_DATABASE_URL": server.url}) as platform:
        with Reader(platform.url) as reader:
            reader.page("/")
            server.stop()
            until(lambda: not platform.ask_engine("/board")["database_ok"], "the outage to be known")
            assert "Cơ sở dữ liệu không trả lời" in reader.refused_page("/")
            ready = httpx.get(f"{platform.url}/readyz", timeout=20)
            assert (ready.status_code, ready.json()["parts"]["database"]["ok"]) == (503, False)
            until(lambda: told_ready(platform)["engine"]["ok"], "the engine to be well without a database")
            done = platform.command("status")
            assert (done.returncode, "away" in done.stdout) == (NO, True)

            platform.fault("ps-rt1", "silent", on=True)
            until(lambda: platform.device("ps-rt1")["state"] == "critical", "a fault to be seen without a database")
            outage_ms = platform.ask_engine("/board")["at_ms"]
            until(lambda: polled_after(platform, outage_ms), "polling to go on")

            server.start()
            until(lambda: reader.has_open_alert("device-unreachable", "ps-rt1"), "the alert to be written")
            until(platform.is_ready, "the platform to be well again")
            platform.fault("ps-rt1", "silent", on=False)
            until(lambda: not reader.has_open_alert("device-unreachable", "ps-rt1"), "the alert to be cleared")
        lines = platform.log.read_text("utf-8").splitlines()
        assert [sum(event in line for line in lines) for event in ("database_lost", "database_back")] == [1, 1]
        assert audit_is_sound(platform)


def test_hostile_devices_are_named_and_delay_nobody(platform: Platform, reader: Reader) -> None:
    hostile = {
        "ld-ap1": ("garbage", "garbage"),
        "ps-sw1": ("wrong-request-id", "wrong-request-id"),
        "dg-rt1": ("wrong-address", "wrong-address"),
        "ht-sw1": ("silent", "silent"),
        "sl-rt1": ("half-table", "partial"),
    }
    for device, (fault, _) in hostile.items():
        platform.fault(device, fault, on=True, **MORE.get(fault, {}))
    for device, (_, outcome) in hostile.items():
        until(partial(has_outcome, platform, device, outcome), f"{device}: {outcome}")
        assert html.escape(platform.device(device)["why"]) in reader.page(f"/devices/{device}")
    board = platform.ask_engine("/board")
    others = [device for device in platform.ask_engine("/healths") if device["device"] not in hostile]
    assert all(device["outcome"] == "answered" for device in others)
    assert min(device["polled_at_ms"] for device in others) > board["at_ms"] - 10_000
    for device, (fault, _) in hostile.items():
        platform.fault(device, fault, on=False)
    until(lambda: all(platform.device(device)["state"] == "ok" for device in hostile), "all to be well again")


def test_killed_altogether_it_comes_back_whole_when_started_again() -> None:
    with Platform() as platform:
        with Reader(platform.url) as reader:
            platform.fault("ps-rt1", "silent", on=True)
            until(lambda: reader.has_open_alert("device-unreachable", "ps-rt1"), "an alert")
            reader.take("device-unreachable", "ps-rt1")
        children = [child.pid for child in platform.state().children if child.pid]
        platform.stop(signal.SIGKILL)
        until(lambda: not any(alive(pid) for pid in children), "every process to be gone")
        platform.start()
        with Reader(platform.url) as reader:
            assert reader.history("ps-rt1", "if_in_octets|eth1"), "history from before the kill is there"
            until(lambda: not reader.has_open_alert("device-unreachable", "ps-rt1"), "the alert to clear: no fault now")
        assert audit_is_sound(platform)


def test_influxdb_that_stops_is_said_on_the_page_and_what_was_taken_arrives_later() -> None:
    with Influxd(auth=True) as influxd, WriteApiProxy(influxd) as proxy:
        influxd.ask("CREATE DATABASE vungcao")
        settings = {
            "VUNGCAO_STORE": "influxdb",
            "VUNGCAO_INFLUXDB_URL": proxy.url,
            "VUNGCAO_INFLUXDB_TOKEN": influxd.token,
            "VUNGCAO_INFLUXDB_BUCKET": "vungcao/autogen",
        }
        with Platform(settings) as platform, Reader(platform.url) as reader:
            until(lambda: reader.history("ps-rt1", "if_in_octets|eth1"), "values in InfluxDB")
            influxd.stop()
            until(lambda: not platform.ask_engine("/board")["store"]["ok"], "the outage to be known")
            why = platform.ask_engine("/board")["store"]["why"]
            assert html.escape(why) in reader.page("/")
            outage_ms = platform.ask_engine("/board")["at_ms"]
            until(lambda: polled_after(platform, outage_ms + 3000), "polling to go on without InfluxDB")
            influxd.start()
            until(lambda: platform.ask_engine("/board")["store"]["ok"], "the store to be well again")
            until(lambda: platform.ask_engine("/board")["store"]["waiting"] < 2000, "the backlog to be delivered")

            def delivered() -> bool:
                query = (
                    f"SELECT count(value) FROM reachable WHERE time >= {outage_ms}ms AND time < {outage_ms + 3000}ms"
                )
                found = influxd.ask(query, "vungcao")["results"][0]
                return "series" in found and found["series"][0]["values"][0][1] >= 75

            until(delivered, "the values of the outage to be in InfluxDB")
