"""What is known now, from polls alone."""

from __future__ import annotations

from inventory.public import Medium, UplinkView
from monitor.alerts import AlertKey
from monitor.current import CurrentState
from monitor.poller.plan import LeftOut
from monitor.samples import Sample, Series
from monitor.thresholds import first_rules

UPLINK = UplinkView(
    code="ps-fibre",
    device="ps-rt1",
    interface="Gi0/1",
    office="ps",
    office_name="Phan Sơn",
    carrier="VNPT",
    medium=Medium.FIBRE,
    down_bps=20_000_000,
    up_bps=20_000_000,
)
BROKEN = AlertKey("uplink-down", "ps-rt1", "Gi0/1")


def state() -> CurrentState:
    current = CurrentState(first_rules(hold_s=60), interval_s=60)
    current.plan({"ps-rt1": {"Gi0/1": UPLINK}, "ps-ups1": {}})
    return current


def poll(current: CurrentState, at_s: int, outcome: str = "answered", **values: float) -> None:
    """Take a poll of ps-rt1 in; a metric of the uplink is written `if_…`, one of the device plainly."""
    current.take(
        "ps-rt1",
        [
            Sample(Series(metric, "ps-rt1", "Gi0/1" if metric.startswith("if_") else ""), at_s * 1000, value)
            for metric, value in values.items()
        ],
        outcome=outcome,
        why="",
        at_ms=at_s * 1000,
        duration_s=0.1,
        completeness_ratio=1.0,
    )


def test_a_device_that_was_never_asked_is_unknown() -> None:
    assert state().health("ps-rt1", 1000).state == "unknown"


def test_states_are_counted_with_those_that_cannot_be_asked() -> None:
    current = state()
    current.plan({"ps-rt1": {"Gi0/1": UPLINK}, "ps-ups1": {}}, {"ps-ap1": LeftOut("no-profile", "there is no profile")})
    assert current.count_by_state(11_000) == {"unknown": 3}
    poll(current, 10, reachable=1, if_oper_status=0)
    assert current.count_by_state(11_000) == {"critical": 1, "unknown": 2}
    assert sum(current.count_by_state(11_000).values()) == current.known == len(list(current.devices()))


def test_the_newest_poll_is_that_of_a_device_that_is_still_polled() -> None:
    current = state()
    assert current.newest_poll_ms == 0
    poll(current, 10, reachable=1)
    assert current.newest_poll_ms == 10_000
    current.plan({"ps-ups1": {}})
    assert current.newest_poll_ms == 0


def test_a_device_that_answers_and_has_nothing_wrong_is_ok() -> None:
    current = state()
    poll(current, 10, reachable=1, if_oper_status=1)
    assert current.health("ps-rt1", 11_000).state == "ok"
    assert current.wrong() == []


def test_an_uplink_that_is_down_is_critical_and_names_its_line() -> None:
    current = state()
    poll(current, 10, reachable=1, if_oper_status=0)
    (wrong,) = current.wrong()
    assert wrong.key == BROKEN
    assert wrong.details["uplink"] == "ps-fibre"
    assert current.health("ps-rt1", 11_000).state == "critical"
    assert current.uplinks(["ps-rt1"], 11_000)[0].state == "critical"
    poll(current, 70, reachable=1, if_oper_status=1)
    assert current.wrong() == []
    assert current.uplinks(["ps-rt1"], 71_000)[0].state == "ok"


def test_an_interface_that_is_no_uplink_may_be_down() -> None:
    current = state()
    current.take(
        "ps-ups1",
        [Sample(Series("if_oper_status", "ps-ups1", "eth1"), 1000, 0)],
        outcome="answered",
        why="",
        at_ms=1000,
        duration_s=0.1,
        completeness_ratio=1.0,
    )
    assert current.wrong() == []


def test_a_value_too_old_is_not_shown_as_the_present_one() -> None:
    current = state()
    poll(current, 10, reachable=1, if_oper_status=1, if_in_bps=5e6)
    assert current.uplinks(["ps-rt1"], 20_000)[0].in_bps == 5e6
    late = current.uplinks(["ps-rt1"], 400_000)[0]
    assert late.in_bps is None
    assert late.state == "unknown"
    assert current.health("ps-rt1", 400_000).state == "unknown"


def test_lines_are_told_as_they_are_now_however_often_they_are_asked_for() -> None:
    def line(at_s: int) -> tuple[str, float | None, float | None]:
        (told,) = current.uplinks(None, at_s * 1000)
        return told.state, told.in_bps, told.rtt_s

    current = state()
    poll(current, 10, reachable=1, if_oper_status=1, if_in_bps=5e6)
    assert line(20) == ("ok", 5e6, None)
    ping(current, 60, rtt_s=0.2)
    assert line(61) == ("ok", 5e6, 0.2), "a ping came"
    assert line(190) == ("ok", 5e6, 0.2), "three intervals after the poll"
    assert line(191) == ("unknown", None, 0.2), "nothing came, and the values of the poll are too old"
    assert line(241) == ("unknown", None, None), "and those of the ping"
    poll(current, 250, reachable=1, if_oper_status=0)
    assert line(250) == ("critical", None, None)
    current.plan({"ps-rt1": {}, "ps-ups1": {}})
    assert current.uplinks(None, 251_000) == []


