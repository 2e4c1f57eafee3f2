"""Rollouts wave by wave: the canary, growth, what is left out, what stops them, and what stands in for each other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from inventory.public import TargetWish
from kernel.audit import AuditEntryRow
from playbooks.automation.errors import (
    NoTargetsAtAll,
    NothingMeant,
    OfficeBusy,
)
from playbooks.automation.guards import HindranceKind
from playbooks.automation.models import PlaybookClaimRow
from playbooks.automation.runs import HostState, RunState, Why
from playbooks.automation.stops import Alarm
from playbooks.automation.targets import WhyLeftOut
from playbooks.automation.waves import WaveKind, WaveState, WaveWish
from playbooks.public import (
    LaunchRequest,
    launch,
    resume,
)
from tests.parts.playbooks.programme import DUC, EVERYWHERE, HOUR, NOW, Programme


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
