"""The thread: one meeting for three offices, their health, an alert and a change, which know of each other.

Real parts: offices are namespaces with a real snmpd and sshd (`tests/real/lab.py`), the platform is the one that a user
starts, its engine polls and pings, its worker looks at the rooms and runs Ansible. Beside it Debian's Prosody asks it
about rooms, and real XMPP clients join them; Jitsi's own plugins are stood in for (`tests/real/prosody.py`). People are
signed in and use the JSON API and pages, as programs and browsers do.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from kernel.clock import epoch_ms
from tests.flows.acts import booked, conference, hurt_by, joined, over, readiness, said, soon
from tests.flows.programme import load_programme, signed_in
from tests.flows.reader import Reader, audit_is_sound
from tests.real.lab import Lab
from tests.real.platform import PlainPlatform
from tests.real.prosody import Prosody
from tests.real.xmpp import NotReached, RoomNotOpened, Visitor

TITLE = "Giao ban ba xã"
RESERVATION_TOKEN = "token-of-prosody"
UNTIL_IT_BEGINS = timedelta(seconds=20)
"""What goes before the meeting takes about so long; on a busy machine it goes on into the meeting."""

ROOMS = ("c1-room", "c2-room", "c3-room")
NEVER_OPENED = {"open": False, "opened_at": None, "closed_at": None, "present": 0}
DNS = "192.0.2.77"
REASON = "Cuộc họp đang nghỉ, xã c3 đồng ý."


@dataclass
class Scene:
    """Everything and everybody.

    Attributes:
        lan: The official.
        hoa, duc: Two technicians.
        mai: The security officer.
    """

    lab: Lab
    platform: PlainPlatform
    jitsi: Prosody
    lan: Reader
    hoa: Reader
    duc: Reader
    mai: Reader

    def visitor(self, link: str) -> Visitor:
        """Return the browser of somebody who opens the address that they were given."""
        return Visitor(self.jitsi.port, self.jitsi.domain, httpx.URL(link).params["jwt"], self.lab)

    def has_dns(self, office: str) -> bool:
        """Return whether the change has reached an office."""
        return DNS in self.lab.offices[office].read("/etc/resolv.conf")


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with ExitStack() as stack:
        lab = stack.enter_context(Lab(3, lines=2))
        platform = PlainPlatform({"VUNGCAO_STORE": "duckdb"}, lab=lab)
        jitsi = stack.enter_context(Prosody(f"{platform.url}/jitsi", RESERVATION_TOKEN, lab=lab))
        platform.environment.update(
            VUNGCAO_JITSI_URL="https://meet.test", VUNGCAO_JITSI_DOMAIN=jitsi.domain, VUNGCAO_JITSI_APP_ID=jitsi.app_id,
            VUNGCAO_JITSI_APP_SECRET=jitsi.app_secret, VUNGCAO_JITSI_RESERVATION_TOKEN=RESERVATION_TOKEN,
            VUNGCAO_JITSI_PROSODY_URL=jitsi.url,
        )  # fmt: skip
        stack.enter_context(platform)
        load_programme(platform, lab)
        people = {name: stack.enter_context(signed_in(platform, name)) for name in ("lan", "hoa", "duc", "mai")}
        yield Scene(lab, platform, jitsi, **people)


@pytest.mark.timeout(400)
async def test_one_meeting_one_health_check_one_change_joined(scene: Scene) -> None:
    meeting = booked(scene.lan, TITLE, ROOMS, datetime.now(UTC) + UNTIL_IT_BEGINS)
    try:
        await its_rooms_are_ready(scene, meeting)
        await its_lines_are_cut(scene, meeting)
        await it_is_held_and_changes_wait(scene, meeting)
        await the_change_runs(scene)
        all_is_on_record(scene)
    finally:
        scene.lan.send(f"/meetings/{meeting['id']}/cancel")  # the next test has its rooms whatever became of this one


async def its_rooms_are_ready(scene: Scene, meeting: dict[str, Any]) -> None:
    """Everybody sees that each of the three offices is ready."""
    assert [room["office"] for room in meeting["rooms"]] == ["c1", "c2", "c3"]
    await readiness(scene.hoa, meeting, c1="ready", c2="ready", c3="ready")


async def its_lines_are_cut(scene: Scene, meeting: dict[str, Any]) -> None:
    """A line is cut, then the other one: the alerts say which meeting that hurts, and its room is no longer ready."""
    cut = scene.lab.offices["c2"]
    cut.cut("wan0")
    assert await hurt_by(scene.mai, "uplink-down", "c2-rt1") == [TITLE]
    found = await readiness(scene.lan, meeting, c1="ready", c2="at-risk", c3="ready")
    assert found["c2"]["reasons"] == [{"code": "uplink-down", "fields": {"uplink": "c2-wan0"}}]
    cut.cut("wan1")
    assert await hurt_by(scene.mai, "device-unreachable", "c2-rt1") == [TITLE]
    found = await readiness(scene.lan, meeting, c1="ready", c2="not-ready", c3="ready")
    assert [reason["code"] for reason in found["c2"]["reasons"]] == ["no-router-reachable"]
    health = scene.platform.device("c2-rt1")
    assert health["outcome"] == "silent"
    assert health["since_ms"] < epoch_ms(datetime.fromisoformat(found["c2"]["checked_at"])), "a poll saw it first"


async def it_is_held_and_changes_wait(scene: Scene, meeting: dict[str, Any]) -> None:
    """Prosody asks whether the room may be opened, and tells who comes; while it is open, changes are refused."""
    assert conference(scene.hoa, meeting) == NEVER_OPENED
    link, other_link = joined(scene.lan, meeting, "c1"), joined(scene.mai, meeting, "c3")
    assert (link["moderator"], other_link["moderator"]) == (True, False)
    room = httpx.URL(link["url"]).path.strip("/")
    async with scene.visitor(link["url"]) as organiser, scene.visitor(other_link["url"]) as other:
        await organiser.open_room(room)
        assert await organiser.join(room, "organiser") == "moderator"
        await other.open_room(room)
        assert await other.join(room, "other") == "participant"
        await soon(lambda: conference(scene.hoa, meeting)["present"] == 2, "both to be told of")
        assert conference(scene.hoa, meeting)["open"]
        await other.leave(room, "other")
        await soon(lambda: conference(scene.hoa, meeting)["present"] == 1, "one of them to have left")

        ahead = datetime.fromisoformat(meeting["starts_at"]) - datetime.now(UTC)
        await asyncio.sleep(max(0.0, ahead.total_seconds()))
        refused = scene.hoa.send("/playbook-runs", change("c1"))
        assert (refused.status_code, refused.json()["code"]) == (409, "playbook-room-in-session")
        assert refused.json()["fields"] == {"room": "Phòng họp c1", "meeting": TITLE, "until": meeting["ends_at"]}
        await a_second_technician_lets_it_run(scene, meeting)

        assert scene.lan.send(f"/meetings/{meeting['id']}/cancel").json()["state"] == "cancelled"
        assert await organiser.until_thrown_out() == "The meeting has been terminated"
        with pytest.raises(RoomNotOpened, match=r"This meeting was cancelled\.") as not_opened:
            await organiser.open_room(room)
        assert not_opened.value.code == 403
    await soon(lambda: conference(scene.hoa, meeting)["closed_at"], "the room to be closed")
    assert not conference(scene.hoa, meeting)["open"]


async def a_second_technician_lets_it_run(scene: Scene, meeting: dict[str, Any]) -> None:
    """In session a change begins by the word of another technician, of nobody else, and for a reason."""
    held = scene.hoa.send("/playbook-runs", change("c3") | {"ask": True}).json()
    assert (held["state"], held["held_meeting"], held["held_until"]) == ("held", TITLE, meeting["ends_at"])
    override = f"/playbook-runs/{held['id']}/override"
    for somebody, why in ((scene.hoa, "playbook-override-by-the-launcher"), (scene.lan, "refused"),
                          (scene.mai, "refused")):  # fmt: skip
        no = somebody.send(override, {"reason": REASON})
        assert (no.status_code, no.json()["code"]) == (403, why)
    let = scene.duc.send(override, {"reason": REASON}).json()
    assert (let["state"], let["overridden_by"], let["launched_by"]) == ("waiting", "duc", "hoa")
    assert (await over(scene.duc, let))["state"] == "succeeded", said(scene.duc, let)
    assert [scene.has_dns(office) for office in ("c1", "c3")] == [False, True]


async def the_change_runs(scene: Scene) -> None:
    """After the meeting, of two launches at the same moment one runs, and the other is told which has the office."""
    answers = await asyncio.gather(
        *(asyncio.to_thread(who.send, "/playbook-runs", change("c1")) for who in (scene.hoa, scene.duc))
    )
    (run,) = [answer.json() for answer in answers if answer.status_code == httpx.codes.CREATED]
    (busy,) = [answer.json() for answer in answers if answer.status_code != httpx.codes.CREATED]
    assert busy["code"] == "playbook-office-busy"
    assert (busy["fields"]["run"], busy["fields"]["launcher"]) == (run["id"], run["launched_by"])
    assert (await over(scene.hoa, run))["state"] == "succeeded", said(scene.hoa, run)
    assert scene.has_dns("c1")


def all_is_on_record(scene: Scene) -> None:
    """The security officer reads who did what, who was refused what, and that this was not done."""
    done = re.findall(r'<th scope="row">(\w+)</th>(.*?)<td class="wide">', scene.mai.page("/audit"), re.DOTALL)
    decided = [(who, "playbook-override-by-the-launcher" in what) for who, what in done if REASON in what]
    assert sorted(decided) == [("duc", False), ("hoa", True)]
    assert [who for who, what in done if "playbook-room-in-session" in what] == ["hoa"]
    runs = scene.hoa.ask("/playbook-runs")["items"]
    assert sorted((one["office"], one["state"]) for one in runs) == [("c1", "succeeded"), ("c3", "succeeded")]
    assert audit_is_sound(scene.platform)


async def test_without_prosody_no_room_is_opened_and_nobody_says_that_one_is(scene: Scene) -> None:
    meeting = booked(scene.lan, TITLE, ["c3-room"], datetime.now(UTC))
    link = joined(scene.lan, meeting, "c3")
    room = httpx.URL(link["url"]).path.strip("/")
    scene.jitsi.stop()
    try:
        with pytest.raises(NotReached):
            async with scene.visitor(link["url"]):
                pass
        assert conference(scene.hoa, meeting) == NEVER_OPENED
    finally:
        scene.jitsi.start()
    async with scene.visitor(link["url"]) as again:
        await again.open_room(room)
        await again.join(room, "again")
        await soon(lambda: conference(scene.hoa, meeting)["present"] == 1, "the one who came to be told of")
        assert conference(scene.hoa, meeting)["open"]
    scene.lan.send(f"/meetings/{meeting['id']}/cancel")


def change(office: str) -> dict[str, Any]:
    """Return what asks for the change at an office."""
    return {"playbook": "time-and-dns", "office": office, "arguments": {"dns_servers": [DNS]}}
