"""Events from the transaction that made them true to whoever reacts."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import ClassVar

import pytest
from sqlalchemy import func, select, text

from kernel.actors import system
from kernel.db.transaction import DELIVER_EVENT, Database
from kernel.delivery import Handler, Subscriptions, delivery
from kernel.errors import StoreUnavailable
from kernel.events.event import Event, Fact
from kernel.events.models import EventRow
from kernel.work.dbos import DbosQueue
from tests.parts.kernel.running import eventually, failures, running


@dataclass(frozen=True, slots=True, kw_only=True)
class LampLit(Fact):
    name: ClassVar[str] = "lamp.lit"

    lamp: str
    hours: int


class Listener:
    """A reaction that notes what it was told, and fails as often as asked."""

    def __init__(self, *, unavailable: int = 0, broken: bool = False) -> None:
        self.told: list[Event] = []
        self.tries = 0
        self._unavailable = unavailable
        self._broken = broken

    async def react(self, event: Event, _database: Database) -> None:
        self.tries += 1
        if self._broken:
            raise ZeroDivisionError("a bug")
        if self.tries <= self._unavailable:
            raise StoreUnavailable(why="in this test")
        self.told.append(event)


async def emit(database: Database, lamp: str) -> None:
    async with database.transaction() as tx:
        tx.emit(LampLit(lamp=lamp, hours=3), system("test"))


async def test_an_event_reaches_every_handler_with_its_facts(url: str, database: Database) -> None:
    left, right, other = Listener(), Listener(), Listener()
    subscriptions: Subscriptions = {
        "lamp.lit": (Handler("left", left.react), Handler("right", right.react)),
        "lamp.broken": (Handler("other", other.react),),
    }
    async with running(url, {DELIVER_EVENT: delivery(database, subscriptions)}):
        await emit(database, "đèn 1")
        await eventually(lambda: left.told and right.told, "both handlers")
    (event,) = left.told
    assert (event.name, event.actor, event.data) == ("lamp.lit", "test", {"lamp": "đèn 1", "hours": 3})
    assert event.at.tzinfo is not None
    assert right.told == [event]
    assert other.told == []


async def test_an_event_of_a_transaction_that_failed_was_never_there(url: str, database: Database) -> None:
    listener = Listener()

    async def fail() -> None:
        async with database.transaction() as tx:
            tx.emit(LampLit(lamp="never", hours=0), system("test"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with running(url, {DELIVER_EVENT: delivery(database, {"lamp.lit": [Handler("listener", listener.react)]})}):
        await emit(database, "after")
        await eventually(lambda: listener.told, "the event")
    assert [event.data["lamp"] for event in listener.told] == ["after"]
    async with database.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(EventRow)) == 1


async def test_a_handler_that_has_to_wait_neither_holds_up_nor_repeats_the_others(
    url: str, database: Database, queue: DbosQueue
) -> None:
    waiting, quick = Listener(unavailable=2), Listener()
    handlers = [Handler("waiting", waiting.react), Handler("quick", quick.react)]
    async with running(url, {DELIVER_EVENT: delivery(database, {"lamp.lit": handlers})}):
        await emit(database, "a")
        await eventually(lambda: waiting.told, "the waiting handler")
    assert (waiting.tries, quick.tries) == (3, 1)
    assert waiting.told == quick.told
    assert await queue.failed_runs() == []


async def test_a_broken_handler_is_seen_and_the_others_had_their_turn(
    url: str, database: Database, queue: DbosQueue
) -> None:
    broken, waiting = Listener(broken=True), Listener(unavailable=1)
    handlers = [Handler("broken", broken.react), Handler("waiting", waiting.react)]
    async with running(url, {DELIVER_EVENT: delivery(database, {"lamp.lit": handlers})}):
        await emit(database, "a")
        await eventually(lambda: waiting.told, "the other handler")
        (failed,) = await failures(queue)
    assert "broken: ZeroDivisionError: a bug" in failed.why
    assert (failed.work, broken.tries) == (DELIVER_EVENT, 1)


async def test_after_an_interruption_only_what_was_not_finished_is_told_again(url: str, database: Database) -> None:
    done, hanging, again = Listener(), asyncio.Event(), Listener()

    async def hang(_event: Event, _database: Database) -> None:
        hanging.set()
        await asyncio.Event().wait()

    first = [Handler("done", done.react), Handler("hanging", hang)]
    async with running(url, {DELIVER_EVENT: delivery(database, {"lamp.lit": first})}, grace_s=0):
        await emit(database, "a")
        await eventually(lambda: hanging.is_set() and done.told, "the interruption")
        async with asyncio.timeout(60), database.engine.connect() as connection:
            while not await connection.scalar(text("SELECT count(*) FROM dbos.operation_outputs")):
                await connection.rollback()
                await asyncio.sleep(0.05)
    second = [Handler("hanging", again.react), Handler("done", done.react)]
    async with running(url, {DELIVER_EVENT: delivery(database, {"lamp.lit": second})}):
        await eventually(lambda: again.told, "the rest")
    assert (done.tries, again.tries) == (1, 1)
    assert done.told == again.told


async def test_an_event_that_is_not_there_fails_its_run(url: str, database: Database, queue: DbosQueue) -> None:
    async with database.engine.begin() as connection:
        await queue.enqueue(connection, DELIVER_EVENT, str(uuid.uuid4()))
    async with running(url, {DELIVER_EVENT: delivery(database, {})}):
        (failed,) = await failures(queue)
    assert "There is no event" in failed.why


def test_two_handlers_of_one_name_stop_the_start(database: Database) -> None:
    listener = Listener()
    with pytest.raises(ValueError, match="two handlers of one name"):
        delivery(database, {"lamp.lit": [Handler("same", listener.react), Handler("same", listener.react)]})
