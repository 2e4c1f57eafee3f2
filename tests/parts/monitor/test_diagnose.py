"""What a silent device does, told by one request from a socket that hears everyone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from inventory.public import AuthProtocol, PrivProtocol, SnmpV2c, SnmpV3
from monitor.probes.diagnose import diagnose
from monitor.probes.port import Outcome, Target
from tests.parts.monitor.snmp_agents import UPTIME, HostileAgent, Request, response, sane, ticks
from tests.real.server import free_udp_port
from tests.real.snmpd import Snmpd

V3 = SnmpV3(
    "anybody", AuthProtocol.SHA256, SecretStr("no-passphrase"), PrivProtocol.AES128, SecretStr("no-passphrase-either")
)
GOOD = sane({UPTIME: ticks(4200)})


@pytest.fixture(scope="module")
def snmpd() -> Iterator[Snmpd]:
    with Snmpd() as agent:
        yield agent


async def test_a_real_agent_answers_and_the_wait_ends_at_once(snmpd: Snmpd) -> None:
    v2c = Target("d", snmpd.address, snmpd.port, SnmpV2c(SecretStr(snmpd.community)), timeout_s=50)
    diagnosis = await asyncio.wait_for(diagnose(v2c), 40)
    assert diagnosis.outcome is Outcome.ANSWERED
    assert "slow" in diagnosis.why


async def test_a_real_agent_answers_an_engine_discovery_whatever_the_user(snmpd: Snmpd) -> None:
    v3 = Target("d", snmpd.address, snmpd.port, V3, timeout_s=50)
    diagnosis = await asyncio.wait_for(diagnose(v3), 40)
    assert diagnosis.outcome is Outcome.ANSWERED
    assert "privacy key" in diagnosis.why


async def test_a_wrong_community_is_silence(snmpd: Snmpd) -> None:
    target = Target("d", snmpd.address, snmpd.port, SnmpV2c(SecretStr("guess")), timeout_s=0.2)
    assert (await diagnose(target)).outcome is Outcome.SILENT


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_where_nothing_listens_the_network_says_so(address: str) -> None:
    if address == "::1":
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as taken:
            taken.bind((address, 0))
            port = taken.getsockname()[1]
    else:
        port = free_udp_port(address)
    target = Target("d", address, port, SnmpV2c(SecretStr("public")), timeout_s=50)
    diagnosis = await asyncio.wait_for(diagnose(target), 40)
    assert diagnosis.outcome is Outcome.REFUSED
    assert "ICMP" in diagnosis.why


async def test_silence_is_silence() -> None:
    async with HostileAgent(lambda _asked: []) as agent:
        diagnosis = await diagnose(agent.target(timeout_s=0.1))
    assert diagnosis == (Outcome.SILENT, "nothing came back at all", "")


@pytest.mark.parametrize("noise", [b"\x30", b"hello", b"\x30\x84\xff\xff\xff\xff", b"\xff" * 1000])
async def test_noise_is_named(noise: bytes) -> None:
    async with HostileAgent(lambda _asked: [noise]) as agent:
        diagnosis = await diagnose(agent.target(timeout_s=0.1))
    assert diagnosis.outcome is Outcome.GARBAGE


async def test_an_answer_to_another_request_is_named_with_its_number() -> None:
    async with HostileAgent(lambda asked: [response(asked, [(UPTIME, ticks(1))], request_id=77)]) as agent:
        diagnosis = await diagnose(agent.target(timeout_s=0.1))
    assert diagnosis.outcome is Outcome.WRONG_REQUEST_ID
    assert "77" in diagnosis.why


async def test_an_answer_from_another_address_is_named_with_the_address() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.9", 0))

        def answer(asked: Request) -> list[bytes]:
            for datagram in GOOD(asked):
                other.sendto(datagram, agent.peers[-1])
            return []

        async with HostileAgent(answer) as agent:
            diagnosis = await diagnose(agent.target(timeout_s=0.2))
    assert diagnosis.outcome is Outcome.WRONG_ADDRESS
    assert diagnosis.address == "127.0.0.9"


async def test_somebody_elses_noise_says_nothing_about_the_device() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.9", 0))

        def answer(_asked: Request) -> list[bytes]:
            other.sendto(b"noise", agent.peers[-1])
            return []

        async with HostileAgent(answer) as agent:
            diagnosis = await diagnose(agent.target(timeout_s=0.2))
    assert diagnosis.outcome is Outcome.SILENT
    assert "127.0.0.9" in diagnosis.why


async def test_a_right_answer_behind_noise_counts() -> None:
    async with HostileAgent(lambda asked: [b"noise", *GOOD(asked)]) as agent:
        diagnosis = await asyncio.wait_for(diagnose(agent.target(timeout_s=50)), 40)
    assert diagnosis.outcome is Outcome.ANSWERED


async def test_a_flood_ends_the_diagnosis_and_not_the_program() -> None:
    async with HostileAgent(lambda _asked: [b"noise"] * 500) as agent:
        diagnosis = await asyncio.wait_for(diagnose(agent.target(timeout_s=0.2)), 40)
    assert diagnosis.outcome is Outcome.GARBAGE
