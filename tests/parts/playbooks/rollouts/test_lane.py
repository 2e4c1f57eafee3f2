"""What does not answer waits for its site to be seen again, by importance, until it is given up."""

from __future__ import annotations

from datetime import timedelta

from inventory.public import TargetWish
from playbooks.automation.guards import HindranceKind
from playbooks.automation.lane import note_seen
from playbooks.automation.runs import HostState, Priority, RunState, Why
from playbooks.automation.waves import WaveKind
from playbooks.public import (
    RolloutRequest,
    roll_out,
)
from tests.parts.playbooks.programme import HOA, HOUR, NOW, Programme, playbook


async def test_what_does_not_answer_is_done_when_it_is_seen_again(programme: Programme) -> None:
    programme.runner.script = {"x2-rt1": "gone"}
    run = await programme.launch()
    await programme.settle()
    waiting = await programme.run(run)
    assert (waiting.state, waiting.counts) == (RunState.WAITING, {HostState.DONE: 3, HostState.UNREACHABLE: 1})
    (hindrance,) = waiting.hindrances
    assert (hindrance.kind, hindrance.devices, hindrance.until) == (HindranceKind.UNREACHABLE, 1, run.expires_at)
    await programme.later(HOUR)
    played = len(programme.runner.played)
    programme.runner.script = {}
    async with programme.database.transaction() as tx:
        assert await note_seen(tx, ["x3-rt1"], tx.now()) == 0, "another office"
        assert await note_seen(tx, ["x2-rt1"], NOW - HOUR) == 0, "it was tried since then"
        assert await note_seen(tx, ["x2-rt1"], tx.now()) == 1
    await programme.settle()
    assert programme.runner.played[played:] == [["x2-rt1"]]
    ended = await programme.run(run)
    assert (ended.state, ended.waves[-1].kind) == (RunState.SUCCEEDED, WaveKind.LANE)
    assert (await programme.hosts(run))["x2-rt1"].tries == 2


async def test_what_is_never_seen_is_tried_now_and_then_and_given_up_in_the_end(programme: Programme) -> None:
    programme.runner.script = {"x2-rt1": "gone"}
    run = await programme.launch()
    await programme.settle()
    for _ in range(30):
        await programme.later(timedelta(minutes=10))
    assert (await programme.hosts(run))["x2-rt1"].tries == 2, "once in four hours"
    programme.clock.forward(timedelta(days=7))
    await programme.settle()
    ended = await programme.run(run)
    assert (ended.state, ended.why, ended.counts[HostState.EXPIRED]) == (RunState.PARTLY, Why.HOSTS_LEFT, 1)


async def test_of_two_that_wait_for_one_site_the_more_important_goes_first(programme: Programme) -> None:
    programme.runner.script = {"x2-rt1": "gone"}
    programme.catalog["patch"] = playbook("patch")
    only = TargetWish(devices=("x2-rt1",))
    routine = await programme.launch(wish=only)
    await programme.settle()
    request = RolloutRequest("patch", only, priority=Priority.SECURITY)
    async with programme.database.transaction() as tx:
        patch = await roll_out(request, HOA, tx, programme.outside, catalog=programme.catalog)
    await programme.settle()
    programme.runner.script = {}
    programme.clock.forward(HOUR)
    async with programme.database.transaction() as tx:
        assert await note_seen(tx, ["x2-rt1"], tx.now()) == 2
    await programme.settle(waves=1)
    assert ((await programme.run(patch)).counts, (await programme.run(routine)).state) == (
        {HostState.DONE: 1},
        RunState.WAITING,
    )
    await programme.later(timedelta(minutes=1))
    assert (await programme.run(routine)).state is RunState.SUCCEEDED
