"""What did not answer is tried when its site is seen: by an alert that is over, a poll or a ping that is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kernel.clock import Clock, FrozenClock
from kernel.db.transaction import Database
from kernel.events.event import Event
from kernel.ids import new_id
from playbooks.automation.lane import note_seen, seen_again
from playbooks.automation.runner.port import Ended, Job, News
from playbooks.automation.runs import HostState
from tests.parts.playbooks.programme import Programme, ScriptedRunner


@pytest.fixture
def clock() -> Clock:
    return FrozenClock(datetime(2026, 11, 24, 1, 26, tzinfo=UTC))


@pytest.fixture
async def programme(database: Database, clock: FrozenClock, tmp_path: Path) -> Programme:
    made = Programme(database, clock)
    await made.load(tmp_path)
    return made


NEWS = [
    ("alert.cleared", {"rule": "device-unreachable", "device": "x2-rt1"}),
    ("sites.seen", {"devices": ["x2-rt1", "x7-rt1"]}),
]


@pytest.mark.parametrize(("name", "data"), NEWS, ids=["an alert is over", "a poll or a ping is answered"])
async def test_news_that_a_site_is_there_has_its_devices_tried_at_once(
    programme: Programme, name: str, data: dict[str, object]
) -> None:
    programme.runner.script = {"x2-rt1": "gone", "x3-rt1": "gone"}
    run = await programme.launch()
    await programme.settle()
    played = len(programme.runner.played)
    programme.runner.script = {}
    programme.clock.forward(timedelta(minutes=5))
    await seen_again(Event(new_id(), name, programme.clock.now(), "engine", data), programme.database)
    await programme.settle()
    assert programme.runner.played[played:] == [["x2-rt1"]], "and nobody else's"
    hosts = await programme.hosts(run)
    assert (hosts["x2-rt1"].state, hosts["x3-rt1"].state) == (HostState.DONE, HostState.UNREACHABLE)


@pytest.mark.parametrize(
    "data", [{"devices": []}, {"devices": ["unknown"]}, {"rule": "on-battery", "device": "x2-rt1"}]
)
async def test_other_news_tries_nothing(programme: Programme, data: dict[str, object]) -> None:
    programme.runner.script = {"x2-rt1": "gone"}
    await programme.launch()
    await programme.settle()
    played = len(programme.runner.played)
    programme.clock.forward(timedelta(minutes=5))
    await seen_again(Event(new_id(), "news", programme.clock.now(), "engine", data), programme.database)
    await programme.settle()
    assert len(programme.runner.played) == played


class BackInTheMiddle(ScriptedRunner):
    """Its first try fails while the site comes back."""

    programme: Programme

    async def run(self, job: Job, tell: Callable[[News], Awaitable[None]], stop: asyncio.Event) -> Ended:
        ended = await super().run(job, tell, stop)
        if "x2-rt1" in self.script and "x2-rt1" in self.played[-1]:
            self.programme.clock.forward(timedelta(seconds=20))
            async with self.programme.database.transaction() as tx:
                assert await note_seen(tx, ["x2-rt1"], tx.now()) == 1
            self.script = {}
        return ended


async def test_a_site_that_comes_back_while_it_is_tried_is_tried_again_and_not_hours_later(
    programme: Programme,
) -> None:
    programme.runner = runner = BackInTheMiddle({"x2-rt1": "gone"})
    runner.programme = programme
    run = await programme.launch()
    await programme.settle()
    host = (await programme.hosts(run))["x2-rt1"]
    assert (host.state, host.tries) == (HostState.DONE, 2)
