"""Alerts as rows: kept true to the rules, taken by people, told outside, through outages of the database."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from api.demo.agents import PROGRAMME
from inventory.profiles import bundled_profiles
from inventory.public import device_ids, load_file, uplinks
from kernel.actors import system
from kernel.audit import AuditEntryRow
from kernel.channels.port import ChannelUnavailable, Message, MessageRefused
from kernel.clock import epoch_ms
from kernel.db.transaction import Database, Transaction
from kernel.errors import NotFound, Refused
from kernel.events.event import Event
from kernel.events.models import EventRow
from kernel.ids import new_id
from monitor.alert_keeper import AlertKeeper
from monitor.current import CurrentState
from monitor.errors import AlertOver, AlertTaken, NotYours
from monitor.models import AlertRow
from monitor.notify import Hurt, teller
from monitor.public import (
    alert_counts,
    alert_story,
    alerts_of_device,
    latest_changes,
    open_alerts,
    release,
    take,
)
from monitor.samples import Sample, Series
from monitor.thresholds import first_rules
from tests.builders.actors import account_actor
from tests.real.postgres import DebianPostgres

TECHNICIAN = account_actor(new_id(), "kythuat", "technician")
WATCHER = account_actor(new_id(), "anninh", "security")
OFFICIAL = account_actor(new_id(), "canbo", "official")


class Watched:
    """An engine's memory and keeper on the example programme, polled by hand."""

    def __init__(self, database: Database, current: CurrentState, keeper: AlertKeeper, uplink: tuple[str, str]) -> None:
        self.database, self.current, self.keeper, self.uplink = database, current, keeper, uplink
        self.at_ms = 1_800_000_000_000

    def poll(self, *, uplink_up: bool) -> None:
        device, interface = self.uplink
        self.at_ms += 60_000
        self.current.take(
            device,
            [
                Sample(Series("reachable", device), self.at_ms, 1),
                Sample(Series("if_oper_status", device, interface), self.at_ms, float(uplink_up)),
            ],
            outcome="answered",
            why="",
            at_ms=self.at_ms,
            duration_s=0.1,
            completeness_ratio=1,
        )

    async def open_alert(self) -> uuid.UUID:
        self.poll(uplink_up=False)
        await self.keeper.write()
        async with self.database.transaction() as tx:
            (alert,) = (await open_alerts(TECHNICIAN, tx)).alerts
        return alert.id


async def watched(database: Database, *, load: bool = True) -> Watched:
    async with database.transaction() as tx:
        if load:
            await load_file(PROGRAMME, system("test"), tx, bundled_profiles())
        ids = await device_ids(TECHNICIAN, tx)
        lines = await uplinks(TECHNICIAN, tx)
    by_device: dict[str, dict[str, object]] = {code: {} for code in ids}
    for line in lines:
        by_device[line.device][line.interface] = line
    current = CurrentState(first_rules(hold_s=60), 60)
    current.plan(by_device)  # type: ignore[arg-type]
    keeper = AlertKeeper(current, database, lambda _ok, _why: None)
    await keeper.load(ids)
    return Watched(database, current, keeper, (lines[0].device, lines[0].interface))


@pytest.fixture
async def engine_memory(database: Database) -> Watched:
    return await watched(database)


async def test_a_broken_uplink_becomes_one_open_alert_with_its_event(
    engine_memory: Watched, database: Database
) -> None:
    await engine_memory.open_alert()
    engine_memory.poll(uplink_up=False)
    await engine_memory.keeper.write()
    async with database.transaction() as tx:
        page = await open_alerts(TECHNICIAN, tx)
        counts = await alert_counts(TECHNICIAN, tx)
        events = (await tx.session.execute(select(EventRow.name))).scalars().all()
    (alert,) = page.alerts
    assert (alert.rule, alert.device, alert.instance) == ("uplink-down", *engine_memory.uplink)
    assert epoch_ms(alert.raised_at) == 1_800_000_060_000, "an alert is as old as what is wrong, not as its row"
    assert (counts.critical, counts.critical_untaken) == (1, 1)
    assert events == ["alert.raised"]


