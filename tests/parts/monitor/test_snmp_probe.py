"""The probe against Debian's real snmpd."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from inventory.public import AuthProtocol, PrivProtocol, Profile, SnmpV2c, SnmpV3, bundled_profiles
from kernel.clock import SystemClock
from monitor.probes.port import Outcome, PollResult, Target
from monitor.probes.snmp import SnmpProbe
from tests.real.server import find_program
from tests.real.snmpd import Snmpd


@pytest.fixture(scope="module")
def profiles() -> Mapping[str, Profile]:
    return bundled_profiles()


@pytest.fixture(scope="module")
def snmpd() -> Iterator[Snmpd]:
    with Snmpd() as agent:
        yield agent


@pytest.fixture
def mortal_snmpd() -> Iterator[Snmpd]:
    """One that a test may stop."""
    with Snmpd() as agent:
        yield agent


@pytest.fixture
def probe() -> SnmpProbe:
    return SnmpProbe(SystemClock())


def v2c(agent: Snmpd, community: str = "", *, timeout_s: float = 5.0) -> Target:
    credential = SnmpV2c(SecretStr(community or agent.community))
    return Target("by-v2c", agent.address, agent.port, credential, timeout_s)


def v3(agent: Snmpd, *, user: str = "", auth: str = "", priv: str = "", timeout_s: float = 5.0) -> Target:
    credential = SnmpV3(
        user or agent.v3_user,
        AuthProtocol.SHA256,
        SecretStr(auth or agent.v3_auth_key),
        PrivProtocol.AES128,
        SecretStr(priv or agent.v3_priv_key),
    )
    return Target("by-v3", agent.address, agent.port, credential, timeout_s)


def net_snmp(agent: Snmpd, oid: str) -> dict[str, str]:
    """Return what net-snmp's own tool reads below `oid`, by index."""
    asked = subprocess.run(
        [find_program("snmpbulkwalk", "snmp"), "-v2c", "-c", agent.community, "-Onq", "-t", "5",
         f"{agent.address}:{agent.port}", f".{oid}"],
        env={**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(agent.folder / "client")},
        capture_output=True, check=True, timeout=60, text=True,
    )  # fmt: skip
    lines = (line.removeprefix(f".{oid}.").split(" ", 1) for line in asked.stdout.splitlines())
    return {index: value.strip('"') for index, value in lines}


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def shape(result: PollResult) -> set[tuple[str, str]]:
    return {(reading.metric, reading.instance) for reading in result.readings}


async def test_v2c_reads_the_interfaces_that_net_snmps_own_tools_read(
    snmpd: Snmpd, probe: SnmpProbe, profiles: Mapping[str, Profile]
) -> None:
    result = await probe.poll(v2c(snmpd), profiles["network-interfaces"])
    assert result.outcome is Outcome.ANSWERED
    assert result.why == ""
    assert result.completeness == 1
    names, types = net_snmp(snmpd, "1.3.6.1.2.1.31.1.1.1.1"), net_snmp(snmpd, "1.3.6.1.2.1.2.2.1.3")
    admin, oper = net_snmp(snmpd, "1.3.6.1.2.1.2.2.1.7"), net_snmp(snmpd, "1.3.6.1.2.1.2.2.1.8")
    expected = {names[row]: (float(admin[row] == "1"), float(oper[row] == "1")) for row in names if types[row] != "24"}
    read = {(reading.metric, reading.instance): reading.value for reading in result.readings}
    found = {
        instance.label: (read["if_admin_status", instance.label], read["if_oper_status", instance.label])
        for instance in result.instances
    }
    assert found == expected


async def test_counters_grow_with_what_the_tools_read(
    snmpd: Snmpd, probe: SnmpProbe, profiles: Mapping[str, Profile]
) -> None:
    before = net_snmp(snmpd, "1.3.6.1.2.1.31.1.1.1.6")
    result = await probe.poll(v2c(snmpd), profiles["network-interfaces"])
    after = net_snmp(snmpd, "1.3.6.1.2.1.31.1.1.1.6")
    rows = {instance.label: instance.row for instance in result.instances}
    octets = {reading.instance: reading.value for reading in result.readings if reading.metric == "if_in_octets"}
    assert octets.keys() == rows.keys()
    for name, row in rows.items():
        assert int(before[row]) <= octets[name] <= int(after[row])


async def test_the_loopback_interface_is_left_out(
    snmpd: Snmpd, probe: SnmpProbe, profiles: Mapping[str, Profile]
) -> None:
    result = await probe.poll(v2c(snmpd), profiles["network-interfaces"])
    assert "lo" in net_snmp(snmpd, "1.3.6.1.2.1.31.1.1.1.1").values()
    assert "lo" not in {instance.label for instance in result.instances}


async def test_v3_with_sha_256_and_aes_reads_the_same(
    snmpd: Snmpd, probe: SnmpProbe, profiles: Mapping[str, Profile]
) -> None:
    by_v2c = await probe.poll(v2c(snmpd), profiles["host"])
    by_v3 = await probe.poll(v3(snmpd), profiles["host"])
    assert by_v3.outcome is Outcome.ANSWERED
    assert shape(by_v3) == shape(by_v2c)
    assert ("memory_used_ratio", "") in shape(by_v3)
    assert 0 < next(r.value for r in by_v3.readings if r.metric == "memory_used_ratio") < 1


