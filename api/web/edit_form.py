"""What can be edited of an office, a device and a line, as texts of a form: from a view, and back to its fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from inventory.public import (
    FIELDS_OF,
    MOVES,
    OF_EVERY_CHECK,
    RECORDS,
    CheckKind,
    CheckView,
    DeviceView,
    Medium,
    OfficeDetails,
    OfficeKind,
    Ownership,
    Role,
    SnmpVersion,
    UplinkView,
)

OFFICE: Final = ("name", "kind", "unit", "address", "hours", "latitude", "longitude", "contacts")
DEVICE: Final = (
    "name", "role", "office", "state", "ownership", "lessor", "vendor", "model", "serial", "firmware", "warranty_until",
    "address", "addresses", "port", "snmp", "credential", "profile",
)  # fmt: skip
UPLINK: Final = ("device", "interface", "carrier", "medium", "down_bps", "up_bps", "group", "parent")

CHECK: Final = (
    "device", "kind", "place", "every_s", "port", "name", "secure", "path", "status", "contains", "record", "expect",
)  # fmt: skip

_NUMBERS: Final = frozenset({"latitude", "longitude", "port", "down_bps", "up_bps", "every_s", "status"})
_NONE_IF_EMPTY: Final = frozenset({"latitude", "longitude", "parent", "status", "warranty_until"})
_LISTS: Final = frozenset({"addresses", "expect"})
LONG: Final = frozenset({"contacts"})


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form.

    Attributes:
        value: As it is shown: what was typed, or what is there.
        now: What is there now, where somebody else has changed it meanwhile; else None.
        choices: Codes to choose from; none: free text.
    """

    name: str
    value: str
    now: str | None = None
    choices: tuple[str, ...] = ()


def of_office(details: OfficeDetails) -> dict[str, str]:
    """Return an office as the texts of its form."""
    said = {name: _text(getattr(details.office, name)) for name in OFFICE if name != "contacts"}
    lines = (f"{one.position}; {one.name}; {one.phone}; {one.email}".rstrip("; ") for one in details.contacts)
    return {**said, "contacts": "\n".join(lines)}


def of_device(device: DeviceView) -> dict[str, str]:
    """Return a device as the texts of its form."""
    return {name: _text(getattr(device, name)) for name in DEVICE}


def of_uplink(uplink: UplinkView) -> dict[str, str]:
    """Return a line as the texts of its form."""
    return {name: _text(getattr(uplink, name)) for name in UPLINK}


def of_check(check: CheckView) -> dict[str, str]:
    """Return a check as the texts of its form: the fields that its kind has."""
    texts: dict[str, str] = {
        name: _text(getattr(check, name)) for name in CHECK if name in OF_EVERY_CHECK | FIELDS_OF[check.kind]
    }
    if "secure" in texts:
        texts["secure"] = "yes" if check.secure else "no"
    if not check.status:
        texts.update({name: "" for name in texts if name == "status"})
    return texts


def choices_of(view: object = None) -> dict[str, tuple[str, ...]]:
    """Return the fields of `view` that are chosen from a list; the states are those that a device may have next."""
    states = (view.state, *sorted(MOVES[view.state])) if isinstance(view, DeviceView) else ()
    return {
        "kind": tuple(CheckKind) if isinstance(view, CheckView) else tuple(OfficeKind),
        "secure": ("yes", "no"), "record": RECORDS, "role": tuple(Role), "ownership": tuple(Ownership),
        "medium": tuple(Medium), "snmp": tuple(SnmpVersion), "state": states,
    }  # fmt: skip


def choices_to_add(way: str) -> dict[str, tuple[str, ...]]:
    """Return the fields of a new thing that are chosen from a list; `way` is its kind, as in its address."""
    return choices_of() | {"state": ("planned", "staged", "active")} if way == "devices" else choices_of()


def fields_of(
    names: Iterable[str],
    texts: Mapping[str, str],
    choices: Mapping[str, tuple[str, ...]],
    now: Mapping[str, str] | None = None,
) -> list[Field]:
    """Return the fields to be shown; `now` is what is there, if somebody changed it meanwhile."""
    return [
        Field(
            name,
            texts.get(name, ""),
            now[name] if now is not None and now[name] != texts.get(name, "") else None,
            choices.get(name, ()),
        )
        for name in names
    ]


def changed(names: Iterable[str], typed: Mapping[str, str], before: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that were typed differently from `before`, as the domain takes them."""
    return {name: parsed(name, typed[name]) for name in names if name in typed and typed[name] != before[name]}


def parsed(name: str, text: str) -> Any:  # noqa: ANN401 - as many types as there are fields; the domain's forms judge them
    """Return the value of one field; what is no number stays text, and is told by who judges it."""
    text = text.strip()
    if name in _NONE_IF_EMPTY and not text:
        return None
    if name in _NUMBERS:
        text = text.replace(",", ".")
    if name == "secure":
        return text == "yes"
    if name in _LISTS:
        return text.replace(",", " ").split()
    if name == "contacts":
        return [_contact(line) for line in text.splitlines() if line.strip()]
    return text


def _contact(line: str) -> dict[str, str]:
    parts = [part.strip() for part in line.split(";")] + [""] * 4
    return dict(zip(("position", "name", "phone", "email"), parts, strict=False))


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(value)
    return "" if value is None else str(value)
