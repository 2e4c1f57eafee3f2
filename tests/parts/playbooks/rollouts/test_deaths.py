"""Workers and children that die in the middle of a wave: what is told, and what is run again."""

from __future__ import annotations

from sqlalchemy import select

from inventory.public import TargetWish
from kernel.ids import new_id
from playbooks.automation import execute
from playbooks.automation.models import PlaybookWaveRow
from playbooks.automation.runs import HostState, RunState, Why
from playbooks.public import (
    resume,
    retry_failed,
    run_lines,
)
from tests.parts.playbooks.programme import DUC, HOA, TEST, OneAttempt, Programme


async def begin_and_die(programme: Programme) -> None:
    """Let a worker take the next wave and die in its middle; another one is handed it."""
    await programme.settle(waves=0)
    async with programme.database.transaction() as tx:
        (wave,) = await tx.session.scalars(select(PlaybookWaveRow).where(PlaybookWaveRow.state == "waiting"))
    begun = await execute._begin(programme.parts, TEST, wave.id, new_id())  # noqa: SLF001 - the first half of its work
    assert begun is not None
    await execute.playbook_work(programme.parts)(str(wave.id), OneAttempt())


async def test_a_wave_whose_worker_died_is_told_and_finished_hosts_are_not_run_again(programme: Programme) -> None:
    run = await programme.launch()
    await programme.settle(waves=1)
    done = programme.runner.played[0]
    await begin_and_die(programme)
    await programme.settle()
    stopped = await programme.run(run)
    assert (stopped.state, stopped.why) == (RunState.STOPPED, Why.WAVE_INTERRUPTED)
    assert stopped.counts == {HostState.DONE: 1, HostState.INTERRUPTED: 2, HostState.WAITING: 1}
    assert programme.runner.played == [done], "nothing was run a second time"
    async with programme.database.transaction() as tx:
        lines = await run_lines(HOA, run.id, tx)
        await resume(DUC, run.id, tx, catalog=programme.catalog)
    assert "is not known" in lines[-1].text
    await programme.settle()
    assert (await programme.run(run)).counts == {HostState.DONE: 2, HostState.INTERRUPTED: 2}
    async with programme.database.transaction() as tx:
        again = await retry_failed(DUC, run.id, tx, programme.outside, catalog=programme.catalog)
    await programme.settle()
    assert (again.retry_of, again.devices, (await programme.run(again)).state) == (run.id, 2, RunState.SUCCEEDED)


async def test_what_may_be_cut_anywhere_is_run_again_and_that_is_told(programme: Programme) -> None:
    run = await programme.launch("cut-anywhere", wish=TargetWish(offices=("x1",)))
    await begin_and_die(programme)
    await programme.settle()
    assert (await programme.run(run)).state is RunState.SUCCEEDED
    assert (await programme.hosts(run))["x1-rt1"].tries == 2
    async with programme.database.transaction() as tx:
        assert any("run again: 1" in line.text for line in await run_lines(HOA, run.id, tx))


async def test_a_child_that_died_stops_the_rollout_and_its_hosts_are_told_as_interrupted(programme: Programme) -> None:
    programme.runner.script = dict.fromkeys(("x1-rt1", "x2-rt1", "x3-rt1", "x4-rt1"), "die")
    run = await programme.launch()
    await programme.settle()
    stopped = await programme.run(run)
    assert (stopped.state, stopped.why) == (RunState.STOPPED, Why.RUNNER_DIED)
    assert stopped.counts == {HostState.INTERRUPTED: 1, HostState.WAITING: 3}


async def test_what_dies_again_and_again_is_left_to_a_person(programme: Programme) -> None:
    programme.runner.script = {"x1-rt1": "die"}
    run = await programme.launch("cut-anywhere", wish=TargetWish(offices=("x1",)))
    await programme.settle()
    stopped = await programme.run(run)
    assert (stopped.state, stopped.why) == (RunState.STOPPED, Why.RUNNER_DIED)
    assert (await programme.hosts(run))["x1-rt1"].tries == 3
