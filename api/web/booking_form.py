"""What somebody has typed and chosen so far to book a meeting, step after step, and what it means. Pure.

All of it travels in the form, so that every step is a plain form and the browser's way back works. Whatever was typed
goes back into the form as it was. Days and times come as browsers send them (2026-11-25, 09:00), or as people write
them where a browser offers a plain line: 25/11/2026, 9h30.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from kernel.i18n import N_
from meetings.public import WORKING_HOURS, Group, Hours, MeetingKind, OnHoliday, SeriesRequest, TimeQuestion, Wish

DAY_FIRST: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
CLOCK: Final = re.compile(r"(\d{1,2})(?:[:.hg](\d{2})?)?(?::\d{2})?", re.IGNORECASE)

NO_NUMBER: Final = re.compile(r"[\s:,]")
"""What would not go through the form as part of a number."""

YEARS: Final = range(1976, 2100)
"""Other years are a slip of the finger."""

STEP_MIN: Final = 15
MINUTES_A_DAY: Final = 24 * 60
USUAL_MIN: Final = 60
AHEAD: Final = timedelta(days=13)
USUAL_SERIES: Final = timedelta(weeks=12)
LONGEST_LOOK: Final = timedelta(days=91)
MOST_CODES: Final = 1000
MOST_LETTERS: Final = 1000
MOST_GROUPS: Final = 5
SHOWN: Final = 3
"""So many times are proposed: the choice of a person, not of a machine."""

LENGTHS: Final = (15, 30, 45, 60, 90, 120, 150, 180, 240, 300, 360, 420, 480)

Part = Literal["working", "kind", "morning", "afternoon", "evening", "any"]
PARTS: Final[Mapping[Part, tuple[Hours, ...]]] = {
    "working": WORKING_HOURS,
    "kind": WORKING_HOURS,  # its own ones, where there is a kind
    "morning": WORKING_HOURS[:1],
    "afternoon": WORKING_HOURS[1:],
    "evening": (Hours(time(17), time(21)),),
    "any": (Hours(time(0), time(0)),),
}

Repeat = Literal["once", "workdays", "weekly", "fortnightly", "monthly", "first", "last"]
WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
RULES: Final[Mapping[Repeat, str]] = {
    "workdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "weekly": "FREQ=WEEKLY",
    "fortnightly": "FREQ=WEEKLY;INTERVAL=2",
    "monthly": "FREQ=MONTHLY",
    "first": "FREQ=MONTHLY;BYDAY=1{day}",
    "last": "FREQ=MONTHLY;BYDAY=-1{day}",
}
ON_A_WEEKDAY: Final = frozenset({"weekly", "fortnightly"})
NEEDS_WEEKDAY: Final = frozenset({"first", "last"})

NO_TITLE: Final = N_("Write what the meeting is about.")
NO_DAY: Final = N_("Write the day, such as 25/11/2026.")
ENDS_FIRST: Final = N_("The last day is not after the first.")
TOO_LONG: Final = N_("Look at no more than three months at once.")
NO_OFFICE: Final = N_("Choose at least one office.")
NO_LENGTH: Final = N_("Choose how long it lasts.")
NO_WEEKDAY: Final = N_("Choose the day of the week.")
NO_UNTIL: Final = N_("Write until which day it comes again, after the first one.")
NO_LEAST: Final = N_("Write how many of the group have to be there: at least one, at most all.")
NO_WISH: Final = N_("The chair's preferred hours end before they begin.")

Need = Literal["veto", "required", "optional", "out"]
LISTS: Final[Mapping[Need, str]] = {"veto": "vetoes", "required": "required", "optional": "optional"}
"""In which list of the draft an office stands."""

WISHED_TIMES: Final = tuple(f"{time(hour, minute):%H:%M}" for hour in range(6, 22) for minute in (0, 30))


@dataclass(frozen=True, slots=True)
class GroupAsked:
    """Offices of which some number has to be there: their codes, and the number as it was typed."""

    offices: tuple[str, ...]
    least: str

    @property
    def number(self) -> int | None:
        """How many have to be there; None if that makes no sense."""
        number = int(self.least) if re.fullmatch(r"\d{1,4}", self.least.strip(), re.ASCII) else 0
        return number if 0 < number <= len(self.offices) else None


class Times(NamedTuple):
    """From when to when, aware."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """What is in the form.

    Attributes:
        title: As typed.
        kind: Code of the kind of meeting; empty: none of them.
        behalf: Sign-in name of whom it is booked for; empty: for oneself.
        minutes: How long it lasts.
        required: Codes of offices that have to be there, each once.
        vetoes: Codes of offices without which it cannot be at all.
        optional: Codes of offices that it can be without.
        groups: Offices of which a number is enough.
        things: Codes of rooms, people and kit that were chosen by name.
        first: First day to look at.
        last: Last one.
        part: Part of the day in which it is to lie.
        repeat: How it comes again.
        weekday: `MO` to `SU`; empty: on any working day.
        until: Last day of a series.
        on_holiday: What becomes of a meeting of it on a day off.
        wish_days: `MO` to `SU`: when the chair likes to meet; none: on any.
        wish_from: From which time of day on the chair likes it to begin; empty: from any.
        wish_to: Before which; empty: before any.
        begin: Local time that was chosen, as 2026-11-25T09:00; empty before.
        rooms: Codes of the rooms that the last step showed.
        key: Of this booking: sent twice, it books once.
    """

    title: str = ""
    kind: str = ""
    behalf: str = ""
    minutes: str = str(USUAL_MIN)
    required: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    groups: tuple[GroupAsked, ...] = ()
    things: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    part: Part = "working"
    repeat: Repeat = "once"
    weekday: str = ""
    until: str = ""
    on_holiday: OnHoliday = "skip"
    wish_days: tuple[str, ...] = ()
    wish_from: str = ""
    wish_to: str = ""
    begin: str = ""
    rooms: tuple[str, ...] = ()
    key: str = ""

    @property
    def chosen(self) -> tuple[str, ...]:
        """Codes of the offices that were chosen each for themselves."""
        return (*self.vetoes, *self.required, *self.optional)

    @property
    def everybody(self) -> tuple[str, ...]:
        """Codes of all offices."""
        return tuple(dict.fromkeys([*self.chosen, *(code for group in self.groups for code in group.offices)]))

    @property
    def needed(self) -> frozenset[str]:
        """Codes of those who have to be there, whoever else is: offices, rooms, people."""
        return frozenset([*self.vetoes, *self.required, *self.things])

    @property
    def wish(self) -> Wish | None:
        """When the chair likes to meet; None if they did not say."""
        begin, end = read_time(self.wish_from), read_time(self.wish_to)
        if not (self.wish_days or begin or end):
            return None
        days = (WEEKDAYS.index(day) for day in self.wish_days or WEEKDAYS)
        return Wish(frozenset(days), begin or time.min, end or time.max)

    def need_of(self, code: str) -> str:
        """Return how an office is needed: `veto`, `required`, `optional`; `group` if one of some."""
        return next((need for need, name in LISTS.items() if code in getattr(self, name)), "group")

    def enough(self, there: Iterable[str]) -> set[str]:
        """Return those of the offices `there` that are needed for each group to have its number: its first ones."""
        here = set(there)
        return {
            code
            for group in self.groups
            for code in [one for one in group.offices if one in here][: group.number]
        }  # fmt: skip

    @property
    def length(self) -> timedelta:
        """How long it lasts; an hour if that cannot be read."""
        return timedelta(minutes=read_minutes(self.minutes) or USUAL_MIN)

    @property
    def begins(self) -> datetime | None:
        """The chosen local time; None before it is chosen, or if it cannot be read."""
        try:
            at = datetime.fromisoformat(self.begin) if self.begin else None
        except ValueError:
            return None
        return at if at is not None and at.tzinfo is None and at.year in YEARS else None

    @property
    def rule(self) -> str:
        """RRULE of the series; empty if it does not come again."""
        if self.repeat == "once":
            return ""
        rule = RULES[self.repeat].format(day=self.weekday)
        if self.repeat in ON_A_WEEKDAY and self.weekday:
            rule += f";BYDAY={self.weekday}"
        until = read_day(self.until)
        return f"{rule};UNTIL={until:%Y%m%d}" if until else rule

    def mistakes(self) -> dict[str, str]:
        """Return what is missing or cannot be read: a sentence for each field, in the order of the form."""
        first, last, until = read_day(self.first), read_day(self.last), read_day(self.until)
        found = {
            "title": "" if self.title.strip() else NO_TITLE,
            "minutes": "" if read_minutes(self.minutes) else NO_LENGTH,
            "who": "" if self.everybody or self.things else NO_OFFICE,
            "first": "" if first else NO_DAY,
            "last": "" if last else NO_DAY,
        }
        if first and last and last < first:
            found["last"] = ENDS_FIRST
        elif first and last and last - first > LONGEST_LOOK:
            found["last"] = TOO_LONG
        if (wish := self.wish) is not None and wish.end <= wish.begin:
            found["wish_from"] = NO_WISH
        if any(group.number is None for group in self.groups):
            found["groups"] = NO_LEAST
        if self.repeat in NEEDS_WEEKDAY and not self.weekday:
            found["weekday"] = NO_WEEKDAY
        if self.repeat != "once" and (until is None or (first and until < first)):
            found["until"] = NO_UNTIL
        return {field: sentence for field, sentence in found.items() if sentence}

    def of_kind(self, kind: MeetingKind) -> Draft:
        """Return the draft with what a meeting of this kind begins with."""
        return replace(
            self, kind=kind.code, minutes=str(kind.minutes), part="kind", on_holiday=kind.on_holiday, begin=""
        )  # fmt: skip

    def question(self, zone: ZoneInfo, kind: MeetingKind | None) -> TimeQuestion:
        """Return what is asked of `meetings.propose`, of a draft without mistakes; `kind` is the one of its code."""
        first, last = read_day(self.first), read_day(self.last)
        assert first is not None and last is not None  # noqa: S101, PT018 - mistakes() looked
        return TimeQuestion(
            self.required,
            first,
            last,
            read_minutes(self.minutes) or USUAL_MIN,
            zone.key,
            optional=self.optional,
            vetoes=self.vetoes,
            groups=tuple(Group(group.offices, group.number or 1) for group in self.groups),
            wishes=(self.wish,) if self.wish else (),
            rooms=self.things,
            hours=kind.hours if kind and self.part == "kind" else PARTS[self.part],
            capacity=kind.capacity if kind else 1,
            equipment=kind.equipment if kind else (),
            accessible=kind.accessible if kind else False,
            every_day=kind.every_day if kind and self.part == "kind" else self.part == "any",
            rule=self.rule,
            on_holiday=self.on_holiday,
            limit=SHOWN,
        )

    def at(self, zone: ZoneInfo, kind: MeetingKind | None) -> TimeQuestion | None:
        """Return the question for the chosen time alone, which may go on after midnight; None if there is none."""
        begins = self.begins
        if begins is None:
            return None
        hours = (Hours(begins.time(), (begins + self.length).time()),)
        return replace(
            self.question(zone, kind), first=begins.date(), last=begins.date(), hours=hours, every_day=True, limit=1
        )

    def series(self, zone: ZoneInfo, required: Iterable[str], optional: Iterable[str]) -> SeriesRequest:
        """Return the series to book, with these rooms, of a draft with a chosen time."""
        assert self.begins is not None  # noqa: S101 - the caller looked
        return SeriesRequest(
            self.title, tuple(required), self.rule, self.begins, zone.key, read_minutes(self.minutes) or USUAL_MIN,
            tuple(optional), (), self.on_holiday, self.kind, self.behalf,
        )  # fmt: skip

    def times(self, zone: ZoneInfo) -> Times:
        """Return the one time to book, of a draft with a chosen time."""
        assert self.begins is not None  # noqa: S101 - the caller looked
        begins = self.begins.replace(tzinfo=zone)
        return Times(begins, begins + self.length)

    def with_offices(self, codes: Iterable[str], need: Need) -> Draft:
        """Return the draft with these offices as needed as `need` says; `out` takes them off. Order stays."""
        wanted = dict.fromkeys(codes)
        lists = {each: [code for code in getattr(self, name) if code not in wanted] for each, name in LISTS.items()}
        if need in lists:
            lists[need] += wanted
        groups = [
            replace(one, offices=tuple(code for code in one.offices if code not in wanted)) for one in self.groups
        ]
        kept = tuple(one for one in groups if one.offices)
        required, vetoes, optional = (tuple(lists[each][:MOST_CODES]) for each in ("required", "veto", "optional"))
        return replace(self, required=required, vetoes=vetoes, optional=optional, groups=kept)

    def with_group(self, codes: Iterable[str], number: int) -> Draft:
        """Return the draft with these offices in its group `number`, from 1; a new one begins with more than half."""
        wanted = tuple(dict.fromkeys(codes))
        had = self.groups[number - 1].offices if number <= len(self.groups) else ()
        offices = tuple(dict.fromkeys([*had, *wanted]))[:MOST_CODES]
        if not wanted or number > MOST_GROUPS:
            return self
        rest = [one for place, one in enumerate(self.groups, 1) if place != number]
        others = replace(self, groups=tuple(rest)).with_offices(wanted, "out")
        least = self.groups[number - 1].least if had else str(len(offices) // 2 + 1)
        groups = list(others.groups)
        groups.insert(number - 1, GroupAsked(offices, least))
        return replace(others, groups=tuple(groups))

    def hidden(self) -> dict[str, str]:
        """Return every field as the text that a hidden field carries to the next step."""
        found = {}
        for each in fields(self):
            value = getattr(self, each.name)
            found[each.name] = " ".join(map(_carried, value)) if isinstance(value, tuple) else value
        return found


def _carried(value: str | GroupAsked) -> str:
    return f"{value.least}:{','.join(value.offices)}" if isinstance(value, GroupAsked) else value


def codes_in(sent: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return the codes that a field carries, each once, at most 1,000."""
    value = sent.get(name, "")
    return tuple(dict.fromkeys(value.split()))[:MOST_CODES] if isinstance(value, str) else ()


