"""What holds a rollout up: rooms in session, windows, a second person, a pause; and who is told of what."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from inventory.public import TargetWish, WindowKind, WindowWish, add_window
from kernel.audit import AuditEntryRow
from kernel.errors import Refused
from playbooks.automation.errors import (
    ApprovalByTheLauncher,
    NothingToOverride,
    OverrideByTheLauncher,
    RunNotPaused,
)
from playbooks.automation.guards import HindranceKind, SessionNotice
from playbooks.automation.runs import HostState, RunState, Why
from playbooks.public import (
    approve,
    cancel,
    override,
    pause,
    refuse,
    resume,
)
from tests.parts.playbooks.programme import DUC, EVERYWHERE, HOA, HOUR, LAN, NOW, TEST, Programme


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
