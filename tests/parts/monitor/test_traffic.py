"""What a poll costs the line, as we tell it and as a relay before a real snmpd saw it pass; and every level of SNMP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from inventory.public import AuthProtocol, PrivProtocol, SnmpV2c, SnmpV3, bundled_profiles
from kernel.clock import SystemClock
from monitor.probes.port import Outcome, Target
from monitor.probes.snmp import SnmpProbe
from tests.parts.monitor.relay import Relay
from tests.real.snmpd import Snmpd

PROFILE = bundled_profiles()["network-interfaces"]


@pytest.fixture(scope="module")
def snmpd() -> Iterator[Snmpd]:
    with Snmpd() as agent:
        yield agent


def user(agent: Snmpd, suffix: str, auth: AuthProtocol, priv: PrivProtocol) -> SnmpV3:
    auth_key = "" if auth is AuthProtocol.NONE else agent.v3_auth_key
    priv_key = "" if priv is PrivProtocol.NONE else agent.v3_priv_key
    return SnmpV3(agent.v3_user + suffix, auth, SecretStr(auth_key), priv, SecretStr(priv_key))


def credential_of(agent: Snmpd, level: str) -> SnmpV2c | SnmpV3:
    levels: dict[str, SnmpV2c | SnmpV3] = {
        "v1": SnmpV2c(SecretStr(agent.community)),
        "v2c": SnmpV2c(SecretStr(agent.community)),
        "noAuthNoPriv": user(agent, "-open", AuthProtocol.NONE, PrivProtocol.NONE),
        "authNoPriv": user(agent, "-auth", AuthProtocol.SHA1, PrivProtocol.NONE),
        "authPriv": user(agent, "", AuthProtocol.SHA256, PrivProtocol.AES128),
        "authPriv with AES-256": user(agent, "-strong", AuthProtocol.SHA512, PrivProtocol.AES256),
    }
    return levels[level]


LEVELS = ("v1", "v2c", "noAuthNoPriv", "authNoPriv", "authPriv", "authPriv with AES-256")


@pytest.mark.parametrize("level", LEVELS)
async def test_every_level_is_read_and_its_bytes_are_those_that_passed(snmpd: Snmpd, level: str) -> None:
    async with Relay((snmpd.address, snmpd.port)) as relay:
        target = Target(
            "d", "127.0.0.1", relay.port, credential_of(snmpd, level), timeout_s=10, deadline_s=60, v1=level == "v1"
        )
        probe = SnmpProbe(SystemClock())
        first = await probe.poll(target, PROFILE)
        assert first.outcome is Outcome.ANSWERED, first.why
        assert first.traffic.octets == pytest.approx(relay.octets, rel=0.25), "a lesson's walks are estimated"
        relay.octets = relay.datagrams = 0
        result = await probe.poll(target, PROFILE)
        assert result.outcome is Outcome.ANSWERED, result.why
    assert result.traffic.octets == pytest.approx(relay.octets, rel=0.03)
    assert 2 * result.traffic.requests == relay.datagrams
    assert result.traffic.answers == result.traffic.requests
    assert result.traffic.slowest_s is not None
    assert 0 < result.traffic.slowest_s < 10
    counters = {reading.kind for reading in result.readings if reading.metric == "if_in_octets"}
    assert counters == {"counter32" if level == "v1" else "counter64"}, "64 bits wherever the protocol has them"


async def test_a_lost_request_is_counted_asked_again_and_waited_for_twice_as_long(snmpd: Snmpd) -> None:
    async with Relay((snmpd.address, snmpd.port)) as relay:
        target = Target("d", "127.0.0.1", relay.port, credential_of(snmpd, "v2c"), timeout_s=0.5, retries=2)
        probe = SnmpProbe(SystemClock())
        await probe.poll(target, PROFILE)
        relay.octets, relay.lose = 0, 2
        result = await probe.poll(target, PROFILE)
    assert result.outcome is Outcome.ANSWERED, result.why
    assert result.traffic.requests - result.traffic.answers == 2
    assert result.duration_s >= 0.5 + 1
    assert result.traffic.octets == pytest.approx(relay.octets, rel=0.03)