async def test_a_mended_uplink_clears_its_alert_and_both_are_told(engine_memory: Watched, database: Database) -> None:
    await engine_memory.open_alert()
    engine_memory.poll(uplink_up=True)
    await engine_memory.keeper.write()
    async with database.transaction() as tx:
        assert (await open_alerts(TECHNICIAN, tx)).alerts == []
        (alert,) = await alerts_of_device(TECHNICIAN, engine_memory.uplink[0], tx)
        changes = await latest_changes(TECHNICIAN, tx)
    assert alert.cleared_at is not None
    assert [change.change for change in changes] == ["cleared", "raised"]


async def test_after_a_restart_the_open_alert_is_known_and_not_raised_again(
    engine_memory: Watched, database: Database
) -> None:
    await engine_memory.open_alert()
    again = await watched(database, load=False)
    again.at_ms = engine_memory.at_ms
    await again.keeper.write()
    async with database.transaction() as tx:
        assert len((await open_alerts(TECHNICIAN, tx)).alerts) == 1
    again.poll(uplink_up=False)
    await again.keeper.write()
    again.poll(uplink_up=True)
    await again.keeper.write()
    async with database.transaction() as tx:
        assert (await open_alerts(TECHNICIAN, tx)).alerts == []
        assert len((await tx.session.execute(select(AlertRow.id))).all()) == 1


async def test_taking_an_alert_is_for_one_at_a_time_and_on_record(engine_memory: Watched, database: Database) -> None:
    alert = await engine_memory.open_alert()
    async with database.transaction() as tx:
        assert (await take(TECHNICIAN, alert, tx)).taken_by == "kythuat"
    async with database.transaction() as tx:
        await take(TECHNICIAN, alert, tx)
        with pytest.raises(AlertTaken, match="kythuat"):
            await take(WATCHER, alert, tx)
        with pytest.raises(NotYours):
            await release(WATCHER, alert, tx)
    async with database.transaction() as tx:
        assert (await release(TECHNICIAN, alert, tx)).taken_by is None
    async with database.transaction() as tx:
        await take(WATCHER, alert, tx)
        actions = (
            await tx.session.execute(
                select(AuditEntryRow.action, AuditEntryRow.actor)
                .where(AuditEntryRow.target == f"alert:{alert}")
                .order_by(AuditEntryRow.id)
            )
        ).all()
    assert [tuple(row) for row in actions] == [
        ("alert.taken", "kythuat"),
        ("alert.released", "kythuat"),
        ("alert.taken", "anninh"),
    ]


async def test_two_who_take_at_the_same_time_are_told_apart(engine_memory: Watched, database: Database) -> None:
    alert = await engine_memory.open_alert()

    async def attempt(actor_name: str) -> str:
        actor = account_actor(new_id(), actor_name, "technician")
        try:
            async with database.transaction() as tx:
                await take(actor, alert, tx)
        except AlertTaken:
            return "too late"
        return "taken"

    outcomes = await asyncio.gather(*(attempt(f"kythuat{number}") for number in range(8)))
    assert sorted(outcomes) == ["taken"] + ["too late"] * 7


async def test_what_is_over_or_not_there_cannot_be_taken(engine_memory: Watched, database: Database) -> None:
    alert = await engine_memory.open_alert()
    engine_memory.poll(uplink_up=True)
    await engine_memory.keeper.write()
    async with database.transaction() as tx:
        with pytest.raises(AlertOver):
            await take(TECHNICIAN, alert, tx)
        with pytest.raises(NotFound):
            await take(TECHNICIAN, new_id(), tx)
        with pytest.raises(Refused):
            await take(OFFICIAL, alert, tx)


async def test_pages_of_alerts_bring_each_once_the_worst_first(engine_memory: Watched, database: Database) -> None:
    current = engine_memory.current
    for number, device in enumerate(current.devices()):
        at_ms = 1_800_000_000_000 + number * 1000
        values = [Sample(Series("ups_on_battery", device), at_ms, 1), Sample(Series("reachable", device), at_ms, 1)]
        if number % 3 == 0:
            values += [Sample(Series("reachable", device), at_ms + step, 0) for step in (1000, 61_000)]
        current.take(device, values, outcome="answered", why="", at_ms=at_ms, duration_s=0, completeness_ratio=1)
    await engine_memory.keeper.write()
    seen: list[tuple[str, float]] = []
    after: str | None = None
    async with database.transaction() as tx:
        while True:
            page = await open_alerts(TECHNICIAN, tx, limit=11, after=after)
            seen += [(alert.severity, -alert.raised_at.timestamp()) for alert in page.alerts]
            if (after := page.next_cursor) is None:
                break
        total = await alert_counts(TECHNICIAN, tx)
    assert seen == sorted(seen), "critical comes before warning, the newest before older ones"
    assert len(seen) == total.critical + total.warning


