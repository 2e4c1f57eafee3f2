"""Reads the inventory's YAML file and finds all mistakes in it, each with its line. Decides nothing about the database.

The format is described in `docs/how-to/inventory-file.md`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from inventory import located_yaml
from inventory.checks import CENTRE, CheckKind
from inventory.contracts import ContractKind
from inventory.devices import MOVES, DeviceState, Ownership, Role, SnmpVersion, may_become
from inventory.errors import BadInventoryFile, Mistake
from inventory.facts import FactKind, FactWish, checked
from inventory.links import Medium, circles
from inventory.offices import OfficeKind, mistake_in_hours
from kernel.errors import BadInput

CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
Code = Annotated[str, Field(pattern=rf"^{CODE.pattern}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=200)]

LEAST_BETWEEN_S = 10
RECORDS: Final = ("A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")
"""Types of DNS records that can be asked for."""

OF_EVERY_CHECK: Final = frozenset({"device", "kind", "place", "every_s", "port"})

FIELDS_OF: Mapping[CheckKind, frozenset[str]] = {
    CheckKind.TCP: frozenset(),
    CheckKind.HTTP: frozenset({"name", "secure", "path", "status", "contains"}),
    CheckKind.TLS: frozenset({"name"}),
    CheckKind.DNS: frozenset({"name", "record", "expect"}),
    CheckKind.NTP: frozenset(),
}
"""Fields of a check that not every kind has."""

MOST_BYTES = 64 * 1024 * 1024
"""A larger file is refused before it is parsed: the whole country takes about 8 MB."""


class Entry(BaseModel):
    """Base of what stands in the file: an unknown field is a mistake, not a thing to ignore.

    A field that may be None and is left out leaves what is there as it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


def as_kept(degrees: float) -> float:
    """Return degrees as the database keeps them, to a hand's breadth: the same file again must be no change."""
    return round(degrees, 6)


class UnitEntry(Entry):
    """A unit and the one period that the file tells of it."""

    name: Name
    name_en: Name | None = None
    level: Code
    parent: Code | None = None
    valid_from: date
    valid_to: date | None = None
    successors: tuple[Code, ...] = ()


class ContactEntry(Entry):
    """Somebody to reach at an office."""

    position: Name
    name: Name
    phone: Annotated[str, Field(pattern=r"^[0-9+][0-9 .()-]{2,30}$")] | Literal[""] = ""
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)] | Literal[""] = ""


class OfficeEntry(Entry):
    """An office. `since` is the day from which a new one belongs to its unit."""

    name: Name
    unit: Code
    kind: OfficeKind | None = None
    since: date | None = None
    address: str = ""
    hours: str | None = None
    contacts: tuple[ContactEntry, ...] | None = None
    latitude: Annotated[float, Field(ge=-90, le=90), AfterValidator(as_kept)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180), AfterValidator(as_kept)] | None = None

    @field_validator("hours")
    @classmethod
    def _are_hours(cls, value: str | None) -> str | None:
        if value is not None and (why := mistake_in_hours(value)) is not None:
            raise ValueError(why)
        return value


class SshEntry(Entry):
    """How a device is let in to over SSH; `credential` is a name, never a value; empty: the nearest one holds."""

    port: Annotated[int, Field(ge=1, le=65535)] = 22
    user: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}$")]
    credential: Code | Literal[""] = ""
    host_key: Annotated[str, Field(pattern=r"^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}$")] | None = None


