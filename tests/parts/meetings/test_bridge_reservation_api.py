"""The reservation endpoint as Prosody calls it, byte for byte, with every trap that Jitsi's plugin sets."""

from __future__ import annotations

import asyncio
import importlib
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update

from api.http.translation import translator
from kernel.audit import AuditEntryRow
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from meetings.bridge.models import ConferenceRow
from meetings.models import MeetingRow
from meetings.public import MeetingView, cancel
from tests.builders.web import app_of
from tests.parts.meetings.bridge_parts import BEARER, FORM, joined, knock, prosody, settings, state_of
from tests.parts.meetings.conftest import NINE, OFFICIAL, Book
from tests.real.postgres import DebianPostgres

BEFORE = timedelta(minutes=15)
routes = importlib.import_module("api.http.routes.jitsi")  # beside its router, which has the same name


@pytest.fixture
def app(database: Database, clock: FrozenClock, tmp_path: Path) -> FastAPI:
    return app_of(state_of(database, clock, settings(tmp_path)))


@pytest.fixture
async def jitsi(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Prosody, as it speaks."""
    async with prosody(app) as client:
        yield client


@pytest.fixture
async def meeting(booked: Book, clock: FrozenClock) -> MeetingView:
    """A meeting that begins in ten minutes."""
    view = await booked()
    clock.forward(NINE - timedelta(minutes=10) - clock.now())
    return view


async def rows(database: Database) -> list[ConferenceRow]:
    async with database.transaction() as tx:
        return list(await tx.session.scalars(select(ConferenceRow).order_by(ConferenceRow.opened_at)))


async def test_a_room_is_allowed_with_the_booked_time_and_five_fields(
    jitsi: httpx.AsyncClient, meeting: MeetingView
) -> None:
    answer = await knock(jitsi, meeting.conference)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told == {
        "id": told["id"], "name": meeting.conference, "mail_owner": "canbo",
        "start_time": "2026-11-25T02:00:00.000Z", "duration": 5400,
    }  # fmt: skip
    assert isinstance(told["id"], str)
    assert told["id"]
    assert type(told["duration"]) is int
    assert None not in told.values()


async def test_the_same_question_again_gets_the_same_answer(jitsi: httpx.AsyncClient, meeting: MeetingView) -> None:
    first, second = [(await knock(jitsi, meeting.conference)).json() for _ in range(2)]
    assert first == second


async def test_another_question_for_a_running_room_is_a_conflict_that_leads_to_it(
    jitsi: httpx.AsyncClient, meeting: MeetingView
) -> None:
    told = (await knock(jitsi, meeting.conference)).json()
    again = await knock(jitsi, meeting.conference, start="2026-11-24T01:50:00.000Z")
    assert (again.status_code, again.json()) == (409, {"conflict_id": told["id"]})
    found = await jitsi.get(f"/conference/{told['id']}")
    assert (found.status_code, found.json()) == (200, told)


async def test_an_id_that_came_back_as_a_number_with_a_point_is_the_same_id(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    async with database.transaction() as tx:
        tx.session.add(ConferenceRow(id="1000", meeting_id=meeting.id, asked_start="", opened_at=tx.now()))
    assert (await jitsi.get("/conference/1000.0")).json()["id"] == "1000"
    assert (await jitsi.delete("/conference/1000.0")).status_code == 204
    assert (await rows(database))[0].closed_at is not None


async def test_a_room_that_is_gone_is_opened_again_while_the_meeting_lasts(
    jitsi: httpx.AsyncClient, meeting: MeetingView, clock: FrozenClock, database: Database
) -> None:
    first = (await knock(jitsi, meeting.conference)).json()
    assert (await jitsi.delete(f"/conference/{first['id']}")).status_code == 204
    clock.forward(timedelta(minutes=40))
    second = await knock(jitsi, meeting.conference, start="2026-11-24T02:30:00.000Z")
    assert second.status_code == 200
    assert second.json()["id"] != first["id"]
    assert second.json()["start_time"] == first["start_time"], "the end stays where it was booked"
    assert [row.closed_at is None for row in await rows(database)] == [False, True]


async def test_a_room_that_ends_between_conflict_and_question_is_still_allowed(
    jitsi: httpx.AsyncClient, meeting: MeetingView
) -> None:
    told = (await knock(jitsi, meeting.conference)).json()
    conflict = await knock(jitsi, meeting.conference, start="2026-11-24T01:50:00.000Z")
    await jitsi.delete(f"/conference/{told['id']}")
    assert (await jitsi.get(f"/conference/{conflict.json()['conflict_id']}")).status_code == 200


async def test_twice_gone_and_never_known_are_nothing_to_complain_of(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    told = (await knock(jitsi, meeting.conference)).json()
    for conference in (told["id"], told["id"], "1000.0", "không-có", "%00", "x" * 5000):
        assert (await jitsi.delete(f"/conference/{conference}")).status_code == 204
    async with database.transaction() as tx:
        closed = select(func.count()).where(AuditEntryRow.action == "conference.closed")
        assert await tx.session.scalar(closed) == 1


async def test_who_the_owner_is_said_to_be_decides_nothing(jitsi: httpx.AsyncClient, meeting: MeetingView) -> None:
    for owner in ("somebody@else.example", "canbo", "", "a" * 4000):
        answer = await knock(jitsi, meeting.conference, owner=owner)
        assert answer.json()["mail_owner"] == "canbo"


async def test_large_letters_are_the_same_room(jitsi: httpx.AsyncClient, meeting: MeetingView) -> None:
    assert (await knock(jitsi, meeting.conference.upper())).status_code == 200


async def test_the_time_that_prosody_sends_is_not_believed(jitsi: httpx.AsyncClient, meeting: MeetingView) -> None:
    for text in ("", "nonsense", "1795365000", "2026-11-24", "2031-01-01T00:00:00.000Z", "x" * 9000):
        told = await knock(jitsi, meeting.conference, start=text)
        assert told.json()["start_time"] == "2026-11-25T02:00:00.000Z"
        await jitsi.delete(f"/conference/{told.json()['id']}")


async def test_before_the_window_nobody_gets_in_and_reads_when_it_opens(
    jitsi: httpx.AsyncClient, booked: Book, clock: FrozenClock
) -> None:
    meeting = await booked()
    clock.forward(NINE - timedelta(minutes=20) - clock.now())
    answer = await knock(jitsi, meeting.conference)
    assert answer.status_code == 403
    assert list(answer.json()) == ["message"]
    message = answer.json()["message"]
    vietnamese = translator("vi", "Asia/Ho_Chi_Minh").gettext(
        "This room opens at {at}. Wait a moment, then open it from the meeting's page.", at="08:45 25/11/2026"
    )
    assert message.startswith(vietnamese), message
    assert "08:45 25/11/2026" in message


async def test_a_knock_just_before_the_window_is_not_refused_for_it_would_hold_up_everybody(
    jitsi: httpx.AsyncClient, booked: Book, clock: FrozenClock
) -> None:
    meeting = await booked()
    clock.forward(NINE - BEFORE - timedelta(seconds=5) - clock.now())
    assert (await knock(jitsi, meeting.conference)).status_code == 200


async def test_after_the_end_the_room_stays_closed(
    jitsi: httpx.AsyncClient, meeting: MeetingView, clock: FrozenClock
) -> None:
    told = (await knock(jitsi, meeting.conference)).json()
    clock.forward(meeting.ends_at - clock.now())
    assert (await knock(jitsi, meeting.conference)).status_code == 403
    assert (await jitsi.get(f"/conference/{told['id']}")).status_code == 404


async def test_a_cancelled_meeting_has_no_room(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    async with database.transaction() as tx:
        await cancel(OFFICIAL, meeting.id, tx)
    answer = await knock(jitsi, meeting.conference)
    assert answer.status_code == 403
    assert "cancelled" in answer.json()["message"]


NOT_BOOKED = (
    "r1", "unknownroom1234567", "[district-7]t1", "Phòng họp", "' OR 1=1 --", "a\0bcdefghijklmno", "k" * 5000, "%", ".",
)  # fmt: skip


async def test_a_room_that_nobody_booked_is_refused_with_our_words(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    for name in NOT_BOOKED:
        answer = await knock(jitsi, name)
        assert answer.status_code == 403, name
        assert "There is no meeting in this room." in answer.json()["message"]
    assert await rows(database) == []


async def test_only_prosody_gets_an_answer(app: FastAPI, meeting: MeetingView, database: Database) -> None:
    async with prosody(app) as client:
        for sent in (None, "", "Bearer ", "Bearer wrong", BEARER["Authorization"].lower(), "Basic dG9rZW4="):
            client.headers.pop("authorization", None)
            if sent is not None:
                client.headers["Authorization"] = sent
            assert (await knock(client, meeting.conference)).status_code == 401
            assert (await client.get(f"/conference/{uuid.uuid4()}")).status_code == 401
            assert (await client.delete(f"/conference/{uuid.uuid4()}")).status_code == 401
    assert await rows(database) == []


async def test_without_a_token_in_the_settings_nobody_gets_an_answer(
    database: Database, clock: FrozenClock, tmp_path: Path, meeting: MeetingView
) -> None:
    app = app_of(state_of(database, clock, settings(tmp_path, jitsi_reservation_token="")))
    async with prosody(app) as client:
        for header in ("", "Bearer", "Bearer "):
            client.headers["Authorization"] = header
            assert (await knock(client, meeting.conference)).status_code == 401


async def test_what_is_no_form_by_its_own_words_is_refused(jitsi: httpx.AsyncClient, meeting: MeetingView) -> None:
    sent = f"name={meeting.conference}".encode()
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", "", "a" * 3000):
        answer = await jitsi.post("/conference", content=sent, headers={"Content-Type": kind})
        assert answer.status_code == 415
        assert answer.json()["message"]


GARBAGE = (
    b"", b"name=", b"mail_owner=x", b"\xff\xfe\x00", b"name=%ff%fe", b"&".join(b"a%d=1" % i for i in range(30)),
    b'{"name": "x"}', b"name=" + b"a" * 20_000,
)  # fmt: skip


async def test_garbage_gets_a_refusal_and_never_a_fault(jitsi: httpx.AsyncClient, meeting: MeetingView) -> None:
    for body in GARBAGE:
        answer = await jitsi.post("/conference", content=body, headers={"Content-Type": FORM})
        assert 400 <= answer.status_code < 500, body[:20]
        assert answer.json()["message"]


async def test_a_charset_beside_the_type_is_the_same_type(jitsi: httpx.AsyncClient, meeting: MeetingView) -> None:
    kind = {"Content-Type": "Application/X-WWW-Form-Urlencoded; charset=utf-8"}
    answer = await jitsi.post("/conference", content=f"name={meeting.conference}".encode(), headers=kind)
    assert answer.status_code == 200


async def test_a_flood_is_held_back_with_what_is_asked_again(
    jitsi: httpx.AsyncClient, meeting: MeetingView, clock: FrozenClock
) -> None:
    answers = [(await knock(jitsi, "r1")).status_code for _ in range(510)]
    assert set(answers) == {403, 503}
    assert answers[-1] == 503
    clock.forward(timedelta(seconds=1))
    assert (await knock(jitsi, meeting.conference)).status_code == 200


AWAY = "Một bộ phận của hệ thống không trả lời · A part of the platform does not answer"


async def test_a_database_that_hangs_or_is_away_gets_an_answer_that_is_asked_again(
    jitsi: httpx.AsyncClient,
    meeting: MeetingView,
    database: Database,
    server: DebianPostgres,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "ANSWER_WITHIN_S", 0.5)
    async with database.transaction() as tx:  # somebody holds the meeting's row, and does not go on
        await tx.session.execute(select(MeetingRow).with_for_update())
        hanging = await knock(jitsi, meeting.conference)
    assert (hanging.status_code, hanging.json()) == (503, {"message": AWAY})
    monkeypatch.undo()
    assert (await knock(jitsi, meeting.conference)).status_code == 200
    await asyncio.gather(*routes.LATE)
    assert len(await rows(database)) == 1, "what was late opened nothing twice"
    server.stop()
    try:
        event = joined(meeting.conference)
        for asked in (
            knock(jitsi, meeting.conference), jitsi.get("/conference/1"), jitsi.delete("/conference/1"),
            jitsi.post("/events/occupant/joined", json=event), jitsi.post("/events/occupant/left", json=event),
        ):  # fmt: skip
            answer = await asked
            assert (answer.status_code, answer.json()) == (503, {"message": AWAY})
    finally:
        server.start()


async def test_strangers_are_held_back_and_prosody_is_not(
    app: FastAPI, jitsi: httpx.AsyncClient, meeting: MeetingView
) -> None:
    async with prosody(app) as stranger:
        stranger.headers["Authorization"] = "Bearer guess"
        answers = [(await knock(stranger, "r1")).status_code for _ in range(25)]
    assert answers[0] == 401
    assert answers[-1] == 429
    assert (await knock(jitsi, meeting.conference)).status_code == 200


async def test_many_questions_at_once_open_one_conference(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    answers = await asyncio.gather(
        *(knock(jitsi, meeting.conference, start=f"2026-11-24T01:26:{number:02d}.000Z") for number in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    found = await rows(database)
    assert len(found) == 1
    assert {answer.json().get("id") or answer.json()["conflict_id"] for answer in answers} == {found[0].id}


async def test_opening_and_closing_are_on_record(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    told = (await knock(jitsi, meeting.conference)).json()
    await jitsi.delete(f"/conference/{told['id']}")
    async with database.transaction() as tx:
        found = await tx.session.execute(
            select(AuditEntryRow.actor, AuditEntryRow.action, AuditEntryRow.target)
            .where(AuditEntryRow.actor == "jitsi")
            .order_by(AuditEntryRow.id)
        )
    assert [tuple(row) for row in found] == [
        ("jitsi", "conference.opened", f"meeting:{meeting.id}"),
        ("jitsi", "conference.closed", f"meeting:{meeting.id}"),
    ]


async def test_a_meeting_whose_time_was_moved_is_judged_by_its_new_time(
    jitsi: httpx.AsyncClient, meeting: MeetingView, database: Database
) -> None:
    async with database.transaction() as tx:
        await tx.session.execute(
            update(MeetingRow).values(starts_at=NINE + timedelta(hours=5), ends_at=NINE + timedelta(hours=6))
        )
    assert (await knock(jitsi, meeting.conference)).status_code == 403
