"""Every role, every address of the API, every page and every command: inside, below, above and outside its node.

What there is comes from the description of the API, the application's routes and the tree of commands: a new one has to
be put into the tables here before these tests pass again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest
import typer.main
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from api import cli
from api.http.state import WebState
from inventory import access
from inventory.public import Grant, create_account
from kernel.actors import Permission, system
from kernel.clock import FrozenClock
from kernel.db.transaction import Database
from kernel.ids import new_id
from tests.builders.actors import ROLES
from tests.http.conftest import MakeState, app_of, browser, sign_in, token
from tests.http.world import PASSWORD, PLACES, UNITS, Place, make_world, nowhere

OPEN: Final = frozenset(
    {
        "GET /api/v1/session", "POST /api/v1/session", "DELETE /api/v1/session", "POST /api/v1/session/code",
        "GET /healthz", "GET /readyz", "GET /metrics", "GET /feeds/{secret}.ics",
        "GET /feeds/{secret}.ifb", "GET /feeds/rooms/{secret}.ics", "GET /feeds/rooms/{secret}.ifb",
        "POST /api/v1/calendar-feed", "DELETE /api/v1/calendar-feed", "GET /api/v1/delegates", "GET /api/v1/leaders",
        "PUT /api/v1/delegates/{name}", "DELETE /api/v1/delegates/{name}",
        "GET /api/v1/session/grants", "GET /api/v1/tokens", "DELETE /api/v1/tokens/{token}",
    }
)  # fmt: skip
"""Of nobody's or of one's own: no place has a part in it."""

READ, CHANGE, TAKE = access.INVENTORY_READ, access.INVENTORY_CHANGE, access.ALERTS_TAKE
ACCOUNTS, MANAGE = access.ACCOUNTS_READ, access.ACCOUNTS_MANAGE
RUNS, RUN = access.PLAYBOOKS_READ, access.PLAYBOOKS_RUN
SECRETS = access.CREDENTIALS_SET
MEETINGS, BOOK = access.MEETINGS_READ, access.MEETINGS_BOOK

NEEDS: Final[Mapping[str, Permission]] = {
    "GET /api/v1/units": READ,
    "GET /api/v1/offices": READ,
    "GET /api/v1/offices/{code}": READ,
    "GET /api/v1/devices": READ,
    "GET /api/v1/devices/{code}": READ,
    "GET /api/v1/devices/{code}/history": READ,
    "GET /api/v1/uplinks": READ,
    "GET /api/v1/uplinks/{code}": READ,
    "GET /api/v1/checks": READ,
    "GET /api/v1/checks/{code}": READ,
    "GET /api/v1/checks/{code}/now": READ,
    "POST /api/v1/checks": CHANGE,
    "PATCH /api/v1/checks/{code}": CHANGE,
    "GET /api/v1/units/{code}": READ,
    "GET /api/v1/levels": READ,
    "GET /api/v1/figures": READ,
    "GET /api/v1/search": READ,
    "GET /api/v1/reorganisations": READ,
    "GET /api/v1/reorganisations/{reorganisation_id}": READ,
    "GET /api/v1/reorganisations/{reorganisation_id}/moves": CHANGE,
    "POST /api/v1/reorganisations": CHANGE,
    "POST /api/v1/reorganisations/rehearsal": CHANGE,
    "POST /api/v1/reorganisations/{reorganisation_id}/schedule": CHANGE,
    "POST /api/v1/reorganisations/{reorganisation_id}/cancel": CHANGE,
    "POST /api/v1/offices": CHANGE,
    "PATCH /api/v1/offices/{code}": CHANGE,
    "POST /api/v1/devices": CHANGE,
    "PATCH /api/v1/devices/{code}": CHANGE,
    "POST /api/v1/uplinks": CHANGE,
    "PATCH /api/v1/uplinks/{code}": CHANGE,
    "GET /api/v1/contracts": READ,
    "GET /api/v1/contracts/{code}": READ,
    "POST /api/v1/contracts": CHANGE,
    "PATCH /api/v1/contracts/{code}": CHANGE,
    "GET /api/v1/kits": READ,
    "GET /api/v1/kits/{code}": READ,
    "POST /api/v1/kits": CHANGE,
    "PATCH /api/v1/kits/{code}": CHANGE,
    "GET /api/v1/needs": READ,
    "GET /api/v1/needs/offices": READ,
    "GET /api/v1/offices/{code}/needs": READ,
    "GET /api/v1/deliveries": READ,
    "POST /api/v1/deliveries": CHANGE,
    "GET /api/v1/deliveries/{delivery_id}": READ,
    "POST /api/v1/deliveries/{delivery_id}/arrive": CHANGE,
    "POST /api/v1/deliveries/{delivery_id}/pieces/{no}/accept": CHANGE,
    "POST /api/v1/deliveries/{delivery_id}/pieces/{no}/refuse": CHANGE,
    "GET /api/v1/coverage": READ,
    "GET /api/v1/coverage/units": READ,
    "GET /api/v1/units/{code}/coverage": READ,
    "POST /api/v1/units/{code}/coverage": CHANGE,
    "POST /api/v1/imports": CHANGE,
    "GET /api/v1/imports": CHANGE,
    "GET /api/v1/imports/{import_id}": CHANGE,
    "GET /api/v1/imports/{import_id}/lines": CHANGE,
    "POST /api/v1/imports/{import_id}/apply": CHANGE,
    "POST /api/v1/imports/{import_id}/stop": CHANGE,
    "GET /api/v1/exports/{what}": READ,
    "GET /api/v1/ansible-inventory": READ,
    "GET /api/v1/alerts": access.ALERTS_READ,
    "GET /api/v1/alerts/{alert}": access.ALERTS_READ,
    "POST /api/v1/alerts/{alert}/take": TAKE,
    "POST /api/v1/alerts/{alert}/release": TAKE,
    "GET /api/v1/rooms": MEETINGS,
    "GET /api/v1/meetings": MEETINGS,
    "POST /api/v1/meetings": BOOK,
    "GET /api/v1/meetings/{meeting_id}": MEETINGS,
    "GET /api/v1/meetings/{meeting_id}/readiness": MEETINGS,
    "GET /api/v1/meetings/{meeting_id}/conference": MEETINGS,
    "POST /api/v1/meetings/{meeting_id}/join": MEETINGS,
    "POST /api/v1/meetings/{meeting_id}/cancel": BOOK,
    "PATCH /api/v1/meetings/{meeting_id}": BOOK,
    "POST /api/v1/meetings/{meeting_id}/rooms/{room}/answer": MEETINGS,
    "POST /api/v1/meetings/{meeting_id}/rooms/{room}/check-in": BOOK,
    "POST /api/v1/meetings/times": MEETINGS,
    "GET /api/v1/rooms/{room}/calendar": MEETINGS,
    "GET /api/v1/approvals": MEETINGS,
    "POST /api/v1/rooms/{room}/calendar-feed": MEETINGS,
    "DELETE /api/v1/rooms/{room}/calendar-feed": MEETINGS,
    "GET /api/v1/holds": MEETINGS,
    "GET /api/v1/waiting": MEETINGS,
    "GET /api/v1/room-use": MEETINGS,
    "POST /api/v1/meetings/{meeting_id}/confirm": BOOK,
    "PUT /api/v1/meetings/{meeting_id}/deputies/{office}": BOOK,
    "DELETE /api/v1/meetings/{meeting_id}/deputies/{office}": BOOK,
    "GET /api/v1/meeting-kinds": MEETINGS,
    "PUT /api/v1/meeting-kinds/{code}": access.MEETINGS_MANAGE,
    "DELETE /api/v1/meeting-kinds/{code}": access.MEETINGS_MANAGE,
    "POST /api/v1/series": BOOK,
    "GET /api/v1/series/{series_id}": MEETINGS,
    "GET /api/v1/series/{series_id}/meetings": MEETINGS,
    "GET /api/v1/series/{series_id}/family": MEETINGS,
    "GET /api/v1/calendar/{year}": MEETINGS,
    "PUT /api/v1/calendar/days/{day}": access.MEETINGS_MANAGE,
    "DELETE /api/v1/calendar/days/{day}": access.MEETINGS_MANAGE,
    "GET /api/v1/roles": ACCOUNTS,
    "PUT /api/v1/roles/{role}/second-factor": MANAGE,
    "GET /api/v1/grants": ACCOUNTS,
    "POST /api/v1/grants": MANAGE,
    "POST /api/v1/grants/{grant}/revoke": MANAGE,
    "GET /api/v1/accounts": ACCOUNTS,
    "POST /api/v1/accounts": MANAGE,
    "GET /api/v1/accounts/{name}": ACCOUNTS,
    "POST /api/v1/accounts/{name}/disable": MANAGE,
    "POST /api/v1/accounts/{name}/enable": MANAGE,
    "PUT /api/v1/accounts/{name}/password": MANAGE,
    "DELETE /api/v1/accounts/{name}/second-factor": MANAGE,
    "GET /api/v1/accounts/{name}/sessions": MANAGE,
    "DELETE /api/v1/accounts/{name}/sessions": MANAGE,
    "DELETE /api/v1/accounts/{name}/sessions/{session}": MANAGE,
    "GET /api/v1/accounts/{name}/tokens": MANAGE,
    "DELETE /api/v1/accounts/{name}/tokens/{token}": MANAGE,
    "POST /api/v1/tokens": READ,
    "GET /api/v1/platform": access.PLATFORM_READ,
    "GET /api/v1/playbooks": RUNS,
    "GET /api/v1/playbook-runs": RUNS,
    "POST /api/v1/playbook-runs": RUN,
    "GET /api/v1/playbook-runs/{run_id}": RUNS,
    "GET /api/v1/playbook-runs/{run_id}/lines": RUNS,
    "GET /api/v1/playbook-runs/{run_id}/hosts": RUNS,
    "POST /api/v1/playbook-runs/{run_id}/cancel": RUN,
    "POST /api/v1/playbook-runs/{run_id}/override": RUN,
    "GET /api/v1/changes": access.AUDIT_READ,
    "GET /api/v1/credentials": SECRETS,
    "POST /api/v1/credentials": SECRETS,
    "PUT /api/v1/credentials/{credential}": SECRETS,
    "DELETE /api/v1/credentials/{credential}": SECRETS,
    "GET /api/v1/{way}/{code}/credentials": SECRETS,
    "PUT /api/v1/{way}/{code}/credentials": SECRETS,
    "DELETE /api/v1/{way}/{code}/credentials/{use}": SECRETS,
}
"""What each operation of the API needs at the place that it is about."""

PAGES: Final[Mapping[str, Permission]] = {
    "GET /meetings": MEETINGS,
    "GET /meetings/new": BOOK,
    "POST /meetings/new": BOOK,
    "GET /meetings/{meeting_id}": MEETINGS,
    "POST /meetings/{meeting_id}/cancel": BOOK,
    "POST /meetings/{meeting_id}/confirm": BOOK,
    "GET /meetings/{meeting_id}/change": BOOK,
    "POST /meetings/{meeting_id}/change": BOOK,
    "POST /meetings/{meeting_id}/deputies": BOOK,
    "POST /meetings/{meeting_id}/deputies/{office}/recall": BOOK,
    "GET /meetings/{meeting_id}/check-in": BOOK,
    "POST /meetings/{meeting_id}/rooms/{room}/check-in": BOOK,
    "POST /meetings/{meeting_id}/rooms/{room}/answer": MEETINGS,
    "GET /meetings/series/{series_id}": MEETINGS,
    "GET /approvals": MEETINGS,
    "GET /calendar-address": MEETINGS,
    "POST /calendar-address": MEETINGS,
    "POST /calendar-address/revoke": MEETINGS,
    "GET /delegates": BOOK,
    "POST /delegates": BOOK,
    "POST /delegates/{name}/remove": BOOK,
    "GET /rooms": MEETINGS,
    "GET /rooms/{room}": MEETINGS,
    "GET /rooms/{room}/check-in": BOOK,
    "GET /rooms/{room}/door": MEETINGS,
    "POST /rooms/{room}/door": MEETINGS,
    "POST /rooms/{room}/door/revoke": MEETINGS,
    "GET /room-use": MEETINGS,
    "GET /room-use.csv": MEETINGS,
    "GET /working-days": MEETINGS,
    "POST /working-days": access.MEETINGS_MANAGE,
    "POST /working-days/{day}/forget": access.MEETINGS_MANAGE,
    "GET /live/meetings/{meeting_id}": MEETINGS,
    "GET /playbooks": RUNS,
    "GET /playbooks/{name}": RUNS,
    "POST /playbooks/{name}": RUN,
    "GET /runs/{run_id}": RUNS,
    "GET /runs/{run_id}/log.txt": RUNS,
    "GET /live/runs/{run_id}": RUNS,
    "POST /runs/{run_id}/cancel": RUN,
    "POST /runs/{run_id}/override": RUN,
    "GET /kits/new": CHANGE,
    "POST /kits/new": CHANGE,
    "GET /kits/{code}/edit": CHANGE,
    "POST /kits/{code}/edit": CHANGE,
    "POST /offices/{code}/deliveries": CHANGE,
    "POST /deliveries/{delivery_id}/arrive": CHANGE,
    "POST /deliveries/{delivery_id}/pieces/{no}/accept": CHANGE,
    "POST /deliveries/{delivery_id}/pieces/{no}/refuse": CHANGE,
    "POST /units/{code}/coverage": CHANGE,
    "POST /imports": CHANGE,
    "GET /imports/{import_id}": CHANGE,
    "GET /imports/{import_id}/progress": CHANGE,
    "GET /imports/{import_id}/refused.csv": CHANGE,
    "POST /imports/{import_id}/apply": CHANGE,
    "POST /imports/{import_id}/stop": CHANGE,
    "GET /contracts/new": CHANGE,
    "POST /contracts/new": CHANGE,
    "GET /contracts/{code}/edit": CHANGE,
    "POST /contracts/{code}/edit": CHANGE,
    "GET /changes/{kind}/{code}": access.AUDIT_READ,
    "GET /audit/export": access.AUDIT_READ,
    "GET /credentials": SECRETS,
    "GET /credentials/new": SECRETS,
    "POST /credentials/new": SECRETS,
    "GET /credentials/{credential}": SECRETS,
    "POST /credentials/{credential}": SECRETS,
    "POST /credentials/{credential}/remove": SECRETS,
    "GET /{way}/{code}/credentials": SECRETS,
    "POST /{way}/{code}/credentials": SECRETS,
    "POST /{way}/{code}/credentials/{use}/detach": SECRETS,
}
"""The same for pages of meetings, playbooks and runs."""

EVERYWHERE: Final = frozenset(
    {
        "PUT /api/v1/roles/{role}/second-factor",
        "POST /api/v1/kits",
        "PATCH /api/v1/kits/{code}",
        "PUT /api/v1/calendar/days/{day}",
        "DELETE /api/v1/calendar/days/{day}",
        "PUT /api/v1/meeting-kinds/{code}",
        "DELETE /api/v1/meeting-kinds/{code}",
        *(key for key, permission in NEEDS.items() if "/reorganisations" in key and permission == CHANGE),
    }
)
"""About no place: only for who holds it on the whole tree."""

WITHOUT_PLACE: Final = frozenset(
    {
        "GET /api/v1/roles",
        "GET /api/v1/kits",
        "GET /api/v1/kits/{code}",
        "POST /api/v1/imports",
        "GET /api/v1/exports/{what}",
        "GET /api/v1/platform",
        "GET /api/v1/playbooks",
        "GET /api/v1/levels",
        "GET /api/v1/calendar/{year}",
        "GET /api/v1/meeting-kinds",
    }
)
"""The same for everybody who holds it anywhere."""

NONE_THERE: Final = frozenset(
    {
        "GET /api/v1/reorganisations/{reorganisation_id}",
        "GET /api/v1/rooms/{room}/door/{secret}",
        "GET /api/v1/rooms/{room}/door/{secret}/day",
        "GET /api/v1/exports/{name}",
        *(
            f"{way}/api/v1/imports/{{import_id}}{part}"
            for way, part in (
                ("GET ", ""),
                ("GET ", "/lines"),
                ("POST ", "/apply"),
                ("POST ", "/stop"),
                ("GET ", "/progress"),
                ("GET ", "/refused.csv"),
            )
        ),
    }
)
"""There is none in this country; of pages as if they lay below /api/v1."""

NAMES_ABOVE: Final = frozenset({"GET /api/v1/units/{code}"})
"""The names above a place belong to it."""

BOOKED_BY_ANOTHER: Final = frozenset(
    {"POST /api/v1/meetings/{meeting_id}/cancel", "PATCH /api/v1/meetings/{meeting_id}"}
)
"""Besides booking it needs what `meetings.manage` allows: another one booked."""

COMMANDS: Final = frozenset(
    {
        "serve", "demo", "status", "poll", "inventory load", "audit verify",
        "profile check", "profile try", "audit list", "audit export",
        *(f"{group} {name}" for group in ("secrets", "credential")
          for name in ("set", "list", "attach", "detach", "remove", "rekey")),
        "inventory import", "inventory export", "inventory ansible",
        "inventory checks",
        "coverage show", "coverage units", "coverage set", "kits list", "kits set", "kits needs",
        "deliveries list", "deliveries plan", "deliveries show", "deliveries arrive", "deliveries accept",
        "deliveries refuse",
        "inventory offices", "inventory devices", "inventory uplinks", "inventory units", "inventory unit",
        "inventory levels", "inventory level", "inventory figures", "inventory search", "inventory vietnam",
        "reorganise list", "reorganise show", "reorganise moves", "reorganise rehearse", "reorganise propose",
        "reorganise schedule", "reorganise cancel",
        "meetings agree", "meetings approvals", "meetings book", "meetings calendar forget", "meetings calendar set",
        "meetings calendar show", "meetings cancel", "meetings change", "meetings check-in", "meetings confirm",
        "meetings delegates add", "meetings delegates list", "meetings delegates remove", "meetings deputy",
        "meetings holds", "meetings kinds forget", "meetings kinds list", "meetings kinds set", "meetings list",
        "meetings refuse", "meetings repeat",
        "meetings rooms feed", "meetings rooms load", "meetings times", "meetings use", "meetings waiting",
        "playbooks list", "playbooks run", "playbooks runs", "playbooks show",
        "accounts list", "accounts create", "accounts disable", "accounts enable", "accounts password",
        "accounts reset-factor", "accounts link", "accounts grants", "accounts grant", "accounts revoke",
        "accounts sessions", "accounts end-sessions", "tokens list", "tokens create", "tokens revoke",
        "roles list", "roles second-factor", "people data", "people erase",
    }
)  # fmt: skip
"""Commands act for the platform itself: whoever may read its folder of keys may do everything anyhow."""


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
async def test_a_role_reaches_its_node_and_what_is_below_and_nothing_else(  # noqa: C901 - a table of what may be
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
        "/playbooks/{name}": {"office": place.office, "mode": "check"},
        "/runs/{run_id}/cancel": {},
        "/runs/{run_id}/override": {"reason": "gấp"},
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
                assert answer.status_code in {400, 403, 404}, said
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
