"""The real snmpd that other tests lean on: it answers, and its reboot looks like one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real.net_snmp import SnmpToolFailed, Target, snmpbulkwalk, snmpget
from tests.real.snmpd import Snmpd
from tests.real.waiting import alive

NAME = "1.3.6.1.2.1.1.5.0"
BOOTS = "1.3.6.1.6.3.10.2.1.2.0"


@pytest.fixture(scope="module")
def snmpd() -> Iterator[Snmpd]:
    with Snmpd() as running:
        yield running


def v2c(snmpd: Snmpd) -> Target:
    return Target(snmpd.address, snmpd.port, snmpd.community)


def v3(snmpd: Snmpd) -> Target:
    return Target(snmpd.address, snmpd.port, user=snmpd.v3_user, auth_key=snmpd.v3_auth_key, priv_key=snmpd.v3_priv_key)


async def test_it_answers_both_versions_alike(snmpd: Snmpd) -> None:
    assert (await snmpget(v2c(snmpd), NAME)) == (await snmpget(v3(snmpd), NAME)) == {NAME: snmpd.sys_name.encode()}
    assert b"lo" in (await snmpbulkwalk(v3(snmpd), "1.3.6.1.2.1.2.2.1.2")).values()


async def test_a_restart_raises_its_boots(snmpd: Snmpd) -> None:
    before = (await snmpget(v3(snmpd), BOOTS))[BOOTS]
    snmpd.restart()
    after = (await snmpget(v3(snmpd), BOOTS))[BOOTS]

    assert isinstance(before, int)
    assert after == before + 1


async def test_frozen_it_is_silent(snmpd: Snmpd) -> None:
    snmpd.freeze()
    with pytest.raises(SnmpToolFailed, match="Timeout"):
        await snmpget(v2c(snmpd), NAME, timeout_s=0.3, retries=0)
    snmpd.thaw()

    assert NAME in await snmpget(v2c(snmpd), NAME)


def test_it_leaves_nothing_behind() -> None:
    with Snmpd() as running:
        pid, folder = running.pid, running.folder

    assert not alive(pid)
    assert not folder.exists()
