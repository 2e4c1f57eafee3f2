"""The JSON API on rooms and meetings, from booking to the answer that tells who has the room."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert, select

from api.demo.agents import PROGRAMME, ROOMS
from inventory.models import DeviceRow
from inventory.public import bundled_profiles, load_file
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.ids import new_id
from meetings.bridge.models import ConferenceRow
from meetings.public import DeviceFacts, UplinkFacts, check_readiness, load_rooms
from monitor.models import AlertRow
from tests.http.conftest import MakeAccount, browser, sign_in, token

NINE = "2026-11-25T09:00:00+07:00"
HALF_PAST_TEN = "2026-11-25T10:30:00+07:00"


@pytest.fixture
async def rooms_loaded(database: Database) -> None:
    async with database.transaction() as tx:
        await load_file(PROGRAMME, system("test"), tx, bundled_profiles())
        await load_rooms(ROOMS, system("test"), tx)


@pytest.fixture
async def lan(visitor: httpx.AsyncClient, make_account: MakeAccount, rooms_loaded: None) -> httpx.AsyncClient:
    """An official, signed in, whose changes carry their token."""
    await make_account("lan", "official")
    await sign_in(visitor, "lan")
    visitor.headers["X-CSRF-Token"] = await token(visitor)
    return visitor


async def book(client: httpx.AsyncClient, *rooms: str, key: str = "", **other: Any) -> httpx.Response:
    sent = {"title": "Họp giao ban", "rooms": list(rooms), "starts_at": NINE, "ends_at": HALF_PAST_TEN, **other}
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post("/api/v1/meetings", json=sent, headers=headers)


async def test_a_meeting_is_booked_read_listed_and_cancelled(lan: httpx.AsyncClient) -> None:
    answer = await book(lan, "ps-room", "dl-hall")
    assert answer.status_code == 201, answer.text
    meeting = answer.json()
    assert [room["code"] for room in meeting["rooms"]] == ["dl-hall", "ps-room"]
    assert (meeting["organiser"], meeting["starts_at"], meeting["state"]) == ("lan", "2026-11-25T02:00:00Z", "booked")
    assert "conference" not in meeting, "who wants to join asks for a link"

    address = f"/api/v1/meetings/{meeting['id']}"
    assert (await lan.get(address)).json() == meeting
    assert (await lan.get("/api/v1/meetings")).json() == {"items": [meeting], "next": None}
    that_day = {"start": "2026-11-25T00:00:00+07:00", "end": "2026-11-25T09:00:00+07:00"}
    assert (await lan.get("/api/v1/meetings", params=that_day)).json()["items"] == []
    cancelled = await lan.post(f"{address}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert (await lan.get("/api/v1/meetings")).json()["items"] == []


async def test_who_comes_second_is_told_who_has_which_room_and_until_when_in_their_language(
    app: FastAPI, lan: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    first = (await book(lan, "ps-room", "dl-hall")).json()
    await make_account("thu", "secretary")
    async with browser(app) as thu:
        await sign_in(thu, "thu")
        thu.headers["X-CSRF-Token"] = await token(thu)
        answer = await book(thu, "sl-room", "ps-room", title="Tập huấn")
        assert (await thu.get("/api/v1/meetings")).json()["items"] == [first], "nothing of it was booked"
    assert answer.status_code == 409
    told = answer.json()
    assert told["code"] == "room-taken"
    assert told["fields"]["taken"] == [
        {
            "room": "ps-room", "room_name": "Phòng họp xã Phan Sơn", "until": "2026-11-25T03:30:00Z",
            "meeting": first["id"], "title": "Họp giao ban", "organiser": "lan", "at": None,
        }
    ]  # fmt: skip
    assert "10:30 25/11/2026" in told["detail"], "in the zone of the people who read it"
    assert "lan" in told["detail"]


async def test_a_request_that_was_sent_twice_books_once(lan: httpx.AsyncClient) -> None:
    first = await book(lan, "ps-room", key="5c1f")
    second = await book(lan, "ps-room", key="5c1f")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    other = await book(lan, "sl-room", key="5c1f")
    assert (other.status_code, other.json()["code"]) == (409, "key-reused")


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"ends_at": NINE}, 400, "bad-time"),
        ({"starts_at": "2026-11-20T09:00:00+07:00"}, 400, "bad-time"),
        ({"starts_at": "2026-11-25T09:00:00"}, 422, "wrong-fields"),
        ({"title": ""}, 400, "bad-title"),
        ({"rooms": []}, 400, "no-rooms"),
        ({"rooms": ["none"]}, 404, "not-found"),
        ({"colour": "red"}, 422, "wrong-fields"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_in_words(
    lan: httpx.AsyncClient, wrong: dict[str, Any], status: int, code: str
) -> None:
    answer = await book(lan, "ps-room", **wrong)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]


async def test_only_who_booked_or_manages_cancels(
    app: FastAPI, lan: httpx.AsyncClient, make_account: MakeAccount
) -> None:
    meeting = (await book(lan, "ps-room")).json()
    await make_account("mai", "official")
    async with browser(app) as mai:
        await sign_in(mai, "mai")
        answer = await mai.post(f"/api/v1/meetings/{meeting['id']}/cancel", headers={"X-CSRF-Token": await token(mai)})
    assert (answer.status_code, answer.json()["code"]) == (403, "not-your-meeting")
    assert answer.json()["fields"] == {"organiser": "lan"}
    gone = await lan.post(f"/api/v1/meetings/{uuid.uuid4()}/cancel")
    assert gone.status_code == 404


async def test_rooms_are_listed_by_pages_and_found_without_accents(lan: httpx.AsyncClient) -> None:
    first = (await lan.get("/api/v1/rooms?limit=10")).json()
    second = (await lan.get("/api/v1/rooms", params={"limit": 10, "after": first["next"]})).json()
    assert (len(first["items"]), len(second["items"]), second["next"]) == (10, 8, None)
    found = (await lan.get("/api/v1/rooms?query=phong%20hop%20xa%20phan%20son")).json()["items"]
    assert [(room["code"], room["capacity"], room["devices"]) for room in found] == [
        ("ps-room", 18, ["ps-mt1", "ps-rt1", "ps-ups1"])
    ]


async def test_readiness_is_told_with_its_reasons(
    lan: httpx.AsyncClient, database: Database, clock: FrozenClock
) -> None:
    meeting = (await book(lan, "ps-room", "sl-room")).json()
    address = f"/api/v1/meetings/{meeting['id']}/readiness"
    assert {room["state"] for room in (await lan.get(address)).json()} == {"unknown"}

    async def health(devices: object, /) -> dict[str, DeviceFacts]:
        at: datetime = clock.now()
        return {
            "ps-rt1": DeviceFacts("ps-rt1", "router", "answered", "ok", (UplinkFacts("ps-fibre", "critical"),), at=at),
            "ps-mt1": DeviceFacts("ps-mt1", "meeting-room", "answered", "ok", at=at),
            "ps-ups1": DeviceFacts("ps-ups1", "ups", "answered", "ok", on_battery=False, at=at),
        }

    await check_readiness(uuid.UUID(meeting["id"]), "booking", health, database, clock)
    by_room = {room["room"]: room for room in (await lan.get(address)).json()}
    assert by_room["ps-room"]["state"] == "not-ready"
    assert by_room["ps-room"]["reasons"] == [{"code": "no-uplink", "fields": {"uplinks": "ps-fibre"}}]
    assert by_room["ps-room"]["stage"] == "booking"
    assert by_room["sl-room"]["state"] == "unknown"
    assert (await lan.get(f"/api/v1/meetings/{uuid.uuid4()}/readiness")).status_code == 404


SERIES = {
    "title": "Giao ban tuần", "rooms": ["ps-room"], "optional": ["dl-hall"], "rule": "FREQ=WEEKLY;COUNT=3",
    "first": "2026-11-30T08:00:00", "minutes": 60, "on_holiday": "move",
}  # fmt: skip


async def test_a_series_is_booked_and_read_with_its_meetings_and_its_family(lan: httpx.AsyncClient) -> None:
    answer = await lan.post("/api/v1/series", json=SERIES, headers={"Idempotency-Key": "s"})
    assert answer.status_code == 201, answer.text
    series = answer.json()
    assert (series["zone"], series["meetings"], series["next_at"]) == ("Asia/Ho_Chi_Minh", 3, "2026-11-30T01:00:00Z")
    assert (await lan.post("/api/v1/series", json=SERIES, headers={"Idempotency-Key": "s"})).json() == series
    address = f"/api/v1/series/{series['id']}"
    assert (await lan.get(address)).json() == series
    assert (await lan.get(f"{address}/family")).json() == [series]
    meetings = (await lan.get(f"{address}/meetings")).json()
    assert [meeting["original"] for meeting in meetings] == [
        "2026-11-30T08:00:00", "2026-12-07T08:00:00", "2026-12-14T08:00:00",
    ]  # fmt: skip
    assert {meeting["series"] for meeting in meetings} == {series["id"]}
    assert meetings[0]["reservations"][0] == {
        "room": "dl-hall", "state": "confirmed", "required": False, "checked_in_at": None, "why": "", "answer": "",
    }  # fmt: skip

    lost = await lan.post("/api/v1/series", json={**SERIES, "rule": "FREQ=DAILY;COUNT=8"})
    assert (lost.status_code, lost.json()["code"]) == (409, "room-taken")
    assert [one["at"] for one in lost.json()["fields"]["taken"]] == ["2026-11-30T01:00:00Z", "2026-12-07T01:00:00Z"]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"rule": "FREQ=SECONDLY"}, 400), ({"rule": "x" * 501}, 422), ({"first": "2026-11-30T08:00:00Z"}, 422),
        ({"first": "soon"}, 422), ({"minutes": 0}, 422), ({"on_holiday": "party"}, 422), ({"zone": "Mars"}, 400),
        ({"rooms": []}, 400), ({"surprise": 1}, 422), ({"title": "\u0000"}, 400),
    ],
)  # fmt: skip
async def test_a_wrong_series_is_refused_in_words(lan: httpx.AsyncClient, wrong: dict[str, Any], status: int) -> None:
    answer = await lan.post("/api/v1/series", json={**SERIES, **wrong})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text


async def test_a_secretary_enters_a_day_of_the_official_calendar_and_takes_it_back(
    visitor: httpx.AsyncClient, make_account: MakeAccount, rooms_loaded: None
) -> None:
    await make_account("thu", "secretary")
    await sign_in(visitor, "thu")
    visitor.headers["X-CSRF-Token"] = await token(visitor)
    before = (await visitor.get("/api/v1/calendar/2026")).json()
    assert {"day": "2026-02-17", "off": True, "name": "Tết Nguyên Đán"} in before
    entered = {"off": True, "name": "Nghỉ bão"}
    assert (await visitor.put("/api/v1/calendar/days/2026-12-07", json=entered)).status_code == 200
    assert {"day": "2026-12-07", **entered} in (await visitor.get("/api/v1/calendar/2026")).json()
    assert (await visitor.delete("/api/v1/calendar/days/2026-12-07")).status_code == 204
    assert (await visitor.get("/api/v1/calendar/2026")).json() == before
    assert (await visitor.delete("/api/v1/calendar/days/2026-12-07")).status_code == 404
    assert (await visitor.get("/api/v1/calendar/1900")).status_code == 400


async def test_a_time_is_found_with_who_is_missing_and_why(lan: httpx.AsyncClient) -> None:
    await book(lan, "ps-room")
    asked = {
        "offices": ["ps", "sl"], "first": "2026-11-25", "last": "2026-11-25", "minutes": 60,
        "hours": [{"begin": "09:00", "end": "11:30"}],
    }  # fmt: skip
    answer = await lan.post("/api/v1/meetings/times", json=asked)
    assert answer.status_code == 200, answer.text
    free, taken = answer.json()
    assert (free["starts_at"], free["there"], free["missing"]) == ("2026-11-25T03:30:00Z", 2, [])
    assert (taken["missing"][0]["code"], taken["missing"][0]["blockers"][0]["title"]) == ("ps", "Họp giao ban")
    for wrong, status in (
        ({"offices": []}, 400),
        ({"minutes": 0}, 422),
        ({"groups": [{"offices": [], "least": 0}]}, 422),
    ):
        assert (await lan.post("/api/v1/meetings/times", json={**asked, **wrong})).status_code == status


async def test_an_alert_names_the_meetings_of_the_next_day_that_need_its_device(
    lan: httpx.AsyncClient, database: Database, clock: FrozenClock
) -> None:
    soon = (await book(lan, "ps-room", "sl-room")).json()
    in_two_days = {"starts_at": "2026-11-26T09:00:00+07:00", "ends_at": "2026-11-26T10:00:00+07:00"}
    await book(lan, "ps-room", **in_two_days)
    clock.forward(timedelta(hours=2))
    alerts = {"ps-rt1": None, "hn-rt1": None, "sl-rt1": clock.now()}
    async with database.transaction() as tx:
        for code, cleared_at in alerts.items():
            device = await tx.session.scalar(select(DeviceRow.id).where(DeviceRow.code == code))
            await tx.session.execute(insert(AlertRow).values(
                id=new_id(), rule="uplink-down", severity="critical", device_id=device, instance="eth1", details={},
                raised_at=clock.now(), cleared_at=cleared_at,
            ))  # fmt: skip
        over = await tx.session.scalar(select(AlertRow.id).where(AlertRow.cleared_at.is_not(None)))
    listed = {alert["device"]: alert for alert in (await lan.get("/api/v1/alerts")).json()["items"]}
    named = [{"id": soon["id"], "title": "Họp giao ban", "starts_at": soon["starts_at"], "offices": 2}]
    assert {device: alert["meetings"] for device, alert in listed.items()} == {"ps-rt1": named, "hn-rt1": []}
    story = (await lan.get(f"/api/v1/alerts/{listed['ps-rt1']['id']}")).json()
    assert story["alert"] == listed["ps-rt1"]
    assert (await lan.get(f"/api/v1/alerts/{over}")).json()["alert"]["meetings"] == [], "what is over hurts nobody"


async def test_whether_a_meetings_room_is_open_is_read_by_who_may_see_the_meeting(
    lan: httpx.AsyncClient, app: FastAPI, make_account: MakeAccount, database: Database, clock: FrozenClock
) -> None:
    meeting = (await book(lan, "ps-room")).json()
    address = f"/api/v1/meetings/{meeting['id']}/conference"
    assert (await lan.get(address)).json() == {"open": False, "opened_at": None, "closed_at": None, "present": 0}
    async with database.transaction() as tx:
        tx.session.add(ConferenceRow(id="1", meeting_id=uuid.UUID(meeting["id"]), asked_start="", opened_at=tx.now()))
    await make_account("hoa", "technician")
    async with browser(app) as hoa:
        await sign_in(hoa, "hoa")
        told = (await hoa.get(address)).json()
    assert told == {"open": True, "opened_at": "2026-11-24T01:26:00Z", "closed_at": None, "present": 0}
    assert (await lan.get(f"/api/v1/meetings/{uuid.UUID(int=7)}/conference")).status_code == 404


async def test_a_meeting_is_changed_at_the_version_that_was_seen_and_a_rehearsal_says_the_same(
    lan: httpx.AsyncClient,
) -> None:
    series = (await lan.post("/api/v1/series", json=SERIES)).json()
    meetings = (await lan.get(f"/api/v1/series/{series['id']}/meetings")).json()
    address = f"/api/v1/meetings/{meetings[1]['id']}"
    seen = (await lan.get(address)).headers["ETag"]
    sent = {"starts_at": "2026-12-07T09:00:00+07:00", "drop": ["dl-hall"]}
    headers = {"If-Match": seen}
    rehearsed = await lan.patch(f"{address}?following=true&rehearse=true", json=sent, headers=headers)
    assert rehearsed.status_code == 200, rehearsed.text
    done = await lan.patch(f"{address}?following=true", json=sent, headers=headers)
    assert done.json()["lines"] == rehearsed.json()["lines"]
    assert [line["fate"] for line in done.json()["lines"]] == ["changed", "changed"]
    late = await lan.patch(address, json={"title": "Muộn"}, headers=headers)
    assert (late.status_code, late.json()["code"]) == (412, "changed-meanwhile")
    assert (await lan.patch(address, json={"title": "x"}, headers={"If-Match": "soon"})).status_code == 400
    assert (await lan.patch(address, json={})).status_code == 400
    cancelled = await lan.post(f"{address}/cancel?following=true")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    family = (await lan.get(f"/api/v1/series/{series['id']}/family")).json()
    assert [one["meetings"] for one in family] == [1, 0]


async def test_a_room_tells_when_it_is_busy_and_a_list_of_ones_own_holds_no_others(
    lan: httpx.AsyncClient, app: FastAPI, make_account: MakeAccount
) -> None:
    meeting = (await book(lan, "ps-room")).json()
    (use,) = (await lan.get("/api/v1/rooms/ps-room/calendar")).json()
    assert (use["meeting"], use["busy_from"], use["state"]) == (meeting["id"], "2026-11-25T02:00:00Z", "confirmed")
    later = {"start": "2026-11-25T10:30:00+07:00"}
    assert (await lan.get("/api/v1/rooms/ps-room/calendar", params=later)).json() == [], "half open"
    assert (await lan.get("/api/v1/rooms/no-room/calendar")).status_code == 404
    assert len((await lan.get("/api/v1/meetings?mine=true")).json()["items"]) == 1
    await make_account("hoa")
    async with browser(app) as other:
        await sign_in(other, "hoa")
        assert (await other.get("/api/v1/meetings?mine=true")).json()["items"] == []
        assert len((await other.get("/api/v1/meetings")).json()["items"]) == 1
