"""Decides what a line of a file would do to one thing: add it, change which fields, nothing, or why it is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from inventory.exchange.faults import Fault, fault
from inventory.programme_file import CODE, KEYS, Entry, code_of

ONLY_NEW: Final = frozenset({"since"})
"""Fields that are said of a new thing only, and are no difference afterwards."""

CALLED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("int_parsing", "float_parsing", "decimal_parsing", "int_from_float"), "not-a-number"),
    **dict.fromkeys(("greater_than", "greater_than_equal", "less_than", "less_than_equal"), "out-of-range"),
    **dict.fromkeys(("date_parsing", "date_from_datetime_parsing", "date_type"), "not-a-date"),
    "extra_forbidden": "unknown-field",
}
"""Types of pydantic's errors to what they are here."""
TOLD: Final[Mapping[str, str]] = {CODE.pattern: "not-a-code", "IPv4": "not-an-address"}
"""The same for what only their words tell."""

CHOICE: Final = re.compile(r"constrained-str|literal\[")
"""What pydantic calls a part of a field that may be one of several, such as a code or nothing."""

ENDS: Final = "ends before it begins"


class Verdict(StrEnum):
    """What a line would do."""

    ADDED = "added"
    CHANGED = "changed"
    SAME = "same"
    REMOVED = "removed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Judged:
    """The outcome for one line.

    Attributes:
        verdict: What it would do.
        fields: The thing as it would be, as JSON; empty if it was refused.
        diff: Field to what it is and what it would be; a field of a nested value as `ssh.user`. Empty for a new thing.
        faults: Why it was refused.
    """

    verdict: Verdict
    fields: Mapping[str, Any]
    diff: Mapping[str, tuple[Any, Any]]
    faults: tuple[Fault, ...] = ()


def as_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as it is kept with a line of a file."""
    return entry.model_dump(mode="json")


def judge(
    entry: type[Entry],
    code: str,
    given: Mapping[str, Any],
    now: Mapping[str, Any] | None,
    dump: Callable[[Any], dict[str, Any]] = as_json,
    kind: str = "",
) -> Judged:
    """Return what a line does that says `given` of `code`, which is `now`; None if there is none such yet.

    A thing of a `kind` that has no code of its own is called by its fields.
    """
    faults = [] if kind in KEYS or CODE.fullmatch(code) else [_of_code(code)]
    merged = merge(now or {}, given)
    try:
        wanted = entry.model_validate(merged)
    except ValidationError as error:
        faults += _faults(error)
    if faults:
        return Judged(Verdict.REFUSED, {}, {}, tuple(faults))
    fields = dump(wanted)
    if kind in KEYS and code != code_of(kind, fields):
        return Judged(Verdict.REFUSED, {}, {}, (fault("not-its-code", "code", value=code, key="/".join(KEYS[kind])),))
    if now is None:
        return Judged(Verdict.ADDED, fields, {})
    diff = difference(now, fields)
    return Judged(Verdict.CHANGED if diff else Verdict.SAME, fields, diff)


def merge(now: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `now` with what is `given`; of a nested value, what is not given stays."""
    merged = dict(now)
    for name, value in given.items():
        there = now.get(name)
        merged[name] = {**there, **value} if isinstance(there, Mapping) and isinstance(value, Mapping) else value
    return merged


def difference(now: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the fields that differ, each with what it is and what it would be."""
    before, after = dict(_flat(now)), dict(_flat(then))
    return {
        name: (before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if name not in ONLY_NEW and before.get(name) != after.get(name)
    }


def _flat(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", said) for inner, said in value.items())
        else:
            yield name, value


def _of_code(code: str) -> Fault:
    return fault("not-a-code", "code", value=code) if code else fault("missing", "code")


def _faults(error: ValidationError) -> Iterator[Fault]:
    told = set()
    for problem in error.errors(include_url=False):
        where = ".".join(part for part in problem["loc"] if isinstance(part, str) and not CHOICE.match(part))
        if where in told and len(problem["loc"]) > 1:
            continue  # of what may be one of several, each says why it is not
        told.add(where)
        yield _fault(where, problem["type"], str(problem["msg"]), problem["input"], problem.get("ctx", {}))


def _fault(where: str, kind: str, said: str, value: object, context: Mapping[str, Any]) -> Fault:
    """Return what a mistake that pydantic found is called here."""
    if kind == "missing" or value in (None, ""):
        return fault("missing", where)
    if kind == "string_too_long":
        return fault("too-long", where, most=context["max_length"])
    if kind in {"enum", "literal_error"}:
        return fault("not-one-of", where, value=value, known=str(context["expected"]).replace("'", ""))
    why = said.removeprefix("Value error, ")
    if why == ENDS:
        return fault("ends-before-it-begins", "ends")
    code = CALLED.get(kind) or next((code for words, code in TOLD.items() if words in f"{said} {context}"), "wrong")
    return fault(code, where, value=value, why=_bounds(context) if code == "out-of-range" else why)


def _bounds(context: Mapping[str, Any]) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    return ", ".join(f"{sign} {context[name]}" for name, sign in signs.items() if name in context)
