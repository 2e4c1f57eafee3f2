"""Reads the form in which somebody writes a reorganisation, a step at a time, and says what is wrong in which step.

The form works without scripts: each press of a button sends all of it, and what comes back has a step more, or less.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from inventory.public import OPERATIONS, Mistake, Operation
from kernel.i18n import N_

MOST_STEPS: Final = 40
"""What somebody can still read on one page. Larger ones come as a file: `vungcao reorganise propose`."""

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "rename": ("unit", "name", "name_en"),
    "move": ("unit", "parent"),
    "merge": ("units", "into"),
    "split": ("unit", "into", "units", "offices", "rest"),
    "abolish": ("unit", "to"),
    "create": ("unit", "name", "name_en", "level", "parent"),
}
"""Each kind of step with its fields, in the order of the page."""

_MANY: Final = {("merge", "units"), ("split", "into")}
_PAIRS: Final = {("split", "units"), ("split", "offices")}
_BETWEEN: Final = re.compile(r"[\s,;]+")


@dataclass(slots=True)
class Step:
    """A step as it was typed, and what is wrong with it."""

    do: str
    typed: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """The whole form; `wrong` is what is wrong with no step in particular."""

    title: str = ""
    day: str = ""
    steps: list[Step] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def blame(self, mistakes: Sequence[Mistake]) -> None:
        """Put each mistake at its step."""
        for line, why in mistakes:
            (self.steps[line - 1].wrong if 0 < line <= len(self.steps) else self.wrong).append(why)


def read(form: Mapping[str, Any]) -> Draft:
    """Return what was sent; what is no step of ours, or one too many, is left out."""

    def text(name: str) -> str:
        value = form.get(name, "")
        return value.strip()[:20_000] if isinstance(value, str) else ""

    draft = Draft(title=text("title"), day=text("day"))
    for number in range(MOST_STEPS):
        do = text(f"do-{number}")
        if do in FIELDS:
            draft.steps.append(Step(do, {name: text(f"{name}-{number}") for name in FIELDS[do]}))
    return draft


def press(draft: Draft, button: str) -> None:
    """Do what a button asks for: `add-KIND` or `remove-NUMBER`; another one changes nothing."""
    what, _, which = button.partition("-")
    if what == "add" and which in FIELDS and len(draft.steps) < MOST_STEPS:
        draft.steps.append(Step(which))
    elif what == "remove" and which.isdecimal() and int(which) < len(draft.steps):
        del draft.steps[int(which)]


def operations(draft: Draft) -> tuple[Operation, ...] | None:
    """Return the steps as operations; None if some are not whole, which they then say."""
    found: list[Operation] = []
    for step in draft.steps:
        try:
            found += OPERATIONS.validate_python([_fields(step)])
        except ValidationError as error:
            names = dict.fromkeys(str(one["loc"][2]) for one in error.errors() if len(one["loc"]) > 2)  # noqa: PLR2004 - place, kind, field
            step.wrong += names or [""]
    if not draft.steps or any(step.wrong for step in draft.steps):
        return None
    return tuple(found)


def typed(operations: Sequence[Operation]) -> list[Step]:
    """Return operations as steps of the form, to be changed and sent anew."""
    return [_step(operation) for operation in operations[:MOST_STEPS]]


def _step(operation: Operation) -> Step:
    said = operation.model_dump()
    return Step(operation.do, {name: _text(said[name]) for name in FIELDS[operation.do]})


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{code} {to}" for code, to in value.items())
    return " ".join(value) if isinstance(value, tuple | list) else str(value or "")


def _fields(step: Step) -> dict[str, Any]:
    said: dict[str, Any] = {"do": step.do}
    for name, text in step.typed.items():
        if (step.do, name) in _MANY:
            said[name] = [code for code in _BETWEEN.split(text) if code]
        elif (step.do, name) in _PAIRS:
            pairs = [pair for line in text.splitlines() if (pair := line.replace(":", " ").split())]
            said[name] = {pair[0]: pair[1] if len(pair) == 2 else "" for pair in pairs}  # noqa: PLR2004 - what, and where to
        elif text:
            said[name] = text
        elif (step.do, name) == ("move", "parent"):
            said[name] = None  # to the top: not to be forgotten, but to be chosen
    return said


MISTAKES: Final = (
    N_("{a} ends, and {b} would be left without a parent: say where it goes"),
    N_("{a} ends, and its office {b} would belong to no unit: say where it goes"),
    N_("{a} would lie below itself: {b}"),
    N_("{a} is a {b} and cannot lie below {c}, a {d}"),
    N_("there is a unit {a} already: give the new one another code"),
    N_("on {a} there is no level {b}: there are {c}"),
    N_("a unit is named twice"),
    N_("{a} alone would merge with itself: name the others"),
    N_("{a} is split: say where its unit {b} goes"),
    N_("{a} is split: say where its office {b} goes"),
    N_("unit {a} cannot go to {b}: {c} becomes {d}"),
    N_("office {a} cannot go to {b}: {c} becomes {d}"),
    N_("unit {a} is not one of {b}"),
    N_("office {a} is not one of {b}"),
    N_("{a} ends: what is in it cannot go to itself"),
    N_("office {a} came to {b} on {c}, later than this reorganisation"),
    N_("{a} has changed on {b} already, later than this reorganisation"),
    N_("there is no unit {a}"),
    N_("{a} ends in this reorganisation already, by operation {b}"),
    N_("{a} has ended on {b}"),
    N_("{a} begins on {b}, later than this reorganisation"),
    N_("{a} begins on {b} and cannot end on the same day"),
    N_("“{a}” of {b} would not fit: {c}"),
)
"""What `inventory.reorganise` finds wrong, as sentences that can be said in another language."""


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w)\\\}", r"(?P<\1>.+?)", re.escape(sentence)))


_PATTERNS: Final = [(sentence, _pattern(sentence)) for sentence in MISTAKES]


def recognise(why: str) -> tuple[str, dict[str, str]]:
    """Return which sentence `why` is, and with what in it; `why` itself if it is none of them."""
    for sentence, pattern in _PATTERNS:
        if found := pattern.fullmatch(why):
            return sentence, found.groupdict()
    return why, {}
