from __future__ import annotations

import uuid
from datetime import UTC, date, datetime

from api.http.translation import translator
from api.web import overview
from api.web.overview import Standing
from inventory.public import PROVINCE, Medium, OfficeView, UnitView, UplinkView
from monitor.live import DeviceHealth, EngineBoard, State, StoreLive, UplinkLive
from monitor.public import AlertCounts, AlertView

VI = translator("vi", "Asia/Ho_Chi_Minh")
EN = translator("en", "Asia/Ho_Chi_Minh")
NOW = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)
STORE = StoreLive(name="duckdb", ok=True, why="", waiting=0, dropped=0)


def health(device: str, state: State, polled_at_ms: int = 0, outcome: str = "answered") -> DeviceHealth:
    return DeviceHealth(
        device=device, state=state, outcome=outcome, why="", since_ms=0, polled_at_ms=polled_at_ms, duration_s=0.1,
        completeness_ratio=1,
    )  # fmt: skip


def board(*devices: DeviceHealth) -> EngineBoard:
    return EngineBoard(
        at_ms=0, interval_s=60, database_ok=True, store=STORE, watched=0, polled_at_ms=0,
        troubled=devices, well=(),
    )  # fmt: skip


def known(offices: dict[str, State]) -> Standing:
    return Standing(known=True, total=5, working=5, unasked=0, offices=offices)


def office(code: str, unit: str, unit_name: str, devices: int = 5) -> OfficeView:
    return OfficeView(code, f"Văn phòng {code}", unit, unit_name, "", None, None, devices, watched=devices)


def unit(code: str, level: str, parent: str | None) -> UnitView:
    return UnitView(code, f"Xã {code}", f"{code} Commune", level, parent, date(2025, 7, 1), None)


def alert(unit_name: str) -> AlertView:
    return AlertView(
        uuid.uuid4(), "device-unreachable", "critical", "ps-rt1", "Bộ định tuyến", "ps", "Văn phòng", unit_name, "", {},
        NOW, None, None, None,
    )  # fmt: skip


def standing(*healths: DeviceHealth, places: dict[str, str], strangers: dict[str, str], total: int) -> Standing:
    troubled = overview.by_device(one for one in healths if one.state != "ok")
    return overview.standing(troubled, places, strangers, total)


def test_an_office_is_as_its_worst_device_is() -> None:
    found = standing(
        health("a1", "notice"), health("a2", "critical"), health("b1", "unknown"), health("c1", "ok"),
        places={"a1": "a", "a2": "a", "b1": "b"}, strangers={}, total=4,
    )  # fmt: skip
    assert found.offices == {"a": "critical", "b": "unknown"}
    assert (found.working, found.office("c")) == (1, "ok")


def test_devices_that_the_reader_may_not_see_count_for_no_office() -> None:
    found = standing(health("secret", "critical"), places={}, strangers={}, total=3)
    assert (found.offices, found.working, found.unasked) == ({}, 3, 0)


def test_what_the_engine_has_not_asked_yet_is_not_called_well() -> None:
    before_the_first_plan = standing(places={}, strangers={"a1": "a", "b1": "b"}, total=2)
    assert (before_the_first_plan.working, before_the_first_plan.unasked) == (0, 2)
    assert before_the_first_plan.office("a") == "unknown"

    a_new_one = standing(
        health("a1", "ok"), health("a2", "unknown", outcome=""), health("b1", "critical"),
        places={"a2": "a", "b1": "b"}, strangers={"b2": "b"}, total=4,
    )  # fmt: skip
    assert (a_new_one.working, a_new_one.unasked) == (1, 2)
    assert a_new_one.offices == {"a": "unknown", "b": "critical"}
    assert overview.devices_answer(EN, a_new_one) == "1 of 4 devices work well. Not asked yet: 2."
    assert overview.devices_answer(VI, a_new_one) == "1 trên 4 thiết bị hoạt động tốt. Chưa kiểm tra: 2."