class DeviceEntry(Entry):
    """A device; `credential` is a name, never a value; empty: the nearest one holds."""

    name: Name
    office: Code
    role: Role
    profile: Code
    address: str
    port: Annotated[int, Field(ge=1, le=65535)] = 161
    snmp: SnmpVersion
    credential: Code | Literal[""] = ""
    ssh: SshEntry | None = None
    since: date | None = None
    state: DeviceState | None = None
    ownership: Ownership | None = None
    lessor: Text | None = None
    vendor: Text | None = None
    model: Text | None = None
    serial: Text | None = None
    firmware: Text | None = None
    warranty_until: date | None = None
    addresses: tuple[str, ...] | None = None

    @property
    def credentials(self) -> frozenset[str]:
        """Names of the credentials that it names itself."""
        return frozenset({self.credential, self.ssh.credential if self.ssh else ""} - {""})

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return str(ipaddress.ip_address(value))

    @field_validator("addresses")
    @classmethod
    def _are_addresses(cls, values: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if values is None else tuple(str(ipaddress.ip_address(value)) for value in values)


class UplinkEntry(Entry):
    """An uplink, at the interface of its device."""

    device: Code
    interface: Name
    carrier: Name
    medium: Medium
    down_bps: Annotated[int, Field(gt=0, le=10**13)]
    up_bps: Annotated[int, Field(gt=0, le=10**13)]
    group: Code | Literal[""] | None = None
    parent: Code | None = None


class CheckEntry(Entry):
    """A check of a service of a device; which fields it may have depends on its kind."""

    device: Code
    kind: CheckKind
    place: Code = CENTRE
    every_s: Annotated[int, Field(ge=0, le=86_400)] = 300
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?$")] = ""
    secure: bool = True
    path: Annotated[str, Field(pattern=r"^/[!-~]*$", max_length=1000)] = "/"
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    contains: Annotated[str, Field(max_length=200)] = ""
    record: Annotated[str, Field(pattern=rf"^({'|'.join(RECORDS)})$")] = "A"
    expect: tuple[Annotated[str, Field(min_length=1, max_length=255)], ...] = ()

    @model_validator(mode="after")
    def _fits_its_kind(self) -> CheckEntry:
        given = self.model_fields_set - OF_EVERY_CHECK
        if strange := sorted(given - FIELDS_OF[self.kind]):
            raise ValueError(f"a check of {self.kind} has no {', '.join(strange)}")
        if self.kind is CheckKind.TCP and self.port is None:
            raise ValueError("a check of tcp needs a port")
        if self.kind is CheckKind.DNS and not self.name:
            raise ValueError("a check of dns needs the name that it asks for")
        if 0 < self.every_s < LEAST_BETWEEN_S:
            raise ValueError(f"every_s is at least {LEAST_BETWEEN_S}, or 0 for never")
        return self

    @property
    def port_asked(self) -> int:
        """Where the service listens: as given, or where its kind usually does."""
        usual = {CheckKind.HTTP: 443 if self.secure else 80, CheckKind.TLS: 443, CheckKind.DNS: 53, CheckKind.NTP: 123}
        return self.port or usual[self.kind]

    def options(self) -> dict[str, Any]:
        """Return what only this kind has, as it is stored."""
        return self.model_dump(mode="json", include=set(FIELDS_OF[self.kind]), exclude_none=True)


class ContractEntry(Entry):
    """A contract with a carrier or lessor; `ends` is its last day."""

    kind: ContractKind
    party: Name
    number: Text = ""
    starts: date
    ends: date | None = None
    warn_days: Annotated[int, Field(ge=0, le=1000)] = 60
    sla_percent: Annotated[float, Field(gt=0, le=100), AfterValidator(lambda value: round(value, 3))] | None = None
    repair_hours: Annotated[float, Field(gt=0, le=10_000), AfterValidator(lambda value: round(value, 1))] | None = None
    cost: Annotated[int, Field(ge=0, le=10**15)] | None = None
    note: Annotated[str, Field(max_length=1000)] = ""
    uplinks: tuple[Code, ...] = ()
    devices: tuple[Code, ...] = ()

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> ContractEntry:
        if self.ends is not None and self.ends < self.starts:
            raise ValueError("ends before it begins")
        return self


class FactEntry(Entry):
    """What is known of a unit from a day on. It has no code of its own: unit, kind and day say which one it is."""

    unit: Code
    kind: FactKind
    since: date
    value: Annotated[
        tuple[str, ...],
        BeforeValidator(lambda said: said.split() if isinstance(said, str) else said),
        Field(min_length=1),
    ]
    source: Name
    measured: bool = False
    until: date | None = None

    def wish(self) -> FactWish:
        """Return it as what somebody wants to write down."""
        return FactWish(self.kind, self.value, self.since, self.source, self.measured, self.until)


KEYS: Final[Mapping[str, tuple[str, ...]]] = {"coverage": ("unit", "kind", "since")}
"""Fields that together are the code of a thing that has none of its own, with a slash between them."""


def code_of(kind: str, fields: Mapping[str, Any]) -> str:
    """Return the code of a thing of `kind` in `KEYS`; empty where one of its parts is missing."""
    parts = [str(fields.get(name) or "") for name in KEYS[kind]]
    return "/".join(parts) if all(parts) else ""


def keyed(kind: str, code: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of a thing with what its code says, if it has none of its own; else as it is."""
    parts = KEYS.get(kind, ())
    return {**dict(zip(parts, code.split("/", len(parts)), strict=False)), **fields}


def _with_keys(coverage: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    if not isinstance(coverage, dict):
        return coverage
    return {
        code: keyed("coverage", str(code), said) if isinstance(said, dict) else said for code, said in coverage.items()
    }


class ProgrammeFile(Entry):
    """A whole file; codes are keys."""

    version: Literal[1]
    units: dict[Code, UnitEntry] = Field(default_factory=dict)
    offices: dict[Code, OfficeEntry] = Field(default_factory=dict)
    devices: dict[Code, DeviceEntry] = Field(default_factory=dict)
    uplinks: dict[Code, UplinkEntry] = Field(default_factory=dict)
    checks: dict[Code, CheckEntry] = Field(default_factory=dict)
    contracts: dict[Code, ContractEntry] = Field(default_factory=dict)
    coverage: Annotated[dict[str, FactEntry], BeforeValidator(_with_keys)] = Field(default_factory=dict)


class Known(BaseModel):
    """What exists already, so that a file may add to it.

    Attributes:
        units: Codes of units, as those of offices, devices and uplinks after them.
        profiles: Names of profiles.
        levels: Codes of levels.
        became: Unit that has ended to the units that took its place.
        places: Office to its unit.
        states: Device to its state.
        today: The day on which the file is read.
    """

    units: frozenset[str] = frozenset()
    offices: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    uplinks: frozenset[str] = frozenset()
    profiles: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    became: Mapping[str, frozenset[str]] = Field(default_factory=dict)
    places: Mapping[str, str] = Field(default_factory=dict)
    states: Mapping[str, DeviceState] = Field(default_factory=dict)
    today: date = date.max


def read(text: str, file: str, known: Known) -> ProgrammeFile:
    """Return the file's content, if there is no mistake in it at all.

    Args:
        text: The YAML.
        file: Its name, for messages.
        known: What the file may refer to without bringing it.

    Raises:
        BadInventoryFile: With every mistake and its line.
    """
    content, located = located_yaml.load(ProgrammeFile, text, file, most_bytes=MOST_BYTES)
    mistakes = list(_crosscheck(content, known, located))
    if mistakes:
        raise BadInventoryFile(file, mistakes)
    return content


def _crosscheck(content: ProgrammeFile, known: Known, located: located_yaml.Located) -> Iterator[Mistake]:
    units = known.units | content.units.keys()
    offices = known.offices | content.offices.keys()
    devices = known.devices | content.devices.keys()

    def missing(kind: str, wanted: str, there: Collection[str], *path: str | int) -> Iterator[Mistake]:
        if wanted not in there:
            yield Mistake(located.line(path), f"{'.'.join(map(str, path))}: there is no {kind} {wanted}")

    for code, unit in content.units.items():
        for wanted, path in _referred(code, unit):
            yield from missing("unit", wanted, units, *path)
        yield from missing("level", unit.level, known.levels, "units", code, "level")
        if unit.valid_to is not None and unit.valid_to <= unit.valid_from:
            yield Mistake(located.line(("units", code, "valid_to")), f"units.{code}: ends before it begins")
    yield from _circles(content, located)
    for code, office in content.offices.items():
        yield from missing("unit", office.unit, units, "offices", code, "unit")
        yield from _homeless(code, office, content, known, located)
    yield from _asked_twice(content, located)
    for code, device in content.devices.items():
        yield from missing("office", device.office, offices, "devices", code, "office")
        yield from missing("profile", device.profile, known.profiles, "devices", code, "profile")
        yield from _leaps(code, device, known, located)
    yield from _owned(content, devices, located)
    for code, uplink in content.uplinks.items():
        if uplink.parent is not None:
            yield from missing("device", uplink.parent, devices, "uplinks", code, "parent")
    yield from _loops(content, located)
    yield from _covered(content, known, located)
    yield from _unlikely(content, units, known, located)


def _covered(content: ProgrammeFile, known: Known, located: located_yaml.Located) -> Iterator[Mistake]:
    """Find lines and devices that contracts cover and that are not there."""
    there = {
        "uplinks": known.uplinks | content.uplinks.keys(),
        "devices": known.devices | content.devices.keys(),
    }
    for code, contract in content.contracts.items():
        for kind, codes in (("uplinks", contract.uplinks), ("devices", contract.devices)):
            for place, wanted in enumerate(codes):
                if wanted not in there[kind]:
                    where = located.line(("contracts", code, kind, place))
                    yield Mistake(where, f"contracts.{code}.{kind}: there is no {kind[:-1]} {wanted}")


def _unlikely(
    content: ProgrammeFile, units: Collection[str], known: Known, located: located_yaml.Located
) -> Iterator[Mistake]:
    """Find what cannot be known of a unit, or is called otherwise than it is."""
    for code, fact in content.coverage.items():
        where = located.line(("coverage", code))
        if code != code_of("coverage", fact.model_dump(mode="json")):
            yield Mistake(
                where, f"coverage.{code}: call it by unit, fact and day: {fact.unit}/{fact.kind}/{fact.since}"
            )
        if fact.unit not in units:
            yield Mistake(where, f"coverage.{code}: there is no unit {fact.unit}")
        try:
            checked(fact.wish(), known.today)
        except BadInput as error:
            yield Mistake(where, f"coverage.{code}: {error}")


def _homeless(
    code: str, office: OfficeEntry, content: ProgrammeFile, known: Known, located: located_yaml.Located
) -> Iterator[Mistake]:
    heirs = heirs_of(office.unit, content, known)
    if heirs == {office.unit} or len(heirs) == 1 or known.places.get(code) in heirs:
        return
    became = f"became {', '.join(sorted(heirs))}: name the one" if heirs else "nobody says what became of it"
    yield Mistake(
        located.line(("offices", code, "unit")), f"offices.{code}.unit: {office.unit} has ended, and {became}"
    )


def _asked_twice(content: ProgrammeFile, located: located_yaml.Located) -> Iterator[Mistake]:
    asked: dict[tuple[str, int], str] = {}
    for code, device in content.devices.items():
        other = asked.setdefault((device.address, device.port), code)
        if other != code:
            where = located.line(("devices", code, "address"))
            yield Mistake(where, f"devices.{code}: {device.address} port {device.port} is already {other}")


def _owned(content: ProgrammeFile, devices: Collection[str], located: located_yaml.Located) -> Iterator[Mistake]:
    """Find uplinks and checks of devices that are not there."""
    entries: Mapping[str, Mapping[str, UplinkEntry | CheckEntry]] = {
        "uplinks": content.uplinks,
        "checks": content.checks,
    }
    for kind, owned in entries.items():
        for code, entry in owned.items():
            if entry.device not in devices:
                where = located.line((kind, code, "device"))
                yield Mistake(where, f"{kind}.{code}.device: there is no device {entry.device}")


def _leaps(code: str, device: DeviceEntry, known: Known, located: located_yaml.Located) -> Iterator[Mistake]:
    now = known.states.get(code)
    if now is not None and device.state is not None and not may_become(now, device.state):
        then = ", ".join(sorted(MOVES[now]))
        where = located.line(("devices", code, "state"))
        yield Mistake(where, f"devices.{code}.state: it is {now}, and may become {then} only")


def heirs_of(unit: str, content: ProgrammeFile, known: Known) -> set[str]:
    """Return the units that `unit` is by now: itself while it lasts, else those that took its place, however often."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [unit]
    while waiting:
        code = waiting.pop()
        if code in seen:
            continue
        seen.add(code)
        entry = content.units.get(code)
        if code in known.became:
            waiting.extend(known.became[code])
        elif entry is not None and entry.valid_to is not None:
            waiting.extend(entry.successors)
        else:
            found.add(code)
    return found


def _referred(code: str, unit: UnitEntry) -> Iterator[tuple[str, located_yaml.Path]]:
    """Yield the other units that `unit` names, and where."""
    if unit.parent is not None:
        yield unit.parent, ("units", code, "parent")
    for number, successor in enumerate(unit.successors):
        yield successor, ("units", code, "successors", number)


def _loops(content: ProgrammeFile, located: located_yaml.Located) -> Iterator[Mistake]:
    """Yield circles of lines: each device would wait for the other to be reached."""
    parents: dict[str, list[str]] = {}
    for uplink in content.uplinks.values():
        if uplink.parent is not None:
            parents.setdefault(uplink.device, []).append(uplink.parent)
    for circle in circles(parents):
        code = next(code for code, uplink in content.uplinks.items() if uplink.device == circle[0] and uplink.parent)
        where = located.line(("uplinks", code, "parent"))
        yield Mistake(where, f"uplinks.{code}: the lines go in a circle: {' > '.join(circle)}")


def _circles(content: ProgrammeFile, located: located_yaml.Located) -> Iterator[Mistake]:
    sound: set[str] = set()
    for code in content.units:
        trail: list[str] = []
        at: str | None = code
        while at is not None and at in content.units and at not in sound:
            if at in trail:
                circle = " > ".join([*trail[trail.index(at) :], at])
                yield Mistake(located.line(("units", at, "parent")), f"units.{at}: is its own ancestor: {circle}")
                break
            trail.append(at)
            at = content.units[at].parent
        sound.update(trail)
