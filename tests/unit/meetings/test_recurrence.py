"""When a series meets: the examples of RFC 5545, another program as oracle, clocks that jump, days off."""

# ruff: noqa: DTZ001 - rules live in local time

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from hypothesis import given, reject
from hypothesis import strategies as st

from kernel.recurrence import (
    DAYS,
    BadRule,
    BeginsElsewhere,
    BeginsFarAway,
    Rule,
    RulePartRefused,
    UntilAndCount,
    expand,
    instant,
    parse,
)
from meetings.recurrence import Occurrence, Pattern, occurrences, shifted
from meetings.working_days import Calendar

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NEW_YORK = ZoneInfo("America/New_York")
NINE = datetime(1997, 9, 2, 9)
LAST = datetime(2000, 1, 31, 23)


def days(rule: str, first: datetime = NINE, until: datetime = LAST) -> list[str]:
    return [f"{at:%Y-%m-%d}" for at in expand(parse(rule, NEW_YORK), first, until)]


def dates(text: str) -> list[str]:
    """Return the dates that `1997 9: 2 3, 10: 1` names, as RFC 5545 lists them."""
    found = []
    for line in text.strip().splitlines():
        year, _, rest = line.strip().partition(" ")
        for month in rest.split(","):
            number, _, its_days = month.partition(":")
            found += [f"{year}-{int(number):02}-{int(day):02}" for day in its_days.split()]
    return found


# Each with its first time, where that is not 2 September 1997, and the dates that the RFC gives (section 3.8.5.3).
EXAMPLES = [
    ("FREQ=DAILY;COUNT=10", NINE, "1997 9: 2 3 4 5 6 7 8 9 10 11"),
    ("FREQ=DAILY;INTERVAL=10;COUNT=5", NINE, "1997 9: 2 12 22, 10: 2 12"),
    ("FREQ=WEEKLY;COUNT=10", NINE, "1997 9: 2 9 16 23 30, 10: 7 14 21 28, 11: 4"),
    ("FREQ=WEEKLY;UNTIL=19971224T000000Z", NINE,
     "1997 9: 2 9 16 23 30, 10: 7 14 21 28, 11: 4 11 18 25, 12: 2 9 16 23"),
    ("FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", NINE, "1997 9: 2 4 9 11 16 18 23 25 30, 10: 2"),
    ("FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH", NINE, "1997 9: 2 4 9 11 16 18 23 25 30, 10: 2"),
    ("FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR", datetime(1997, 9, 1, 9),
     "1997 9: 1 3 5 15 17 19 29, 10: 1 3 13 15 17 27 29 31, 11: 10 12 14 24 26 28, 12: 8 10 12 22"),
    ("FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", NINE, "1997 9: 2 4 16 18 30, 10: 2 14 16"),
    ("FREQ=MONTHLY;COUNT=10;BYDAY=1FR", datetime(1997, 9, 5, 9),
     "1997 9: 5, 10: 3, 11: 7, 12: 5\n1998 1: 2, 2: 6, 3: 6, 4: 3, 5: 1, 6: 5"),
    ("FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", datetime(1997, 9, 5, 9), "1997 9: 5, 10: 3, 11: 7, 12: 5"),
    ("FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU", datetime(1997, 9, 7, 9),
     "1997 9: 7 28, 11: 2 30\n1998 1: 4 25, 3: 1 29, 5: 3 31"),
    ("FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", datetime(1997, 9, 22, 9),
     "1997 9: 22, 10: 20, 11: 17, 12: 22\n1998 1: 19, 2: 16"),
    ("FREQ=MONTHLY;COUNT=6;BYMONTHDAY=-3", datetime(1997, 9, 28, 9),
     "1997 9: 28, 10: 29, 11: 28, 12: 29\n1998 1: 29, 2: 26"),
    ("FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15", NINE, "1997 9: 2 15, 10: 2 15, 11: 2 15, 12: 2 15\n1998 1: 2 15"),
    ("FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", datetime(1997, 9, 30, 9),
     "1997 9: 30, 10: 1 31, 11: 1 30, 12: 1 31\n1998 1: 1 31, 2: 1"),
    ("FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15", datetime(1997, 9, 10, 9),
     "1997 9: 10 11 12 13 14 15\n1999 3: 10 11 12 13"),
    ("FREQ=YEARLY;COUNT=10;BYMONTH=6,7", datetime(1997, 6, 10, 9),
     "1997 6: 10, 7: 10\n1998 6: 10, 7: 10\n1999 6: 10, 7: 10"),
    ("FREQ=YEARLY;BYMONTH=3;BYDAY=TH;UNTIL=19990401T000000Z", datetime(1997, 3, 13, 9),
     "1997 3: 13 20 27\n1998 3: 5 12 19 26\n1999 3: 4 11 18 25"),
    ("FREQ=YEARLY;BYDAY=20MO", datetime(1997, 5, 19, 9), "1997 5: 19\n1998 5: 18\n1999 5: 17"),
    ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", datetime(1998, 2, 13, 9), "1998 2: 13, 3: 13, 11: 13\n1999 8: 13"),
    ("FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13;COUNT=4", datetime(1997, 9, 13, 9),
     "1997 9: 13, 10: 11, 11: 8, 12: 13"),
    ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", datetime(1997, 9, 4, 9), "1997 9: 4, 10: 7, 11: 6"),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=7", datetime(1997, 9, 29, 9),
     "1997 9: 29, 10: 30, 11: 27, 12: 30\n1998 1: 29, 2: 26, 3: 30"),
    ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", datetime(1997, 8, 5, 9), "1997 8: 5 10 19 24"),
    ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", datetime(1997, 8, 5, 9), "1997 8: 5 17 19 31"),
    ("FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", datetime(2007, 1, 15, 9), "2007 1: 15 30, 2: 15, 3: 15 30"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "first", "listed"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_a_series_meets_when_rfc_5545_says(rule: str, first: datetime, listed: str) -> None:
    assert days(rule, first, max(first, datetime(1999, 12, 31)) + timedelta(days=120)) == dates(listed)


def test_every_day_of_january_for_three_years_in_two_ways_is_the_same() -> None:
    one = days("FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA", datetime(1998, 1, 1, 9))
    assert one == days("FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1", datetime(1998, 1, 1, 9))
    assert (len(one), one[0], one[-1]) == (93, "1998-01-01", "2000-01-31")


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z", "FREQ=MINUTELY;INTERVAL=15;COUNT=6", "FREQ=SECONDLY",
        "FREQ=DAILY;BYHOUR=9,10,11", "FREQ=DAILY;BYMINUTE=0,20,40", "FREQ=DAILY;BYSECOND=5",
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "FREQ=YEARLY;SKIP=FORWARD", "RSCALE=CHINESE;FREQ=YEARLY", "FREQ=FORTNIGHTLY",
    ],
)  # fmt: skip
def test_what_calendars_do_not_agree_on_is_refused_by_its_name(rule: str) -> None:
    with pytest.raises(RulePartRefused) as raised:
        parse(rule, HANOI)
    assert str(raised.value.fields["part"]) in rule