def test_tiles_stand_under_the_province_that_they_lie_in() -> None:
    provinces = {"bon-thop": unit("lam-dong", PROVINCE, None)}
    groups = overview.group_tiles(
        [office("bt", "bon-thop", "Thôn Bon Thớp"), office("x", "ended-district", "Huyện Bắc Bình")],
        known({"bt": "warning"}), provinces, english=False,
    )  # fmt: skip
    assert [(group.name, [(tile.name, tile.state) for tile in group.tiles]) for group in groups] == [
        ("Xã lam-dong", [("Thôn Bon Thớp", "warning")]),
        ("", [("Huyện Bắc Bình", "ok")]),
    ]


def test_two_offices_of_one_unit_are_told_apart() -> None:
    shown = [office("dl", "lam-dong", "Lâm Đồng"), office("pt", "lam-dong", "Lâm Đồng")]
    tiles = overview.group_tiles(shown, known({}), {}, english=False)[0].tiles
    assert [tile.name for tile in tiles] == ["Lâm Đồng (dl)", "Lâm Đồng (pt)"]


def test_no_office_is_called_well_when_the_engine_is_away_or_it_has_no_devices() -> None:
    def state(standing: Standing, *, devices: int) -> State:
        groups = overview.group_tiles([office("a", "u", "Xã", devices)], standing, {}, english=False)
        return groups[0].tiles[0].state

    assert state(overview.nothing_known(5), devices=5) == "unknown"
    assert state(known({}), devices=0) == "unknown"
    assert state(known({}), devices=5) == "ok"


def test_the_board_shows_broken_lines_first_then_the_fullest() -> None:
    def line(code: str) -> UplinkView:
        return UplinkView(code, f"{code}-rt1", "eth0", code, "Văn phòng", "Viettel", Medium.FIBRE, 1, 1)

    def live(code: str, state: State, ratio: float) -> UplinkLive:
        return UplinkLive(
            uplink=code, device="", interface="", state=state, in_bps=0, out_bps=0, utilisation_ratio=ratio, at_ms=0
        )

    told = (
        live("calm", "ok", 0.1),
        live("busy", "warning", 0.95),
        live("down", "critical", 0),
        live("half", "ok", 0.5),
    )
    known = {one.uplink: one for one in told}
    pairs = overview.pair_uplinks([line(code) for code in ("calm", "busy", "down", "half", "new")], known)
    assert [uplink.code for uplink, _ in pairs] == ["down", "busy", "new", "half", "calm"]


def test_the_answer_names_where_somebody_is_needed() -> None:
    counts = AlertCounts(critical=3, critical_untaken=2)
    assert (
        overview.answer(VI, counts, [alert("Xã La Dạ"), alert("Xã La Dạ")], NOW)
        == "2 việc khẩn cấp chưa ai nhận: Xã La Dạ"
    )
    two = overview.answer(EN, counts, [alert("Xã La Dạ"), alert("Xã Hải Ninh")], NOW)
    assert two == "2 critical alerts wait for somebody to take them: Xã La Dạ and Xã Hải Ninh"
    three = overview.answer(VI, counts, [alert("A"), alert("B"), alert("C")], NOW)
    assert three.endswith("A, B và nơi khác")


def test_the_answer_calms_where_everything_is_taken_or_nothing_is_open() -> None:
    assert (
        overview.answer(VI, AlertCounts(warning=2, warning_untaken=2), [], NOW)
        == "2 việc chưa ai nhận, không có việc nào khẩn cấp."
    )
    assert overview.answer(EN, AlertCounts(critical=1), [], NOW) == "1 alert is open, and somebody works on it."
    assert overview.answer(VI, AlertCounts(), [], NOW) == "Không có việc nào cần nhận. Kiểm tra lần cuối 08:26."
    assert overview.answer(VI, AlertCounts(), [], None) == "Không có việc nào cần nhận. Chưa kiểm tra thiết bị nào."


def test_the_newest_poll_tells_when_was_checked() -> None:
    assert overview.checked_at(board().model_copy(update={"polled_at_ms": 3000})) == datetime(
        1970, 1, 1, 0, 0, 3, tzinfo=UTC
    )
    assert overview.checked_at(board(health("a", "unknown"))) is None
