"""The responder against net-snmp's tools and gufo-snmp: what others read is what it holds."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from gufo.snmp import Aes128Key, Sha256Key, SnmpAuthError, User
from gufo.snmp.aio import SnmpSession

from api.demo import agents as programme_agents
from api.demo.responder import recordings
from api.demo.responder.agent import Agent
from api.demo.responder.ber import COUNTER64, OBJECT_IDENTIFIER
from api.demo.responder.faults import Fault, FaultName
from api.demo.responder.movement import Carried, Counting, OperStatus
from api.demo.responder.server import Responder
from kernel.clock import FrozenClock
from tests.parts.demo.conftest import SHA256, target
from tests.real import net_snmp

UPTIME = "1.3.6.1.2.1.1.3.0"
BOOTS = "1.3.6.1.6.3.10.2.1.2.0"
NAME = "1.3.6.1.2.1.1.5.0"
HC_IN = "1.3.6.1.2.1.31.1.1.1.6.4"
IN32 = "1.3.6.1.2.1.2.2.1.10.4"


def dotted(oid: tuple[int, ...]) -> str:
    return ".".join(map(str, oid))


def held(agent: Agent) -> dict[str, net_snmp.Value]:
    """Return what an agent holds at its start, apart from gauges that wobble and values computed."""
    values: dict[str, net_snmp.Value] = {}
    for row, entry in zip(agent.tree.rows, agent.tree.entries, strict=True):
        if isinstance(entry, bytes | Carried | Counting | OperStatus):
            value = row.value
            values[dotted(row.oid)] = dotted(value) if isinstance(value, tuple) else value
    return values


@pytest.mark.parametrize("code", ["r1", "sha256", "sha1", "large"])
async def test_a_walk_reads_every_variable_in_order_with_its_value(responder: Responder, code: str) -> None:
    agent = responder.agents[code]

    read = await net_snmp.snmpbulkwalk(target(responder, code), ".1.3")

    assert list(read) == [dotted(oid) for oid in agent.tree.oids]
    expected = held(agent)
    assert len(expected) > 0.8 * len(read)
    assert {oid: read[oid] for oid in expected} == expected


@pytest.mark.parametrize(
    "recording", sorted({*programme_agents.RECORDINGS.values(), *programme_agents.EXCEPTIONS.values()})
)
async def test_each_recording_of_the_example_programme_is_walked_to_its_end(
    recording: str, clock: FrozenClock, router: Agent
) -> None:
    tree = recordings.load(recording)
    agent = Agent("x", router.address, tree, community="public")
    async with Responder([agent], clock=clock) as responder:
        read = await net_snmp.snmpbulkwalk(target(responder, "x"), ".1.3")

    assert list(read) == [dotted(oid) for oid in tree.oids]


async def test_getnext_finds_the_same_as_getbulk(responder: Responder) -> None:
    assert await net_snmp.snmpwalk(target(responder, "r1"), ".1.3") == await net_snmp.snmpbulkwalk(
        target(responder, "r1"), ".1.3"
    )


async def test_version_1_passes_over_counters_of_64_bits(responder: Responder) -> None:
    read = await net_snmp.snmpwalk(target(responder, "r1", version="1"), ".1.3")

    assert list(read) == [dotted(row.oid) for row in responder.agents["r1"].tree.rows if row.tag != COUNTER64]
    with pytest.raises(net_snmp.SnmpToolFailed, match="noSuchName"):
        await net_snmp.snmpget(target(responder, "r1", version="1"), HC_IN)


async def test_counters_above_two_to_the_63_are_read_right(responder: Responder) -> None:
    read = await net_snmp.snmpget(target(responder, "large"), "1.3.6.1.2.1.31.1.1.1.6.48")

    value = read["1.3.6.1.2.1.31.1.1.1.6.48"]
    assert isinstance(value, int)
    assert value > 1 << 63


async def test_what_is_not_there_is_said_to_be_missing(responder: Responder) -> None:
    read = await net_snmp.snmpget(target(responder, "r1"), "1.3.6.1.2.1.1.99.0", NAME, "1.3.6.1.9.9.9")

    assert read["1.3.6.1.2.1.1.99.0"] is None
    assert read["1.3.6.1.9.9.9"] is None
    assert read[NAME] is not None


@pytest.mark.parametrize(
    ("code", "version", "oid", "reason"),
    [
        ("r1", "2c", NAME, "notWritable"),
        ("r1", "2c", "1.3.6.1.9.9.0", "noAccess"),
        ("r1", "1", NAME, "noSuchName"),
        ("sha256", "3", NAME, "notWritable"),
    ],
)
async def test_nothing_can_be_written(responder: Responder, code: str, version: str, oid: str, reason: str) -> None:
    with pytest.raises(net_snmp.SnmpToolFailed, match=reason):
        await net_snmp.snmpset(target(responder, code, version=version), oid, "mine")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"user": "nobody"}, "Unknown user name"),
        ({"auth_key": "another passphrase"}, "Authentication failure"),
        ({"auth": "SHA"}, "Authentication failure"),
    ],
)
async def test_a_stranger_is_told_why_he_is_refused(responder: Responder, change: dict[str, str], reason: str) -> None:
    with pytest.raises(net_snmp.SnmpToolFailed, match=reason):
        await net_snmp.snmpget(dataclasses.replace(target(responder, "sha256"), **change), NAME)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change", [{"community": "wrong"}, {"community": None, "user": "poller", "auth_key": "x" * 8, "priv_key": "x" * 8}]
)
async def test_a_wrong_community_and_a_version_it_lacks_get_no_answer(
    responder: Responder, change: dict[str, str]
) -> None:
    asked = dataclasses.replace(target(responder, "r1"), **change)  # type: ignore[arg-type]
    with pytest.raises(net_snmp.SnmpToolFailed, match=r"Timeout|No Response"):
        await net_snmp.snmpget(asked, NAME, timeout_s=0.3, retries=0)

    assert responder.counts.unanswered > 0
    assert responder.counts.answered == 0


async def test_traffic_and_clock_move_as_computed(responder: Responder, clock: FrozenClock) -> None:
    before = await net_snmp.snmpget(target(responder, "r1"), UPTIME, HC_IN, IN32)
    clock.forward(timedelta(minutes=5))
    after = await net_snmp.snmpget(target(responder, "r1"), UPTIME, HC_IN, IN32)

    def grown(oid: str) -> int:
        old, new = before[oid], after[oid]
        assert isinstance(old, int)
        assert isinstance(new, int)
        return new - old

    assert grown(UPTIME) == 30_000
    carried = int(responder.agents["r1"].flow(4, "in").carried(300))
    assert grown(HC_IN) == carried
    assert grown(IN32) % (1 << 32) == carried
    share = carried * 8 / 300 / 20_000_000
    assert 0.03 < share < 0.80, "an uplink in health is neither dead nor full"


async def test_a_poller_that_knew_a_device_before_its_reboot_reads_it_again(
    responder: Responder, clock: FrozenClock
) -> None:
    agent = responder.agents["sha256"]
    user = User(SHA256.name, auth_key=Sha256Key(SHA256.auth_key.encode()), priv_key=Aes128Key(SHA256.priv_key.encode()))
    async with SnmpSession(str(agent.address), responder.port, user=user, timeout=20) as session:
        clock.forward(timedelta(minutes=10))
        await session.refresh()
        boots, uptime = await session.get(BOOTS), await session.get(UPTIME)
        responder.begin("sha256", Fault(FaultName.REBOOT))
        with pytest.raises(SnmpAuthError):
            await session.get(BOOTS)  # the report that its picture of our clock is stale

        assert isinstance(boots, int)
        assert await session.get(BOOTS) == boots + 1
        assert isinstance(uptime, int)
        assert uptime >= 60_000
        assert await session.get(UPTIME) == 0


async def test_each_device_has_an_engine_id_of_its_own_and_each_start_is_a_later_boot(
    clock: FrozenClock, agents: list[Agent]
) -> None:
    boots = []
    for _ in range(2):
        async with Responder(agents, clock=clock) as responder:
            read = await net_snmp.snmpget(target(responder, "sha256"), BOOTS)
            boots.append(read[BOOTS])
        clock.forward(timedelta(seconds=1))

    assert isinstance(boots[0], int)
    assert boots[1] == boots[0] + 1
    assert len({agent.engine_id for agent in agents}) == len(agents)


async def test_a_walk_reads_object_identifiers_as_recorded(responder: Responder) -> None:
    tree = responder.agents["r1"].tree
    rows = [row for row in tree.rows if row.tag == OBJECT_IDENTIFIER and isinstance(row.value, tuple)]

    read = await net_snmp.snmpget(target(responder, "r1"), *(dotted(row.oid) for row in rows[:20]))

    assert read == {dotted(row.oid): dotted(row.value) for row in rows[:20] if isinstance(row.value, tuple)}
