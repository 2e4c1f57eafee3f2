"""The probe against devices that misbehave: each is named, and none takes more than its share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from ipaddress import IPv4Address

import pytest
from pydantic import SecretStr

from api.demo.responder import synthetic
from api.demo.responder.agent import Agent
from api.demo.responder.faults import Fault, FaultName
from api.demo.responder.server import Responder
from inventory.public import Profile, SnmpV2c, bundled_profiles
from kernel.clock import SystemClock
from monitor.probes import ber
from monitor.probes.port import Kind, Outcome, PollResult, Reading, Target
from monitor.probes.snmp import LEARN_AGAIN_AFTER, SnmpProbe
from tests.parts.monitor.snmp_agents import (
    GET,
    GET_BULK,
    IF_ENTRY,
    IFX_ENTRY,
    TOO_BIG,
    UPTIME,
    HostileAgent,
    Request,
    interfaces,
    response,
    sane,
    ticks,
)

PORTS = {1: "wan", 2: "lan1", 3: "lan2"}


@pytest.fixture(scope="module")
def switch() -> Profile:
    return bundled_profiles()["network-interfaces"]


@pytest.fixture
def probe() -> SnmpProbe:
    return SnmpProbe(SystemClock())


def values(result: PollResult, metric: str) -> dict[str, float]:
    return {reading.instance: reading.value for reading in result.readings if reading.metric == metric}


def device(code: str, number: int, *, port: int = 0, **timing: float) -> Target:
    credential = SnmpV2c(SecretStr("public"))
    return Target(code, f"127.20.77.{number}", port, credential, timing.get("timeout_s", 0.5), 1)


def agents(*codes: str, ports: int = 4) -> list[Agent]:
    return [
        Agent(code, IPv4Address(f"127.20.77.{number}"), synthetic.tree(ports), community="public")
        for number, code in enumerate(codes, 1)
    ]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (FaultName.SILENT, Outcome.SILENT),
        (FaultName.GARBAGE, Outcome.GARBAGE),
        (FaultName.WRONG_REQUEST_ID, Outcome.WRONG_REQUEST_ID),
        (FaultName.WRONG_ADDRESS, Outcome.WRONG_ADDRESS),
        (FaultName.TOO_BIG, Outcome.PARTIAL),
    ],
)
@pytest.mark.parametrize("known", [False, True], ids=["from the first poll", "later"])
async def test_each_fault_is_named_and_passes(
    probe: SnmpProbe, switch: Profile, fault: FaultName, outcome: Outcome, *, known: bool
) -> None:
    async with Responder(agents("d")) as responder:
        target = device("d", 1, port=responder.port)
        if known:
            assert (await probe.poll(target, switch)).outcome is Outcome.ANSWERED
        responder.begin("d", Fault(fault))
        result = await probe.poll(target, switch)
        assert result.outcome is outcome, result.why
        assert result.why
        assert result.readings == ()
        assert result.completeness == 0
        responder.end("d", fault)
        after = await probe.poll(target, switch)
        assert after.outcome is Outcome.ANSWERED, after.why
        assert len(values(after, "if_in_octets")) == 4


async def test_half_a_table_is_named_and_the_other_half_is_read(probe: SnmpProbe, switch: Profile) -> None:
    async with Responder(agents("d")) as responder:
        target = device("d", 1, port=responder.port)
        await probe.poll(target, switch)
        responder.begin("d", Fault(FaultName.HALF_TABLE))
        for _ in range(LEARN_AGAIN_AFTER + 2):  # also after it was learned anew
            result = await probe.poll(target, switch)
            assert result.outcome is Outcome.PARTIAL
            assert "values are missing" in result.why
            assert 0 < result.completeness < 1
            assert {"Gi0/1", "Gi0/2"} <= values(result, "if_in_octets").keys()


async def test_a_silent_device_delays_no_other(switch: Profile, probe: SnmpProbe) -> None:
    """The silent one is asked first and is still waited for when the last of the others is done."""
    codes = ["silent", *(f"d{number}" for number in range(20))]
    done: list[str] = []

    async def ask(target: Target) -> None:
        await probe.poll(target, switch)
        done.append(target.device)

    async with Responder(agents(*codes)) as responder:
        responder.begin("silent", Fault(FaultName.SILENT))
        async with asyncio.TaskGroup() as group:
            for number, code in enumerate(codes, 1):
                group.create_task(ask(device(code, number, port=responder.port, timeout_s=2.0)))
    assert done[-1] == "silent"


async def test_counters_above_2_63_are_exact(probe: SnmpProbe, switch: Profile) -> None:
    variables = interfaces({1: "wan"}) | {f"{IFX_ENTRY}.6.1": ber.write_integer(2**64 - 1, 0x46)}
    async with HostileAgent(sane(variables)) as agent:
        result = await probe.poll(agent.target(), switch)
    assert Reading("if_in_octets", "wan", 2**64 - 1, Kind.COUNTER64) in result.readings


async def test_an_agent_with_room_for_few_values_is_asked_for_few(probe: SnmpProbe, switch: Profile) -> None:
    good = sane(interfaces({row: f"p{row}" for row in range(1, 9)}))

    def narrow(asked: Request) -> list[bytes]:
        return [response(asked, [], error=TOO_BIG)] if len(asked.oids) > 7 else list(good(asked))

    async with HostileAgent(narrow) as agent:
        first = await probe.poll(agent.target(), switch)
        assert first.outcome is Outcome.ANSWERED, first.why
        assert len(values(first, "if_in_octets")) == 8
        agent.requests.clear()
        second = await probe.poll(agent.target(), switch)
        assert second.outcome is Outcome.ANSWERED
        assert all(len(asked.oids) <= 7 for asked in agent.requests)


async def test_an_agent_that_finds_getbulk_too_big_is_walked_by_single_steps(probe: SnmpProbe, switch: Profile) -> None:
    good = sane(interfaces(PORTS))

    def answer(asked: Request) -> list[bytes]:
        return [response(asked, [], error=TOO_BIG)] if asked.kind == GET_BULK else list(good(asked))

    async with HostileAgent(answer) as agent:
        result = await probe.poll(agent.target(), switch)
    assert values(result, "if_in_octets").keys() == set(PORTS.values())


async def test_a_lost_answer_is_asked_for_again(probe: SnmpProbe, switch: Profile) -> None:
    good, seen = sane(interfaces(PORTS)), set[tuple[int, tuple[str, ...]]]()

    def lossy(asked: Request) -> list[bytes]:
        what = asked.kind, asked.oids
        again = what in seen
        seen.add(what)
        return list(good(asked)) if again else []

    async with HostileAgent(lossy) as agent:
        result = await probe.poll(agent.target(timeout_s=0.2), switch)
    assert result.outcome is Outcome.ANSWERED, result.why


async def test_one_broken_answer_is_asked_for_again(probe: SnmpProbe, switch: Profile) -> None:
    good = sane(interfaces(PORTS))

    def once(asked: Request) -> list[bytes]:
        return [b"\x30\x03abc"] if len(agent.requests) == 1 else list(good(asked))

    async with HostileAgent(once) as agent:
        result = await probe.poll(agent.target(), switch)
    assert result.outcome is Outcome.ANSWERED, result.why


@pytest.mark.parametrize("noise", [b"\x4e\xec\x42", b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\xff" * 60])
async def test_what_makes_the_library_panic_is_garbage_and_ends_nothing_else(
    probe: SnmpProbe, switch: Profile, noise: bytes
) -> None:
    """A panic of its Rust code is a BaseException: it would end the task group of the whole engine."""
    async with HostileAgent(lambda _asked: [noise]) as agent:
        result = await probe.poll(agent.target(), switch)
        assert result.outcome is Outcome.GARBAGE, result.why
        assert (await probe.identify(agent.target())).outcome is Outcome.GARBAGE
        agent.answer = sane(interfaces(PORTS))
        assert (await probe.poll(agent.target(), switch)).outcome is Outcome.ANSWERED


@pytest.mark.parametrize("kind", ["endless", "circle"])
async def test_a_table_without_end_is_garbage(probe: SnmpProbe, switch: Profile, kind: str) -> None:
    good = sane(interfaces(PORTS))

    def endless(asked: Request) -> list[bytes]:
        if asked.kind == GET:
            return list(good(asked))
        start = 1 if kind == "circle" else len(agent.requests) * 100
        rows = range(start, start + 40)
        return [response(asked, [(f"{IF_ENTRY}.1.{row}", ber.write_integer(row)) for row in rows])]

    async with HostileAgent(endless) as agent:
        result = await probe.poll(agent.target(), switch)
        assert len(agent.requests) < 150
    assert result.outcome is Outcome.GARBAGE
    assert "no end" in result.why


async def test_a_babbling_device_takes_no_more_than_its_deadline(probe: SnmpProbe, switch: Profile) -> None:
    """Each stray datagram starts the library's patience anew; the deadline of the poll does not mind."""
    async with HostileAgent(lambda _asked: []) as agent:

        async def babble() -> None:
            while True:
                await asyncio.sleep(0.05)
                if agent.requests:
                    agent.send(response(agent.requests[-1], [], request_id=1))

        babbling = asyncio.create_task(babble())
        result = await asyncio.wait_for(probe.poll(agent.target(timeout_s=0.2, deadline_s=0.6), switch), 30)
        babbling.cancel()
    assert result.outcome is Outcome.WRONG_REQUEST_ID


