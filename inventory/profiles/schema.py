"""What a device profile is, once read: which objects to ask a kind of device for, and what their values mean.

Value types only. `loading.py` makes them from YAML; the monitor's poller turns them into requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

Kind = Literal["gauge", "counter32", "counter64"]
"""How a value behaves: a gauge is itself; a counter only grows, until 2^32 or 2^64 (RFC 2578 section 7.1)."""

Combine = Literal["sum", "mean", "min", "max", "count"]
"""How the rows of a column become one value of the device; `count` is how many rows answer."""


class Object(NamedTuple):
    """One object of a MIB.

    Attributes:
        oid: Numeric, without leading dot; a scalar's ends with its instance `.0`, a column's has no index.
        name: Its name as cited, `IF-MIB::ifHCInOctets`.
    """

    oid: str
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """One way to a metric: an object, and how its raw value becomes the metric's.

    Attributes:
        object: What to ask for.
        kind: How the value behaves.
        scale: Raw value times this is the metric's value, in the metric's unit.
        mapping: For enumerations: raw value to metric value; None for numbers.
        otherwise: What an unlisted raw value of an enumeration becomes; None: no value.
        at_least: A raw value below is what the device says for "unknown": no value.
        at_most: The same, above.
    """

    object: Object
    kind: Kind = "gauge"
    scale: float = 1.0
    mapping: Mapping[int, float] | None = None
    otherwise: float | None = None
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Scalar:
    """A metric that a device has once.

    Attributes:
        metric: Its name.
        sources: Ways to it, best first; the first that the device answers is kept.
        required: Whether its absence means that the device answers in part only.
        instance: Instance of the series, where a device-level value needs one; else empty.
    """

    metric: str
    sources: tuple[Source, ...]
    required: bool = False
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A metric that each row of a table has.

    Attributes:
        metric: Its name.
        sources: Ways to it, best first; each row keeps the first that answers for it.
        required: Whether its absence in a row means that the device answers in part only.
        combine: Make one value of the device from all rows; None: one series a row.
        whole: Column that holds, for each row, what its value is a part of: the metric is their ratio. Read when the
            rows are learned; a row where it is not above zero has no value.
    """

    metric: str
    sources: tuple[Source, ...]
    required: bool = False
    combine: Combine | None = None
    whole: Object | None = None


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows of a table count, by the value of one column.

    Attributes:
        object: The column.
        only: Values of the rows that count; empty: all.
        leave_out: Values of the rows that do not.
    """

    object: Object
    only: frozenset[str] = frozenset()
    leave_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a MIB: its rows are found by a walk, then asked by name.

    Attributes:
        name: Name within the profile.
        index: Column whose instances are the rows.
        labels: Columns that name a row for people, best first; the index where all are empty.
        columns: Metrics of each row.
        rows: Which rows count; None: all.
        discontinuity: Column with the sysUpTime at which a row's counters last lost continuity (RFC 2863); None: none.
        magnitude: Column with the power of a thousand of each row's values, as SensorDataScale (RFC 3433): units(9).
        precision: Column with the number of decimals in each row's values, as SensorPrecision (RFC 3433).
    """

    name: str
    index: Object
    labels: tuple[Object, ...]
    columns: tuple[Column, ...]
    rows: RowFilter | None = None
    discontinuity: Object | None = None
    magnitude: Object | None = None
    precision: Object | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """One way to a ratio: what is used of a whole, or what is left of it. Names are metrics of the same profile.

    Attributes:
        whole: The whole; empty: it is the sum of both parts.
        used: Their sum is the used part; empty if only `unused` is given.
        unused: Their sum is the unused part.
    """

    whole: str = ""
    used: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ratio:
    """A metric 0..1 computed from other values of the same poll, which then are not metrics of their own.

    Attributes:
        metric: Its name.
        shares: Ways to it, best first.
    """

    metric: str
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a kind of device must be asked because it does not take what others take.

    Attributes:
        values_a_request: Most values in one request; None: as many as fit a datagram.
        rows_a_request: Most rows of a table in one request; 1: one after the other, for who gets GETBULK wrong.
        why: What happens otherwise, for who wants to remove it.
    """

    values_a_request: int | None = None
    rows_a_request: int | None = None
    why: str = ""


NO_QUIRKS = Quirks()


class Tested(NamedTuple):
    """A device that a profile was seen to work with: which one, how it was asked, and when."""

    device: str
    how: str
    on: date


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of device.

    Attributes:
        name: Stable name, the file's without its ending.
        title: What people call it, by language (`vi`, `en`).
        scalars: Metrics had once.
        tables: Metrics had by row.
        ratios: Metrics computed from others.
        identifies: Prefixes of sysObjectID that speak for this kind.
        quirks: How it must be asked.
        cites: By MIB, the document in which its objects are found.
        tested: Devices that it was seen to work with.
        untested: In words, what nobody has seen yet.
    """

    name: str
    title: Mapping[str, str]
    scalars: tuple[Scalar, ...] = ()
    tables: tuple[Table, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    identifies: tuple[str, ...] = ()
    quirks: Quirks = NO_QUIRKS
    cites: Mapping[str, str] = field(default_factory=dict)
    tested: tuple[Tested, ...] = ()
    untested: str = ""
