"""Reads the inventory's YAML file and finds all mistakes in it, each with its line. Decides nothing about the database.

The format is described in `docs/how-to/inventory-file.md`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from inventory import located_yaml
from inventory.devices import Role, SnmpVersion
from inventory.errors import BadInventoryFile, Mistake
from inventory.links import Medium
from inventory.units import Level

Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]

MOST_BYTES = 64 * 1024 * 1024
"""A larger file is refused before it is parsed: the whole country takes about 8 MB."""


class Entry(BaseModel):
    """Base of what stands in the file: an unknown field is a mistake, not a thing to ignore."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class UnitEntry(Entry):
    """A unit and the one period that the file tells of it."""

    name: Name
    name_en: Name | None = None
    level: Level
    parent: Code | None = None
    valid_from: date
    valid_to: date | None = None
    successors: tuple[Code, ...] = ()


class OfficeEntry(Entry):
    """An office."""

    name: Name
    unit: Code
    address: str = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None


class SshEntry(Entry):
    """How a device is let in to over SSH; `credential` is a name, never a value."""

    port: Annotated[int, Field(ge=1, le=65535)] = 22
    user: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}$")]
    credential: Code
    host_key: Annotated[str, Field(pattern=r"^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}$")] | None = None


class DeviceEntry(Entry):
    """A device; `credential` is a name, never a value."""

    name: Name
    office: Code
    role: Role
    profile: Code
    address: str
    port: Annotated[int, Field(ge=1, le=65535)] = 161
    snmp: SnmpVersion
    credential: Code
    ssh: SshEntry | None = None

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return str(ipaddress.ip_address(value))


class UplinkEntry(Entry):
    """An uplink, at the interface of its device."""

    device: Code
    interface: Name
    carrier: Name
    medium: Medium
    down_bps: Annotated[int, Field(gt=0, le=10**13)]
    up_bps: Annotated[int, Field(gt=0, le=10**13)]


class ProgrammeFile(Entry):
    """A whole file; codes are keys."""

    version: Literal[1]
    units: dict[Code, UnitEntry] = Field(default_factory=dict)
    offices: dict[Code, OfficeEntry] = Field(default_factory=dict)
    devices: dict[Code, DeviceEntry] = Field(default_factory=dict)
    uplinks: dict[Code, UplinkEntry] = Field(default_factory=dict)


class Known(BaseModel):
    """Codes that exist already, so that a file may add to them."""

    units: frozenset[str] = frozenset()
    offices: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    profiles: frozenset[str] = frozenset()


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
        if unit.valid_to is not None and unit.valid_to <= unit.valid_from:
            yield Mistake(located.line(("units", code, "valid_to")), f"units.{code}: ends before it begins")
    yield from _circles(content, located)
    for code, office in content.offices.items():
        yield from missing("unit", office.unit, units, "offices", code, "unit")
    asked: dict[tuple[str, int], str] = {}
    for code, device in content.devices.items():
        yield from missing("office", device.office, offices, "devices", code, "office")
        yield from missing("profile", device.profile, known.profiles, "devices", code, "profile")
        other = asked.setdefault((device.address, device.port), code)
        if other != code:
            where = located.line(("devices", code, "address"))
            yield Mistake(where, f"devices.{code}: {device.address} port {device.port} is already {other}")
    for code, uplink in content.uplinks.items():
        yield from missing("device", uplink.device, devices, "uplinks", code, "device")


def _referred(code: str, unit: UnitEntry) -> Iterator[tuple[str, located_yaml.Path]]:
    """Yield the other units that `unit` names, and where."""
    if unit.parent is not None:
        yield unit.parent, ("units", code, "parent")
    for number, successor in enumerate(unit.successors):
        yield successor, ("units", code, "successors", number)


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