def read(sent: Mapping[str, object]) -> Draft:
    """Return what a form sent. What no form of ours sends becomes what an empty form has."""

    def text(name: str) -> str:
        value = sent.get(name, "")
        return value[:MOST_LETTERS] if isinstance(value, str) else ""

    def codes(name: str) -> tuple[str, ...]:
        return codes_in(sent, name)

    def one_of(name: str, choices: Iterable[str], usual: str) -> str:
        return value if (value := text(name)) in choices else usual

    def groups() -> Iterator[GroupAsked]:
        for number, part in enumerate(codes("groups")[:MOST_GROUPS], 1):
            least, _, offices = part.partition(":")
            if f"drop.{number}" not in sent and (found := tuple(dict.fromkeys(filter(None, offices.split(","))))):
                yield GroupAsked(found[:MOST_CODES], NO_NUMBER.sub("", text(f"least.{number}")) or least)

    wished = (*codes("wish_days"), *(day for day in WEEKDAYS if f"wish.{day}" in sent))
    draft = Draft(
        title=text("title"), kind=text("kind"), behalf=text("behalf"), minutes=text("minutes"),
        required=codes("required"), vetoes=codes("vetoes"), optional=codes("optional"), things=codes("things"),
        groups=tuple(groups()), wish_days=tuple(day for day in WEEKDAYS if day in wished),
        wish_from=text("wish_from"), wish_to=text("wish_to"),
        first=text("first"), last=text("last"), part=one_of("part", PARTS, "working"),  # type: ignore[arg-type]  # one of them
        repeat=one_of("repeat", get_args(Repeat), "once"),  # type: ignore[arg-type]  # one of them
        weekday=one_of("weekday", WEEKDAYS, ""), until=text("until"),
        on_holiday=one_of("on_holiday", get_args(OnHoliday), "skip"),  # type: ignore[arg-type]  # one of them
        begin=text("begin"), rooms=codes("rooms"), key=text("key")[:100],
    )  # fmt: skip
    needs: dict[Need, list[str]] = {"veto": [], "required": [], "optional": [], "out": []}
    chosen = set(draft.chosen)
    for name, value in sent.items():
        code = name.removeprefix("need.")
        # Only what changed, so that the others keep their place in the list.
        if code != name and value in needs and code in chosen and value != draft.need_of(code):
            needs[value].append(code)
    for need, changed in needs.items():
        draft = draft.with_offices(changed, need)
    return draft


