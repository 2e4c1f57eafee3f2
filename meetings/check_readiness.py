"""Looks at the rooms of a meeting when it is time, and keeps what it found. The worker runs it.

What is to be looked at stands in rows: a worker that dies loses nothing, and two of them do each look once. While the
measurements are away, the rooms are `unknown` and the look is repeated until it can be made or the meeting is over.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import select, text

from inventory.public import Role, day_of, visible_devices, visible_offices
from kernel.actors import system
from kernel.clock import Clock
from kernel.db.transaction import Database, Transaction
from kernel.errors import DatabaseUnavailable, Unavailable
from kernel.events.event import Event
from meetings.models import OCCUPIES, MeetingRow, ReservationRow, RoomDeviceRow, RoomRow
from meetings.queries import meetings_needing
from meetings.readiness import (
    CLOSE,
    DeviceFacts,
    HealthPort,
    ReadinessState,
    Reason,
    RoomNeeds,
    again_at,
    assess,
    needs_of,
    state_of,
)
from meetings.repository import Due, bring_forward, finish_check, save_readiness, take_due_checks

LOOK_EVERY_S: Final = 2.0
AT_ONCE: Final = 20
HEALTH_TIMEOUT_S: Final = 20.0
LEASE: Final = timedelta(minutes=2)
"""Longer than a look can take."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Meeting:
    starts_at: datetime
    ends_at: datetime
    rooms: Mapping[int, str]
    needs: Mapping[int, RoomNeeds]


async def run_due_checks(database: Database, health: HealthPort, clock: Clock, stop: asyncio.Event) -> None:
    """Make the checks that are due, every two seconds, until `stop` is set; a database away is waited for."""
    away = False
    while not stop.is_set():
        made = 0
        try:
            made = await make_due_checks(database, health, clock)
        except DatabaseUnavailable as error:
            if not away:
                log.warning("readiness_waits", why=str(error))
            away = True
        else:
            if away:
                log.info("readiness_goes_on")
            away = False
        if made < AT_ONCE:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                continue


async def make_due_checks(database: Database, health: HealthPort, clock: Clock) -> int:
    """Make at most `AT_ONCE` of the checks that are due now, and return how many.

    Raises:
        DatabaseUnavailable: What was taken and not made comes again after the lease.
    """
    async with database.transaction() as tx:
        taken = await take_due_checks(tx, limit=AT_ONCE, lease=LEASE)
    for due in taken:
        try:
            await _make(due, health, database, clock)
        except DatabaseUnavailable:
            raise
        except Exception:  # the others shall have their turn; this one comes again after the lease
            log.exception("readiness_failed", meeting=str(due.meeting_id), stage=due.stage)
    return len(taken)


async def look_again(event: Event, database: Database) -> None:
    """React to what happened to a device: look now at the rooms of the meetings that need it and are near.

    Without this a meeting's page would say for up to a minute what the alert beside it denies. A look that is being
    made at this moment may have asked before it happened: another one follows.
    """
    async with database.transaction() as tx:
        near = await meetings_needing(system("readiness"), tx, [event.data["device"]], tx.now() + CLOSE)
        await bring_forward(tx, [meeting.id for meetings in near.values() for meeting in meetings])


async def check_readiness(
    meeting_id: uuid.UUID, stage: str, health: HealthPort, database: Database, clock: Clock
) -> Mapping[str, ReadinessState]:
    """Look at the meeting's rooms now, keep what was found under `stage`, and return the state of each, by code.

    Twice is as once: the later look replaces the earlier one. Nothing is kept of a meeting that is cancelled or over:
    then it is empty.
    """
    async with database.transaction() as tx:
        meeting = await _read(tx, meeting_id)
    if meeting is None or meeting.ends_at <= clock.now():
        return {}
    asked = sorted({device for needs in meeting.needs.values() for device in needs.all})
    facts, away = await _ask(health, asked)
    now = clock.now()
    reasons = {room: [away] if away else _assess(meeting, room, facts, now) for room in meeting.rooms}
    async with database.transaction() as tx:
        await save_readiness(
            tx,
            [
                {
                    "meeting_id": meeting_id,
                    "room_id": room,
                    "stage": stage,
                    "checked_at": now,
                    "state": state_of(found),
                    "reasons": [{"code": reason.code, "fields": dict(reason.fields)} for reason in found],
                }
                for room, found in reasons.items()
            ],
        )
    return {meeting.rooms[room]: state_of(found) for room, found in reasons.items()}


def _assess(meeting: _Meeting, room: int, facts: Mapping[str, DeviceFacts], now: datetime) -> list[Reason]:
    return assess(meeting.needs[room], facts, starts_at=meeting.starts_at, ends_at=meeting.ends_at, now=now)


async def _make(due: Due, health: HealthPort, database: Database, clock: Clock) -> None:
    states = await check_readiness(due.meeting_id, due.stage, health, database, clock)
    async with database.transaction() as tx:
        again = None
        if states and (meeting := await tx.session.get(MeetingRow, due.meeting_id)) is not None:
            known = "unknown" not in states.values()
            again = again_at(meeting.starts_at, meeting.ends_at, clock.now(), known=known, booked_at=meeting.created_at)
        await finish_check(tx, due, again)
    log.debug("readiness_checked", meeting=str(due.meeting_id), stage=due.stage, rooms=dict(states))


async def _ask(health: HealthPort, devices: Sequence[str]) -> tuple[Mapping[str, DeviceFacts], Reason | None]:
    """Return what was measured of `devices`, or why nobody can tell."""
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT_S):
            return await health(devices), None
    except DatabaseUnavailable:
        raise
    except Unavailable as error:
        return {}, Reason("health-away", {"why": str(error.fields.get("why", error))})
    except TimeoutError:
        return {}, Reason("health-away", {"why": f"no answer within {HEALTH_TIMEOUT_S:.0f} s"})


async def _read(tx: Transaction, meeting_id: uuid.UUID) -> _Meeting | None:
    """Return the meeting with what its rooms need; None if it is not booked (any more)."""
    meeting = await tx.session.get(MeetingRow, meeting_id)
    if meeting is None or meeting.state != "booked":
        return None
    place = visible_offices(system("readiness"), day_of(tx.now()))
    rows = list(
        await tx.session.execute(
            select(RoomRow.id, RoomRow.code, RoomRow.office_id)
            .join(ReservationRow, ReservationRow.room_id == RoomRow.id)
            .join(place, place.c.id == RoomRow.office_id)
            .where(ReservationRow.meeting_id == meeting_id, RoomRow.kind == "room", text(f"reservation.{OCCUPIES}"))
        )
    )
    linked: dict[int, dict[str, str]] = {room: {} for room, _, _ in rows}
    in_office: dict[uuid.UUID, dict[str, str]] = {office: {} for _, _, office in rows}
    device = visible_devices(system("readiness"), day_of(tx.now()))
    links = (
        select(RoomDeviceRow.room_id, device.c.code, device.c.role)
        .join(device, device.c.id == RoomDeviceRow.device_id)
        .where(RoomDeviceRow.room_id.in_(linked))
    )
    for room, code, role in await tx.session.execute(links):
        linked[room][code] = role
    theirs = select(device.c.office_id, device.c.code, device.c.role).where(
        device.c.office_id.in_(in_office), device.c.role.in_([Role.ROUTER, Role.UPS])
    )
    for office, code, role in await tx.session.execute(theirs):
        in_office[office][code] = role
    return _Meeting(
        meeting.starts_at,
        meeting.ends_at,
        {room: code for room, code, _ in rows},
        {room: needs_of(linked[room], in_office[office]) for room, _, office in rows},
    )
