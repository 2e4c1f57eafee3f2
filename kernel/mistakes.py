"""What pydantic finds wrong, in words for the person who wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kernel.sentences import N_, Sentence

SAID: Final = {
    "missing": N_("it is missing"),
    "extra_forbidden": N_("there is no such field"),
    "string_too_short": N_("it has at least {min_length} characters"),
    "string_too_long": N_("it has at most {max_length} characters"),
    "too_short": N_("it has at least {min_length} entries"),
    "too_long": N_("it has at most {max_length} entries"),
    "string_pattern_mismatch": N_("it does not have the form that it needs"),
    "int_parsing": N_("it is no whole number"),
    "int_from_float": N_("it is no whole number"),
    "float_parsing": N_("it is no number"),
    "greater_than_equal": N_("it is at least {ge}"),
    "greater_than": N_("it is more than {gt}"),
    "less_than_equal": N_("it is at most {le}"),
    "less_than": N_("it is less than {lt}"),
    "literal_error": N_("choose among {expected}"),
    "enum": N_("choose among {expected}"),
    "date_parsing": N_("write the day as 2026-11-24"),
    "date_from_datetime_parsing": N_("write the day as 2026-11-24"),
    "ip_any_address": N_("it is no IP address"),
}
"""By pydantic's type of error; the braces are those of its context."""


def in_words(problem: Mapping[str, Any]) -> str:
    """Return what one entry of `ValidationError.errors()` says; what is rare is in pydantic's own English."""
    context = problem.get("ctx", {})
    if message := SAID.get(problem["type"]):
        return Sentence(message, **context)
    error = context.get("error")
    if isinstance(error, ValueError) and isinstance(error.args[0], Sentence):
        return error.args[0]
    return str(problem["msg"]).removeprefix("Value error, ")
