"""What the pages call connectivity, electricity, disadvantaged status, gaps of kits, and deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from inventory.public import CoverageSum, Fact, UnitNeeds
from kernel.i18n import N_, Translator

KINDS: Final = {
    "connectivity": N_("Connectivity"),
    "electricity": N_("Electricity"),
    "disadvantaged": N_("Disadvantaged status"),
}
VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "connectivity": {
        "none": N_("No signal"), "2g": "2G", "3g": "3G", "4g": "4G", "5g": "5G", "fibre": N_("Fibre"),
        "satellite": N_("Satellite"), "some": N_("Connected"), "unknown": N_("No data"),
    },
    "electricity": {
        "none": N_("No electricity"), "part": N_("Part of the day"), "whole": N_("The whole day"),
        "unknown": N_("No data"),
    },
    "disadvantaged": {
        "none": N_("Not disadvantaged"), "area-1": N_("Area I"), "area-2": N_("Area II"), "area-3": N_("Area III"),
        "especially": N_("In special difficulty"), "unknown": N_("No data"),
    },
}  # fmt: skip
DELIVERY_STATES: Final = {
    "planned": ("waiting", N_("On its way")),
    "arrived": ("notice", N_("Arrived, to be accepted")),
    "over": ("ok", N_("Closed")),
}
PIECE_STATES: Final = {
    "waiting": ("waiting", N_("Not decided")),
    "accepted": ("ok", N_("Accepted")),
    "refused": ("critical", N_("Refused")),
}
DEVICE_STATES: Final = {
    "ready": ("ok", N_("Ready")),
    "expired": ("notice", N_("Out of warranty")),
    "broken": ("critical", N_("Broken or not answering")),
    "waiting": ("unknown", N_("Not in use")),
}


class NeedsWords:
    """The words, bound to one reader's language."""

    def __init__(self, t: Translator) -> None:
        self.t = t

    def kind(self, kind: str) -> str:
        """Return what a kind of fact is called."""
        return self.t.gettext(KINDS[kind])

    def one(self, kind: str, value: str) -> str:
        """Return what a value is called."""
        return self.t.gettext(VALUES[kind][value])

    def values(self, kind: str, values: Iterable[str]) -> str:
        """Return what several values are called."""
        return ", ".join(self.one(kind, value) for value in values)

    def fact(self, kind: str, fact: Fact | None) -> tuple[str, str]:
        """Return shape and words for what is known of a unit."""
        if fact is None:
            return "unknown", self.one(kind, "unknown")
        bad = {"connectivity": {"none"}, "electricity": {"none"}, "disadvantaged": {"especially", "area-3"}}[kind]
        half = {"connectivity": {"2g"}, "electricity": {"part"}, "disadvantaged": {"area-2", "area-1"}}[kind]
        known = set(fact.value)
        shape = "critical" if known & bad else "warning" if known <= half else "ok"
        return shape, self.values(kind, fact.value)

    def told(self, fact: Fact) -> str:
        """Return since when, how and by whom something is known."""
        how = self.t.gettext("measured") if fact.measured else self.t.gettext("reported")
        said = self.t.gettext("since {day}, {how}: {source}", day=f"{fact.since:%d/%m/%Y}", how=how, source=fact.source)
        if fact.until is not None:
            said += "; " + self.t.gettext("until {day}", day=f"{fact.until:%d/%m/%Y}")
        if fact.inherited:
            said += ". " + self.t.gettext("Taken over from the units whose place it took.")
        if fact.unknown:
            said += " " + self.t.ngettext(
                "Of {count} of them nothing is known.", "Of {count} of them nothing is known.", fact.unknown
            )  # fmt: skip
        return said

    def tile(self, one: CoverageSum) -> tuple[str, str]:
        """Return shape and words for how the units below one are connected."""
        counts = one.counts["connectivity"]
        if one.total == 0 or counts["unknown"] == one.total:
            shape = "unknown"
        elif counts["none"]:
            shape = "critical"
        else:
            shape = "notice" if counts["unknown"] else "ok"
        return shape, f"{self.t.number(counts['some'])}/{self.t.number(one.total)}"

    def office_gap(self, one: UnitNeeds) -> str:
        """Return shape for what a unit's offices lack."""
        if one.offices == one.without_kit:
            return "unknown"
        return "critical" if one.gap.broken or one.gap.missing else "notice" if one.gap.expired else "ok"

    def delivery(self, state: str) -> tuple[str, str]:
        """Return shape and words for how far a delivery is."""
        shape, word = DELIVERY_STATES[state]
        return shape, self.t.gettext(word)

    def piece(self, state: str) -> tuple[str, str]:
        """Return shape and words for what became of a piece."""
        shape, word = PIECE_STATES[state]
        return shape, self.t.gettext(word)

    def device(self, state: str) -> tuple[str, str]:
        """Return shape and words for how a device fills its place in a kit."""
        shape, word = DEVICE_STATES[state]
        return shape, self.t.gettext(word)
