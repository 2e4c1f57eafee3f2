"""Turns a profile and the rows that a device has into the list of values to ask for, and answers into readings.

Pure: no socket, no clock. A plan is settled once from an answer to *all* ways to each metric, then asks one way each.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from inventory.public import Column, Object, Profile, Ratio, RowFilter, Scalar, Source, Table
from monitor.probes.port import Instance, Kind, Reading

Value = None | str | bytes | float
"""A value as gufo-snmp gives it: numbers, octets, addresses and identifiers as text."""

Values = Mapping[str, Value]
"""Answers by object identifier; what does not exist is not a key."""

UPTIME = "1.3.6.1.2.1.1.3.0"
"""SNMPv2-MIB sysUpTime.0. It goes first in every request: its absence tells "too big" from "nothing of this exists"."""

LONGEST_LABEL = 100

_LIMITS = {"gauge": math.inf, "counter32": 2**32 - 1, "counter64": 2**64 - 1}
_COMBINE: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "min": min,
    "max": max,
    "mean": lambda values: sum(values) / len(values),
    "count": len,
}


class Rows(NamedTuple):
    """The rows that count of one table: their indices in table order, the label of each, and what scales its values.

    Attributes:
        table: The table.
        labels: By index.
        factors: By identifier of the column that says so, and by index: what a raw value is multiplied with.
    """

    table: Table
    labels: Mapping[str, str]
    factors: Mapping[str, Mapping[str, float]] = MappingProxyType({})


class Wanted(NamedTuple):
    """One value that a profile wants of a device, and every way to it.

    Attributes:
        metric: Its metric.
        instance: Its instance; empty for a value of the whole device.
        required: Whether the device answers in part only without it.
        combine: How it becomes one with the other rows; None: it stands alone.
        ways: Object identifiers with their sources, best first.
    """

    metric: str
    instance: str
    required: bool
    combine: str | None
    ways: tuple[tuple[str, Source], ...]


class Key(NamedTuple):
    """One value that is asked for.

    Attributes:
        oid: What to ask.
        metric: What it becomes.
        instance: Of which instance.
        kind: How it behaves.
        source: How a raw value becomes the metric's; None: it is the metric's value already.
        inner: Whether it only goes into a combined value or a ratio.
        seen: Whether the device answered it when the plan was settled; if not, it is asked because it is required.
    """

    oid: str
    metric: str
    instance: str
    kind: Kind
    source: Source | None
    inner: bool
    seen: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What one device is asked at each poll.

    Attributes:
        oids: What to ask beside the uptime, which goes with every request.
        keys: What the answers mean.
        combines: How several inner values of a metric become one.
        ratios: What is computed from inner values.
        discontinuities: Identifiers of the discontinuity times, by instance.
        instances: Rows whose values are series of their own.
        seen: Identifiers of the keys that the device answered when the plan was settled.
        given: Metric and instance of the same.
    """

    oids: tuple[str, ...]
    keys: tuple[Key, ...]
    combines: Mapping[str, str]
    ratios: tuple[Ratio, ...]
    discontinuities: Mapping[str, str]
    instances: tuple[Instance, ...]
    seen: frozenset[str]
    given: frozenset[tuple[str, str]]


class Read(NamedTuple):
    """What the answers of one poll say.

    Attributes:
        readings: Values of metrics.
        discontinuities: By instance, seconds of sysUpTime.
        answered: How many of the plan's keys came as numbers.
        missing: Keys that did not.
    """

    readings: tuple[Reading, ...]
    discontinuities: Mapping[str, float]
    answered: int
    missing: tuple[Key, ...]


def counts(rows: RowFilter, value: Value) -> bool:
    """Return whether a row counts whose filter column has `value`; None where the device does not tell."""
    said = text(value)
    return said not in rows.leave_out and (not rows.only or said in rows.only)


def label_rows(
    table: Table, rows: Sequence[str], names: Sequence[Values], factors: Mapping[str, Mapping[str, float]]
) -> Rows:
    """Return the rows with a label each: the first name that is not empty, else the index; no two alike.

    Args:
        table: Their table.
        rows: Indices, in table order.
        names: For each of the table's label columns that was read, its values by index.
        factors: As in the rows that are returned.
    """
    labels = {row: next(filter(None, (text(column.get(row)) for column in names)), row) for row in rows}
    often = Counter(labels.values())
    return Rows(
        table, {row: f"{label} #{row}" if often[label] > 1 else label for row, label in labels.items()}, factors
    )