def suggested(now: datetime, zone: ZoneInfo) -> Draft:
    """Return an empty form that looks at the next two weeks, from tomorrow on once the working day is nearly over."""
    local = now.astimezone(zone)
    nearly_over = local.time() > time(WORKING_HOURS[-1].end.hour - 1)
    first = local.date() + timedelta(days=nearly_over)
    return Draft(
        first=first.isoformat(), last=(first + AHEAD).isoformat(), until=(first + USUAL_SERIES).isoformat()
    )  # fmt: skip


def times_of_day(typed: str) -> list[str]:
    """Return the times that a form offers, in steps of a quarter of an hour, and what stands in it already.

    A list instead of the browser's own field for times: that one asks for AM and PM wherever the browser is English.
    """
    offered = {f"{time(minute // 60, minute % 60):%H:%M}" for minute in range(0, MINUTES_A_DAY, STEP_MIN)}
    return sorted(offered | ({typed} if typed else set()))


def read_minutes(text: str) -> int | None:
    """Return the length that `text` means, in minutes up to a day; None if it means none."""
    number = int(text) if re.fullmatch(r"\d{1,4}", text.strip(), re.ASCII) else 0
    return number if 0 < number <= MINUTES_A_DAY else None


def read_day(text: str) -> date | None:
    """Return the day that `text` means; None if it means none."""
    try:
        if match := DAY_FIRST.fullmatch(text.strip()):
            day, month, year = map(int, match.groups())
            found = date(year, month, day)
        else:
            found = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.year in YEARS else None


def read_time(text: str) -> time | None:
    """Return the time of day that `text` means; None if it means none."""
    match = CLOCK.fullmatch(text.strip())
    try:
        return time(int(match[1]), int(match[2] or 0)) if match else None
    except ValueError:
        return None