async def test_texts_where_numbers_belong_are_refused(probe: SnmpProbe, switch: Profile) -> None:
    variables = interfaces(PORTS) | {f"{IF_ENTRY}.8.2": ber.write(ber.OCTET_STRING, b"1")}
    async with HostileAgent(sane(variables)) as agent:
        result = await probe.poll(agent.target(), switch)
    assert result.outcome is Outcome.PARTIAL
    assert "if_oper_status lan1" in result.why
    assert values(result, "if_oper_status") == {"wan": 1, "lan2": 1}


async def test_after_a_restart_no_value_stands_under_its_old_name(probe: SnmpProbe, switch: Profile) -> None:
    """An ifIndex need not survive a restart (RFC 2863 section 3.1.5): the same poll learns the new ones."""
    async with HostileAgent(sane(interfaces({1: "wan", 2: "lan"}, octets=1000))) as agent:
        assert values(await probe.poll(agent.target(), switch), "if_in_octets") == {"wan": 1000, "lan": 2000}
        agent.answer = sane(interfaces({1: "lan", 2: "wan"}, octets=1000, uptime=500))
        result = await probe.poll(agent.target(), switch)
    assert values(result, "if_in_octets") == {"lan": 1000, "wan": 2000}
    assert result.uptime_s == 5


