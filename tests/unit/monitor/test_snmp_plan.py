from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from inventory.public import Profile, Table, bundled_profiles, load_profiles
from monitor.probes import snmp_plan
from monitor.probes.port import Kind, Reading
from monitor.probes.snmp_plan import UPTIME, Plan, Rows, Value

IF = "1.3.6.1.2.1.2.2.1"
IFX = "1.3.6.1.2.1.31.1.1.1"
HOST_CPU = "1.3.6.1.2.1.25.3.3.1.2"


@pytest.fixture(scope="module")
def profiles() -> Mapping[str, Profile]:
    return bundled_profiles()


def table(profile: Profile, name: str) -> Table:
    return next(table for table in profile.tables if table.name == name)


def plan_of(profile: Profile, tables: list[Rows], answers: Mapping[str, Value]) -> Plan:
    return snmp_plan.settle(profile, tables, snmp_plan.wanted(profile, tables), answers)


def interface(row: int, **more: Value) -> dict[str, Value]:
    """Return what a whole interface answers, with changes by column such as `ifx_6=None` for "not there"."""
    answers: dict[str, Value] = {f"{IF}.{column}.{row}": 1 for column in (7, 8, 10, 13, 14, 16, 19, 20)}
    answers |= {f"{IFX}.6.{row}": 2**63, f"{IFX}.10.{row}": 5, f"{IFX}.15.{row}": 1000, f"{IF}.5.{row}": 10**9}
    for name, value in more.items():
        part, column = name.split("_")
        answers[f"{IFX if part == 'ifx' else IF}.{column}.{row}"] = value
    return {oid: value for oid, value in answers.items() if value is not None}


def read_interface(profiles: Mapping[str, Profile], **more: Value) -> dict[str, Reading]:
    profile = profiles["network-interfaces"]
    tables = [Rows(table(profile, "interfaces"), {"1": "eth0"})]
    answers = {UPTIME: 4200, **interface(1, **more)}
    readings = snmp_plan.read(plan_of(profile, tables, answers), answers).readings
    return {reading.metric: reading for reading in readings}


def test_64_bit_counters_are_preferred_and_stay_exact(profiles: Mapping[str, Profile]) -> None:
    reading = read_interface(profiles, ifx_6=2**64 - 1)["if_in_octets"]
    assert reading == Reading("if_in_octets", "eth0", 2**64 - 1, Kind.COUNTER64)
    assert isinstance(reading.value, int)


def test_without_them_32_bit_counters_are_read(profiles: Mapping[str, Profile]) -> None:
    readings = read_interface(profiles, ifx_6=None, if_10=77)
    assert readings["if_in_octets"] == Reading("if_in_octets", "eth0", 77, Kind.COUNTER32)
    assert readings["if_out_octets"].kind is Kind.COUNTER64


def test_a_plan_asks_one_way_only_and_nothing_that_is_not_there(profiles: Mapping[str, Profile]) -> None:
    profile = profiles["network-interfaces"]
    tables = [Rows(table(profile, "interfaces"), {"1": "eth0"})]
    plan = plan_of(profile, tables, {UPTIME: 1, **interface(1, if_13=None)})
    assert f"{IFX}.6.1" in plan.oids
    assert f"{IF}.10.1" not in plan.oids
    assert f"{IF}.13.1" not in plan.oids
    assert f"{IFX}.19.1" not in plan.oids
    assert UPTIME not in plan.oids


@pytest.mark.parametrize(
    ("high", "low", "bps"),
    [(1000, 10**9, 1e9), (0, 64_000, 64_000), (None, 2**32 - 1, None), (0, 0, None), (0, None, None)],
)
def test_an_unknown_speed_is_no_speed(
    profiles: Mapping[str, Profile], high: Value, low: Value, bps: float | None
) -> None:
    reading = read_interface(profiles, ifx_15=high, if_5=low).get("if_speed_bps")
    assert (reading.value if reading else None) == bps


def test_a_speed_that_is_unknown_now_is_read_once_the_cable_is_plugged_in(profiles: Mapping[str, Profile]) -> None:
    profile = profiles["network-interfaces"]
    tables = [Rows(table(profile, "interfaces"), {"1": "eth0"})]
    plan = plan_of(profile, tables, {UPTIME: 1, **interface(1, ifx_15=0, if_5=0)})
    read = snmp_plan.read(plan, {UPTIME: 2, **interface(1, ifx_15=100, if_5=10**8)})
    assert Reading("if_speed_bps", "eth0", 1e8, Kind.GAUGE) in read.readings


@pytest.mark.parametrize("value", [-1, 2**64, b"12", "1.2.3.4", None, float("nan"), float("inf")])
def test_what_no_counter_can_be_is_no_value(profiles: Mapping[str, Profile], value: Value) -> None:
    assert "if_in_octets" not in read_interface(profiles, ifx_6=value, if_10=None)


@pytest.mark.parametrize(("status", "value"), [(1, 1), (2, 0), (7, 0), (99, 0)])
def test_an_interface_is_up_or_not(profiles: Mapping[str, Profile], status: int, value: float) -> None:
    assert read_interface(profiles, if_8=status)["if_oper_status"].value == value


