"""What the pages of changes show: where an object's own page is, its changes field by field, and what can be chosen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from api.web.days import day_asked
from api.web.exchange_words import ExchangeWords
from api.web.inventory_words import FIELDS
from kernel.audit import AuditEntryRow
from kernel.audit_log import AuditWish, changed_fields
from kernel.i18n import N_, Translator

WAYS: Final[Mapping[str, str]] = {
    "account": "/people",
    "alert": "/alerts",
    "check": "/checks",
    "contract": "/contracts",
    "credential": "/credentials",
    "delivery": "/deliveries",
    "device": "/devices",
    "meeting": "/meetings",
    "office": "/offices",
    "reorganisation": "/reorganisations",
    "run": "/runs",
    "unit": "/units",
    "uplink": "/uplinks",
}
"""Where the objects of each kind have their pages."""

GROUPS: Final[Mapping[str, str]] = {
    "account.": N_("Accounts"),
    "alert.": N_("Alerts"),
    "check.": N_("Checks of services"),
    "contract.": N_("Contracts"),
    "coverage.": N_("Coverage"),
    "credential.": N_("Credentials"),
    "delivery.": N_("Deliveries"),
    "device.": N_("Devices"),
    "grant.": N_("Roles given"),
    "import.": N_("Import"),
    "inventory.": N_("Inventory files"),
    "kit.": N_("Standard kits"),
    "meeting.": N_("Meetings"),
    "office.": N_("Offices"),
    "playbook.": N_("Playbooks"),
    "reorganisation.": N_("Reorganisations"),
    "session.": N_("Sign-ins"),
    "token.": N_("API tokens"),
    "unit.": N_("Units"),
    "uplink.": N_("Uplinks"),
    "vault.": N_("Master key"),
}
"""Kinds of actions that can be chosen, by how their names begin."""

MOST_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter as it was typed."""

    target: str = ""
    actor: str = ""
    action: str = ""
    since: str = ""
    until: str = ""

    def wish(self, zone: str) -> AuditWish:
        """Return what is wanted; days are whole days in `zone`. Raises BadInput."""
        first, last = day_asked(self.since), day_asked(self.until)
        return AuditWish(
            target=self.target.strip(),
            actor=self.actor.strip(),
            action=self.action if self.action in GROUPS else "",
            since=None if first is None else _begin(first, zone),
            until=None if last is None else _begin(last + timedelta(days=1), zone),
        )

    def query(self, **more: str) -> str:
        """Return it as the query of an address, with what is `more`; nothing that is empty."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return urlencode({name: value for name, value in {**given, **more}.items() if value})


class ChangeWords:
    """Sentences for changes, bound to one reader's language."""

    def __init__(self, t: Translator) -> None:
        self.t = t

    def fields(self, entry: AuditEntryRow) -> list[tuple[str, str, str]]:
        """Return the fields that differ: label, before, after."""
        kind = f"{entry.action.partition('.')[0]}s".replace("coverages", "coverage")
        return [
            (self._field(kind, name), self._value(was), self._value(now))
            for name, was, now in changed_fields(entry.before, entry.after)
        ]

    def groups(self) -> list[tuple[str, str]]:
        """Return the kinds of actions that can be chosen, in the order of their words."""
        return sorted(((code, self.t.gettext(word)) for code, word in GROUPS.items()), key=lambda one: one[1])

    def _field(self, kind: str, name: str) -> str:
        """Return what a field is called in forms, else at the head of a spreadsheet's column."""
        return self.t.gettext(FIELDS[name]) if name in FIELDS else ExchangeWords(self.t).field(kind, name)

    def _value(self, value: Any) -> str:  # noqa: ANN401 - any JSON
        match value:
            case None | "":
                return "–"
            case bool():
                return self.t.gettext("Yes") if value else self.t.gettext("No")
            case str():
                text = value
            case list() if all(isinstance(part, str) for part in value):
                text = ", ".join(value)
            case _:
                text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def address_of(target: str) -> str:
    """Return the address of an object's changes; empty if `target` names no object, as `audit` does not."""
    kind, found, code = target.partition(":")
    return f"/changes/{quote(kind)}/{quote(code, safe='')}" if found and "/" not in code else ""


def page_of(kind: str, code: str) -> str:
    """Return the address of an object's own page; empty if it has none."""
    return f"{WAYS[kind]}/{quote(code, safe='')}" if kind in WAYS else ""


def _begin(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))
