"""Devices that did not answer have a lane of their own: they are tried again when the monitor sees their site.

Many offices are there for minutes a day. What waits for them is neither failed nor forgotten: it is done when they are
there, the most important run first, until the run expires.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, func, or_, select, update

from inventory.public import day_of, offices_of_devices, visible_offices
from kernel.actors import system
from kernel.db.transaction import Database, Transaction
from kernel.events.event import Event
from playbooks.automation.models import PlaybookHostRow, PlaybookRunRow
from playbooks.automation.runs import HostState, RunState

UNSEEN_AGAIN: Final = timedelta(hours=4)
"""A device that nobody watches is never seen: it is tried again after this time all the same."""

RETURNS: Final = frozenset({"device-unreachable", "uplink-down"})
"""Rules whose alert, when it is cleared, says that a site is there again."""

GOING: Final = (str(RunState.WAITING), str(RunState.RUNNING))

Ready = list[tuple[str, frozenset[str]]]


async def seen_again(event: Event, database: Database) -> None:
    """React to the monitor's news that something works again, or answers: the site's devices are tried at once.

    Idempotent. The news names `devices`, or one `device` with the `rule` that it broke.
    """
    devices = event.data.get("devices") or ([event.data["device"]] if event.data.get("rule") in RETURNS else [])
    if not devices:
        return
    async with database.transaction() as tx:
        await note_seen(tx, devices, event.at)


async def note_seen(tx: Transaction, devices: Collection[str], at: datetime) -> int:
    """Note that the offices of `devices` were seen at `at`; return how many hosts of runs wait there, or are tried now.

    One whose try began before that, and goes on, is tried again if it fails: it may have begun a moment too early.
    """
    actor = system("rollouts")
    offices = set((await offices_of_devices(actor, tx, devices)).values())
    if not offices:
        return 0
    place = visible_offices(actor, day_of(tx.now()))
    rows = await tx.session.execute(
        update(PlaybookHostRow)
        .where(
            PlaybookHostRow.office_id.in_(select(place.c.id).where(place.c.code.in_(offices))),
            or_(
                and_(
                    PlaybookHostRow.state == str(HostState.UNREACHABLE),
                    PlaybookHostRow.ended_at < at,  # tried since then: it is not there
                ),
                and_(PlaybookHostRow.state == str(HostState.RUNNING), PlaybookHostRow.started_at < at),
            ),
        )
        .values(seen_at=at)
        .returning(PlaybookHostRow.run_id)
        .execution_options(synchronize_session=False)
    )
    runs: list[uuid.UUID] = [run for (run,) in rows]
    if runs:
        await tx.session.execute(
            update(PlaybookRunRow)
            .where(
                PlaybookRunRow.id.in_(runs), PlaybookRunRow.state.in_([str(RunState.WAITING), str(RunState.RUNNING)])
            )
            .values(look_at=tx.now())
            .execution_options(synchronize_session=False)
        )
    return len(runs)


async def ready_again(tx: Transaction, row: PlaybookRunRow) -> tuple[Ready, int]:
    """Return the run's hosts that are to be tried again now, with their groups, and how many wait for that at all."""
    in_lane = select(PlaybookHostRow).where(
        PlaybookHostRow.run_id == row.id, PlaybookHostRow.state == str(HostState.UNREACHABLE)
    )
    due = in_lane.where(
        or_(PlaybookHostRow.seen_at.is_not(None), PlaybookHostRow.ended_at <= tx.now() - UNSEEN_AGAIN)
    ).order_by(PlaybookHostRow.host)
    found = (await tx.session.scalars(due)).all()
    waiting = await tx.session.scalar(select(func.count()).select_from(in_lane.subquery()))
    return [(host.host, frozenset(host.groups)) for host in found], waiting or 0


async def expire(tx: Transaction, row: PlaybookRunRow) -> None:
    """Give up the run's hosts that were not seen in time."""
    values: dict[str, Any] = {"state": str(HostState.EXPIRED), "ended_at": tx.now()}
    await tx.session.execute(
        update(PlaybookHostRow)
        .where(PlaybookHostRow.run_id == row.id, PlaybookHostRow.state == str(HostState.UNREACHABLE))
        .values(values)
        .execution_options(synchronize_session=False)
    )


def next_try(tx: Transaction, row: PlaybookRunRow) -> datetime:
    """Return when to look at the lane again if nothing is seen."""
    again = tx.now() + min(UNSEEN_AGAIN, timedelta(minutes=10))
    return min(again, row.expires_at) if row.expires_at is not None else again
