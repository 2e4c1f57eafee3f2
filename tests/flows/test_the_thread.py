"""The thread: one meeting for three offices, their health, an alert and a change, which know of each other.

Real parts: offices are namespaces with a real snmpd and sshd (`tests/real/lab.py`), the platform is the one that a user
starts, its engine polls and pings, its worker looks at the rooms and runs Ansible. The people act through the use cases
that pages and API call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from api import wiring
from api.glue import rooms_in_session
from kernel.clock import SystemClock, epoch_ms
from kernel.db.transaction import Database
from kernel.ids import new_id
from meetings.public import BookingRequest, MeetingView, RoomReadiness, book, meetings_needing, readiness_of
from monitor.public import open_alerts
from playbooks.public import LaunchRequest, RoomInSession, RunView, launch, run_for, run_lines
from tests.builders.actors import account_actor
from tests.flows.programme import load_programme
from tests.flows.reader import audit_is_sound
from tests.real.lab import Lab
from tests.real.platform import PlainPlatform

OFFICIAL = account_actor(new_id(), "canbo", "official")
TECHNICIAN = account_actor(new_id(), "kythuat", "technician")
TITLE = "Giao ban ba xã"
LASTS = timedelta(seconds=150)
"""Long enough for a second look at the rooms, a minute after the first."""
PATIENCE_S = 150.0
CHANGE = LaunchRequest("time-and-dns", "c1", arguments={"dns_servers": ["192.0.2.77"]})


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(3, lines=2) as running:
        yield running


@pytest.fixture(scope="module")
def platform(lab: Lab) -> Iterator[PlainPlatform]:
    with PlainPlatform(lab=lab) as running:
        load_programme(running, lab)
        yield running


@pytest.fixture
async def database(platform: PlainPlatform) -> AsyncIterator[Database]:
    """The running platform's own database."""
    async with wiring.database(wiring.database_url(platform.settings), "test") as opened:
        yield opened


@pytest.mark.timeout(600)
async def test_one_meeting_one_health_check_one_change_joined(
    lab: Lab, platform: PlainPlatform, database: Database
) -> None:
    cut = lab.offices["c2"]

    meeting = await booked(database)
    assert {room.office for room in meeting.rooms} == {"c1", "c2", "c3"}
    await readiness_becomes(database, meeting, {"c1": "ready", "c2": "ready", "c3": "ready"})

    with pytest.raises(RoomInSession) as refused:
        await launched(database)
    assert refused.value.until == meeting.ends_at
    assert TITLE in str(refused.value)
    assert "Phòng họp c1" in str(refused.value)

    cut.cut("wan0")
    assert await alert_naming(database, "uplink-down", "c2-rt1") == [TITLE]
    cut.cut("wan1")
    found = await readiness_becomes(database, meeting, {"c1": "ready", "c2": "not-ready", "c3": "ready"})
    health = platform.device("c2-rt1")
    assert health["outcome"] == "silent"
    looked = found["c2"].checked_at
    assert looked is not None
    assert health["since_ms"] < epoch_ms(looked), "a poll saw it first"
    assert await alert_naming(database, "device-unreachable", "c2-rt1") == [TITLE]

    with pytest.raises(RoomInSession):
        await launched(database)
    assert "192.0.2.77" not in lab.offices["c1"].read("/etc/resolv.conf")
    await asyncio.sleep(max(0.0, (meeting.ends_at - datetime.now(UTC)).total_seconds()))
    run = await over(database, (await launched(database)).id)
    assert run.state == "succeeded", await log_of(database, run)
    assert "192.0.2.77" in lab.offices["c1"].read("/etc/resolv.conf")
    assert "192.0.2.77" not in lab.offices["c3"].read("/etc/resolv.conf")

    done = await audited(database)
    assert ("canbo", "meeting.booked") in done
    assert ("kythuat", "playbook.launched") in done
    assert done.count(("kythuat", "playbook.launched")) == 1, "what was refused was not launched"
    assert audit_is_sound(platform)


async def booked(database: Database) -> MeetingView:
    """Book all three rooms, from now."""
    now = SystemClock().now()
    request = BookingRequest(TITLE, ("c1-room", "c2-room", "c3-room"), now, now + LASTS)
    async with database.transaction() as tx:
        return await book(request, OFFICIAL, tx)


async def launched(database: Database) -> RunView:
    """Launch the change at the first office."""
    async with database.transaction() as tx:
        return await launch(CHANGE, TECHNICIAN, tx, rooms_in_session)


async def readiness_becomes(
    database: Database, meeting: MeetingView, wanted: dict[str, str]
) -> dict[str, RoomReadiness]:
    """Return the readiness by office once it is `wanted`; until then only what is not known may differ."""
    found: dict[str, RoomReadiness] = {}
    async with asyncio.timeout(PATIENCE_S):
        while {office: room.state for office, room in found.items()} != wanted:
            await asyncio.sleep(0.2)
            async with database.transaction() as tx:
                found = {room.office: room for room in await readiness_of(OFFICIAL, meeting.id, tx)}
    return found


async def alert_naming(database: Database, rule: str, device: str) -> list[str]:
    """Return the titles of the meetings that the alert hurts, once there is such an alert."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with database.transaction() as tx:
                page = await open_alerts(TECHNICIAN, tx)
                if any(alert.rule == rule and alert.device == device for alert in page.alerts):
                    needing = await meetings_needing(TECHNICIAN, tx, [device], tx.now() + timedelta(hours=24))
                    return [brief.title for brief in needing.get(device, [])]
            await asyncio.sleep(0.2)


async def over(database: Database, run_id: object) -> RunView:
    """Return the run when it is over."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with database.transaction() as tx:
                run = await run_for(TECHNICIAN, run_id, tx)  # type: ignore[arg-type]
            if run.over:
                return run
            await asyncio.sleep(0.5)


async def log_of(database: Database, run: RunView) -> str:
    """Return what a run said."""
    async with database.transaction() as tx:
        return "\n".join(line.text for line in await run_lines(TECHNICIAN, run.id, tx))


async def audited(database: Database) -> list[tuple[str, str]]:
    """Return who did what, in the order of the audit log."""
    async with database.transaction() as tx:
        rows = await tx.session.execute(text("SELECT actor, action FROM audit_entry ORDER BY at"))
        return [(row.actor, row.action) for row in rows]
