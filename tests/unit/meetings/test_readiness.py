"""How ready a room is: each reason by example, and what must hold whatever is measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetings.readiness import (
    CLOSE,
    FRESH,
    REASONS,
    REPEAT,
    STAGES,
    WORST_FIRST,
    DeviceFacts,
    Reason,
    RoomNeeds,
    UplinkFacts,
    again_at,
    assess,
    before,
    first_checks,
    last_of,
    needs_of,
    state_of,
)

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
BEGIN = NOW + timedelta(hours=1)
END = BEGIN + timedelta(minutes=90)
UP = UplinkFacts("fibre", "ok", 0.3)
DOWN = UplinkFacts("4g", "critical")
ROUTER = DeviceFacts("rt1", "router", "answered", "ok", (UP,), loss_ratio=0.0, rtt_s=0.03, at=NOW)
ROOM = DeviceFacts("mt1", "meeting-room", "answered", "ok", at=NOW)
UPS = DeviceFacts("ups1", "ups", "answered", "ok", on_battery=False, battery_runtime_s=2880, at=NOW)
NEEDS = RoomNeeds(("rt1",), ("mt1",), ("ups1",))


def reasons(*facts: DeviceFacts, needs: RoomNeeds = NEEDS, now: datetime = NOW) -> list[Reason]:
    told = {fact.device: fact for fact in (ROUTER, ROOM, UPS, *facts)}
    return assess(needs, told, starts_at=BEGIN, ends_at=END, now=now)


def judged(*facts: DeviceFacts, needs: RoomNeeds = NEEDS, now: datetime = NOW) -> tuple[str, list[str]]:
    found = reasons(*facts, needs=needs, now=now)
    return state_of(found), [reason.code for reason in found]


def test_a_room_whose_devices_answer_is_ready() -> None:
    assert judged() == ("ready", [])


@pytest.mark.parametrize(
    ("fact", "state", "code"),
    [
        (replace(ROUTER, outcome="silent"), "not-ready", "no-router-reachable"),
        (replace(ROUTER, outcome="refused"), "unknown", "not-understood"),
        (replace(ROUTER, outcome=""), "unknown", "not-watched"),
        (replace(ROUTER, outcome="partial"), "ready", None),
        (replace(ROUTER, uplinks=()), "unknown", "no-uplink-known"),
        (replace(ROUTER, uplinks=(DOWN,)), "not-ready", "no-uplink"),
        (replace(ROUTER, uplinks=(UP, DOWN)), "at-risk", "uplink-down"),
        (replace(ROUTER, uplinks=(UplinkFacts("fibre", "unknown"), DOWN)), "unknown", "uplink-unknown"),
        (replace(ROUTER, uplinks=(UplinkFacts("fibre", "warning", 0.95),)), "at-risk", "uplink-busy"),
        (replace(ROUTER, loss_ratio=0.05), "ready", None),
        (replace(ROUTER, loss_ratio=0.2), "at-risk", "loss"),
        (replace(ROUTER, loss_ratio=0.4), "not-ready", "loss-high"),
        (replace(ROUTER, rtt_s=0.4), "ready", None),
        (replace(ROUTER, rtt_s=0.65), "at-risk", "slow"),
        (replace(ROUTER, loss_ratio=None, rtt_s=None), "ready", None),
        (replace(ROOM, outcome="silent"), "not-ready", "device-unreachable"),
        (replace(ROOM, at=NOW - FRESH - timedelta(seconds=1)), "unknown", "old-data"),
        (replace(ROOM, at=NOW - FRESH), "ready", None),
        (replace(UPS, on_battery=True), "not-ready", "battery-short"),
        (replace(UPS, on_battery=True, battery_runtime_s=5400), "at-risk", "on-battery"),
        (replace(UPS, on_battery=True, battery_runtime_s=None), "at-risk", "on-battery"),
        (replace(UPS, outcome="silent"), "at-risk", "power-unknown"),
        (replace(UPS, on_battery=None), "at-risk", "power-unknown"),
    ],
)
def test_each_fault_makes_its_state_with_its_reason(fact: DeviceFacts, state: str, code: str | None) -> None:
    assert judged(fact) == (state, [code] if code else [])


def test_a_device_that_nobody_watches_is_unknown() -> None:
    assert judged(needs=replace(NEEDS, devices=("mt9",))) == ("unknown", ["not-watched"])
    assert judged(needs=RoomNeeds(())) == ("unknown", ["no-router-known"])


def test_behind_a_router_that_is_away_only_the_router_is_named() -> None:
    state, codes = judged(replace(ROUTER, outcome="silent"), replace(ROOM, outcome="silent"))
    assert (state, codes) == ("not-ready", ["no-router-reachable"])


def test_one_router_of_two_is_enough_and_its_path_counts() -> None:
    needs = replace(NEEDS, routers=("rt1", "rt2"))
    second = replace(ROUTER, device="rt2", loss_ratio=0.5, rtt_s=0.9)
    assert judged(second, needs=needs) == ("ready", [])
    assert judged(replace(second, outcome="silent"), needs=needs) == ("at-risk", ["router-unreachable"])
    assert judged(needs=needs) == ("at-risk", ["router-unknown"])


def test_the_battery_must_last_for_what_is_left_of_the_meeting() -> None:
    short = replace(UPS, on_battery=True, battery_runtime_s=1800)
    late = END - timedelta(minutes=20)
    assert judged(short)[0] == "not-ready"
    fresh = [replace(fact, at=late) for fact in (ROUTER, ROOM, short)]
    assert judged(*fresh, now=late) == ("at-risk", ["on-battery"])


def test_the_worst_reason_comes_first_and_decides() -> None:
    state, codes = judged(
        replace(ROUTER, rtt_s=0.9, uplinks=(UP, DOWN)), replace(ROOM, outcome="refused"), replace(UPS, on_battery=True)
    )
    assert (state, codes) == ("not-ready", ["battery-short", "not-understood", "uplink-down", "slow"])


def test_a_reason_of_another_release_is_unknown_and_no_error() -> None:
    assert state_of([Reason("solar-flare")]) == "unknown"


def test_reasons_are_listed_worst_first() -> None:
    places = [WORST_FIRST.index(state) for state in REASONS.values()]
    assert places == sorted(places)


def test_a_room_needs_its_own_devices_and_its_offices_routers_and_upses() -> None:
    needs = needs_of({"mt1": "meeting-room", "rt2": "router", "sw1": "switch"}, {"rt1": "router", "ups1": "ups"})
    assert needs == RoomNeeds(("rt1", "rt2"), ("mt1", "sw1"), ("ups1",))
    assert needs.all == ("rt1", "rt2", "mt1", "sw1", "ups1")


numbers = st.one_of(st.none(), st.floats(0, 1))
anything = st.builds(
    DeviceFacts,
    device=st.just("x"),
    role=st.just("router"),
    outcome=st.sampled_from(["answered", "partial", "silent", "refused", ""]),
    state=st.just("ok"),
    uplinks=st.lists(
        st.builds(UplinkFacts, st.sampled_from("abc"), st.sampled_from(["ok", "warning", "critical", "unknown"])),
        max_size=3,
    ).map(tuple),
    loss_ratio=numbers,
    rtt_s=numbers,
    on_battery=st.one_of(st.none(), st.booleans()),
    battery_runtime_s=st.one_of(st.none(), st.floats(0, 10_000)),
    at=st.one_of(st.none(), st.sampled_from([NOW, NOW - FRESH, NOW - 2 * FRESH])),
)
codes = ("rt1", "rt2", "mt1", "ups1")
world = st.fixed_dictionaries({}, optional=dict.fromkeys(codes, anything)).map(
    lambda facts: {code: replace(fact, device=code) for code, fact in facts.items()}
)
EVERYTHING = RoomNeeds(("rt1", "rt2"), ("mt1",), ("ups1",))


def worse(facts: dict[str, DeviceFacts]) -> int:
    return -WORST_FIRST.index(state_of(assess(EVERYTHING, facts, starts_at=BEGIN, ends_at=END, now=NOW)))


@given(facts=world)
def test_whatever_is_measured_every_reason_is_a_known_one_and_is_told_once(facts: dict[str, DeviceFacts]) -> None:
    found = assess(EVERYTHING, facts, starts_at=BEGIN, ends_at=END, now=NOW)
    assert all(reason.code in REASONS for reason in found)
    told = [(reason.code, str(reason.fields)) for reason in found]
    assert not [reason for reason in told if reason[0] not in {"uplink-down", "uplink-busy"} and told.count(reason) > 1]


answering = st.builds(
    replace, anything, outcome=st.sampled_from(["answered", "partial"]), on_battery=st.sampled_from([False])
)


@given(facts=world, code=st.sampled_from(["mt1", "ups1"]), there=answering)
def test_losing_a_device_never_makes_a_room_readier(
    facts: dict[str, DeviceFacts], code: str, there: DeviceFacts
) -> None:
    there = replace(there, device=code)
    assert worse({**facts, code: replace(there, outcome="silent")}) >= worse({**facts, code: there})


@given(facts=world)
def test_a_room_is_ready_only_while_a_router_answers_with_a_line_that_is_up(facts: dict[str, DeviceFacts]) -> None:
    if worse(facts) == -WORST_FIRST.index("ready"):
        routers = [facts[code] for code in ("rt1", "rt2") if code in facts]
        up = [line for router in routers if router.outcome in {"answered", "partial"} for line in router.uplinks]
        assert any(line.state not in {"critical", "unknown"} for line in up)
        assert all(fact.at is not None and NOW - fact.at <= FRESH for fact in facts.values())


@given(ahead_s=st.integers(-600, 40 * 86_400))
def test_looks_that_would_be_in_the_past_are_left_out_and_the_first_is_now(ahead_s: int) -> None:
    starts_at = NOW + timedelta(seconds=ahead_s)
    due = first_checks(starts_at, NOW)
    assert due.pop("booking") == NOW
    assert all(NOW < at < starts_at for at in due.values())
    assert set(due) == {
        stage for stage, ahead in STAGES.items() if ahead is not None and ahead.total_seconds() < ahead_s
    }


def test_of_several_looks_due_together_the_last_one_is_made() -> None:
    assert last_of(["t60m", "booking", "t24h"]) == "t60m"
    assert before("t60m") == ("booking", "t24h")
    assert before("booking") == before("of another release") == ()


def test_near_the_meeting_and_in_it_the_look_is_repeated_each_minute_until_it_ends() -> None:
    def again(now: datetime, *, known: bool = True) -> timedelta | None:
        at = again_at(BEGIN, END, now, known=known)
        return at - now if at else None

    assert again(BEGIN - timedelta(hours=5)) is None
    assert again(BEGIN - CLOSE) == REPEAT
    assert again(BEGIN + timedelta(minutes=5)) == REPEAT
    assert again(END - REPEAT) is None
    assert again(BEGIN - timedelta(hours=24), known=False) == timedelta(minutes=30)
    assert again(BEGIN - timedelta(days=90), known=False) == timedelta(hours=1)
    assert again(BEGIN, known=False) == timedelta(seconds=15)


def test_what_is_unknown_of_a_young_booking_is_asked_again_soon_then_more_and_more_rarely() -> None:
    booked_at, now, waits = BEGIN - timedelta(days=3), BEGIN - timedelta(days=3), []
    for _ in range(10):
        at = again_at(BEGIN, END, now, known=False, booked_at=booked_at)
        assert at is not None
        waits.append((at - now).total_seconds())
        now = at
    assert waits == [15, 15, 30, 60, 120, 240, 480, 960, 1920, 3600]
