from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from api.http.translation import translator
from api.web import device_view
from api.web.device_view import Window, draw, graph_of, interfaces, path, window
from api.web.words import OUTCOMES
from inventory.public import DeviceView, Medium, Role, SnmpVersion, UplinkView
from monitor.live import DeviceHealth, DeviceLive, GraphPoint, GraphSeries, LastValue

VI = translator("vi", "Asia/Ho_Chi_Minh")
NOW = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)
ROUTER = DeviceView(
    "ps-rt1", "Bộ định tuyến", Role.ROUTER, "ps", "Văn phòng", "Xã Phan Sơn", "network-interfaces", "127.20.1.1", 16100,
    SnmpVersion.V2C, "example-v2c",
)  # fmt: skip
UPLINK = UplinkView("ps-fibre", "ps-rt1", "eth1", "ps", "Văn phòng", "VNPT", Medium.FIBRE, 10, 10)


def value(metric: str, instance: str, number: float) -> LastValue:
    return LastValue(metric=metric, instance=instance, value=number, at_ms=0)


def live(outcome: str, *values: LastValue) -> DeviceLive:
    health = DeviceHealth(
        device="ps-rt1", state="critical", outcome=outcome, why="", since_ms=1_795_480_000_000, polled_at_ms=1,
        duration_s=2, completeness_ratio=0.62,
    )  # fmt: skip
    return DeviceLive(health=health, values=values)


def line(metric: str, *points: tuple[int, float]) -> GraphSeries:
    return GraphSeries(
        metric=metric, instance="eth1",
        points=tuple(GraphPoint(at_ms=at_ms, mean=mean, low=mean, high=mean) for at_ms, mean in points),
    )  # fmt: skip


def test_uplinks_come_first_then_what_is_up() -> None:
    found = interfaces(
        [
            value("if_oper_status", "eth10", 1), value("if_oper_status", "eth2", 1), value("if_oper_status", "eth0", 0),
            value("if_oper_status", "eth1", 0), value("cpu_load_ratio", "", 0.1),
        ],
        [UPLINK],
    )  # fmt: skip
    assert [each.name for each in found] == ["eth1", "eth2", "eth10", "eth0"]
    assert found[0].uplink == UPLINK


def test_what_is_not_known_of_an_interface_is_not_zero() -> None:
    (found,) = interfaces([value("if_in_errors", "eth1", 3)], [])
    assert (found.up, found.in_bps, found.errors, found.discards) == (None, None, 3, None)


def test_an_interface_that_was_switched_off_is_no_fault() -> None:
    (found,) = interfaces([value("if_oper_status", "eth1", 0), value("if_admin_status", "eth1", 0)], [])
    assert found.switched_off


def test_steps_are_never_shorter_than_the_time_between_two_polls() -> None:
    assert window(1, 10_000_000, 5).step_ms == 15_000
    assert window(1, 10_000_000, 60) == Window(6_400_000, 10_000_000, 60_000)


def test_a_gap_in_the_history_is_a_gap_in_the_graph() -> None:
    graph = graph_of(
        [line("if_in_bps", (0, 1), (1000, 2), (5000, 3)), line("if_out_bps", (0, 4), (1000, 5))],
        Window(0, 10_000, 1000),
    )
    assert (graph.times, graph.into, graph.out) == ([0, 1, 2, 5], [1, 2, None, 3], [4, 5, None, None])


def test_a_young_history_fills_the_graph_and_an_old_one_its_window() -> None:
    hour = Window(0, 3_600_000, 15_000)
    assert graph_of([line("if_in_bps", (3_500_000, 1))], hour).start == 3_300
    assert graph_of([line("if_in_bps", (1_800_000, 1))], hour).start == 1_800
    assert graph_of([line("if_in_bps", (0, 1))], hour).start == 0


def test_no_history_is_an_empty_graph() -> None:
    assert graph_of([line("if_in_bps"), line("if_out_bps")], Window(0, 1000, 1000)).times == []


def test_the_drawing_lifts_its_pen_at_a_gap() -> None:
    graph = graph_of([line("if_in_bps", (0, 0), (1000, 10), (5000, 5))], Window(0, 10_000, 1000))
    assert path(replace(graph, start=0), graph.into, 10) == "M0.0 99.0L60.0 1.0M300.0 50.0"


def test_the_drawing_is_told_in_words_and_figures() -> None:
    graph = graph_of(
        [line("if_in_bps", (0, 1_000_000), (1000, 3_000_000)), line("if_out_bps", (0, 500))], Window(0, 2000, 1000)
    )
    drawn = draw(VI, graph)
    assert (drawn.in_mean, drawn.in_most, drawn.out_mean, drawn.out_most) == (2_000_000, 3_000_000, 500, 500)
    assert "chiều vào cao nhất 3\N{NO-BREAK SPACE}Mbit/s" in drawn.words


def test_the_table_beside_the_graph_stays_short() -> None:
    graph = graph_of([line("if_in_bps", *((step * 1000, step) for step in range(240)))], Window(0, 240_000, 1000))
    rows = draw(VI, graph).table
    assert len(rows) == device_view.TABLE_ROWS
    assert rows[0].in_bps == pytest.approx(9.5)
    assert rows[0].out_bps is None


@pytest.mark.parametrize("outcome", [code for code in OUTCOMES if code not in {"", "answered", "never"}])
def test_every_bad_outcome_says_what_happened_and_what_to_do(outcome: str) -> None:
    context = device_view.live_context(ROUTER, live(outcome, value("uptime_s", "", 1)), [], VI, NOW)
    assert context["happened"]
    assert context["to_do"]
    assert "{" not in context["happened"] + context["to_do"]


def test_a_silent_device_that_was_never_heard_is_not_said_to_have_fallen_silent() -> None:
    ours = [value("reachable", "", 0), value("poll_duration_s", "", 2)]
    never = device_view.live_context(ROUTER, live("silent", *ours), [], VI, NOW)
    fallen = device_view.live_context(ROUTER, live("silent", *ours, value("uptime_s", "", 5)), [], VI, NOW)
    assert never["happened"] == "Thiết bị chưa từng trả lời."
    assert fallen["happened"].startswith("Thiết bị không trả lời từ ")


def test_a_device_that_the_engine_does_not_know_was_not_asked() -> None:
    context = device_view.live_context(ROUTER, None, [], VI, NOW)
    assert context["happened"] == "Hệ thống chưa kiểm tra thiết bị này."
    assert (context["polled_at"], context["interfaces"], context["values"]) == (None, [], [])
