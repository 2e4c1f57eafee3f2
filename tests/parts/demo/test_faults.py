"""Faults as a poller meets them, by the timeline and by command."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any

import pytest

from api.demo.responder import recordings
from api.demo.responder.agent import Agent, Bandwidth
from api.demo.responder.commands import obey
from api.demo.responder.faults import Fault, FaultName, Ramp
from api.demo.responder.server import Responder, UnknownDevice
from kernel.clock import FrozenClock
from tests.parts.demo.conftest import COMMUNITY, ROUTER, target
from tests.parts.demo.packets import GET, GET_BULK, GET_NEXT, Answer, Asker, question, read
from tests.real import net_snmp

UPTIME = "1.3.6.1.2.1.1.3.0"
OPER_ETH1 = "1.3.6.1.2.1.2.2.1.8.4"
OPER_ETH2 = "1.3.6.1.2.1.2.2.1.8.5"
HC_IN = "1.3.6.1.2.1.31.1.1.1.6.4"
HC_OUT = "1.3.6.1.2.1.31.1.1.1.10.4"
ON_BATTERY = "1.3.6.1.2.1.33.1.4.1.0"
CHARGE = "1.3.6.1.2.1.33.1.2.4.0"


def number(answer: Answer, at: int = 0) -> int:
    return int.from_bytes(answer.values[at][2], "big")


def ask(agent: Agent, t: float, *oids: str) -> list[int]:
    answer = read(agent.answer(question(GET, *oids), t))
    return [number(answer, at) for at in range(len(oids))]


def with_timeline(*faults: Fault) -> Agent:
    return Agent(
        "r1",
        IPv4Address("127.20.200.1"),
        recordings.load(ROUTER),
        community=COMMUNITY,
        seed=1,
        uplinks={"eth1": Bandwidth(20_000_000, 10_000_000)},
        faults=faults,
    )


def test_an_interface_that_is_down_says_so_and_carries_nothing() -> None:
    agent = with_timeline(Fault(FaultName.INTERFACE_DOWN, interface="eth1", at_s=10, for_s=30))

    assert ask(agent, 9, OPER_ETH1, OPER_ETH2) == [1, 1]
    assert ask(agent, 10, OPER_ETH1, OPER_ETH2) == [2, 1]
    assert ask(agent, 11, HC_IN, HC_OUT) == ask(agent, 39, HC_IN, HC_OUT)
    assert ask(agent, 40, OPER_ETH1) == [1]
    assert ask(agent, 60, HC_IN)[0] > ask(agent, 40, HC_IN)[0]


def test_a_fault_has_begun_when_it_should_even_if_nobody_asked_meanwhile() -> None:
    fault = Fault(FaultName.INTERFACE_DOWN, interface="eth1", at_s=10, for_s=30)
    asked, unasked = with_timeline(fault), with_timeline(fault)
    for t in range(100):
        ask(asked, t, HC_IN)

    assert ask(asked, 100, HC_IN, HC_OUT, OPER_ETH1) == ask(unasked, 100, HC_IN, HC_OUT, OPER_ETH1)


def test_a_busy_uplink_runs_at_95_percent_towards_the_office() -> None:
    agent = with_timeline(Fault(FaultName.BUSY_UPLINK, interface="eth1", at_s=10, for_s=120))

    grown = ask(agent, 110, HC_IN)[0] - ask(agent, 50, HC_IN)[0]

    assert grown * 8 / 60 == pytest.approx(0.95 * 20_000_000, rel=1e-6)


def test_a_periodic_fault_comes_again() -> None:
    agent = with_timeline(Fault(FaultName.SILENT, at_s=15, for_s=90, every_s=300))

    heard = [agent.answer(question(GET, UPTIME), t) is not None for t in (0, 15, 104, 105, 314, 315, 404, 405, 3015)]

    assert heard == [True, False, False, True, True, False, False, True, False]


def test_a_device_without_faults_stays_below_its_bandwidth_all_day(router: Agent) -> None:
    router.start(1_764_000_000)
    before = ask(router, 0, HC_IN, HC_OUT)
    for minute in range(1, 24 * 60):
        now = ask(router, minute * 60, HC_IN, HC_OUT)
        rates = [(new - old) * 8 / 60 for new, old in zip(now, before, strict=True)]
        assert 0 < rates[0] < 0.80 * 20_000_000
        assert 0 < rates[1] < 0.80 * 10_000_000
        before = now


def test_values_can_be_set_and_can_run() -> None:
    agent = Agent(
        "u1",
        IPv4Address("127.20.200.9"),
        recordings.load("UPS/phoenixtec-power"),
        community=COMMUNITY,
        faults=[Fault(FaultName.SET_VALUES, values={ON_BATTERY: 5, CHARGE: Ramp(100, -0.5)}, at_s=10, for_s=1000)],
    )

    assert ask(agent, 0, ON_BATTERY, CHARGE) == [3, 100]
    assert ask(agent, 30, ON_BATTERY, CHARGE) == [5, 90]
    assert ask(agent, 1000, ON_BATTERY, CHARGE) == [5, 0]
    assert ask(agent, 1010, ON_BATTERY, CHARGE) == [3, 100]


def test_a_reboot_starts_clock_and_counters_anew() -> None:
    agent = with_timeline(Fault(FaultName.REBOOT, at_s=100))
    boots = agent.boots
    recorded = ask(agent, 99, UPTIME, HC_IN)

    rebooted = ask(agent, 110, UPTIME, HC_IN)

    assert rebooted[0] == 1000
    assert 0 < rebooted[1] < 30_000_000 < recorded[1]
    assert agent.boots == boots + 1


def test_an_interface_that_was_down_stays_down_over_a_reboot() -> None:
    agent = with_timeline(Fault(FaultName.INTERFACE_DOWN, interface="eth1", at_s=10), Fault(FaultName.REBOOT, at_s=100))

    assert ask(agent, 200, OPER_ETH1, HC_IN) == [2, 0]


async def test_a_silent_device_is_silent_until_told_otherwise(responder: Responder) -> None:
    responder.begin("r1", Fault(FaultName.SILENT))
    with pytest.raises(net_snmp.SnmpToolFailed, match="Timeout"):
        await net_snmp.snmpget(target(responder, "r1"), UPTIME, timeout_s=0.3, retries=0)

    responder.end("r1", FaultName.SILENT)

    assert UPTIME in await net_snmp.snmpget(target(responder, "r1"), UPTIME)


async def test_a_slow_device_answers_later_and_delays_nobody_else(responder: Responder, asker: Asker) -> None:
    responder.begin("r1", Fault(FaultName.SLOW, delay_s=0.5))
    asker.send(question(GET, UPTIME), "127.20.200.1", responder.port)

    _, first = await asker.ask(question(GET, UPTIME), "127.20.200.4", responder.port)
    _, second = await asker.receive()

    assert (first, second) == ("127.20.200.4", "127.20.200.1")


async def test_garbage_is_no_snmp(responder: Responder, asker: Asker) -> None:
    responder.begin("r1", Fault(FaultName.GARBAGE))

    data, sender = await asker.ask(question(GET, UPTIME), "127.20.200.1", responder.port)

    assert sender == "127.20.200.1"
    assert len(data) == 60
    with pytest.raises(net_snmp.SnmpToolFailed, match=r"Timeout|No Response"):
        await net_snmp.snmpget(target(responder, "r1"), UPTIME, timeout_s=0.3, retries=0)


@pytest.mark.parametrize("code", ["r1", "sha256"])
async def test_a_wrong_request_id_is_not_taken_for_an_answer(responder: Responder, code: str) -> None:
    responder.begin(code, Fault(FaultName.WRONG_REQUEST_ID))

    with pytest.raises(net_snmp.SnmpToolFailed, match=r"Timeout|No Response"):
        await net_snmp.snmpget(target(responder, code), UPTIME, timeout_s=0.3, retries=0)
    assert responder.counts.answered > 0


async def test_a_reply_can_come_from_a_wrong_address(responder: Responder, asker: Asker) -> None:
    responder.begin("r1", Fault(FaultName.WRONG_ADDRESS))

    data, sender = await asker.ask(question(GET, UPTIME), "127.20.200.1", responder.port)

    assert sender == "127.20.200.129"
    assert read(data).request_id == 7


async def test_half_a_table_lacks_the_upper_rows_and_nothing_else(responder: Responder) -> None:
    whole = await net_snmp.snmpbulkwalk(target(responder, "large"), ".1.3")
    responder.begin("large", Fault(FaultName.HALF_TABLE))

    half = await net_snmp.snmpbulkwalk(target(responder, "large"), ".1.3")

    gone = whole.keys() - half.keys()
    assert {int(oid.rsplit(".", 1)[1]) for oid in gone} == set(range(25, 49))
    assert all(oid.startswith("1.3.6.1.2.1.31.1.1.") for oid in gone)
    missing = await net_snmp.snmpget(target(responder, "large"), "1.3.6.1.2.1.31.1.1.1.6.48")
    assert missing["1.3.6.1.2.1.31.1.1.1.6.48"] is None


@pytest.mark.parametrize("code", ["r1", "sha256"])
async def test_a_device_that_finds_everything_too_big_says_so(responder: Responder, code: str) -> None:
    responder.begin(code, Fault(FaultName.TOO_BIG))

    with pytest.raises(net_snmp.SnmpToolFailed, match="tooBig"):
        await net_snmp.snmpget(target(responder, code), UPTIME)


@pytest.mark.parametrize("kind", [GET, GET_NEXT, GET_BULK])
@pytest.mark.parametrize("version", [0, 1])
def test_too_big_has_the_form_of_its_version(kind: int, version: int) -> None:
    if (kind, version) == (GET_BULK, 0):
        return
    agent = with_timeline(Fault(FaultName.TOO_BIG))

    answer = read(agent.answer(question(kind, UPTIME, version=version), 0))

    assert (answer.status, answer.error_index) == (1, 0)
    assert len(answer.values) == (1 if version == 0 else 0)


def test_two_faults_at_once_end_apart(router: Agent) -> None:
    down, busy = Fault(FaultName.INTERFACE_DOWN, interface="eth1"), Fault(FaultName.BUSY_UPLINK, interface="eth1")
    router.begin(busy, 0)
    router.begin(down, 10)
    at_10 = ask(router, 10, HC_IN)

    assert ask(router, 20, HC_IN) == at_10
    router.end(FaultName.INTERFACE_DOWN, 20)
    assert ask(router, 30, HC_IN)[0] - at_10[0] == pytest.approx(0.95 * 20_000_000 / 8 * 10, abs=2)
    assert router.active == {FaultName.BUSY_UPLINK}


async def test_commands_are_obeyed_and_mistakes_explained(responder: Responder) -> None:
    assert obey(responder, b'{"device": "r1", "fault": "silent", "on": true}\n') == b'{"ok": true}\n'
    assert responder.agents["r1"].active == {FaultName.SILENT}
    assert obey(responder, b'{"device": "r1", "fault": "silent", "on": false}') == b'{"ok": true}\n'
    assert responder.agents["r1"].active == frozenset()
    assert b'"received": 0' in obey(responder, b'{"counts": true}')


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"not json", b"Expecting value"),
        (b"\xc3\x28", b"decode"),
        (b"[]", b"JSON object"),
        (b'{"device": "nobody", "fault": "silent"}', b"there is no device"),
        (b'{"device": {}, "fault": "silent"}', b"there is no device"),
        (b'{"device": "r1", "fault": "fire"}', b"there is no fault"),
        (b'{"device": "r1", "fault": {}}', b"there is no fault"),
        (b'{"device": "r1", "fault": "interface-down", "interface": "eth77"}', b"no interface"),
        (b'{"device": "sha256", "fault": "busy-uplink"}', b"no interface"),
        (b'{"device": "sha256", "fault": "busy-uplink", "interface": "eth1"}', b"no uplink"),
        (b'{"device": "r1", "fault": "slow", "delay_s": -1}', b"negative"),
        (b'{"device": "r1", "fault": "slow", "delay_s": "a"}', b"slow"),
        (b'{"device": "r1", "fault": "slow", "colour": 1}', b"colour"),
        (b'{"device": "r1", "fault": "set-values", "values": {"1.3.6.1.9": 1}}', b"has no 1.3.6.1.9"),
        (b'{"device": "r1", "fault": "set-values", "values": {"1.3.6.1.2.1.1.3.0": "x"}}', b"cannot be"),
        (b'{"device": "r1", "fault": "set-values", "values": {"1.3.6.1.2.1.1.3.0": []}}', b"neither"),
        (b'{"device": "r1", "fault": "set-values", "values": 3}', b"set-values"),
        (b'{"device": "r1", "fault": "half-table", "subtree": "one"}', b"invalid literal"),
    ],
)
async def test_a_command_that_means_nothing_is_answered_with_the_reason(
    responder: Responder, line: bytes, why: bytes
) -> None:
    answer = obey(responder, line)

    assert answer.startswith(b'{"ok": false')
    assert why in answer
    assert all(not agent.active for agent in responder.agents.values())


@pytest.mark.parametrize(
    "entry",
    [
        {"fault": "silent", "for_s": 10, "every_s": 10},
        {"fault": "silent", "every_s": 0},
        {"fault": "silent", "at_s": -1},
        {"fault": "silent", "name": "slow"},
    ],
)
def test_a_timeline_that_cannot_be_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="fault"):
        Fault.of(entry)


async def test_a_device_that_is_not_there_cannot_be_commanded(responder: Responder, clock: FrozenClock) -> None:
    clock.forward(timedelta(seconds=1))
    with pytest.raises(UnknownDevice):
        responder.end("nobody", FaultName.SILENT)