async def test_a_second_poll_asks_by_name_and_reads_the_same(
    snmpd: Snmpd, probe: SnmpProbe, profiles: Mapping[str, Profile]
) -> None:
    for target in (v2c(snmpd), v3(snmpd)):
        first = await probe.poll(target, profiles["network-interfaces"])
        second = await probe.poll(target, profiles["network-interfaces"])
        assert shape(second) == shape(first)
        assert second.instances == first.instances
        assert second.uptime_s is not None
        assert first.uptime_s is not None
        assert second.uptime_s >= first.uptime_s


async def test_a_device_says_who_it_is(snmpd: Snmpd, probe: SnmpProbe) -> None:
    for target in (v2c(snmpd), v3(snmpd)):
        identity = await probe.identify(target)
        assert identity.outcome is Outcome.ANSWERED
        assert identity.name == snmpd.sys_name
        assert identity.description.startswith("Linux")
        assert identity.object_id == "1.3.6.1.4.1.8072.3.2.10"  # NET-SNMP-TC linux


async def test_a_device_that_was_started_again_is_read_at_the_next_poll(
    mortal_snmpd: Snmpd, probe: SnmpProbe, profiles: Mapping[str, Profile]
) -> None:
    targets = v2c(mortal_snmpd), v3(mortal_snmpd, timeout_s=2.0)
    for target in targets:
        await probe.poll(target, profiles["network-interfaces"])
    mortal_snmpd.restart()
    for target in targets:
        result = await probe.poll(target, profiles["network-interfaces"])
        assert result.outcome is Outcome.ANSWERED, result.why


async def test_a_device_that_hangs_is_silent_and_comes_back(
    mortal_snmpd: Snmpd, probe: SnmpProbe, profiles: Mapping[str, Profile]
) -> None:
    target = v2c(mortal_snmpd, timeout_s=0.3)
    await probe.poll(target, profiles["network-interfaces"])
    mortal_snmpd.freeze()
    silent = await probe.poll(target, profiles["network-interfaces"])
    mortal_snmpd.thaw()
    assert silent.outcome is Outcome.SILENT
    assert not silent.outcome.brought_values
    assert silent.readings == ()
    assert silent.completeness == 0
    assert silent.instances
    for _ in range(20):  # its late answers and a busy machine may cost it some
        back = await probe.poll(target, profiles["network-interfaces"])
        if back.outcome is Outcome.ANSWERED:
            break
    assert back.outcome is Outcome.ANSWERED


async def test_where_nothing_listens_the_refusal_is_told(
    mortal_snmpd: Snmpd, probe: SnmpProbe, profiles: Mapping[str, Profile]
) -> None:
    targets = v2c(mortal_snmpd, timeout_s=0.3), v3(mortal_snmpd, timeout_s=0.3)
    mortal_snmpd.stop()
    for target in targets:
        result = await probe.poll(target, profiles["network-interfaces"])
        assert result.outcome is Outcome.REFUSED, result.why


async def test_a_wrong_community_looks_like_silence_for_the_agent_gives_no_sign(
    snmpd: Snmpd, probe: SnmpProbe, profiles: Mapping[str, Profile]
) -> None:
    result = await probe.poll(v2c(snmpd, "guess", timeout_s=0.3), profiles["network-interfaces"])
    assert result.outcome is Outcome.SILENT


@pytest.mark.parametrize(("user", "auth"), [("nobody", ""), ("", "wrong-passphrase")])
async def test_a_wrong_user_or_authentication_key_is_told(
    snmpd: Snmpd, probe: SnmpProbe, profiles: Mapping[str, Profile], user: str, auth: str
) -> None:
    target = v3(snmpd, user=user, auth=auth)
    result = await probe.poll(target, profiles["network-interfaces"])
    assert result.outcome is Outcome.AUTHENTICATION_FAILED
    assert (await probe.identify(target)).outcome is Outcome.AUTHENTICATION_FAILED


async def test_a_wrong_privacy_key_is_silence_with_a_hint(
    snmpd: Snmpd, probe: SnmpProbe, profiles: Mapping[str, Profile]
) -> None:
    result = await probe.poll(v3(snmpd, priv="wrong-passphrase", timeout_s=0.3), profiles["network-interfaces"])
    assert result.outcome is Outcome.SILENT
    assert "privacy key" in result.why


async def test_every_poll_closes_its_socket(snmpd: Snmpd, probe: SnmpProbe, profiles: Mapping[str, Profile]) -> None:
    bad = v2c(snmpd, "guess", timeout_s=0.05)
    for target in (v2c(snmpd), v3(snmpd), bad):
        await probe.poll(target, profiles["network-interfaces"])
    before = open_files()
    for _ in range(10):
        for target in (v2c(snmpd), v3(snmpd), bad):
            await probe.poll(target, profiles["network-interfaces"])
    assert open_files() < before + 10, "30 polls that left theirs open would show; the files of others come and go"


async def test_no_secret_is_shown(snmpd: Snmpd) -> None:
    shown = repr(v2c(snmpd)) + repr(v3(snmpd))
    assert snmpd.community not in shown
    assert snmpd.v3_auth_key not in shown
    assert snmpd.v3_priv_key not in shown
