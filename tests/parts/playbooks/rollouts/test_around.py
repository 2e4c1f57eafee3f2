"""Before a rollout and after it: dry runs, room for waves, playbooks that changed, undoing, and what one may see."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from inventory.models import UnitRow
from inventory.public import TargetWish
from kernel.audit import AuditEntryRow
from kernel.errors import NotFound, Refused
from playbooks.automation.catalog import PlaybookView
from playbooks.automation.errors import (
    NothingToRetry,
    NothingToUndo,
    RunNotOver,
)
from playbooks.automation.guards import HindranceKind, SessionNotice
from playbooks.automation.runs import RunState, Why
from playbooks.automation.targets import WhyLeftOut
from playbooks.public import (
    RolloutRequest,
    best_hours,
    resume,
    retry_failed,
    rollout_prospect,
    run_lines,
    runs,
    undo,
)
from tests.parts.playbooks.programme import DUC, EVERYWHERE, HOA, HOUR, NOW, Programme, at_unit, playbook


async def test_what_was_changed_is_taken_back_where_it_was_begun_and_what_went_well_needs_no_retry(
    programme: Programme,
) -> None:
    run = await programme.launch(arguments={"level": 7})
    with pytest.raises(RunNotOver):
        async with programme.database.transaction() as tx:
            await undo(HOA, run.id, tx, programme.outside, catalog=programme.catalog)
    await programme.settle()
    with pytest.raises(NothingToRetry):
        async with programme.database.transaction() as tx:
            await retry_failed(HOA, run.id, tx, programme.outside, catalog=programme.catalog)
    async with programme.database.transaction() as tx:
        back = await undo(HOA, run.id, tx, programme.outside, catalog=programme.catalog)
    await programme.settle()
    assert (back.playbook, back.undo_of, back.devices, back.arguments) == ("unset-it", run.id, 4, {"level": 7})
    ended = await programme.run(back)
    assert ended.state is RunState.SUCCEEDED
    with pytest.raises(NothingToUndo):
        async with programme.database.transaction() as tx:
            await undo(HOA, ended.id, tx, programme.outside, catalog=programme.catalog)


async def test_a_dry_run_goes_to_all_at_once_and_leaves_no_trace_in_the_devices_logs(programme: Programme) -> None:
    run = await programme.launch(wish=EVERYWHERE, check=True)
    await programme.settle()
    ended = await programme.run(run)
    assert ([len(hosts) for hosts in programme.runner.played], ended.state) == ([10], RunState.SUCCEEDED)
    assert ended.coverage is not None
    assert (ended.coverage.foretold, ended.coverage.tasks) == (1, 1)
    async with programme.database.transaction() as tx:
        found = await tx.session.scalars(select(AuditEntryRow).where(AuditEntryRow.action == "device.played"))
        assert found.all() == []


async def test_no_more_waves_run_at_once_than_there_is_room_for(programme: Programme) -> None:
    programme.at_once = 1
    await programme.launch(wish=TargetWish(offices=("x1",)))
    second = await programme.launch(wish=TargetWish(offices=("x2",)))
    await programme.settle(waves=0)
    (hindrance,) = (await programme.run(second)).hindrances
    assert (hindrance.kind, hindrance.fields) == (HindranceKind.CAPACITY, {"running": 1, "most": 1})
    await programme.later(timedelta(seconds=3))
    await programme.later(timedelta(seconds=3))
    assert (await programme.run(second)).state is RunState.SUCCEEDED


async def test_playbooks_that_changed_since_the_launch_are_not_run_before_somebody_has_looked(
    programme: Programme,
) -> None:
    run = await programme.launch()
    await programme.settle(waves=1)
    changed: PlaybookView = playbook("set-it", content="second")
    programme.catalog["set-it"] = changed
    await programme.settle()
    stopped = await programme.run(run)
    assert (stopped.state, stopped.why) == (RunState.STOPPED, Why.PLAYBOOK_CHANGED)
    assert (stopped.details["then"], stopped.details["now"]) == ("first", "second")
    async with programme.database.transaction() as tx:
        await resume(DUC, run.id, tx, catalog=programme.catalog)
    await programme.settle()
    ended = await programme.run(run)
    assert (ended.state, ended.content) == (RunState.SUCCEEDED, "second")


async def test_who_sees_one_commune_is_told_of_its_devices_alone(programme: Programme) -> None:
    async with programme.database.transaction() as tx:
        unit = await tx.session.scalar(select(UnitRow.id).where(UnitRow.code == "la-da"))
    assert unit is not None
    there = at_unit(unit)
    run, elsewhere = await programme.launch(wish=EVERYWHERE), await programme.launch()
    await programme.settle()
    seen = await programme.run(run, there)
    assert (seen.devices, seen.offices, seen.wish, seen.left_out) == (5, 4, {}, ())
    assert set(await programme.hosts(run, there)) == {"x5-rt1", "x6-rt1", "x7-rt1", "x8-rt1", "x8-rt2"}
    async with programme.database.transaction() as tx:
        lines = await run_lines(there, run.id, tx, limit=1000)
        assert {line.host for line in lines} == {"", "x5-rt1", "x6-rt1", "x7-rt1", "x8-rt1", "x8-rt2"}
        assert [one.id for one in (await runs(there, tx)).runs] == [run.id]
    with pytest.raises(NotFound):
        await programme.run(elsewhere, there)
    with pytest.raises(Refused):
        async with programme.database.transaction() as tx:
            await retry_failed(there, run.id, tx, programme.outside, catalog=programme.catalog)
    mine = await programme.launch(wish=EVERYWHERE, actor=there)
    assert mine.devices == 5, "nobody reaches farther than they may"


async def test_what_a_launch_would_meet_and_when_is_best_is_told_before_it(programme: Programme) -> None:
    programme.sessions = [SessionNotice("Phòng họp", "Giao ban", NOW + HOUR, "x1")]
    request = RolloutRequest("grave", TargetWish(units=("phan-son",)), arguments={"level": 12})
    async with programme.database.transaction() as tx:
        found = await rollout_prospect(request, HOA, tx, programme.outside, catalog=programme.catalog)
        hours = await best_hours(request.wish, HOA, tx, programme.outside)
    assert (found.devices, found.offices, found.left_out_by) == (4, 4, {WhyLeftOut.NO_SSH: 1})
    assert [(wave.number, len(wave.members)) for wave in found.waves] == [(1, 1), (2, 2), (3, 1)]
    assert [one.wave for one in found.first] == [1, 2, 2, 3]
    assert [one.kind for one in found.hindrances] == [HindranceKind.ROOM_IN_SESSION]
    assert (found.needs_approval, set(found.misfits)) == (True, {"level"})
    assert hours[0].clashes == 0
