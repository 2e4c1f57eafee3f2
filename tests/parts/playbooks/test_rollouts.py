"""Rollouts from their launch to their end: canary, growth, stop rules, what holds them up, and what does not answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from inventory.models import UnitRow
from inventory.public import TargetWish, WindowKind, WindowWish, add_window
from kernel.audit import AuditEntryRow
from kernel.clock import Clock, FrozenClock
from kernel.db.transaction import Database
from kernel.errors import NotFound, Refused
from kernel.ids import new_id
from playbooks.automation import execute
from playbooks.automation.catalog import PlaybookView
from playbooks.automation.errors import (
    ApprovalByTheLauncher,
    NoTargetsAtAll,
    NothingMeant,
    NothingToOverride,
    NothingToRetry,
    NothingToUndo,
    OfficeBusy,
    OverrideByTheLauncher,
    RunNotOver,
    RunNotPaused,
)
from playbooks.automation.guards import HindranceKind, SessionNotice
from playbooks.automation.lane import note_seen
from playbooks.automation.models import PlaybookClaimRow, PlaybookWaveRow
from playbooks.automation.runs import HostState, Priority, RunState, Why
from playbooks.automation.stops import Alarm
from playbooks.automation.targets import WhyLeftOut
from playbooks.automation.waves import WaveKind, WaveState, WaveWish
from playbooks.public import (
    LaunchRequest,
    RolloutRequest,
    approve,
    best_hours,
    cancel,
    launch,
    override,
    pause,
    refuse,
    resume,
    retry_failed,
    roll_out,
    rollout_prospect,
    run_lines,
    runs,
    undo,
)
from tests.parts.playbooks.programme import DUC, HOA, LAN, TEST, OneAttempt, Programme, at_unit, playbook

NOW = datetime(2026, 11, 24, 1, 26, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVERYWHERE = TargetWish(units=("lam-dong",), roles=("router",))


@pytest.fixture
def clock() -> Clock:
    return FrozenClock(NOW)


@pytest.fixture
async def programme(database: Database, clock: FrozenClock, tmp_path: Path) -> Programme:
    made = Programme(database, clock)
    await made.load(tmp_path)
    return made


async def test_it_goes_from_a_canary_to_shares_and_never_to_a_pair_or_the_hub_with_its_offices(
    programme: Programme,
) -> None:
    run = await programme.launch(wish=EVERYWHERE)
    assert (run.state, run.devices, run.offices, run.content) == (RunState.WAITING, 10, 9, "first")
    assert [wave.kind for wave in run.waves][:2] == [WaveKind.CANARY, WaveKind.GROWING]
    await programme.settle()
    ended = await programme.run(run)
    assert (ended.state, ended.counts, ended.changed) == (RunState.SUCCEEDED, {HostState.DONE: 10}, 10)
    played = programme.runner.played
    assert [len(hosts) for hosts in played][:3] == [1, 2, 5], "the pair's second one is left for later"
    assert played[-1] == ["hub"], "what others hang on comes last"
    assert not any({"x8-rt1", "x8-rt2"} <= set(hosts) for hosts in played)
    async with programme.database.transaction() as tx:
        assert (await tx.session.scalars(select(PlaybookClaimRow))).all() == [], "everything is given back"
        target = select(AuditEntryRow).where(
            AuditEntryRow.target == "device:x3-rt1", AuditEntryRow.action != "device.created"
        )
        (entry,) = await tx.session.scalars(target)
    assert entry.after is not None
    assert (entry.action, entry.after["run"], entry.after["content"]) == ("device.played", str(run.id), "first")


async def test_who_is_left_out_is_frozen_into_the_run_with_why(programme: Programme) -> None:
    run = await programme.launch(wish=TargetWish(devices=("x1-rt1", "x1-ups1", "nowhere")))
    assert {one.device: one.why for one in run.left_out} == {
        "x1-ups1": WhyLeftOut.NO_SSH,
        "nowhere": WhyLeftOut.UNKNOWN,
    }
    with pytest.raises(NoTargetsAtAll):
        await programme.launch(wish=TargetWish(devices=("nowhere",)))
    with pytest.raises(NothingMeant):
        await programme.launch(wish=TargetWish())


async def test_a_bad_change_hits_the_canary_wave_alone_and_a_person_decides(programme: Programme) -> None:
    programme.runner.script = dict.fromkeys([f"x{number}-rt1" for number in range(1, 9)], "fail")
    run = await programme.launch(wish=EVERYWHERE)
    await programme.settle()
    stopped = await programme.run(run)
    assert (stopped.state, stopped.why) == (RunState.STOPPED, Why.TOO_MANY_FAILED)
    assert stopped.details == {"failed": 1, "of": 1, "limit_percent": 10}
    assert stopped.counts == {HostState.FAILED: 1, HostState.WAITING: 9}
    assert len(programme.runner.played) == 1
    await programme.later(HOUR)
    assert len(programme.runner.played) == 1, "nothing begins by itself"
    programme.runner.script = {}
    async with programme.database.transaction() as tx:
        await resume(DUC, run.id, tx, catalog=programme.catalog)
    await programme.settle(waves=1)
    assert programme.runner.played[1] != programme.runner.played[0]
    assert len(programme.runner.played[1]) == 1, "until one was done well, no wave is larger than the canary"
    await programme.settle()
    assert (await programme.run(run)).state is RunState.PARTLY


async def test_an_alert_while_the_wave_soaks_stops_it_at_once(programme: Programme) -> None:
    programme.alarms = [Alarm("old", "x1-rt1", "x1", "link-lossy", "warning", NOW)]
    run = await programme.launch(waves=WaveWish(canary=4, steps=(1,), soak_s=600))
    await programme.settle()
    soaking = await programme.run(run)
    assert (soaking.state, soaking.waves[0].state) == (RunState.RUNNING, WaveState.SOAKING)
    assert soaking.waves[0].soak_until == NOW + timedelta(minutes=10)
    await programme.later(timedelta(minutes=2))
    assert (await programme.run(run)).state is RunState.RUNNING, "what was wrong before is not our doing"
    programme.alarms.append(Alarm("new", "x2-rt1", "x2", "uplink-down", "critical", NOW))
    await programme.later(timedelta(seconds=16))
    stopped = await programme.run(run)
    assert (stopped.state, stopped.why) == (RunState.STOPPED, Why.HEALTH)
    assert [alert["device"] for alert in stopped.details["alerts"]] == ["x2-rt1"]


async def test_two_that_stand_in_for_each_other_are_not_touched_by_two_runs_at_once(programme: Programme) -> None:
    slow = WaveWish(canary=1, steps=(1,), soak_s=600)
    first = await programme.launch(wish=TargetWish(devices=("x8-rt1",)), waves=slow)
    await programme.settle()
    second = await programme.launch(wish=TargetWish(devices=("x8-rt2",)), actor=DUC)
    await programme.settle()
    (hindrance,) = (await programme.run(second)).hindrances
    assert hindrance.kind is HindranceKind.ANOTHER_RUN
    assert (hindrance.fields["run"], hindrance.fields["launcher"]) == (str(first.id), "hoa")
    request = LaunchRequest("look", "x8")
    with pytest.raises(OfficeBusy, match="hoa"):
        async with programme.database.transaction() as tx:
            await launch(request, DUC, tx, programme.outside.sessions, catalog=programme.catalog)
    await programme.later(timedelta(minutes=11))
    await programme.later(timedelta(minutes=1))
    assert (await programme.run(second)).state is RunState.SUCCEEDED


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


async def test_a_room_in_session_holds_up_its_own_office_and_what_lies_on_its_path_and_nothing_else(
    programme: Programme,
) -> None:
    programme.sessions = [SessionNotice("Phòng họp", "Giao ban", NOW + HOUR, "x1")]
    run = await programme.launch(wish=EVERYWHERE)
    await programme.settle()
    held = await programme.run(run)
    assert held.counts == {HostState.DONE: 8, HostState.WAITING: 2}
    assert {host for host, one in (await programme.hosts(run)).items() if one.state is HostState.WAITING} == {
        "x1-rt1",
        "hub",
    }
    (hindrance,) = held.hindrances
    assert (hindrance.kind, hindrance.devices, hindrance.until) == (HindranceKind.ROOM_IN_SESSION, 2, NOW + HOUR)
    assert hindrance.fields["meeting"] == "Giao ban"
    programme.sessions = []
    await programme.later(HOUR)
    assert (await programme.run(run)).state is RunState.SUCCEEDED
    assert programme.runner.played[-2:] == [["x1-rt1"], ["hub"]]


async def test_two_people_together_do_away_with_a_meeting_and_that_is_on_record(programme: Programme) -> None:
    programme.sessions = [SessionNotice("Phòng họp", "Giao ban", NOW + HOUR, "x1")]
    run = await programme.launch(wish=TargetWish(offices=("x1",)))
    await programme.settle()
    with pytest.raises(OverrideByTheLauncher):
        async with programme.database.transaction() as tx:
            await override(HOA, run.id, "Gấp.", tx)
    async with programme.database.transaction() as tx:
        await override(DUC, run.id, "Đã báo cuộc họp.", tx)
    await programme.settle()
    ended = await programme.run(run)
    assert (ended.state, ended.overridden_by) == (RunState.SUCCEEDED, "duc")
    with pytest.raises(NothingToOverride):
        async with programme.database.transaction() as tx:
            await override(DUC, run.id, "Gấp.", tx)
    async with programme.database.transaction() as tx:
        entries = await tx.session.scalars(select(AuditEntryRow).where(AuditEntryRow.target == f"run:{run.id}"))
        actions = [entry.action for entry in entries]
    assert {"playbook.overridden", "playbook.override-refused"} <= set(actions)


def window(kind: WindowKind, unit: str, *, at: datetime, minutes: int = 60) -> WindowWish:
    local = (at + timedelta(hours=7)).replace(tzinfo=None)
    return WindowWish(kind, "Tuần lễ bầu cử", local, minutes, unit=unit)


async def test_nothing_changes_in_a_blackout_and_the_window_is_named(programme: Programme) -> None:
    async with programme.database.transaction() as tx:
        await add_window(TEST, window(WindowKind.BLACKOUT, "phan-son", at=NOW - HOUR, minutes=120), tx)
    run = await programme.launch(wish=EVERYWHERE)
    look = await programme.launch("look")
    await programme.settle()
    held = await programme.run(run)
    assert held.counts == {HostState.DONE: 6, HostState.WAITING: 4}, "the other commune and the province go on"
    (hindrance,) = held.hindrances
    assert (hindrance.kind, hindrance.devices, hindrance.until) == (HindranceKind.BLACKOUT, 4, NOW + HOUR)
    assert hindrance.fields["title"] == "Tuần lễ bầu cử"
    assert (await programme.run(look)).state is RunState.SUCCEEDED, "reading hurts nobody"
    await programme.later(HOUR)
    assert (await programme.run(run)).state is RunState.SUCCEEDED


async def test_a_run_for_windows_only_waits_until_one_opens(programme: Programme) -> None:
    async with programme.database.transaction() as tx:
        await add_window(TEST, window(WindowKind.MAINTENANCE, "lam-dong", at=NOW + 2 * HOUR), tx)
    run = await programme.launch(only_in_windows=True)
    await programme.settle()
    (hindrance,) = (await programme.run(run)).hindrances
    assert (hindrance.kind, hindrance.until) == (HindranceKind.OUTSIDE_WINDOW, NOW + 2 * HOUR)
    await programme.later(2 * HOUR)
    assert (await programme.run(run)).state is RunState.SUCCEEDED


async def test_a_grave_playbook_waits_for_a_second_person_and_not_for_ever(programme: Programme) -> None:
    run = await programme.launch("grave")
    await programme.settle()
    assert (run.state, run.approve_by) == (RunState.PROPOSED, NOW + 24 * HOUR)
    assert programme.runner.played == []
    with pytest.raises(ApprovalByTheLauncher):
        async with programme.database.transaction() as tx:
            await approve(HOA, run.id, tx)
    with pytest.raises(Refused):
        async with programme.database.transaction() as tx:
            await approve(LAN, run.id, tx)
    async with programme.database.transaction() as tx:
        await approve(DUC, run.id, tx)
    await programme.settle()
    assert ((await programme.run(run)).state, (await programme.run(run)).approved_by) == (RunState.SUCCEEDED, "duc")
    forgotten, unwanted = await programme.launch("grave"), await programme.launch("grave")
    async with programme.database.transaction() as tx:
        refused = await refuse(DUC, unwanted.id, "Chưa cần.", tx)
    assert (refused.state, refused.why, refused.details["reason"]) == (RunState.REFUSED, Why.NOT_APPROVED, "Chưa cần.")
    await programme.later(25 * HOUR)
    expired = await programme.run(forgotten)
    assert (expired.state, expired.why) == (RunState.EXPIRED, Why.NOBODY_APPROVED)
    assert (await programme.launch("grave", check=True)).state is RunState.WAITING, "a dry run nobody approves"


async def test_paused_it_begins_nothing_until_it_is_resumed_and_cancelled_the_rest_is_left(
    programme: Programme,
) -> None:
    run = await programme.launch()
    await programme.settle(waves=1)
    async with programme.database.transaction() as tx:
        await pause(DUC, run.id, tx)
    await programme.later(HOUR)
    assert ((await programme.run(run)).state, len(programme.runner.played)) == (RunState.PAUSED, 1)
    async with programme.database.transaction() as tx:
        await resume(DUC, run.id, tx, catalog=programme.catalog)
    await programme.settle(waves=1)
    async with programme.database.transaction() as tx:
        await cancel(DUC, run.id, tx)
    await programme.settle()
    ended = await programme.run(run)
    assert (ended.state, ended.counts) == (RunState.CANCELLED, {HostState.DONE: 3, HostState.LEFT: 1})
    with pytest.raises(RunNotPaused):
        async with programme.database.transaction() as tx:
            await resume(DUC, run.id, tx, catalog=programme.catalog)


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
