"""What the pages call kinds of things, their fields, what a line of a file would do, and how far an import is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from api.web.inventory_words import InventoryWords
from api.web.needs_words import NeedsWords
from inventory.public import COLUMNS, FAULT_WORDS, ContractView, Fault, ImportLine, ImportView
from kernel.i18n import N_, Translator

KINDS: Final = {
    "units": N_("Units"),
    "offices": N_("Offices"),
    "devices": N_("Devices"),
    "uplinks": N_("Uplinks"),
    "checks": N_("Checks of services"),
    "contracts": N_("Contracts and leases"),
    "coverage": N_("Coverage of communes and villages"),
}
VERDICTS: Final = {
    "added": ("ok", N_("New")),
    "changed": ("changed", N_("Changed")),
    "removed": ("warning", N_("Removed")),
    "refused": ("critical", N_("Refused")),
    "same": ("unknown", N_("Unchanged")),
}
STATES: Final = {
    "reading": ("running", N_("Being read")),
    "ready": ("waiting", N_("Waits for your word")),
    "applying": ("running", N_("Being written")),
    "applied": ("ok", N_("Done")),
    "failed": ("critical", N_("Not done")),
    "stopped": ("unknown", N_("Given up")),
}
REFUSED: Final = ("critical", N_("Has lines that cannot be taken"))
ALL_THERE: Final = ("ok", N_("Nothing to do"))
"""What is ready to be looked at, and cannot be applied or need not be."""
CONTRACT_KINDS: Final = {"line": N_("Line"), "lease": N_("Lease"), "support": N_("Support")}
CONTRACT_STATES: Final = {
    "ahead": ("waiting", N_("Begins later")),
    "running": ("ok", N_("In force")),
    "ending": ("warning", N_("Ends soon")),
    "over": ("unknown", N_("Over")),
}
REFERRERS: Final = {
    "device": N_("devices"),
    "device_period": N_("devices"),
    "room": N_("rooms"),
    "playbook_run": N_("runs of playbooks"),
}
"""What people call the tables whose rows refer to an office."""
DELIMITERS: Final = {";": N_("semicolons"), ",": N_("commas"), "\t": N_("tabs"), "|": N_("vertical bars")}


class ExchangeWords:
    """The words, bound to one reader's language."""

    def __init__(self, t: Translator) -> None:
        self.t = t

    def kind(self, kind: str) -> str:
        """Return the name of a kind of things."""
        return self.t.gettext(KINDS[kind]) if kind in KINDS else kind

    def field(self, kind: str, name: str) -> str:
        """Return the name of a field, as the heading of its column has it."""
        flat = name.replace(".", "_")
        found = next((column for column in COLUMNS.get(kind, ()) if column.name == flat), None)
        if found is None:
            return name
        return found.vi if self.t.language == "vi" else found.en

    def verdict(self, verdict: str) -> tuple[str, str]:
        """Return shape and word for what a line would do."""
        shape, word = VERDICTS[verdict]
        return shape, self.t.gettext(word)

    def state(self, view: ImportView) -> tuple[str, str]:
        """Return shape and word for how far an import is."""
        shape, word = STATES[view.state]
        if view.state == "ready" and not view.may_be_applied:
            shape, word = REFUSED if view.refused else ALL_THERE
        return shape, self.t.gettext(word)

    def fault(self, kind: str, fault: Fault) -> str:
        """Return what is wrong, with the field where it is."""
        details = {name: self._detail(fault.code, name, value) for name, value in fault.details.items()}
        said = self.t.gettext(FAULT_WORDS[fault.code]).format(**details)
        return f"{self.field(kind, fault.field)}: {said}" if fault.field else said

    def _detail(self, code: str, name: str, value: str) -> str:
        if name == "target":
            return self.kind(value).lower()
        if code == "wrong":
            return self.t.gettext(value)
        if code == "still-needed":
            return self.t.gettext(REFERRERS.get(value, N_("other things")))
        if code == "bad-move":
            words = InventoryWords(self.t)
            return ", ".join(words.state(one) for one in value.split(", "))
        return value

    def value(self, value: object) -> str:
        """Return a value of a field as people write it."""
        if value is None or value in ("", []):
            return "–"
        if isinstance(value, bool):
            return self.t.gettext("Yes") if value else self.t.gettext("No")
        if isinstance(value, Mapping):
            return "; ".join(str(one) for one in value.values() if one)
        if isinstance(value, Sequence) and not isinstance(value, str):
            return ", ".join(self.value(one) for one in value)
        return str(value)

    def fact(self, fields: Mapping[str, Any]) -> str:
        """Return what a line says of a unit."""
        words = NeedsWords(self.t)
        return f"{words.kind(fields['kind'])}: {words.values(fields['kind'], fields['value'])}"

    def differs(self, line: ImportLine, name: str, value: object) -> str:
        """Return a value of a field that a line would change."""
        if line.kind == "coverage" and name == "value":
            return NeedsWords(self.t).values(line.fields["kind"], map(str, value if isinstance(value, list) else []))
        return self.value(value)

    def read_as(self, view: ImportView) -> str:
        """Return how the file was understood, so that a wrong guess is seen."""
        encoding = view.read_as.get("encoding", "")
        delimiter = DELIMITERS.get(view.read_as.get("delimiter", ""))
        kind = view.read_as.get("kind", "")
        if not encoding:
            return ""
        if delimiter is None or not kind:
            return self.t.gettext("Read as {encoding}.", encoding=encoding)
        return self.t.gettext(
            "Read as {kind}, {encoding}, with {delimiter} between the cells.",
            kind=self.kind(kind), encoding=encoding, delimiter=self.t.gettext(delimiter),
        )  # fmt: skip

    def contract_kind(self, kind: str) -> str:
        """Return what a contract is about."""
        return self.t.gettext(CONTRACT_KINDS[kind])

    def contract_state(self, state: str) -> tuple[str, str]:
        """Return shape and word for how a contract is today."""
        shape, word = CONTRACT_STATES[state]
        return shape, self.t.gettext(word)

    def ends(self, contract: ContractView, today: date) -> str:
        """Return until when a contract runs, and how long that is."""
        if contract.ends is None:
            return self.t.gettext("runs on")
        day = f"{contract.ends:%d/%m/%Y}"
        left = (contract.ends - today).days
        if left < 0:
            return self.t.gettext("ended on {day}", day=day)
        return self.t.ngettext("until {day}, {count} more day", "until {day}, {count} more days", left, day=day)

    def texts(self, contract: ContractView) -> dict[str, str]:
        """Return a contract as the texts of its form."""
        return {name: self._text(getattr(contract, name)) for name in CONTRACT_FIELDS}

    def _text(self, value: Any) -> str:  # noqa: ANN401 - as many types as there are fields
        if isinstance(value, tuple):
            return " ".join(value)
        if isinstance(value, date):
            return f"{value:%d/%m/%Y}"
        if isinstance(value, float):
            return self.t.number(value, 3)
        return "" if value is None else str(value)


CONTRACT_FIELDS: Final = tuple(column.name for column in COLUMNS["contracts"] if column.name != "code")
