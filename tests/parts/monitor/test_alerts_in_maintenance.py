"""Alerts within a maintenance window: on record, told to nobody, and told when the window closes before they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event as listening
from sqlalchemy import select

from inventory.public import WindowKind, WindowView, WindowWish, add_window, devices, end_window, office_for
from kernel.actors import system
from kernel.db.transaction import Database
from kernel.events.event import Event
from kernel.events.models import EventRow
from monitor.notify import teller
from monitor.public import AlertView, alert_counts, alert_story, latest_changes, open_alerts
from monitor.samples import Sample, Series
from tests.parts.monitor.test_alerts_in_the_database import TECHNICIAN, Outside, Watched, watched

ELSEWHERE = "dl"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
async def engine_memory(database: Database) -> Watched:
    return await watched(database)


async def set_window(database: Database, kind: WindowKind = WindowKind.MAINTENANCE, /, **place: str) -> WindowView:
    """Set a window that is open now."""
    begun = datetime.now(ZONE).replace(tzinfo=None, microsecond=0) - timedelta(minutes=10)
    async with database.transaction() as tx:
        return await add_window(system("test"), WindowWish(kind, "Thay pin", begun, 60, **place), tx)


async def close(database: Database, window: WindowView) -> None:
    async with database.transaction() as tx:
        await end_window(system("test"), window.id, tx)


async def the_alert(database: Database) -> AlertView:
    async with database.transaction() as tx:
        (alert,) = (await open_alerts(TECHNICIAN, tx)).alerts
    return alert


async def told(database: Database) -> list[str]:
    """Deliver all events of alerts, as the worker does, and return the subjects of the messages that left."""
    async with database.transaction() as tx:
        rows = list(
            await tx.session.scalars(select(EventRow).where(EventRow.name.like("alert.%")).order_by(EventRow.id))
        )
        way = Outside()
    for row in rows:
        await teller({"webhook": way})(Event(row.id, row.name, row.at, row.actor, row.data), database)
    return [message.subject for message in way.sent]


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Gather the statements of the block."""
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    listening.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        listening.remove(database.engine.sync_engine, "before_cursor_execute", note)


@pytest.mark.parametrize("place", ["device", "office", "unit"])
async def test_what_breaks_within_a_window_over_the_device_its_office_or_its_unit_is_on_record_and_told_to_nobody(
    engine_memory: Watched, database: Database, place: str
) -> None:
    async with database.transaction() as tx:
        (device,) = (await devices(TECHNICIAN, tx, codes=[engine_memory.uplink[0]])).devices
        office = await office_for(TECHNICIAN, device.office, tx)
    window = await set_window(
        database, **{place: {"device": device.code, "office": office.code, "unit": office.unit}[place]}
    )
    await engine_memory.open_alert()
    alert = await the_alert(database)
    assert window.next is not None
    assert alert.maintenance == ("Thay pin", window.next.ends_at)
    assert await told(database) == []
    async with database.transaction() as tx:
        story, counts = await alert_story(TECHNICIAN, alert.id, tx), await alert_counts(TECHNICIAN, tx)
    assert [(one.state, one.why) for one in story.notifications] == [("in-maintenance", "Thay pin")]
    assert (counts.maintenance, counts.critical, counts.critical_untaken) == (1, 0, 0)


async def test_people_are_told_once_when_the_window_closes_and_the_alert_is_still_open(
    engine_memory: Watched, database: Database
) -> None:
    window = await set_window(database, device=engine_memory.uplink[0])
    await engine_memory.open_alert()
    await engine_memory.keeper.look_at_maintenance()
    assert (await the_alert(database)).maintenance is not None
    await close(database, window)
    for _ in range(2):
        await engine_memory.keeper.look_at_maintenance()
    assert (await the_alert(database)).maintenance is None
    device, interface = engine_memory.uplink
    about = f"uplink-down still open after maintenance: {device} {interface}"
    assert await told(database) == [f"[critical] {about}"]
    async with database.transaction() as tx:
        counts = await alert_counts(TECHNICIAN, tx)
        assert [one.change for one in await latest_changes(TECHNICIAN, tx)] == ["outlasted", "raised"]
    assert (counts.maintenance, counts.critical) == (0, 1)
    engine_memory.poll(uplink_up=True)
    await engine_memory.keeper.write()
    assert await told(database) == [f"[critical] uplink-down cleared: {device} {interface}"]