def test_a_silent_device_keeps_its_broken_uplink_and_becomes_unreachable_after_the_hold() -> None:
    current = state()
    poll(current, 10, reachable=1, if_oper_status=0)
    poll(current, 70, "silent", reachable=0)
    assert [wrong.key.rule for wrong in current.wrong()] == ["uplink-down"]
    poll(current, 130, "silent", reachable=0)
    assert {wrong.key.rule for wrong in current.wrong()} == {"uplink-down", "device-unreachable"}


def test_since_when_a_device_is_silent_does_not_move_with_each_poll() -> None:
    current = state()
    for at_s in (10, 70, 130):
        poll(current, at_s, "silent", reachable=0)
    health = current.health("ps-rt1", 131_000)
    assert (health.since_ms, health.polled_at_ms) == (10_000, 130_000)


def test_after_a_restart_an_open_alert_stays_until_a_value_clears_it() -> None:
    current = state()
    current.restore([Sample(Series("if_oper_status", "ps-rt1", "Gi0/1"), 5000, 0)], {BROKEN: 5000})
    assert [wrong.key for wrong in current.wrong()] == [BROKEN]
    poll(current, 70, reachable=1, if_oper_status=1)
    assert current.wrong() == []


def test_a_device_that_left_the_plan_is_forgotten() -> None:
    current = state()
    poll(current, 10, reachable=1, if_oper_status=0)
    current.plan({"ps-ups1": {}})
    assert current.wrong() == []
    assert not current.knows("ps-rt1")
    current.plan({"ps-ups1": {}, "ps-rt1": {"Gi0/1": UPLINK}})
    assert current.health("ps-rt1", 11_000).state == "unknown"


def test_a_device_that_cannot_be_asked_is_unknown_and_says_why() -> None:
    current = state()
    poll(current, 10, reachable=1, if_oper_status=0)
    current.plan({"ps-ups1": {}}, {"ps-rt1": LeftOut("no-credential", "there is no credential")})
    assert (set(current.devices()), current.planned) == ({"ps-ups1", "ps-rt1"}, 1)
    live = current.device("ps-rt1", 11_000)
    assert (live.health.state, live.health.outcome) == ("unknown", "cannot-ask")
    assert (live.health.why, live.values) == ("there is no credential", ())
    assert current.wrong() == []


def test_a_device_that_can_be_asked_again_waits_for_its_first_poll() -> None:
    current = state()
    current.plan({}, {"ps-rt1": LeftOut("no-credential", "there is no credential")})
    current.plan({"ps-rt1": {"Gi0/1": UPLINK}})
    health = current.health("ps-rt1", 11_000)
    assert (health.state, health.outcome, health.why) == ("unknown", "", "")
    poll(current, 12, reachable=1, if_oper_status=1)
    assert current.health("ps-rt1", 13_000).state == "ok"


def test_an_uplink_that_moved_to_another_interface_is_not_watched_on_the_old_one() -> None:
    current = state()
    poll(current, 10, reachable=1, if_oper_status=0)
    current.plan({"ps-rt1": {}})
    assert current.wrong() == []


def ping(current: CurrentState, at_s: int, **values: float) -> None:
    current.take_pings(
        "ps-rt1", [Sample(Series(metric, "ps-rt1"), at_s * 1000, value) for metric, value in values.items()]
    )


def test_pings_bring_values_and_alerts_and_say_nothing_of_the_polls() -> None:
    current = state()
    poll(current, 10, reachable=1)
    before = current.health("ps-rt1", 11_000)
    ping(current, 11, ping_method=1, loss_ratio=0.4, rtt_s=0.2)
    assert current.health("ps-rt1", 11_000) == before
    ping(current, 71, ping_method=1, loss_ratio=0.4, rtt_s=0.2)
    (wrong,) = current.wrong()
    assert wrong.key == AlertKey("link-lossy", "ps-rt1", "")
    assert wrong.details["value"] == 0.4
    assert current.health("ps-rt1", 71_000).state == "warning"
    assert current.health("ps-rt1", 71_000).polled_at_ms == 10_000


def test_a_round_trip_is_forgotten_when_the_next_burst_has_none() -> None:
    current = state()
    ping(current, 10, ping_method=1, loss_ratio=0.0, rtt_s=0.2)
    ping(current, 70, ping_method=1, loss_ratio=1.0)
    values = {value.metric: value.value for value in current.device("ps-rt1", 70_000).values}
    assert values == {"ping_method": 1, "loss_ratio": 1}


def test_pings_of_a_device_that_is_not_planned_are_left_out() -> None:
    current = state()
    current.take_pings("no-such", [Sample(Series("loss_ratio", "no-such"), 1000, 1.0)])
    assert not current.knows("no-such")


def test_a_device_that_a_budget_slows_down_is_known_in_between_and_alerts_all_the_same() -> None:
    current = CurrentState(first_rules(hold_s=60), 60)
    current.plan({"ps-rt1": {}})
    silence = Series("reachable", "ps-rt1")

    def silent(at_s: int) -> None:
        current.take(
            "ps-rt1", [Sample(silence, at_s * 1000, 0.0)], outcome="silent", why="", at_ms=at_s * 1000, duration_s=1,
            completeness_ratio=0, slowed_s=600,
        )  # fmt: skip

    silent(1000)
    assert current.health("ps-rt1", 1_900_000).state != "unknown"
    silent(1600)
    assert [wrong.key.rule for wrong in current.wrong()] == ["device-unreachable"]
    assert current.health("ps-rt1", 1_600_000 + 1_801_000).state == "unknown"
