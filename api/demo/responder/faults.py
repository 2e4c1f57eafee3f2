"""What can go wrong with a device, and when: faults by a timeline that was written beforehand, or at a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, NamedTuple, Self

from api.demo.responder.ber import parse_oid


class FaultName(StrEnum):
    """Faults that real devices have, and after them those that only a test would wish for."""

    SILENT = "silent"
    SLOW = "slow"
    INTERFACE_DOWN = "interface-down"
    REBOOT = "reboot"
    BUSY_UPLINK = "busy-uplink"
    SET_VALUES = "set-values"
    GARBAGE = "garbage"
    WRONG_REQUEST_ID = "wrong-request-id"
    WRONG_ADDRESS = "wrong-address"
    HALF_TABLE = "half-table"
    TOO_BIG = "too-big"


class Ramp(NamedTuple):
    """A number that runs evenly from `start`, `per_s` each second, and stops at zero."""

    start: float
    per_s: float

    def at(self, seconds: float) -> int:
        """Return the number after so many seconds."""
        return max(0, round(self.start + self.per_s * seconds))


SetValue = int | str | Ramp


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """One fault of one device.

    Attributes:
        name: What goes wrong.
        interface: ifName, for `interface-down` and `busy-uplink`; empty: the device's first uplink.
        delay_s: Seconds before each answer, for `slow`.
        ratio: Share of the uplink's bandwidth towards the office, for `busy-uplink`.
        values: New values by object identifier, for `set-values`.
        subtree: Where `half-table` hides the upper half of the rows.
        at_s: When it begins, seconds after the responder's start.
        for_s: How long it lasts; None: for good. A reboot takes no time.
        every_s: Period after which it comes again; None: once.
    """

    name: FaultName
    interface: str = ""
    delay_s: float = 3.0
    ratio: float = 0.95
    values: Mapping[str, SetValue] = field(default_factory=dict)
    subtree: str = "1.3.6.1.2.1.31.1.1"
    at_s: float = 0.0
    for_s: float | None = None
    every_s: float | None = None

    def __post_init__(self) -> None:
        if min(self.delay_s, self.ratio, self.at_s) < 0:
            raise ValueError(f"fault {self.name}: a negative number")
        if self.every_s is not None and (self.every_s <= 0 or (self.for_s or 0.0) >= self.every_s):
            raise ValueError(f"fault {self.name}: it must end before it comes again")
        for oid in (*self.values, self.subtree):
            parse_oid(oid)

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Return a fault from its JSON form, with `fault` as the name; ValueError if it makes none."""
        given = dict(entry)
        name = given.pop("fault", None)
        if name not in list(FaultName):
            raise ValueError(f"there is no fault {name!r}")
        unknown = given.keys() - {known.name for known in fields(cls)} - {"name"}
        if unknown:
            raise ValueError(f"fault {name}: unknown {', '.join(sorted(unknown))}")
        values = given.get("values", {})
        if not isinstance(values, Mapping):
            raise ValueError(f"fault {name}: values must be an object")  # noqa: TRY004 - wrong input, not a wrong call
        try:
            given["values"] = {oid: _set_value(value) for oid, value in values.items()}
            return cls(FaultName(name), **given)
        except TypeError as error:
            raise ValueError(f"fault {name}: {error}") from error

    def times(self, nth: int) -> tuple[float, float | None] | None:
        """Return when it begins and ends for the `nth` time, from 0; None if it does not come so often."""
        if nth and self.every_s is None:
            return None
        start = self.at_s + nth * (self.every_s or 0.0)
        return start, None if self.for_s is None else start + self.for_s


def _set_value(value: object) -> SetValue:
    if isinstance(value, int | str):
        return value
    if isinstance(value, Mapping) and value.keys() == {"start", "per_s"}:
        return Ramp(float(value["start"]), float(value["per_s"]))
    raise ValueError(f"{value!r} is neither a number, a text nor a start with per_s")
