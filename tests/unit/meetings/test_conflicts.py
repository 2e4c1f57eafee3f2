"""Which requests make sense, and who stands in the way."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from meetings.conflicts import (
    FARTHEST,
    LATEST,
    LONGEST,
    MOST_ROOMS,
    Booked,
    BookingRequest,
    check_request,
    room_taken,
)
from meetings.errors import (
    BadTime,
    BadTitle,
    EndsBeforeItBegins,
    InThePast,
    NoRooms,
    RoomBusy,
    RoomTaken,
    TooFarAhead,
    TooLong,
)

NOW = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)
HOUR = timedelta(hours=1)


def request(
    start: datetime = NOW + HOUR, length: timedelta = HOUR, *, title: str = "Họp", rooms: tuple[str, ...] = ("a",)
) -> BookingRequest:
    return BookingRequest(title, rooms, start, start + length)


@pytest.mark.parametrize(
    "good",
    [
        request(),
        request(NOW),
        request(NOW - LATEST, HOUR),
        request(length=LONGEST),
        request(NOW + FARTHEST),
        request(title="  Họp giao ban tuần 48  "),
        request(rooms=("a", "a", "b")),
    ],
)
def test_a_request_that_makes_sense_passes(good: BookingRequest) -> None:
    check_request(good, NOW)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (request(title="   "), BadTitle),
        (request(title="a\nb"), BadTitle),
        (request(title="x" * 201), BadTitle),
        (request(rooms=()), NoRooms),
        (request(rooms=tuple(str(n) for n in range(MOST_ROOMS + 1))), NoRooms),
        (request(start=datetime(2026, 11, 24, 9)), BadTime),  # noqa: DTZ001 - this is the mistake
        (request(length=timedelta()), EndsBeforeItBegins),
        (request(length=-HOUR), EndsBeforeItBegins),
        (request(NOW - LATEST - timedelta(seconds=1), HOUR), InThePast),
        (request(NOW - timedelta(minutes=5), timedelta(minutes=5)), InThePast),
        (request(length=LONGEST + timedelta(seconds=1)), TooLong),
        (request(NOW + FARTHEST + timedelta(seconds=1)), TooFarAhead),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_for_its_reason(wrong: BookingRequest, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        check_request(wrong, NOW)
    assert type(raised.value) is error


def test_a_booking_that_may_not_be_seen_is_told_by_its_end_alone() -> None:
    hidden = Booked("a", NOW, NOW + HOUR, uuid.UUID(int=1), "Kín", "lan")
    shown = Booked("b", NOW, NOW + 2 * HOUR, uuid.UUID(int=2), "Mở", "hoa")
    names = {"a": "Phòng A", "b": "Phòng B"}
    error = room_taken([hidden, shown], names, {uuid.UUID(int=2)})
    assert type(error) is RoomBusy
    assert error.code == "room-taken"
    assert "Kín" not in repr(error.fields) + str(error)
    assert [(one.room_name, one.organiser) for one in error.taken] == [("Phòng A", None), ("Phòng B", "hoa")]
    other = room_taken([shown, hidden], names, {uuid.UUID(int=2)})
    assert type(other) is RoomTaken
    assert "“Mở” (hoa)" in str(other)
