"""What the pages that book say: the choices of the form, what a proposed time is like, how a series comes again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from api.web.booking_form import Draft
from kernel.i18n import N_, Translator
from meetings.public import Missing, PlannedMeeting, ProposedTime

PARTS: Final[Mapping[str, str]] = {
    "working": N_("in working hours"),
    "kind": N_("in the hours of this kind of meeting"),
    "morning": N_("in the morning"),
    "afternoon": N_("in the afternoon"),
    "evening": N_("in the evening"),
    "any": N_("at any hour, days off too"),
}
REPEATS: Final[Mapping[str, str]] = {
    "once": N_("Once"),
    "workdays": N_("Every working day"),
    "weekly": N_("Every week"),
    "fortnightly": N_("Every two weeks"),
    "monthly": N_("Every month on the same day"),
    "first": N_("In the first week of every month"),
    "last": N_("In the last week of every month"),
}
ON_HOLIDAY: Final[Mapping[str, str]] = {
    "skip": N_("leave that meeting out"),
    "move": N_("move it to the next working day"),
    "keep": N_("hold it all the same"),
}
NEEDS: Final[Mapping[str, str]] = {
    "required": N_("required"),
    "veto": N_("cannot be without it"),
    "optional": N_("optional"),
    "group": N_("one of a group"),
}
ROOM_KINDS: Final[Mapping[str, str]] = {
    "room": N_("meeting room"),
    "virtual": N_("virtual room"),
    "kit": N_("portable kit"),
    "recorder": N_("recorder"),
    "interpreter": N_("interpreter"),
    "person": N_("person"),
}
FATES: Final[Mapping[str, str]] = {
    "moved": N_("moved from {day} because of {holiday}"),
    "left-out": N_("left out because of {holiday}"),
    "on-holiday": N_("on a day off: {holiday}"),
}
RISKS: Final[Mapping[str, str]] = {
    "line": N_("{name}: its line was down at this hour in {weeks} of the last {of} weeks."),
    "device": N_("{name}: its equipment failed at this hour in {weeks} of the last {of} weeks."),
    "power": N_("{name}: its power was cut at this hour in {weeks} of the last {of} weeks."),
}
RISKS_TOLD: Final = 3
NAMED: Final = 4
"""So many names stand in a sentence; more are counted."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A proposed time in words.

    Attributes:
        time: What was proposed.
        begin: Its local time, as the form carries it.
        day: Its day, as people say it.
        hours: From when to when.
        shape: `ok`, `warning` (somebody who is required is missing, or a group has too few) or `critical` (it cannot be
            without who is missing).
        count: How many of how many are there.
        sentence: Who is missing, in one sentence.
        lines: Why, for the first few of them.
        unnamed: How many more are missing.
        risks: What went wrong at this hour before, in sentences.
    """

    time: ProposedTime
    begin: str
    day: str
    hours: str
    shape: str
    count: str
    sentence: str
    lines: tuple[Line, ...]
    unnamed: int
    risks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One who is missing: who, how it is needed if not in any case, why, and which other room would do."""

    name: str
    need: str
    why: str
    others: str


def offer(found: ProposedTime, draft: Draft, t: Translator, levels: Mapping[str, str], day: str) -> Offer:
    """Return a proposed time in words.

    Args:
        found: The time.
        draft: What was asked.
        t: The reader's language.
        levels: Name of each level of units, by code.
        day: The day of the time, as people say it.
    """
    total = len(draft.everybody) + len(draft.things)
    needed = draft.needed
    lacking = [one for one in found.missing if one.code in needed]
    shape = "critical" if found.vetoed else "warning" if lacking or found.short else "ok"
    explained = [one for one in found.missing if one.blockers or one.others or not one.has_rooms]
    return Offer(
        found,
        f"{t.local(found.starts_at):%Y-%m-%dT%H:%M}",
        day,
        f"{t.time(found.starts_at)}\N{EN DASH}{t.time(found.ends_at)}",
        shape,
        t.gettext("{free} of {total} free", free=t.number(found.there), total=t.number(total)),
        " ".join(filter(None, (_sentence(found, lacking, total, t), short_of(found, t)))),
        tuple(
            Line(_named(one, found, t), _need(one, draft, t), _why(one, t, levels), _others(one, t))
            for one in explained
        ),
        len(found.missing) - len(explained),
        risks_of(found, t),
    )


def _need(one: Missing, draft: Draft, t: Translator) -> str:
    return "" if one.code in draft.needed else t.gettext(NEEDS[draft.need_of(one.code)])


def short_of(found: ProposedTime, t: Translator) -> str:
    """Return how many the groups lack; empty if each has its number."""
    return t.ngettext("The groups lack {count}.", "The groups lack {count}.", found.short) if found.short else ""


def risks_of(found: ProposedTime, t: Translator) -> tuple[str, ...]:
    """Return which places were often cut off at this hour, a sentence each for the first few."""
    told = [
        t.gettext(RISKS[one.what], name=one.name, weeks=one.weeks, of=one.of_weeks)
        for one in found.risks[:RISKS_TOLD]
    ]  # fmt: skip
    more = len(found.risks) - RISKS_TOLD
    if more > 0:
        told.append(
            t.ngettext("{count} more place has such a history.", "{count} more places have such a history.", more)
        )
    return tuple(told)


def _sentence(found: ProposedTime, lacking: Sequence[Missing], total: int, t: Translator) -> str:
    if not found.missing:
        return t.ngettext("The one place is free.", "All {count} places are free.", total)
    names = names_of([_named(one, found, t) for one in (lacking or found.missing)], t)
    if lacking:
        return t.gettext("Missing: {names}.", names=names)
    return t.gettext("All who are required are free. Missing of the others: {names}.", names=names)


def _named(one: Missing, found: ProposedTime, t: Translator) -> str:
    if found.meetings in {1, one.meetings}:
        return one.name
    return t.gettext(
        "{name} ({count} of {total} meetings)", name=one.name, count=t.number(one.meetings),
        total=t.number(found.meetings),
    )  # fmt: skip


def _why(one: Missing, t: Translator, levels: Mapping[str, str]) -> str:
    if not one.has_rooms:
        return t.gettext("It has no room that would do.")
    return " ".join(
        t.gettext(
            "{room} has “{title}” from {start} to {end}, booked by {organiser}{level}.",
            room=each.room_name, title=each.title, start=t.time(each.starts_at), end=t.time(each.ends_at),
            organiser=each.organiser,
            level=t.gettext(", level: {level}", level=levels[each.level].lower()) if each.level in levels else "",
        )
        for each in one.blockers
    )  # fmt: skip


def _others(one: Missing, t: Translator) -> str:
    if not one.others:
        return ""
    rooms = [f"{each.room_name} ({each.office_name})" for each in one.others]
    return t.gettext("Free nearby: {rooms}.", rooms=names_of(rooms, t))


def names_of(names: Sequence[str], t: Translator) -> str:
    """Return the first of `names`, and how many more there are."""
    shown, more = ", ".join(names[:NAMED]), len(names) - NAMED
    return shown if more <= 0 else t.ngettext("{names} and {count} more", "{names} and {count} more", more, names=shown)


def fate(one: PlannedMeeting, t: Translator) -> str:
    """Return what a day off does to a meeting of a series; empty if nothing."""
    if one.fate not in FATES:
        return ""
    holiday = one.holiday or t.gettext("another meeting of the series on that day")
    return t.gettext(FATES[one.fate], day=f"{one.original:%d/%m/%Y}", holiday=holiday)