@pytest.mark.parametrize(
    "rule",
    [
        "", "RRULE:", "weekly", "FREQ=", "FREQ=WEEKLY;FREQ=DAILY", "INTERVAL=2", "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=WEEKLY;INTERVAL=1001", "FREQ=WEEKLY;COUNT=-1", "FREQ=WEEKLY;COUNT=99999999999", "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=MONTHLY;BYDAY=6MO", "FREQ=MONTHLY;BYDAY=0MO", "FREQ=MONTHLY;BYDAY=MON", "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=YEARLY;BYMONTHDAY=2", "FREQ=WEEKLY;BYMONTHDAY=2", "FREQ=DAILY;BYMONTH=13",
        "FREQ=DAILY;BYSETPOS=1", "FREQ=DAILY;UNTIL=tomorrow", "FREQ=DAILY;UNTIL=20260230", "FREQ=DAILY;WKST=XX",
        "FREQ=DAILY;UNTIL=99991231T235959Z", "FREQ=DAILY;COUNT=٣", "FREQ=DAILY;COUNT=1;" + "X" * 1000 + "=1",
        "FREQ=MONTHLY;BYDAY=" + ",".join(["MO"] * 400),
        "FREQ=DAILY\r\nDTSTART:20260101", "FREQ=DAILY;COUNT=1.5", "\x00",
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(BadRule):
        parse(rule, HANOI)


def test_a_rule_has_one_end() -> None:
    with pytest.raises(UntilAndCount):
        parse("FREQ=DAILY;COUNT=3;UNTIL=20270101T000000Z", HANOI)


def test_a_first_meeting_that_the_rule_does_not_give_is_refused_with_the_one_that_it_gives() -> None:
    with pytest.raises(BeginsElsewhere) as raised:
        expand(parse("FREQ=WEEKLY;BYDAY=MO", HANOI), datetime(2026, 11, 25, 9), datetime(2027, 1, 1))
    assert raised.value.next == datetime(2026, 11, 30, 9)


def test_a_rule_that_never_comes_true_is_refused_and_not_looked_for_for_ever() -> None:
    with pytest.raises(BadRule):
        expand(parse("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31", HANOI), datetime(2026, 2, 28, 9), datetime(2028, 1, 1))


@pytest.mark.parametrize("first", [datetime(1, 1, 1), datetime(9999, 12, 31)])
def test_a_begin_at_the_ends_of_the_calendar_is_refused(first: datetime) -> None:
    with pytest.raises(BeginsFarAway):
        expand(parse("FREQ=MONTHLY", HANOI), first, max(first, datetime(2027, 1, 1)))


def test_an_end_in_utc_is_meant_in_the_zone_of_the_series() -> None:
    rule = parse("FREQ=DAILY;UNTIL=20261126T020000Z", HANOI)
    assert expand(rule, datetime(2026, 11, 25, 9), datetime(2027, 1, 1))[-1] == datetime(2026, 11, 26, 9)
    assert parse("FREQ=DAILY;UNTIL=20261126", HANOI).until == datetime(2026, 11, 26, 23, 59, 59)


@pytest.mark.parametrize(("rule", "first", "_listed"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_a_rule_written_and_read_again_is_the_same(rule: str, first: datetime, _listed: str) -> None:
    read = parse(rule, NEW_YORK)
    assert parse(f"rrule:{str(read).lower()}", NEW_YORK) == read


# Clocks that jump


def test_nine_stays_nine_over_a_change_of_clocks() -> None:
    pattern = Pattern(parse("FREQ=DAILY;COUNT=3", NEW_YORK), datetime(2026, 10, 31, 9), NEW_YORK, 60)
    found = occurrences(pattern, Calendar(), datetime(2027, 1, 1))
    assert [one.starts_at.hour for one in found] == [13, 14, 14]
    assert {one.starts_at.astimezone(NEW_YORK).hour for one in found} == {9}


def test_a_time_that_the_clocks_jump_over_is_read_with_the_offset_before() -> None:
    """The example of RFC 5545, 3.3.5."""
    assert instant(datetime(2007, 3, 11, 2, 30), NEW_YORK) == datetime(2007, 3, 11, 7, 30, tzinfo=UTC)
    assert instant(datetime(2007, 11, 4, 1, 30), NEW_YORK) == datetime(2007, 11, 4, 5, 30, tzinfo=UTC), "the first"


def test_vietnam_has_had_one_offset_since_1975() -> None:
    assert {instant(datetime(year, month, 1, 9), HANOI).hour for year in range(1976, 2100) for month in (1, 7)} == {2}


# Days off


def at(pattern: Pattern, until: datetime) -> list[tuple[str, str]]:
    return [
        (f"{one.original:%m-%d}", f"{one.starts_at.astimezone(pattern.zone):%m-%d %H}")
        for one in occurrences(pattern, Calendar(), until)
    ]


def test_meetings_over_tet_stay_are_left_out_or_move_by_choice() -> None:
    rule, first, until = parse("FREQ=WEEKLY", HANOI), datetime(2026, 2, 10, 9), datetime(2026, 2, 28)
    kept, skipped, moved = (
        at(Pattern(rule, first, HANOI, 60, (), choice), until) for choice in ("keep", "skip", "move")
    )
    assert kept == [("02-10", "02-10 09"), ("02-17", "02-17 09"), ("02-24", "02-24 09")]
    assert skipped == [("02-10", "02-10 09"), ("02-24", "02-24 09")]
    assert moved == [("02-10", "02-10 09"), ("02-17", "02-23 09"), ("02-24", "02-24 09")]


def test_a_meeting_does_not_move_onto_a_day_that_has_one_of_the_series_already() -> None:
    rule = parse("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", HANOI)
    found = at(Pattern(rule, datetime(2026, 2, 13, 9), HANOI, 60, (), "move"), datetime(2026, 2, 25))
    assert found == [("02-13", "02-13 09"), ("02-23", "02-23 09"), ("02-24", "02-24 09")]


def test_what_is_left_out_is_not_there_and_the_others_stay() -> None:
    left_out = (datetime(2026, 11, 26, 9),)
    pattern = Pattern(parse("FREQ=DAILY;COUNT=3", HANOI), datetime(2026, 11, 25, 9), HANOI, 60, left_out)
    assert [day for day, _ in at(pattern, datetime(2027, 1, 1))] == ["11-25", "11-27"]


# Another program as oracle

weekdays = st.sampled_from(DAYS)
rules = st.one_of(
    st.builds(Rule, st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]), st.integers(1, 5), st.integers(1, 40)),
    st.builds(
        lambda interval, count, its_days, start: Rule("WEEKLY", interval, count, by_day=its_days, week_start=start),
        st.integers(1, 4), st.integers(1, 40),
        st.lists(st.tuples(st.just(0), weekdays), min_size=1, max_size=4, unique=True).map(tuple), weekdays,
    ),
    st.builds(
        lambda interval, count, its_days: Rule("MONTHLY", interval, count, by_day=its_days),
        st.integers(1, 4), st.integers(1, 20),
        st.lists(st.tuples(st.sampled_from([-2, -1, 0, 1, 2, 3, 4, 5]), weekdays), min_size=1, max_size=3, unique=True)
        .map(tuple),
    ),
    st.builds(
        lambda count, its_days: Rule("MONTHLY", 1, count, by_month_day=its_days),
        st.integers(1, 20), st.lists(st.integers(1, 31), min_size=1, max_size=3, unique=True).map(tuple),
    ),
    st.builds(
        lambda count, months, its_days: Rule("YEARLY", 1, count, by_month=months, by_day=its_days),
        st.integers(1, 10), st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True).map(tuple),
        st.lists(st.tuples(st.sampled_from([-1, 0, 1, 2]), weekdays), min_size=1, max_size=2, unique=True).map(tuple),
    ),
)  # fmt: skip


@given(rules, st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), st.sampled_from([HANOI, NEW_YORK]))
def test_another_program_finds_the_same_meetings(rule: Rule, about: datetime, zone: ZoneInfo) -> None:
    about = about.replace(hour=9, minute=0, second=0, microsecond=0)
    until = about + timedelta(days=900)
    try:
        first = about
        found = expand(rule, first, until)
    except BeginsElsewhere as elsewhere:
        first = elsewhere.next
        found = expand(rule, first, until)
    except BadRule:
        reject()
    calendar = icalendar.Calendar.from_ical(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:x\r\nDTSTAMP:20260101T000000Z\r\n"
        f"DTSTART;TZID={zone.key}:{first:%Y%m%dT%H%M%S}\r\nDURATION:PT1H\r\nRRULE:{rule}\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    events = recurring_ical_events.of(calendar).between(first.replace(tzinfo=zone), until.replace(tzinfo=zone))
    theirs = sorted(event.start.astimezone(UTC) for event in events)
    pattern = Pattern(rule, first, zone, 60)
    ours = occurrences(pattern, Calendar(), until - timedelta(seconds=1))
    assert [one.starts_at for one in ours] == theirs
    assert all(one.ends_at - one.starts_at == timedelta(hours=1) for one in ours)
    assert found == sorted(found)


plain_rules = st.one_of(
    st.builds(Rule, st.sampled_from(["DAILY", "WEEKLY"]), st.just(1), st.integers(1, 40)),
    st.builds(
        lambda count, its_days: Rule("WEEKLY", 1, count, by_day=its_days),
        st.integers(1, 40),
        st.lists(st.tuples(st.just(0), weekdays), min_size=1, max_size=4, unique=True).map(tuple),
    ),
)


@given(plain_rules, st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), st.integers(-6, 6))
def test_a_rule_moved_by_days_gives_the_same_meetings_so_many_days_later(rule: Rule, about: datetime, by: int) -> None:
    about, later = about.replace(microsecond=0), timedelta(days=by)
    while rule.by_day and DAYS[about.weekday()] not in {day for _, day in rule.by_day}:
        about += timedelta(days=1)
    moved = shifted(rule, later)
    assert moved is not None
    mine = expand(rule, about, about + timedelta(days=400))
    assert expand(moved, about + later, about + later + timedelta(days=400)) == [one + later for one in mine]