def wanted(profile: Profile, tables: Sequence[Rows], *, counter64: bool = True) -> tuple[Wanted, ...]:
    """Return everything that `profile` wants of a device with these rows, in the profile's order.

    Args:
        profile: What to ask.
        tables: The rows that the device has.
        counter64: Whether its protocol has 64-bit counters; SNMP v1 has none (RFC 2576 section 2.1.1).
    """
    return tuple(value for value in _wanted(profile, tables, counter64=counter64) if value.ways)


def _wanted(profile: Profile, tables: Sequence[Rows], *, counter64: bool) -> Iterator[Wanted]:
    def usable(sources: Sequence[Source]) -> list[Source]:
        return [source for source in sources if counter64 or source.kind != "counter64"]

    scalar: Scalar
    for scalar in profile.scalars:
        ways = tuple((source.object.oid, source) for source in usable(scalar.sources))
        yield Wanted(scalar.metric, scalar.instance, scalar.required, None, ways)
    for rows in tables:
        column: Column
        sources = [(column, usable(column.sources)) for column in rows.table.columns]
        for row, label in rows.labels.items():
            for column, some in sources:
                factor = _factor(rows, column, row)
                ways = tuple((f"{source.object.oid}.{row}", _scaled(source, factor)) for source in some if factor)
                yield Wanted(column.metric, label, column.required, column.combine, ways)


def scaling_columns(table: Table) -> list[tuple[Object, Callable[[float], float]]]:
    """Return the columns of `table` that scale its values, each with what its values mean as a factor."""
    found: list[tuple[Object, Callable[[float], float]]] = [
        (column.whole, lambda whole: 1 / whole if whole > 0 else 0.0) for column in table.columns if column.whole
    ]
    if table.magnitude is not None:  # yocto(1) to yotta(17), units(9)
        found.append((table.magnitude, lambda scale: 1000.0 ** (scale - 9) if 1 <= scale <= 17 else 0.0))  # noqa: PLR2004
    if table.precision is not None:  # -8 to 9; below zero: so many digits of the integer are not sure
        found.append((table.precision, lambda digits: 10.0 ** -max(digits, 0) if -8 <= digits <= 9 else 0.0))  # noqa: PLR2004
    return found


def _factor(rows: Rows, column: Column, row: str) -> float:
    """Return what scales the values of `column` in `row`; 0 where the device does not tell it."""
    factor = 1.0
    for scaling in (column.whole, rows.table.magnitude, rows.table.precision):
        if scaling is not None:
            factor *= rows.factors.get(scaling.oid, {}).get(row, 0.0)
    return factor


def _scaled(source: Source, factor: float) -> Source:
    return source if factor == 1.0 else replace(source, scale=source.scale * factor)


def discontinuity_oids(tables: Sequence[Rows]) -> dict[str, str]:
    """Return, by instance, what to ask for the time at which its counters last lost their continuity."""
    return {
        label: f"{rows.table.discontinuity.oid}.{row}"
        for rows in tables
        if rows.table.discontinuity is not None
        for row, label in rows.labels.items()
    }


def every_oid(values: Sequence[Wanted], tables: Sequence[Rows]) -> list[str]:
    """Return all ways to all values, to ask once before a plan is settled; without the uptime, asked anyway."""
    oids = dict.fromkeys(oid for value in values for oid, _ in value.ways)
    oids |= dict.fromkeys(discontinuity_oids(tables).values())
    oids.pop(UPTIME, None)
    return list(oids)


def settle(profile: Profile, tables: Sequence[Rows], values: Sequence[Wanted], answers: Values) -> Plan:
    """Return the plan that asks each value in the best way that `answers` shows to work, and not for what is absent."""
    ingredients = {
        name for ratio in profile.ratios for share in ratio.shares for name in (share.whole, *share.used, *share.unused)
    }
    keys = tuple(key for value in values for key in _key(value, answers, ingredients))
    discontinuities = {
        label: oid for label, oid in discontinuity_oids(tables).items() if number(answers.get(oid)) is not None
    }
    oids = dict.fromkeys([key.oid for key in keys] + list(discontinuities.values()))
    oids.pop(UPTIME, None)
    return Plan(
        oids=tuple(oids),
        keys=keys,
        combines={value.metric: value.combine for value in values if value.combine},
        ratios=profile.ratios,
        discontinuities=discontinuities,
        instances=tuple(
            Instance(rows.table.name, row, label)
            for rows in tables
            if any(column.combine is None for column in rows.table.columns)
            for row, label in rows.labels.items()
        ),
        seen=frozenset(key.oid for key in keys if key.seen),
        given=frozenset((key.metric, key.instance) for key in keys if key.seen),
    )