class Outside:
    """A way out of the platform that fails as often as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if self.failures:
            raise self.failures.pop(0)

    async def close(self) -> None:
        """Nothing to let go."""


@pytest.fixture
async def raised(engine_memory: Watched, database: Database) -> Event:
    await engine_memory.open_alert()
    async with database.transaction() as tx:
        row = (await tx.session.execute(select(EventRow))).scalar_one()
    return Event(id=row.id, name=row.name, at=row.at, actor=row.actor, data=row.data)


async def story(database: Database, event: Event) -> list[tuple[str, str]]:
    async with database.transaction() as tx:
        told = await alert_story(TECHNICIAN, uuid.UUID(event.data["alert_id"]), tx)
    return [(notification.channel, notification.state) for notification in told.notifications]


async def test_what_was_told_outside_is_on_record_once(raised: Event, database: Database) -> None:
    way = Outside()
    for _ in range(2):
        await teller({"webhook": way})(raised, database)
    assert len(way.sent) == 1
    assert await story(database, raised) == [("webhook", "sent")]


async def test_the_message_says_which_meetings_a_new_alert_hurts(raised: Event, database: Database) -> None:
    begins = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
    asked: list[str] = []

    async def who_is_hurt(_tx: Transaction, device: str) -> list[Hurt]:
        asked.append(device)
        return [Hurt("Giao ban ba xã", begins, 3), Hurt("Họp", begins, 1)]

    way = Outside()
    await teller({"webhook": way}, who_is_hurt)(raised, database)
    assert asked == [raised.data["device"]]
    (message,) = way.sent
    first = {"title": "Giao ban ba xã", "starts_at": "2026-11-25T02:00:00+00:00", "offices": 3}
    assert message.data["meetings"] == [first, {**first, "title": "Họp", "offices": 1}]
    assert message.text.endswith(
        " Meetings that need it: Giao ban ba xã (2026-11-25T02:00:00+00:00, offices: 3); "
        "Họp (2026-11-25T02:00:00+00:00, offices: 1)."
    )


async def test_a_message_cut_off_in_mid_send_goes_again_under_the_same_id(raised: Event, database: Database) -> None:
    way = Outside(ChannelUnavailable(channel="webhook", why="cut off"))
    with pytest.raises(ChannelUnavailable):
        await teller({"webhook": way})(raised, database)
    assert await story(database, raised) == [("webhook", "waiting")]
    await teller({"webhook": way})(raised, database)
    assert {message.id for message in way.sent} == {str(raised.id)}
    async with database.transaction() as tx:
        told = await alert_story(TECHNICIAN, uuid.UUID(raised.data["alert_id"]), tx)
    assert told.notifications[0].state == "sent"
    assert "may have been sent" in told.notifications[0].why


async def test_a_refused_message_is_not_sent_again(raised: Event, database: Database) -> None:
    way = Outside(MessageRefused(channel="webhook", why="404"))
    for _ in range(2):
        await teller({"webhook": way})(raised, database)
    assert len(way.sent) == 1
    assert await story(database, raised) == [("webhook", "refused")]


async def test_without_a_channel_the_alert_says_that_nobody_was_told(raised: Event, database: Database) -> None:
    await teller({})(raised, database)
    assert await story(database, raised) == [("none", "nobody-to-tell")]


async def test_alerts_of_an_outage_of_the_database_are_written_when_it_is_back(
    engine_memory: Watched, database: Database, server: DebianPostgres
) -> None:
    told: asyncio.Queue[bool] = asyncio.Queue()
    keeper = AlertKeeper(engine_memory.current, database, lambda ok, _why: told.put_nowait(ok))
    async with database.transaction() as tx:
        ids = await device_ids(TECHNICIAN, tx)
    await keeper.load(ids)
    running = asyncio.create_task(keeper.run())
    try:
        async with asyncio.timeout(60):
            server.stop()
            try:
                engine_memory.poll(uplink_up=False)
                assert await told.get() is False
                assert not keeper.database_ok
            finally:
                server.start()  # in this thread: the server dies with the thread that starts it
            assert await told.get() is True
            async with database.transaction() as tx:
                assert len((await open_alerts(TECHNICIAN, tx)).alerts) == 1
    finally:
        running.cancel()
