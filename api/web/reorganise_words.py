"""What the pages say of reorganisations: states and what each waits for, steps, what moves, what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from api.web.reorganise_form import recognise
from inventory.public import Operation, ReorganisationState, ReorganisationView
from kernel.i18n import N_, Translator

STATES: Final = {
    "draft": ("notice", N_("Draft")),
    "scheduled": ("notice", N_("Waits for its day")),
    "held": ("critical", N_("Held")),
    "applied": ("ok", N_("Applied")),
    "cancelled": ("unknown", N_("Cancelled")),
}

KINDS: Final = {
    "rename": N_("Rename a unit"),
    "move": N_("Move a unit"),
    "merge": N_("Merge units"),
    "split": N_("Split a unit"),
    "abolish": N_("Abolish a unit"),
    "create": N_("Create a unit"),
}

LABELS: Final = {
    "unit": N_("Code of the unit"),
    "name": N_("New name"),
    "name_en": N_("New name in English"),
    "parent": N_("Under which unit"),
    "level": N_("Level"),
    "units": N_("Units"),
    "into": N_("Into"),
    "offices": N_("Offices"),
    "rest": N_("Who takes the rest"),
    "to": N_("Who takes over what is in it"),
}

HINTS: Final = {
    ("move", "parent"): N_("Its code. Empty: to the top of the tree."),
    ("merge", "units"): N_("Their codes, with spaces between."),
    ("merge", "into"): N_("Code of the unit that stays, or that an earlier step creates."),
    ("split", "into"): N_("Codes of what it becomes, with spaces between. With its own among them, it stays."),
    ("split", "units"): N_("A line for each unit below it: its code, a space, the code of who takes it."),
    ("split", "offices"): N_("A line for each of its offices: its code, a space, the code of who takes it."),
    ("split", "rest"): N_("Takes what is not named above."),
    ("abolish", "to"): N_("Empty: nothing is in it."),
    ("create", "unit"): N_("A new one: small letters a to z, digits, hyphens."),
    ("create", "parent"): N_("Its code. Empty: at the top of the tree."),
}

MOVED: Final = {
    "units_created": N_("Units that begin"),
    "units_changed": N_("Units that go on under another name or place"),
    "units_ended": N_("Units that end"),
    "offices": N_("Offices"),
    "devices": N_("Devices"),
    "grants": N_("Roles given to people"),
    "bookings": N_("Meetings booked"),
}

SAID: Final = {
    "rename": N_("{unit} is called {name} from now on"),
    "move": N_("{unit} goes under {parent}"),
    "merge": N_("{units} become {into}"),
    "split": N_("{unit} becomes {into}"),
    "abolish": N_("{unit} is abolished"),
    "create": N_("{unit}, {name}, begins"),
}


class ReorganisationWords:
    """The sentences, bound to one reader's language."""

    def __init__(self, t: Translator) -> None:
        self.t = t

    def state(self, state: str) -> tuple[str, str]:
        """Return the shape and the word of a state."""
        shape, word = STATES.get(state, ("unknown", state))
        return shape, self.t.gettext(word)

    def waits(self, view: ReorganisationView, now: datetime) -> str:
        """Return what it waits for, or what became of it."""
        t = self.t
        match view.state:
            case ReorganisationState.DRAFT:
                return t.gettext("Rehearsed. It waits for somebody to decide; until then nothing changes.")
            case ReorganisationState.SCHEDULED if view.due_at is not None and view.due_at > now:
                return t.gettext(
                    "It waits for {time} and is then applied by itself, all of it or nothing.", time=view.due_at
                )
            case ReorganisationState.SCHEDULED:
                return t.gettext("Its day has come. It waits for the worker, which looks every twenty seconds.")
            case ReorganisationState.HELD:
                return t.gettext("Its day came, and it did not fit any more. Nothing was changed; it waits for you.")
            case ReorganisationState.APPLIED:
                return t.gettext("Applied at {time}.", time=view.over_at)
        return t.gettext("Given up at {time}. Nothing was changed.", time=view.over_at)

    def kind(self, do: str) -> str:
        """Return the name of a kind of step."""
        return self.t.gettext(KINDS[do])

    def label(self, name: str) -> str:
        """Return the label of a field."""
        return self.t.gettext(LABELS[name])

    def hint(self, do: str, name: str) -> str:
        """Return what a field wants; empty if its label says it."""
        return self.t.gettext(HINTS.get((do, name), ""))

    def moved(self, kind: str) -> str:
        """Return what a count counts."""
        return self.t.gettext(MOVED[kind]) if kind in MOVED else kind

    def step(self, operation: Operation, names: Mapping[str, str]) -> str:
        """Return a step in words; units by their names where these are known."""
        said = operation.model_dump()

        def named(value: object) -> str:
            codes: Sequence[str] = value if isinstance(value, tuple | list) else [str(value)]
            return ", ".join(f"{names[code]} ({code})" if code in names else code for code in codes)

        fields = {name: value if name == "name" else named(value) for name, value in said.items() if value}
        fields.setdefault("parent", self.t.gettext("the top of the tree"))
        text = self.t.gettext(SAID[operation.do], **fields)
        if operation.do == "abolish" and said["to"]:
            text += self.t.gettext("; what is in it goes to {to}", to=fields["to"])
        return text

    def mistake(self, why: str) -> str:
        """Return what is wrong, in the reader's language; the name of a field means that it is missing or wrong."""
        if why in LABELS:
            return self.t.gettext("“{field}” is missing or not written as it has to be.", field=self.label(why))
        if not why:
            return self.t.gettext("This step is not whole.")
        sentence, fields = recognise(why)
        if "c" in fields and sentence.startswith("“"):
            fields["c"] = self.mistake(fields["c"])
        return self.t.gettext(sentence, **fields)