def test_values_that_are_missing_are_counted_and_named(profiles: Mapping[str, Profile]) -> None:
    profile = profiles["network-interfaces"]
    tables = [Rows(table(profile, "interfaces"), {"1": "eth0"})]
    answers = {UPTIME: 1, **interface(1)}
    plan = plan_of(profile, tables, answers)
    del answers[f"{IFX}.6.1"]
    read = snmp_plan.read(plan, answers)
    assert read.answered == len(plan.keys) - 1
    assert [(key.metric, key.instance) for key in read.missing] == [("if_in_octets", "eth0")]


def test_a_required_value_is_missed_even_if_the_device_never_gave_it(profiles: Mapping[str, Profile]) -> None:
    profile = profiles["network-interfaces"]
    tables = [Rows(table(profile, "interfaces"), {"1": "eth0"})]
    answers = {UPTIME: 1, **interface(1, if_8=None)}
    read = snmp_plan.read(plan_of(profile, tables, answers), answers)
    assert [key.metric for key in read.missing] == ["if_oper_status"]


def test_rows_have_the_best_name_and_no_two_the_same(profiles: Mapping[str, Profile]) -> None:
    interfaces = table(profiles["network-interfaces"], "interfaces")
    names = {"1": b"Gi0/1\x00", "2": b"", "3": b"lan", "4": b"lan"}
    descriptions = {"1": b"GigabitEthernet0/1", "2": "Cổng 2".encode(), "5": b"\x01\x02"}
    labels = snmp_plan.label_rows(interfaces, ["1", "2", "3", "4", "5"], [names, descriptions], {}).labels
    assert labels == {"1": "Gi0/1", "2": "Cổng 2", "3": "lan #3", "4": "lan #4", "5": "5"}


def test_a_name_is_never_long_nor_bytes_that_are_no_text() -> None:
    assert snmp_plan.text(b"\xff\xfe" + b"a" * 500) == "\ufffd\ufffd" + "a" * 98


def test_processors_become_one_load_and_memory_one_ratio(profiles: Mapping[str, Profile]) -> None:
    profile = profiles["host"]
    tables = [Rows(table(profile, "processors"), {"196608": "196608", "196609": "196609"})]
    answers: dict[str, Value] = {UPTIME: 1, f"{HOST_CPU}.196608": 20, f"{HOST_CPU}.196609": 60}
    answers |= {f"1.3.6.1.4.1.2021.4.{n}.0": v for n, v in ((5, 1000), (6, 300), (14, 50), (15, 250))}
    readings = {r.metric: r.value for r in snmp_plan.read(plan_of(profile, tables, answers), answers).readings}
    assert readings["cpu_load_ratio"] == pytest.approx(0.4)
    assert readings["memory_used_ratio"] == pytest.approx(0.4)
    assert "memory_total_kib" not in readings


def test_without_ucd_memory_is_read_from_host_resources(profiles: Mapping[str, Profile]) -> None:
    profile = profiles["host"]
    tables = [Rows(table(profile, "memory"), {"1": "1"})]
    answers: dict[str, Value] = {UPTIME: 1, "1.3.6.1.2.1.25.2.3.1.5.1": 2000, "1.3.6.1.2.1.25.2.3.1.6.1": 500}
    readings = {r.metric: r.value for r in snmp_plan.read(plan_of(profile, tables, answers), answers).readings}
    assert readings["memory_used_ratio"] == 0.25


def test_a_ups_that_does_not_know_its_charge_gives_no_charge(profiles: Mapping[str, Profile]) -> None:
    profile = profiles["ups-mib"]
    answers: dict[str, Value] = {UPTIME: 1, "1.3.6.1.2.1.33.1.2.4.0": -1, "1.3.6.1.2.1.33.1.4.1.0": 5}
    read = snmp_plan.read(plan_of(profile, [], answers), answers)
    assert {r.metric: r.value for r in read.readings} == {"uptime_s": 0.01, "ups_on_battery": 1}
    assert not read.missing


def test_a_single_phase_ups_that_lists_three_lines_has_the_voltage_of_its_one(profiles: Mapping[str, Profile]) -> None:
    profile = profiles["ups-mib"]
    tables = [Rows(table(profile, "input-lines"), {"1": "1", "2": "2", "3": "3"})]
    volts = "1.3.6.1.2.1.33.1.3.3.1.3"
    answers: dict[str, Value] = {UPTIME: 1, f"{volts}.1": 238, f"{volts}.2": 0, f"{volts}.3": 0}
    read = snmp_plan.read(plan_of(profile, tables, answers), answers)
    assert Reading("ups_input_volts", "", 238, Kind.GAUGE) in read.readings


def test_rows_count_by_the_value_of_a_column(tmp_path: Path) -> None:
    filtered = """version: 1
title: {vi: Thử, en: Trial}
cites: {X-MIB: a book}
tables:
  t:
    index: {oid: 1.3.6.1.9.1, object: "X-MIB::xIndex"}
    rows: {oid: 1.3.6.1.9.2, object: "X-MIB::xType", only: [6, 1.3.6.1.5], leave_out: [24]}
    columns: {m: {from: [{oid: 1.3.6.1.9.3, object: "X-MIB::xValue"}]}}
"""
    (tmp_path / "t.yaml").write_text(filtered)
    rows = load_profiles(tmp_path)["t"].tables[0].rows
    assert rows is not None
    assert snmp_plan.counts(rows, 6)
    assert snmp_plan.counts(rows, "1.3.6.1.5")
    assert not snmp_plan.counts(rows, 24)
    assert not snmp_plan.counts(rows, None)
