"""What a form holds that asks when something comes again.

Plain choices for what is common, which make a rule, and a rule of RFC 5545 for the rest. What was typed is shown again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from api.web.launch_form import Sent, text
from kernel.errors import BadInput
from kernel.i18n import N_, Translator
from kernel.recurrence import BadRule, parse

ONCE: Final = N_("Once")
EVERY_DAY: Final = N_("Every day")
REPEATS: Final[Mapping[str, str]] = {
    "once": ONCE,
    "daily": EVERY_DAY,
    "weekly": N_("Every week"),
    "monthly": N_("Every month, on this day"),
    "rule": N_("By a rule of one's own"),
}
DAYS: Final[Mapping[str, str]] = {
    "MO": N_("Mon"), "TU": N_("Tue"), "WE": N_("Wed"), "TH": N_("Thu"), "FR": N_("Fri"), "SA": N_("Sat"),
    "SU": N_("Sun"),
}  # fmt: skip
LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class RuleForm:
    """What was chosen and typed: a day (2026-11-24), a time (02:00), how it comes again, and the zone."""

    day: str
    time: str
    repeat: str
    days: tuple[str, ...] = ()
    own: str = ""
    zone: str = "Asia/Ho_Chi_Minh"

    @property
    def first(self) -> datetime:
        """The local time that was typed. Raises BadInput if it is none."""
        try:
            return datetime.fromisoformat(f"{self.day}T{self.time}").replace(tzinfo=None)
        except ValueError:
            raise BadInput(what=N_("The day or the time"), why=N_("write them as 2026-11-24 and 02:00")) from None

    @property
    def rule(self) -> str:
        """The rule that was chosen; empty: once."""
        match self.repeat:
            case "daily":
                return "FREQ=DAILY"
            case "weekly":
                chosen = [day for day in DAYS if day in self.days] or [tuple(DAYS)[self.first.weekday()]]
                return f"FREQ=WEEKLY;BYDAY={','.join(chosen)}"
            case "monthly":
                return f"FREQ=MONTHLY;BYMONTHDAY={self.first.day}"
            case "rule":
                return self.own
        return ""


def read_rule(sent: Sent, *, now: datetime, zone: str, repeat: str) -> RuleForm:
    """Return what was chosen and typed; tomorrow at two in the night where nothing was."""
    local = now.astimezone(ZoneInfo(zone))
    chosen = text(sent, "repeat")
    return RuleForm(
        day=text(sent, "day")[:20] or f"{local.date():%Y-%m-%d}",
        time=text(sent, "time")[:10] or "22:00",
        repeat=chosen if chosen in REPEATS else repeat,
        days=tuple(day for day in sent.getlist("days") if isinstance(day, str) and day in DAYS),
        own=text(sent, "rule")[:LONGEST],
        zone=text(sent, "zone")[:60] or zone,
    )


def rule_words(t: Translator, rule: str, zone: str) -> str:  # noqa: PLR0911 - one a choice
    """Return a stored rule in words, if it is one of the choices; else as it stands. Empty: once."""
    if not rule:
        return t.gettext(ONCE)
    try:
        found = parse(rule, ZoneInfo(zone))
    except (BadRule, KeyError):
        return rule
    if found.count == 1:
        return t.gettext(ONCE)
    plain = found.interval == 1 and found.count is None and found.until is None and not found.by_set_pos
    if plain and not found.by_month:
        if found.frequency == "DAILY" and not found.by_day and not found.by_month_day:
            return t.gettext(EVERY_DAY)
        if found.frequency == "WEEKLY" and found.by_day:
            return t.gettext("Every week on {days}", days=_days(t, [day for _, day in found.by_day]))
        if found.frequency == "MONTHLY" and len(found.by_month_day) == 1 and found.by_month_day[0] > 0:
            return t.gettext("On day {day} of every month", day=found.by_month_day[0])
    return rule


def _days(t: Translator, days: Sequence[str]) -> str:
    return ", ".join(t.gettext(DAYS[day]) for day in DAYS if day in days)