async def test_of_what_begins_and_ends_within_the_window_nobody_is_told_at_all(
    engine_memory: Watched, database: Database
) -> None:
    window = await set_window(database, device=engine_memory.uplink[0])
    await engine_memory.open_alert()
    engine_memory.poll(uplink_up=True)
    await engine_memory.keeper.write()
    await close(database, window)
    await engine_memory.keeper.look_at_maintenance()
    assert await told(database) == []


async def test_an_alert_that_was_told_before_the_window_stays_one_and_its_end_is_told(
    engine_memory: Watched, database: Database
) -> None:
    await engine_memory.open_alert()
    await set_window(database, device=engine_memory.uplink[0])
    await engine_memory.keeper.look_at_maintenance()
    engine_memory.poll(uplink_up=True)
    await engine_memory.keeper.write()
    assert [subject.partition(" ")[2].partition(":")[0] for subject in await told(database)] == [
        "uplink-down raised",
        "uplink-down cleared",
    ]


async def test_a_blackout_silences_nothing_and_a_window_elsewhere_neither(
    engine_memory: Watched, database: Database
) -> None:
    await set_window(database, WindowKind.BLACKOUT, device=engine_memory.uplink[0])
    await set_window(database, office=ELSEWHERE)
    await engine_memory.open_alert()
    assert (await the_alert(database)).maintenance is None


async def test_a_window_that_is_made_longer_is_the_one_that_the_alert_shows(
    engine_memory: Watched, database: Database
) -> None:
    first = await set_window(database, device=engine_memory.uplink[0])
    await engine_memory.open_alert()
    begun = datetime.now(ZONE).replace(tzinfo=None, microsecond=0)
    async with database.transaction() as tx:
        wish = WindowWish(WindowKind.MAINTENANCE, "Kéo dài", begun, 600, device=engine_memory.uplink[0])
        longer = await add_window(system("test"), wish, tx)
    await close(database, first)
    await engine_memory.keeper.look_at_maintenance()
    assert longer.next is not None
    assert (await the_alert(database)).maintenance == ("Kéo dài", longer.next.ends_at)
    assert await told(database) == []


async def test_many_alerts_take_no_more_statements_for_their_windows_than_one(
    engine_memory: Watched, database: Database
) -> None:
    await set_window(database, device=engine_memory.uplink[0])
    await set_window(database, office=ELSEWHERE)

    def about_windows(statements: list[str]) -> int:
        return sum("time_window" in statement for statement in statements)

    with counted(database) as one:
        await engine_memory.open_alert()
    current = engine_memory.current
    for device in list(current.devices()):
        values = [Sample(Series("ups_on_battery", device), engine_memory.at_ms, 1)]
        current.take(device, values, outcome="answered", why="", at_ms=1, duration_s=0, completeness_ratio=1)
    with counted(database) as many:
        await engine_memory.keeper.write()
    async with database.transaction() as tx:
        assert len((await open_alerts(TECHNICIAN, tx, maintenance=False)).alerts) > 1
        assert len((await open_alerts(TECHNICIAN, tx, maintenance=True)).alerts) > 1
        silent_last = [alert.maintenance is not None for alert in (await open_alerts(TECHNICIAN, tx)).alerts]
    assert silent_last == sorted(silent_last)
    assert about_windows(one) == about_windows(many) == 2
    with counted(database) as looked:
        await engine_memory.keeper.look_at_maintenance()
    assert len(looked) == 3
