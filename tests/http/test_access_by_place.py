"""Every role, every address of the API, every page and every command: inside, below, above and outside its node.

What there is comes from the description of the API, the application's routes and the tree of commands: a new one has to
be put into `access_tables.py` before these tests pass again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import typer.main
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from api import cli
from api.http.state import WebState
from inventory import access
from inventory.public import Grant, create_account
from kernel.actors import system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.ids import new_id
from tests.builders.actors import ROLES
from tests.builders.web import app_of
from tests.http.access_tables import (
    BOOKED_BY_ANOTHER,
    COMMANDS,
    EVERYWHERE,
    NAMES_ABOVE,
    NEEDS,
    NONE_THERE,
    NOTHING_MEANT,
    OPEN,
    WITHOUT_PLACE,
)
from tests.http.conftest import MakeState, browser, sign_in, token
from tests.http.world import PASSWORD, PLACES, UNITS, Place, make_world, nowhere


class Operation(NamedTuple):
    method: str
    path: str

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"

    def address(self, place: Place) -> str:
        codes = {
            "devices": place.device,
            "offices": place.office,
            "units": place.unit,
            "uplinks": f"{place.office}-wan",
            "checks": f"{place.office}-ssh",
            "contracts": f"{place.office}-hd",
            "kits": "commune-office",
        }
        name = "time-and-dns" if self.path.startswith("/playbooks/") else place.account
        code = next((one for kind, one in codes.items() if f"/{kind}/" in self.path), place.office)
        known = {
            "code": code, "alert": place.alert, "alert_id": place.alert, "meeting_id": place.meeting,
            "run_id": place.run, "name": name, "session": place.session, "token": place.token,
            "grant": place.grant, "role": "official", "reorganisation_id": new_id(), "series_id": place.series,
            "room": place.room, "secret": "none", "office": place.office, "year": 2026, "day": "2026-12-24",
            "way": "offices", "kind": "office",
            "credential": f"cua-{place.office}", "use": "community", "import_id": new_id(), "what": "devices",
            "delivery_id": place.delivery, "no": 1,
            "verb": "pause", "host": place.device,
            "schedule_id": new_id(), "window_id": place.window, "hook_id": new_id(), "receiver_id": new_id(),
        }  # fmt: skip
        filled = re.sub(r"\{(\w+)(:\w+)?\}", lambda found: str(known[found[1]]), self.path)
        asked = {
            "history": "?series=if_in_bps|ether1",
            "figures": "?level=commune",
            "coverage": "" if "/units/" in self.path else "?level=commune",
            "search": "?query=rt1",
            "moves": "?kind=offices",
        }
        return filled + asked.get(self.path.rpartition("/")[2], "")

    def body(self, place: Place, clock: FrozenClock, number: int) -> dict[str, Any] | None:
        soon = clock.now() + timedelta(days=3, hours=number)
        grant = {"role": "official", "unit": place.unit}
        rollout = {"playbook": "time-and-dns", "targets": {"offices": [place.office]}, "check": True}
        schedule = {**rollout, "name": "Đêm", "rule": "FREQ=DAILY", "first": "2026-12-24T22:00:00"}
        window = {
            "kind": "blackout", "title": "Bầu cử", "place": {"kind": "office", "code": place.office},
            "first": "2026-12-24T22:00:00", "minutes": 60,
        }  # fmt: skip
        bodies: dict[str, dict[str, Any]] = {
            "POST /api/v1/meetings": {
                "title": "Họp", "rooms": [place.room], "starts_at": soon.isoformat(),
                "ends_at": (soon + timedelta(minutes=30)).isoformat(),
            },
            "POST /api/v1/offices": {"code": f"{place.office}-moi", "name": "Mới", "unit": place.unit},
            "POST /api/v1/devices": {
                "code": f"{place.office}-sw9", "name": "Mới", "office": place.office, "role": "switch",
                "profile": "network-interfaces", "address": f"10.9.0.{number}", "snmp": "v2c", "credential": "v2c",
            },
            "POST /api/v1/uplinks": {
                "code": f"{place.office}-w9", "device": place.device, "interface": "e9", "carrier": "VNPT",
                "medium": "fibre", "down_bps": 1000000, "up_bps": 1000000,
            },
            "POST /api/v1/checks": {"code": f"{place.office}-c9", "device": place.device, "kind": "tcp", "port": 22},
            "POST /api/v1/contracts": {
                "code": f"{place.office}-hd9", "kind": "support", "party": "FPT", "starts": "2026-01-01",
                "devices": [place.device],
            },
            "PATCH /api/v1/contracts/{code}": {"party": "FPT"},
            "POST /api/v1/kits": {
                "code": f"kit-{number}", "name": "Bộ", "level": "village",
                "version": {"since": "2026-01-01", "items": [{"role": "ups", "number": 1}]},
            },
            "PATCH /api/v1/kits/{code}": {"name": "Bộ chuẩn"},
            "POST /api/v1/deliveries": {"office": place.office, "pieces": {"ups": 1}},
            "POST /api/v1/deliveries/{delivery_id}/pieces/{no}/accept": {"serial": "SN-1", "device": place.device},
            "POST /api/v1/deliveries/{delivery_id}/pieces/{no}/refuse": {"why": "hỏng"},
            "POST /api/v1/units/{code}/coverage": {
                "kind": "electricity", "value": ["part"], "since": "2025-08-01", "source": "Báo cáo",
            },
            "POST /api/v1/imports/{import_id}/apply": {"token": "0" * 32},
            "PATCH /api/v1/meetings/{meeting_id}": {"title": "Họp khác"},
            "POST /api/v1/meetings/{meeting_id}/rooms/{room}/answer": {"agreed": True},
            "POST /api/v1/meetings/times": {
                "offices": [place.office], "first": f"{soon:%Y-%m-%d}", "last": f"{soon:%Y-%m-%d}", "minutes": 30,
            },
            "POST /api/v1/series": {
                "title": "Giao ban", "rooms": [place.room], "rule": "FREQ=DAILY;COUNT=2",
                "first": f"{soon + timedelta(days=30):%Y-%m-%dT%H:%M:%S}", "minutes": 30,
            },
            "PUT /api/v1/calendar/days/{day}": {"off": True, "name": "Nghỉ"},
            "PUT /api/v1/meetings/{meeting_id}/deputies/{office}": {"deputy": "Trần Thị Hoa"},
            "PUT /api/v1/meeting-kinds/{code}": {"name": "Họp thôn", "name_en": "Village meeting", "minutes": 45},
            "PATCH /api/v1/offices/{code}": {"address": "Mới"},
            "PATCH /api/v1/devices/{code}": {"firmware": "7.1"},
            "PATCH /api/v1/uplinks/{code}": {"carrier": "FPT"},
            "PATCH /api/v1/checks/{code}": {"port": 2222},
            "POST /api/v1/grants": {"account": "nguoi-ps", **grant},
            "POST /api/v1/accounts": {"name": f"moi-{place.office}", "password": PASSWORD, "grant": grant},
            "PUT /api/v1/accounts/{name}/password": {"password": PASSWORD},
            "PUT /api/v1/roles/{role}/second-factor": {"required": False},
            "POST /api/v1/tokens": {
                "title": "Máy", "permissions": ["inventory.read"], "ends_at": soon.isoformat(), "unit": place.unit,
            },
            "POST /api/v1/playbook-runs": {"playbook": "time-and-dns", "office": place.office, "check": True},
            "POST /api/v1/playbook-runs/{run_id}/override": {"reason": "gấp"},
            "POST /api/v1/credentials": {
                "name": f"moi-{place.office}", "kind": "token", "secrets": {"token": "bí mật"},
                "place": {"kind": "office", "code": place.office},
            },
            "PUT /api/v1/credentials/{credential}": {"kind": "enable-secret", "secrets": {"secret": "bí mật"}},
            "PUT /api/v1/{way}/{code}/credentials": {"credential": f"cua-{place.office}"},
            "POST /api/v1/playbook-rollouts": rollout,
            "POST /api/v1/playbook-prospects": rollout,
            "POST /api/v1/playbook-hours": {"offices": [place.office]},
            "POST /api/v1/playbook-rollouts/{run_id}/approve": {"reason": ""},
            "POST /api/v1/playbook-rollouts/{run_id}/refuse": {"reason": "chưa"},
            "POST /api/v1/playbook-schedules": schedule,
            "POST /api/v1/playbook-schedules/preview": schedule,
            "POST /api/v1/windows": window,
            "POST /api/v1/windows/preview": window,
            "POST /api/v1/webhooks": {**rollout, "name": "Từ giám sát"},
        }  # fmt: skip
        return bodies.get(self.key)


@pytest.fixture
def state(make_state: MakeState) -> WebState:
    made = make_state(
        jitsi_url="https://meet.test", jitsi_domain="meet.test", jitsi_app_id="vungcao", jitsi_app_secret="x" * 32
    )
    made.stopping.set()
    return made


@pytest.fixture
def app(state: WebState) -> FastAPI:
    return app_of(state)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> dict[str, Place]:
    return await make_world(database, tmp_path)


def operations(app: FastAPI) -> list[Operation]:
    """Return the operations that the API describes; what ends a thing comes after what asks for it."""
    found = [Operation(method.upper(), path) for path, ops in app.openapi()["paths"].items() for method in ops]
    return sorted(found, key=lambda one: (one.method != "GET", -len(one.path)))


def pages(app: FastAPI) -> Iterator[Operation]:
    described = set(app.openapi()["paths"])
    for route in iter_route_contexts(app.routes):
        path = route.path or ""
        if "GET" in (route.methods or ()) and path not in described and not path.startswith(("/api/", "/jitsi/")):
            yield Operation("GET", path)


def commands(command: object, name: str = "") -> Iterator[str]:
    parts: Mapping[str, object] | None = getattr(command, "commands", None)
    if parts is None:
        yield name
    else:
        for part, below in parts.items():
            yield from commands(below, f"{name} {part}".strip())


async def bounded(database: Database, role: str) -> None:
    async with database.transaction() as tx:
        await create_account(system("test"), tx, name="hoa", password=PASSWORD, grant=Grant(role, unit=UNITS["inside"]))


def told(answer: httpx.Response, place: Place) -> str:
    """Return what an error says, without what it was asked about."""
    text = answer.text.replace(str(answer.json().get("request_id")), "")
    of_office = (f"{place.office}-wan", f"{place.office}-hd", f"{place.office}-ssh")
    names = (place.device, *of_office, place.office, place.account, place.unit, place.room)
    for each in (*names, *place.marks):
        text = re.sub(rf"(?<![\w-]){re.escape(each)}(?![\w-])", "…", text)
    return text


def test_no_operation_and_no_command_was_forgotten(app: FastAPI) -> None:
    assert {one.key for one in operations(app)} == OPEN | set(NEEDS)
    assert set(commands(typer.main.get_command(cli.app))) == COMMANDS


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_a_role_reaches_its_node_and_what_is_below_and_nothing_else(  # noqa: C901, PLR0912 - a table of what may be
    app: FastAPI, database: Database, world: dict[str, Place], clock: FrozenClock, role: str
) -> None:
    await bounded(database, role)
    forbidden = world["above"].marks | world["outside"].marks
    async with browser(app, Accept="application/json") as client:
        await sign_in(client)
        headers = {"X-CSRF-Token": await token(client), "If-Match": '"1"'}

        async def ask(one: Operation, place: Place, number: int) -> httpx.Response:
            return await client.request(
                one.method, one.address(place), json=one.body(place, clock, number), headers=headers
            )

        for number, one in enumerate(operations(app)):
            if one.key in OPEN:
                continue
            allowed = NEEDS[one.key] in ROLES[role] and one.key not in EVERYWHERE
            has_place = "{" in one.path or one.body(world["inside"], clock, 0) is not None
            for where in reversed(PLACES):
                answer = await ask(one, world[where], number)
                said = (one.key, where, answer.status_code, answer.text[:300])
                assert answer.status_code < 500, said
                if not allowed:
                    assert answer.status_code == 403, said
                elif one.key in NONE_THERE:
                    assert answer.status_code == 404, said
                elif one.key in WITHOUT_PLACE or not has_place or (one.key in NAMES_ABOVE and where == "above"):
                    assert answer.status_code == (201 if one.key == "POST /api/v1/imports" else 200), said
                elif one.key in NOTHING_MEANT and where in {"above", "outside"}:
                    assert answer.status_code == NOTHING_MEANT[one.key], said
                elif where in {"above", "outside"}:
                    assert answer.status_code == 404, said
                    missing = nowhere(world[where])
                    assert told(answer, world[where]) == told(await ask(one, missing, number), missing), said
                elif one.key in BOOKED_BY_ANOTHER and access.MEETINGS_MANAGE not in ROLES[role]:
                    assert answer.json()["code"] == "not-your-meeting", said
                elif one.path.endswith(("/answer", "/calendar-feed")) and access.MEETINGS_MANAGE not in ROLES[role]:
                    assert answer.json()["code"] == "not-your-room", said
                elif one.path.endswith("/join"):
                    assert answer.json()["code"] in {"join-too-early", "meeting-called-off"}, said
                else:
                    assert answer.status_code not in {401, 403, 404}, said
                if answer.status_code < 400:
                    assert not [mark for mark in forbidden if mark in answer.text], said


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_no_page_tells_of_what_is_not_yours(
    app: FastAPI, database: Database, world: dict[str, Place], role: str
) -> None:
    await bounded(database, role)
    forbidden = world["above"].marks | world["outside"].marks
    async with browser(app) as client:
        await sign_in(client)
        for one in pages(app):
            if one.path.startswith(("/sign-in", "/setup", "/static", "/add/")):
                continue
            for where in PLACES if "{" in one.path else PLACES[:1]:
                query = {
                    "/live/board": "?since=0",
                    "/playbooks/{name}": f"?office={world[where].office}",
                    "/schedules/new": "?playbook=site-check",
                    "/webhooks/new": "?playbook=site-check",
                }.get(one.path, "?interface=ether1" * one.path.endswith("/graph"))
                answer = await client.get(one.address(world[where]) + query)
                said = (one.path, where, answer.status_code)
                assert answer.status_code < 500, said
                if (
                    f"GET /api/v1{one.path}" in NONE_THERE
                    or where == "outside"
                    or (where == "above" and f"GET /api/v1{one.path}" not in NAMES_ABOVE)
                ):
                    assert answer.status_code in {403, 404}, said
                elif answer.status_code == 200:
                    assert not [mark for mark in forbidden if mark in answer.text], said
                else:
                    assert answer.status_code in {303, 403}, said


def forms(place: Place) -> dict[str, dict[str, str]]:
    """Return what is typed into the forms of pages that are about a place."""
    return {
        "/playbooks/{name}": {"offices": place.office, "mode": "check", "do": "launch"},
        "/runs/{run_id}/{verb}": {},
        "/windows": {"place": f"office:{place.office}", "title": "Đêm", "do": "set"},
        "/windows/{window_id}/end": {},
        "/meetings/new": {
            "title": "Họp", "minutes": "60", "required": place.office, "first": "2026-11-27", "last": "2026-11-27",
            "begin": "2026-11-27T09:00", "rooms": place.room, "act": "book",
        },
        "/meetings/{meeting_id}/cancel": {},
        "/meetings/{meeting_id}/confirm": {},
        "/meetings/{meeting_id}/change": {"act": "look-cancel"},
        "/meetings/{meeting_id}/deputies": {"office": place.office, "deputy": "Trần Thị Hoa"},
        "/meetings/{meeting_id}/deputies/{office}/recall": {},
        "/meetings/{meeting_id}/rooms/{room}/check-in": {},
        "/meetings/{meeting_id}/rooms/{room}/answer": {"agreed": "yes"},
        "/rooms/{room}/door": {},
        "/rooms/{room}/door/revoke": {},
        "/alerts/{alert_id}/take": {},
        "/alerts/{alert_id}/release": {},
        "/offices/{code}/deliveries": {"ups": "1"},
        "/deliveries/{delivery_id}/arrive": {},
        "/deliveries/{delivery_id}/pieces/{no}/accept": {"serial": "SN-1"},
        "/deliveries/{delivery_id}/pieces/{no}/refuse": {"why": "hỏng"},
        "/units/{code}/coverage": {
            "kind": "electricity", "electricity": "part", "since": "2025-08-01", "source": "xã", "version": "*",
        },
        "/credentials/new": {
            "name": "moi", "kind": "token", "token": "bí mật", "at": "offices", "code": place.office,
        },
        "/credentials/{credential}": {"secret": "bí mật"},
        "/credentials/{credential}/remove": {},
        "/{way}/{code}/credentials": {"name": f"cua-{place.office}"},
        "/{way}/{code}/credentials/{use}/detach": {},
    }  # fmt: skip


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_no_form_reaches_what_is_not_yours(
    app: FastAPI, database: Database, world: dict[str, Place], role: str
) -> None:
    await bounded(database, role)
    forbidden = world["above"].marks | world["outside"].marks
    async with browser(app) as client:
        await sign_in(client)
        csrf = {"csrf": await token(client)}
        for where in ("above", "outside"):
            for path, typed in forms(world[where]).items():
                address = Operation("POST", path).address(world[where])
                answer = await client.post(address, data=csrf | typed)
                said = (path, where, answer.status_code, answer.headers.get("location"))
                # Of what is not yours nothing is meant, as of what is not there.
                assert answer.status_code in {400, 403, 404, 409 if path == "/playbooks/{name}" else 404}, said
                sent = f"{address} {' '.join(typed.values())}"  # an error may repeat it
                assert not [mark for mark in forbidden if mark not in sent and mark in answer.text], said


@pytest.mark.parametrize("role", ["technician", "auditor", "administrator"])
async def test_who_holds_the_whole_tree_sees_all_of_it(
    app: FastAPI, database: Database, world: dict[str, Place], role: str
) -> None:
    async with database.transaction() as tx:
        await create_account(system("test"), tx, name="hoa", password=PASSWORD, grant=Grant(role))
    async with browser(app, Accept="application/json") as client:
        await sign_in(client)
        seen = [(await client.get(f"/api/v1/{what}")).text for what in ("devices", "alerts", "meetings", "offices")]
    for place in world.values():
        for text, mark in zip(seen, (place.device, str(place.alert), place.title, place.office), strict=True):
            assert mark in text
