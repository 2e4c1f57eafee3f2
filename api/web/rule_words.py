"""Says a rule of RFC 5545 as people say it: every two weeks on Tuesday and Friday, until 31/05/2027."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kernel.i18n import N_, Translator

DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
EVERY: Final[Mapping[str, tuple[str, str]]] = {
    "DAILY": (N_("every day"), N_("every {count} days")),
    "WEEKLY": (N_("every week"), N_("every {count} weeks")),
    "MONTHLY": (N_("every month"), N_("every {count} months")),
    "YEARLY": (N_("every year"), N_("every {count} years")),
}
PLACES: Final[Mapping[str, str]] = {
    "1": N_("first {weekday}"),
    "2": N_("second {weekday}"),
    "3": N_("third {weekday}"),
    "4": N_("fourth {weekday}"),
    "-1": N_("last {weekday}"),
}


def rule_words(rule: str, first: datetime, t: Translator) -> str:
    """Return `rule` in words; what has no words of ours is told as it is written.

    Args:
        rule: As `meetings` tells it.
        first: Aware local time of the first meeting.
        t: The reader's language.
    """
    parts = dict(part.partition("=")[::2] for part in rule.split(";"))
    known = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "UNTIL", "COUNT", "WKST"}
    if parts.keys() - known or parts.get("FREQ") not in EVERY:
        return rule
    one, many = EVERY[parts["FREQ"]]
    number = parts.get("INTERVAL", "1")
    said = t.gettext(one) if number == "1" else t.gettext(many, count=number)
    if days := parts.get("BYDAY"):
        said = t.gettext("{every} on {days}", every=said, days=", ".join(_day(each, t) for each in days.split(",")))
    elif parts["FREQ"] == "WEEKLY":
        said = t.gettext("{every} on {days}", every=said, days=t.weekday(first))
    elif parts["FREQ"] == "MONTHLY":
        day = parts.get("BYMONTHDAY") or str(t.local(first).day)
        said = t.gettext("{every} on day {day}", every=said, day=day)
    if until := parts.get("UNTIL"):
        return t.gettext("{said}, until {day}", said=said, day=f"{until[6:8]}/{until[4:6]}/{until[:4]}")
    if count := parts.get("COUNT"):
        return t.gettext("{said}, {count} times", said=said, count=count)
    return said


def weekday_name(t: Translator, code: str) -> str:
    """Return the day of the week that a rule calls `code`."""
    monday = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo(t.timezone))
    return t.weekday(monday + timedelta(days=DAYS.index(code)))


def _day(text: str, t: Translator) -> str:
    place, code = text[:-2], text[-2:]
    if code not in DAYS or (place and place not in PLACES):
        return text
    return t.gettext(PLACES[place], weekday=weekday_name(t, code)) if place else weekday_name(t, code)
