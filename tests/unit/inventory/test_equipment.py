"""When a site is cut, how a device goes through its life, when somebody is at an office."""

from __future__ import annotations

import itertools

import pytest

from inventory.devices import POLLED, DeviceState, may_become
from inventory.links import Medium, SiteState, UplinkView, circles, site_state
from inventory.offices import mistake_in_hours


def line(code: str, group: str = "", device: str = "rt1", parent: str | None = None) -> UplinkView:
    return UplinkView(code, device, "e1", "ps", "Phan Sơn", "VNPT", Medium.FIBRE, 1, 1, group, parent)


@pytest.mark.parametrize(
    ("lines", "down", "state"),
    [
        ([], [], None),
        ([line("fibre")], [], SiteState.WHOLE),
        ([line("fibre")], ["fibre"], SiteState.CUT),
        ([line("fibre"), line("4g")], ["fibre"], SiteState.REDUCED),
        ([line("fibre"), line("4g")], ["fibre", "4g"], SiteState.CUT),
        ([line("fibre", "a"), line("4g", "a"), line("camera", "b")], ["camera"], SiteState.PARTLY_CUT),
        ([line("fibre", "a"), line("4g", "a"), line("camera", "b")], ["fibre"], SiteState.REDUCED),
        ([line("fibre", "a"), line("camera", "b")], ["fibre", "camera"], SiteState.CUT),
        ([line("fibre")], ["elsewhere"], SiteState.WHOLE),
    ],
)
def test_a_site_is_cut_only_when_no_line_stands_in(
    lines: list[UplinkView], down: list[str], state: SiteState | None
) -> None:
    assert site_state(lines, down) == state


def test_a_circle_of_lines_is_found() -> None:
    assert list(circles({"a": ["b"], "b": ["c"], "c": ["a"]})) == [("a", "b", "c", "a")]
    assert list(circles({"a": ["b", "c"], "b": ["c"]})) == []
    assert list(circles({"a": ["a"]})) == [("a", "a")]


def test_a_device_goes_step_by_step_and_only_what_is_there_is_asked() -> None:
    life = [DeviceState.PLANNED, DeviceState.STAGED, DeviceState.ACTIVE, DeviceState.MAINTENANCE, DeviceState.RETIRED]
    assert all(may_become(now, then) for now, then in itertools.pairwise(life))
    assert all(may_become(state, state) for state in life)
    assert not may_become(DeviceState.PLANNED, DeviceState.ACTIVE)
    assert not may_become(DeviceState.RETIRED, DeviceState.ACTIVE)
    assert {DeviceState.ACTIVE, DeviceState.MAINTENANCE} == POLLED


@pytest.mark.parametrize(
    "hours", ["", "Mo-Fr 07:30-11:30,13:30-17:00", "Mo-Fr 07:30-17:00; Sa 08:00-11:00", "Su 00:00-24:00"]
)
def test_hours_are_days_with_their_times(hours: str) -> None:
    assert mistake_in_hours(hours) is None


@pytest.mark.parametrize(
    "hours", ["always", "Mo 17:00-07:30", "Mo 25:00-26:00", "Mo-Fr", "T2 07:30-11:30", "x" * 201, "; "]
)
def test_what_are_no_hours_is_told(hours: str) -> None:
    assert mistake_in_hours(hours)