async def test_a_restart_whose_lesson_fails_tells_no_value_at_all(probe: SnmpProbe, switch: Profile) -> None:
    async with HostileAgent(sane(interfaces({1: "wan", 2: "lan"}))) as agent:
        await probe.poll(agent.target(timeout_s=0.1), switch)
        booting = sane(interfaces({1: "lan", 2: "wan"}, uptime=500))
        agent.answer = lambda asked: booting(asked) if asked.kind == GET else []
        result = await probe.poll(agent.target(timeout_s=0.1), switch)
    assert result.readings == ()
    assert result.outcome is Outcome.PARTIAL


async def test_a_port_that_vanished_is_missed_until_it_is_learned_on_schedule(switch: Profile) -> None:
    probe = SnmpProbe(SystemClock(), learn_every=8)
    async with HostileAgent(sane(interfaces(PORTS))) as agent:
        await probe.poll(agent.target(), switch)
        agent.answer = sane(interfaces({1: "wan", 2: "lan1"}))
        outcomes = [await probe.poll(agent.target(), switch) for _ in range(20)]
    assert all(result.outcome is Outcome.PARTIAL for result in outcomes[: LEARN_AGAIN_AFTER + 1])
    assert "lan2" in outcomes[0].why
    assert "lan2" in outcomes[LEARN_AGAIN_AFTER].why
    assert outcomes[-1].outcome is Outcome.ANSWERED
    assert all(values(result, "if_in_octets").keys() == {"wan", "lan1"} for result in outcomes)


async def test_rows_that_were_lost_and_came_back_are_whole_again_long_before_the_schedule(switch: Profile) -> None:
    probe = SnmpProbe(SystemClock(), learn_every=1000)
    async with HostileAgent(sane(interfaces(PORTS))) as agent:
        await probe.poll(agent.target(), switch)
        agent.answer = sane(interfaces({1: "wan", 2: "lan1"}))
        for _ in range(LEARN_AGAIN_AFTER + 1):
            assert (await probe.poll(agent.target(), switch)).outcome is Outcome.PARTIAL
        agent.answer = sane(interfaces(PORTS))
        outcomes = [(await probe.poll(agent.target(), switch)).outcome for _ in range(2 * LEARN_AGAIN_AFTER)]
    assert outcomes[-1] is Outcome.ANSWERED