def test_a_rule_of_days_of_the_month_cannot_be_moved_to_other_days() -> None:
    assert shifted(parse("FREQ=MONTHLY;BYMONTHDAY=31", HANOI), timedelta(days=1)) is None
    assert shifted(parse("FREQ=MONTHLY", HANOI), timedelta(days=1)) is None
    assert shifted(parse("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", HANOI), timedelta(days=3)) is None
    assert str(shifted(parse("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", HANOI), timedelta(days=2))).endswith("BYDAY=WE,SU")
    until = parse("FREQ=WEEKLY;BYDAY=MO;UNTIL=20270101", HANOI)
    assert str(shifted(until, timedelta(days=2))) == "FREQ=WEEKLY;UNTIL=20270103T235959;BYDAY=WE"
    assert shifted(until, timedelta(0)) == until


@given(st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)), st.sampled_from(["keep", "skip", "move"]))
def test_a_series_never_overlaps_itself_and_is_known_by_its_original_times(about: datetime, choice: str) -> None:
    pattern = Pattern(Rule("DAILY", count=60), about.replace(microsecond=0), HANOI, 600, (), choice)  # type: ignore[arg-type]
    found = occurrences(pattern, Calendar(), about + timedelta(days=400))
    assert len({one.original for one in found}) == len(found)
    assert all(isinstance(one, Occurrence) for one in found)
    in_time = sorted(found, key=lambda one: one.starts_at)
    assert all(before.ends_at <= after.starts_at for before, after in pairwise(in_time))
