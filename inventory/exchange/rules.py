"""What the fields of a line alone do not tell: codes that are somebody else's, steps that a device may not take."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from inventory.devices import MOVES, DeviceState, may_become
from inventory.exchange.faults import Fault, fault
from inventory.exchange.judge import Judged, Verdict
from inventory.facts import VALUES, checked
from inventory.programme_file import FactEntry
from kernel.errors import BadInput

FIELD_OF: Final = {"The value": "value", "The source": "source", "The end": "until", "The day": "since"}
"""What `facts.checked` calls a field, to the field."""
FIXED: Final = ("valid_to", "successors")


@dataclass(slots=True)
class Surroundings:
    """What an import has to know of everything else.

    Attributes:
        profiles: Names of profiles.
        everywhere: Whether its maker may change the whole tree.
        today: The day.
        became: Unit that has ended to the units that took its place.
        reorganised: Units that were renamed, moved or ended here.
    """

    profiles: Collection[str]
    everywhere: bool
    today: date
    became: dict[str, frozenset[str]] = field(default_factory=dict)
    reorganised: Collection[str] = ()

    def heirs(self, unit: str) -> frozenset[str]:
        """Return the units that `unit` is by now: itself while it lasts, else those that took its place."""
        found: set[str] = set()
        seen: set[str] = set()
        waiting = [unit]
        while waiting:
            code = waiting.pop()
            if code in seen:
                continue
            seen.add(code)
            if code in self.became:
                waiting.extend(self.became[code])
            else:
                found.add(code)
        return frozenset(found)


def placed(given: Mapping[str, Any], now: Mapping[str, Any] | None, around: Surroundings) -> Mapping[str, Any]:
    """Return what is said of an office, in the unit that took the place of one that has ended."""
    unit = given.get("unit")
    if not isinstance(unit, str) or unit not in around.became:
        return given
    heirs = around.heirs(unit)
    if now is not None and now["unit"] in heirs:
        return {**given, "unit": now["unit"]}
    return {**given, "unit": next(iter(heirs))} if len(heirs) == 1 else given


def broken(
    kind: str, code: str, judged: Judged, now: Mapping[str, Any] | None, *, theirs: bool, around: Surroundings
) -> Iterator[Fault]:
    """Yield why a line cannot be taken although its fields are right.

    Args:
        kind: Kind of thing.
        code: Which one.
        judged: What its fields say.
        now: What is there; None if nothing is.
        theirs: Whether its maker may change what is there.
        around: What else there is.
    """
    if kind == "units" and not around.everywhere:
        yield fault("not-the-whole-tree")
    elif now is not None and not theirs:
        yield fault("taken", "code", code=code)
    elif judged.verdict is Verdict.SAME:
        return
    elif kind == "units":
        yield from _of_unit(code, judged, around)
    elif kind == "offices":
        yield from _of_office(judged, around)
    elif kind == "devices":
        yield from _of_device(judged, now, around)
    elif kind == "contracts" and not (around.everywhere or judged.fields["uplinks"] or judged.fields["devices"]):
        yield fault("not-covered")
    elif kind == "coverage":
        yield from _of_fact(FactEntry.model_validate(judged.fields), around)


def _of_fact(fact: FactEntry, around: Surroundings) -> Iterator[Fault]:
    known = VALUES[fact.kind]
    if unknown := [one for one in fact.value if one not in known]:
        yield fault("not-one-of", "value", value=" ".join(unknown), known=", ".join(known))
        return
    try:
        checked(fact.wish(), around.today)
    except BadInput as error:
        yield fault("wrong", FIELD_OF.get(str(error.fields["what"]), ""), why=error.fields["why"])


def _of_unit(code: str, judged: Judged, around: Surroundings) -> Iterator[Fault]:
    fields = judged.fields
    if fields["valid_to"] is not None and fields["valid_to"] <= fields["valid_from"]:
        yield fault("ends-before-it-begins", "valid_to")
    if judged.verdict is Verdict.CHANGED:
        if code in around.reorganised:
            yield fault("has-a-history")
        elif set(FIXED) & judged.diff.keys():
            yield fault("end-by-reorganisation", "valid_to")


def _of_office(judged: Judged, around: Surroundings) -> Iterator[Fault]:
    unit = judged.fields["unit"]
    if unit in around.became:
        heirs = ", ".join(sorted(around.heirs(unit)))
        yield (
            fault("unit-ended", "unit", unit=unit, heirs=heirs) if heirs else fault("ended-for-good", "unit", unit=unit)
        )


def _of_device(judged: Judged, now: Mapping[str, Any] | None, around: Surroundings) -> Iterator[Fault]:
    profile = judged.fields["profile"]
    if profile not in around.profiles:
        yield fault("no-such-profile", "profile", value=profile, known=", ".join(sorted(around.profiles)))
    if now is None or "state" not in judged.diff:
        return
    before, after = DeviceState(now["state"]), DeviceState(judged.fields["state"] or DeviceState.ACTIVE)
    if not may_become(before, after):
        yield fault("bad-move", "state", now=before, then=", ".join(sorted(MOVES[before])))