async def test_a_port_that_is_new_is_found_on_schedule(switch: Profile) -> None:
    probe = SnmpProbe(SystemClock(), learn_every=3)
    async with HostileAgent(sane(interfaces({1: "wan"}))) as agent:
        await probe.poll(agent.target(), switch)
        agent.answer = sane(interfaces(PORTS))
        seen = [values(await probe.poll(agent.target(), switch), "if_in_octets").keys() for _ in range(3)]
    assert seen == [{"wan"}, {"wan"}, set(PORTS.values())]


async def test_an_agent_that_has_just_started_is_learned_again_soon(probe: SnmpProbe, switch: Profile) -> None:
    """It may not have filled its tables yet."""
    async with HostileAgent(sane(interfaces({1: "wan"}, uptime=200))) as agent:
        await probe.poll(agent.target(), switch)
        agent.answer = sane(interfaces(PORTS, uptime=40_000))
        results = [await probe.poll(agent.target(), switch) for _ in range(LEARN_AGAIN_AFTER)]
    assert values(results[0], "if_in_octets").keys() == {"wan"}
    assert values(results[-1], "if_in_octets").keys() == set(PORTS.values())


async def test_an_agent_that_hangs_at_one_object_still_gives_the_rest(probe: SnmpProbe, switch: Profile) -> None:
    good = sane(interfaces({row: f"p{row}" for row in range(1, 9)}))

    def hangs(asked: Request) -> list[bytes]:
        return [] if f"{IFX_ENTRY}.10.8" in asked.oids else list(good(asked))

    async with HostileAgent(hangs) as agent:
        first = await probe.poll(agent.target(timeout_s=0.1), switch)
        second = await probe.poll(agent.target(timeout_s=0.1), switch)
    assert first.outcome is Outcome.PARTIAL
    assert "no answer" in first.why
    assert len(values(second, "if_in_octets")) >= 4


async def test_silence_in_the_middle_keeps_what_came_before(probe: SnmpProbe, switch: Profile) -> None:
    good = sane(interfaces({row: f"p{row}" for row in range(1, 9)}))
    async with HostileAgent(good) as agent:
        await probe.poll(agent.target(timeout_s=0.1), switch)
        agent.answer = lambda asked: good(asked) if f"{IF_ENTRY}.8.1" in asked.oids else []
        result = await probe.poll(agent.target(timeout_s=0.1), switch)
    assert result.outcome is Outcome.PARTIAL
    assert 0 < result.completeness < 1
    assert "no answer" in result.why


async def test_a_device_without_the_profiles_tables_answers_in_what_it_has(probe: SnmpProbe, switch: Profile) -> None:
    async with HostileAgent(sane({UPTIME: ticks(10_000_000)})) as agent:
        result = await probe.poll(agent.target(), switch)
    assert result.outcome is Outcome.ANSWERED
    assert result.readings == (Reading("uptime_s", "", 100_000, Kind.GAUGE),)


async def test_what_is_forgotten_is_learned_again(probe: SnmpProbe, switch: Profile) -> None:
    async with HostileAgent(sane(interfaces(PORTS))) as agent:
        await probe.poll(agent.target(), switch)
        agent.requests.clear()
        await probe.poll(agent.target(), switch)
        assert all(asked.kind == GET for asked in agent.requests)
        probe.forget("d")
        probe.forget("unknown")
        await probe.poll(agent.target(), switch)
        assert any(asked.kind == GET_BULK for asked in agent.requests)


async def test_another_profile_or_address_is_learned_from_the_beginning(probe: SnmpProbe, switch: Profile) -> None:
    other: Mapping[str, Profile] = bundled_profiles()
    async with HostileAgent(sane(interfaces(PORTS))) as agent:
        await probe.poll(agent.target(), switch)
        result = await probe.poll(agent.target(), other["system"])
    assert {reading.metric for reading in result.readings} == {"uptime_s"}


async def test_a_poll_that_is_given_up_is_given_up(probe: SnmpProbe, switch: Profile) -> None:
    async with HostileAgent(lambda _asked: []) as agent:
        task = asyncio.create_task(probe.poll(agent.target(timeout_s=60), switch))
        await agent.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_a_name_is_no_address() -> None:
    with pytest.raises(ValueError, match=r"router\.example"):
        Target("d", "router.example", 161, SnmpV2c(SecretStr("public")))
