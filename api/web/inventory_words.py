"""What the pages call kinds of offices, states of devices, ownership and sites, and the fields of each."""

from __future__ import annotations

from typing import Final

from api.web.check_words import KINDS
from kernel.i18n import N_, Translator

YES_NO: Final = {"yes": N_("Yes"), "no": N_("No")}

OFFICE_KINDS: Final = {
    "managing-body": N_("Managing body"),
    "implementing-organisation": N_("Implementing organisation"),
    "meeting-point": N_("Meeting point"),
}

DEVICE_STATES: Final = {
    "planned": N_("Planned"),
    "staged": N_("Staged"),
    "active": N_("In use"),
    "maintenance": N_("In maintenance"),
    "retired": N_("Retired"),
}

OWNERSHIPS: Final = {"owned": N_("Owned"), "leased": N_("Leased")}

SITES: Final = {
    "whole": ("ok", N_("All its lines work.")),
    "reduced": ("warning", N_("A line is down, and another stands in for it: the office is not cut.")),
    "partly-cut": ("warning", N_("All lines of one group are down; another group works.")),
    "cut": ("critical", N_("Cut: no line of the office works.")),
}

FIELDS: Final = {
    "name": N_("Name"),
    "unit": N_("Unit (its code)"),
    "office": N_("Office (its code)"),
    "kind": N_("Kind"),
    "address": N_("Address"),
    "hours": N_("Hours"),
    "latitude": N_("Latitude"),
    "longitude": N_("Longitude"),
    "role": N_("Kind"),
    "state": N_("Where it is in its life"),
    "ownership": N_("Whose it is"),
    "lessor": N_("Leased from"),
    "vendor": N_("Maker"),
    "model": N_("Model"),
    "serial": N_("Serial number"),
    "firmware": N_("Firmware"),
    "warranty_until": N_("Under warranty until"),
    "port": N_("SNMP port"),
    "addresses": N_("Further addresses"),
    "snmp": N_("SNMP version"),
    "credential": N_("Credential"),
    "profile": N_("Profile"),
    "device": N_("Device (its code)"),
    "interface": N_("Interface"),
    "carrier": N_("Carrier"),
    "medium": N_("Medium"),
    "down_bps": N_("Committed towards the office, bit/s"),
    "up_bps": N_("Committed from the office, bit/s"),
    "group": N_("Redundancy group"),
    "parent": N_("Device at its other end"),
    "contacts": N_("Contacts"),
    "checks.port": N_("Port"),
    "checks.name": N_("Name that is asked for"),
    "place": N_("Checked from"),
    "every_s": N_("Seconds between two checks"),
    "secure": N_("Over TLS (https)"),
    "path": N_("Path of the page"),
    "status": N_("Right HTTP status"),
    "contains": N_("Text that the page must hold"),
    "record": N_("Type of record"),
    "expect": N_("Answers that must be there"),
}

HINTS: Final = {
    "hours": N_("Such as Mo-Fr 07:30-11:30,13:30-17:00"),
    "addresses": N_("With spaces between."),
    "warranty_until": N_("Such as 2028-11-24. Empty: nobody wrote it down."),
    "state": N_("Only the steps that are allowed from here."),
    "group": N_("Lines of one office in the same group stand in for each other. Empty: its one group."),
    "parent": N_("Its code. Empty: the carrier's affair."),
    "every_s": N_("At least 10; 0: it is not made any more."),
    "place": N_("Which engine asks: the setting PLACE of it."),
    "checks.name": N_("Host and certificate of a page or TLS service, or what is looked up by DNS."),
    "status": N_("Empty: any below 400."),
    "expect": N_("With spaces between. Empty: any answer."),
    "contacts": N_("A line for each: position; name; telephone; e-mail"),
}


class InventoryWords:
    """The words, bound to one reader's language."""

    def __init__(self, t: Translator) -> None:
        self.t = t

    def kind(self, code: str) -> str:
        """Return what an office is to the programme."""
        return self.t.gettext(OFFICE_KINDS[code])

    def state(self, code: str) -> str:
        """Return where a device is in its life."""
        return self.t.gettext(DEVICE_STATES[code])

    def ownership(self, code: str) -> str:
        """Return whose a device is."""
        return self.t.gettext(OWNERSHIPS[code])

    def site(self, code: str) -> tuple[str, str]:
        """Return the shape and the sentence for how an office is tied to the world."""
        shape, sentence = SITES[code]
        return shape, self.t.gettext(sentence)

    def field(self, name: str, way: str = "") -> str:
        """Return the label of a field; `way` is the kind of thing, as in its address."""
        return self.t.gettext(FIELDS.get(f"{way}.{name}") or FIELDS[name])

    def hint(self, name: str, way: str = "") -> str:
        """Return what a field wants; empty if its label says it."""
        hint = HINTS.get(f"{way}.{name}", HINTS.get(name))
        return self.t.gettext(hint) if hint else ""

    def value(self, name: str, value: str) -> str:
        """Return the value of a field as people read it."""
        for field, table in (
            ("kind", KINDS),
            ("secure", YES_NO),
            ("state", DEVICE_STATES),
            ("ownership", OWNERSHIPS),
            ("kind", OFFICE_KINDS),
        ):
            if name == field and value in table:
                return self.t.gettext(table[value])
        return value
