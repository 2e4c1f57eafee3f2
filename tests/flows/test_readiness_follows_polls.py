"""Readiness says what polls saw: while nobody polls it says that it does not know. History is in a real InfluxDB."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from kernel.clock import epoch_ms
from tests.flows.acts import booked, readiness, soon
from tests.flows.programme import load_programme, signed_in
from tests.flows.reader import Reader
from tests.real.influxd import Influxd, WriteApiProxyInTheHub
from tests.real.lab import Lab
from tests.real.platform import PlainPlatform

TITLE = "Giao ban hai xã"
ROOMS = ("c1-room", "c2-room")
LAST_SEEN = "SELECT last(value) FROM reachable WHERE device = 'c2-rt1'"


@dataclass
class Scene:
    """A platform over InfluxDB, and the official who books."""

    lab: Lab
    platform: PlainPlatform
    influxd: Influxd
    lan: Reader

    def last_kept(self) -> float | None:
        """Return what InfluxDB has last of whether the router of c2 answered; None if it has nothing."""
        found = self.influxd.ask(LAST_SEEN, "vungcao")["results"][0].get("series")
        return found[0]["values"][0][1] if found else None


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with ExitStack() as stack:
        lab = stack.enter_context(Lab(2))
        influxd = stack.enter_context(Influxd(auth=True, lab=lab))
        influxd.ask("CREATE DATABASE vungcao")
        proxy = stack.enter_context(WriteApiProxyInTheHub(influxd, lab))
        settings = {
            "VUNGCAO_STORE": "influxdb",
            "VUNGCAO_INFLUXDB_URL": proxy.url,
            "VUNGCAO_INFLUXDB_TOKEN": influxd.token,
            "VUNGCAO_INFLUXDB_BUCKET": "vungcao/autogen",
        }
        platform = stack.enter_context(PlainPlatform(settings, lab=lab))
        load_programme(platform, lab)
        yield Scene(lab, platform, influxd, stack.enter_context(signed_in(platform, "lan")))


@pytest.mark.timeout(300)
async def test_readiness_changes_only_because_a_poll_saw_the_cut_line(scene: Scene) -> None:
    assert scene.platform.ask_engine("/board")["store"]["name"] == "influxdb"
    soon_from_now = datetime.now(UTC) + timedelta(minutes=5)
    meeting = booked(scene.lan, TITLE, ROOMS, soon_from_now, timedelta(minutes=5))
    await readiness(scene.lan, meeting, c1="ready", c2="ready")
    assert await soon(lambda: scene.last_kept() == 1, "InfluxDB to have it that the router answers")

    engine = scene.platform.child("engine")
    os.kill(engine, signal.SIGSTOP)
    try:
        scene.lab.offices["c2"].cut()
        blind = booked(scene.lan, TITLE, ROOMS, soon_from_now + timedelta(minutes=10))
        await soon(lambda: looked_at(scene, blind), "the rooms to be looked at while nobody polls")
        found = await readiness(scene.lan, blind, c1="unknown", c2="unknown")
        assert {reason["code"] for room in found.values() for reason in room["reasons"]} == {"health-away"}
        before = await readiness(scene.lan, meeting)
        assert before["c2"]["state"] in ("ready", "unknown"), "nobody has seen the cut"
        released_ms = epoch_ms(datetime.now(UTC))
    finally:
        os.kill(engine, signal.SIGCONT)
    for one in (meeting, blind):
        found = await readiness(scene.lan, one, c1="ready", c2="not-ready")
        seen_ms = scene.platform.device("c2-rt1")["since_ms"]
        assert seen_ms < epoch_ms(datetime.fromisoformat(found["c2"]["checked_at"])), "a poll saw it first"
        assert seen_ms > released_ms, "and no poll before the engine went on"
    await soon(lambda: scene.last_kept() == 0, "InfluxDB to have it too")

    scene.lab.offices["c2"].mend()
    await readiness(scene.lan, meeting, c1="ready", c2="ready")


def looked_at(scene: Scene, meeting: dict[str, str]) -> bool:
    """Return whether every room of the meeting was looked at."""
    return all(room["checked_at"] for room in scene.lan.ask(f"/meetings/{meeting['id']}/readiness"))