def _key(value: Wanted, answers: Values, ingredients: set[str]) -> Iterator[Key]:
    there = [(oid, source) for oid, source in value.ways if number(answers.get(oid)) is not None]
    # A way that answers "unknown" now may know later, but only where no other way knows.
    known = [(oid, source) for oid, source in there if metric_value(source, number(answers[oid]) or 0) is not None]
    chosen = (known or there or (list(value.ways) if value.required else []))[:1]
    for oid, source in chosen:
        plain = source.scale == 1.0 and source.mapping is None and source.at_least is None and source.at_most is None
        inner = value.combine is not None or value.metric in ingredients
        kind = Kind(source.kind)
        bare = plain and kind is Kind.GAUGE
        yield Key(oid, value.metric, value.instance, kind, None if bare else source, inner, seen=bool(there))


def read(plan: Plan, answers: Values) -> Read:
    """Return what `answers` say under `plan`.

    Once per value of every poll, thousands a second: no I/O, one small tuple a value.
    """
    readings: list[Reading] = []
    inner: dict[str, list[float]] = {}
    missing: list[Key] = []
    for key in plan.keys:
        raw = number(answers.get(key.oid))
        if raw is None:
            if plan.combines.get(key.metric) == "count":  # one fewer is what there is to say
                inner.setdefault(key.metric, [])
            else:
                missing.append(key)
            continue
        value = raw if key.source is None else metric_value(key.source, raw)
        if value is None:
            continue
        if key.inner:
            inner.setdefault(key.metric, []).append(value)
        else:
            readings.append(Reading(key.metric, key.instance, value, key.kind))
    if inner:
        readings += _computed(plan, inner)
    discontinuities = {}
    for label, oid in plan.discontinuities.items():
        ticks = number(answers.get(oid))
        if ticks is not None:
            discontinuities[label] = ticks / 100
    return Read(tuple(readings), discontinuities, len(plan.keys) - len(missing), tuple(missing))


def metric_value(source: Source, raw: float) -> float | None:
    """Return the metric's value of a raw one, or None where the device says "unknown" or what cannot be."""
    if raw > _LIMITS[source.kind] or (raw < 0 and source.kind != "gauge"):
        return None
    if source.at_least is not None and raw < source.at_least:
        return None
    if source.at_most is not None and raw > source.at_most:
        return None
    if source.mapping is not None:
        return source.mapping.get(int(raw), source.otherwise)
    # Rounded: 57 per cent is 0.57, not 0.5700000000000001.
    return raw if source.scale == 1.0 else round(raw * source.scale, 6)


def _computed(plan: Plan, inner: Mapping[str, Sequence[float]]) -> Iterator[Reading]:
    once = {metric: _COMBINE[plan.combines.get(metric, "sum")](values) for metric, values in inner.items()}
    ingredients = {
        name for ratio in plan.ratios for share in ratio.shares for name in (share.whole, *share.used, *share.unused)
    }
    for metric, value in once.items():
        if metric not in ingredients:
            yield Reading(metric, "", value, Kind.GAUGE)
    for ratio in plan.ratios:
        for share in ratio.shares:
            parts = [once.get(name) for name in (*share.used, *share.unused)]
            known = [part for part in parts if part is not None]
            whole = once.get(share.whole) if share.whole else sum(known)
            if whole and len(known) == len(parts):
                used = sum(known[: len(share.used)])
                part = (used if share.used else sum(known)) / whole
                yield Reading(ratio.metric, "", min(1.0, max(0.0, part if share.used else 1 - part)), Kind.GAUGE)
                break


def number(answer: Value) -> float | None:
    """Return `answer` if it is a finite number; texts and addresses are refused, whatever their letters say."""
    if answer.__class__ is int:
        return answer
    if isinstance(answer, float) and math.isfinite(answer):
        return answer
    return None


def text(answer: Value, longest: int = LONGEST_LABEL) -> str:
    """Return a text that is safe to show: UTF-8, no control characters, not longer than `longest`; empty for none."""
    letters = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else "" if answer is None else str(answer)
    return "".join(letter for letter in letters if letter.isprintable()).strip()[:longest]
