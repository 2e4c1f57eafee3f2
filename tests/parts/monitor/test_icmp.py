"""Pings of this machine's own loopback addresses, by every way that a machine may have."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kernel.clock import SystemClock
from monitor.probes.icmp import FpingPinger, SocketPinger, TcpPinger
from monitor.probes.ping import Burst, Pinger, PingMethod, PingTarget
from tests.real.accounts import ROOT, identities, run_as
from tests.real.lab import Lab
from tests.real.server import find_program

SOON = Burst(count=5, gap_s=0.02, timeout_s=0.5)
BLACK_HOLE = "127.255.255.255"
"""Loopback's broadcast address: packets leave, and nobody answers."""


def open_to_all() -> bool:
    """Return whether this machine lets our group open ICMP sockets."""
    first, last = (int(word) for word in Path("/proc/sys/net/ipv4/ping_group_range").read_text("ascii").split())
    return first <= os.getegid() <= last


WAYS = ["socket", "fping"] if os.geteuid() == 0 or open_to_all() else ["fping"]
"""What this account may do here. A socket that needs no right is tried in the lab, whose kernel settings are ours."""


@pytest.fixture(params=WAYS)
async def pinger(request: pytest.FixtureRequest) -> AsyncIterator[Pinger]:
    """Each way that speaks ICMP."""
    if request.param == "fping":
        yield FpingPinger(find_program("fping", "fping"), SystemClock())
        return
    made = SocketPinger(SystemClock())
    yield made
    made.close()


async def test_hundreds_of_addresses_answer_at_once_and_none_is_lost(pinger: Pinger) -> None:
    targets = [PingTarget(f"d{number}", f"127.21.{number // 250}.{number % 250 + 1}") for number in range(500)]
    results = await pinger.ping(targets, SOON)
    assert [result.device for result in results] == [target.device for target in targets]
    assert {(result.sent, result.received) for result in results} == {(5, 5)}
    for result in results:
        assert result.rtt_s is not None
        assert result.jitter_s is not None
        assert 0 < result.rtt_s < SOON.timeout_s
        assert result.method is pinger.method


async def test_who_does_not_answer_has_lost_everything_and_delays_nobody(pinger: Pinger) -> None:
    silent, there = await pinger.ping([PingTarget("gone", BLACK_HOLE), PingTarget("there", "127.0.0.1")], SOON)
    assert (silent.loss_ratio, silent.rtt_s, silent.jitter_s) == (1.0, None, None)
    assert there.loss_ratio == 0.0


async def test_version_6_is_pinged_alike(pinger: Pinger) -> None:
    (result,) = await pinger.ping([PingTarget("v6", "::1")], SOON)
    assert result.received == 5


async def test_bursts_that_overlap_do_not_take_each_others_answers(pinger: Pinger) -> None:
    many = [[PingTarget(f"{turn}", f"127.22.{turn}.1")] * 20 for turn in range(5)]
    for results in await asyncio.gather(*(pinger.ping(targets, SOON) for targets in many)):
        assert all(result.received == 5 for result in results)


async def test_nobody_to_ping_is_no_work(pinger: Pinger) -> None:
    assert await pinger.ping([], SOON) == []


@contextmanager
def listener(address: str) -> Iterator[int]:
    with socket.create_server((address, 0)) as opened:
        yield opened.getsockname()[1]


async def test_by_tcp_an_open_port_and_a_refusal_both_mean_that_somebody_is_there() -> None:
    with listener("127.23.0.1") as port:
        open_, refused = await TcpPinger(SystemClock(), (port,)).ping(
            [PingTarget("open", "127.23.0.1"), PingTarget("refused", "127.23.0.2")], SOON
        )
    for result in (open_, refused):
        assert (result.method, result.received, result.loss_ratio) == (PingMethod.TCP, 1, None)
        assert result.rtt_s is None, "the time of a handshake is not shown as a round trip of ICMP"


async def test_by_tcp_no_answer_is_not_a_loss() -> None:
    (result,) = await TcpPinger(SystemClock()).ping([PingTarget("gone", BLACK_HOLE)], SOON)
    assert (result.received, result.loss_ratio, result.rtt_s) == (0, None, None)


async def test_a_pinger_that_is_closed_in_a_burst_tells_no_loss_of_what_it_has_not_sent(pinger: Pinger) -> None:
    burst = asyncio.create_task(pinger.ping([PingTarget("a", "127.0.0.1")], Burst(count=3, gap_s=0.1, timeout_s=0.2)))
    await asyncio.sleep(0)
    pinger.close()
    (result,) = await burst
    assert result.sent == (1 if pinger.method is PingMethod.ICMP else 3)


@pytest.mark.parametrize("identity", identities())
def test_every_account_finds_a_way_that_this_machine_allows_it(identity: str) -> None:
    answer = told([*run_as(identity), *PINGING, "127.24.0.1"])
    assert answer["method"] in ("icmp", "fping"), "fping is among the real parts, with its file capability"
    assert answer["loss"] == 0


def test_without_rights_and_without_fping_only_tcp_is_left() -> None:
    forbidden = ["setpriv", "--no-new-privs", "--bounding-set", "-net_raw", "--inh-caps", "-all"]
    answer = told([*forbidden, *run_as("nobody"), *PINGING, "127.24.0.1"] if os.geteuid() == 0 else [
        "setpriv", "--no-new-privs", *PINGING, "127.24.0.1"])  # fmt: skip
    if answer["method"] == "icmp":  # this machine lets every account open ICMP sockets: there is nothing to take away
        assert open_to_all()
        return
    assert (answer["method"], answer["received"], answer["loss"], answer["rtt_s"]) == ("tcp", 1, None, None)


def test_where_the_kernel_lets_groups_ping_a_socket_opens_without_any_right() -> None:
    with Lab(1) as lab:
        office = lab.offices["c1"]
        answer = told([*lab.prefix, *run_as(identities()[-1]), *PINGING, office.address])
        assert (answer["method"], answer["loss"]) == ("icmp", 0)


PINGING = [sys.executable, "-m", "tests.parts.monitor.ping_process"]


def told(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
