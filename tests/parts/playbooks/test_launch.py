"""Who may launch what, when, and who lets it run in spite of a meeting."""

from __future__ import annotations

import asyncio
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from kernel.actors import Actor, system
from kernel.audit import AuditEntryRow
from kernel.errors import NotFound, Refused
from playbooks.automation.errors import (
    BadArgument,
    NoTargets,
    OfficeBusy,
    OverrideByTheLauncher,
    OverrideNotByAPerson,
    OverrideNotNeeded,
    OverrideWithoutReason,
    RoomInSession,
    RunNotHeld,
)
from playbooks.automation.guards import SessionNotice
from playbooks.automation.runs import RunState, Why
from playbooks.public import (
    LaunchRequest,
    LeftOut,
    WhyLeftOut,
    ask_override,
    cancel,
    override,
    prospect,
    runs,
)
from tests.parts.kernel.running import running
from tests.parts.playbooks.office import DUC, HOA, LAN, OFFICE, Site
from tests.parts.playbooks.waiting import over


def in_session(site: Site) -> SessionNotice:
    """Put the office's room in session for an hour."""
    notice = SessionNotice("Phòng họp Phan Sơn", "Giao ban tuần", datetime.now(UTC) + timedelta(hours=1), OFFICE)
    site.rooms.sessions = [notice]
    return notice


async def ask(site: Site) -> uuid.UUID:
    """Keep a run that the room in session holds up, and return its id."""
    async with site.database.transaction() as tx:
        held = await ask_override(LaunchRequest("time-and-dns", OFFICE), HOA, tx, site.rooms, catalog=site.catalog)
    assert held.state is RunState.HELD
    return held.id


async def test_of_launches_at_the_same_moment_one_runs_and_the_others_name_it(site: Site) -> None:
    answers = await asyncio.gather(
        *(site.launch("time-and-dns", actor) for actor in (HOA, DUC) * 4), return_exceptions=True
    )
    (run,) = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(refused) == 7
    for error in refused:
        assert isinstance(error, OfficeBusy), error
        assert error.fields["run"] == str(run.id)
        assert error.fields["launcher"] == run.launched_by
    async with site.database.transaction() as tx:
        assert len((await runs(HOA, tx)).runs) == 1


async def on_record(site: Site, target: str) -> list[AuditEntryRow]:
    """Return what the audit log has of `target` by hand of people, oldest first."""
    async with site.database.transaction() as tx:
        found = (
            select(AuditEntryRow)
            .where(AuditEntryRow.target == target, ~AuditEntryRow.action.endswith(".created"))
            .order_by(AuditEntryRow.id)
        )
        return list(await tx.session.scalars(found))


async def test_a_refused_launch_is_on_record_with_its_reason_although_nothing_else_of_it_stays(site: Site) -> None:
    in_session(site)
    with pytest.raises(RoomInSession):
        await site.launch("time-and-dns")
    with pytest.raises(NoTargets):
        await site.launch("site-check", DUC, office="ld")
    (held,) = await on_record(site, "office:ps")
    assert (held.actor, held.action) == ("hoa", "playbook.refused")
    assert held.after is not None
    assert held.after["refused"] == "playbook-room-in-session"
    assert "Giao ban tuần" in held.after["because"]
    assert (held.after["playbook"], held.after["check"]) == ("time-and-dns", False)
    (nothing_there,) = await on_record(site, "office:ld")
    assert (nothing_there.actor, nothing_there.after and nothing_there.after["refused"]) == (
        "duc",
        "playbook-no-targets",
    )
    async with site.database.transaction() as tx:
        assert (await runs(HOA, tx)).runs == []


async def test_of_two_launches_the_refused_one_is_on_record_too(site: Site) -> None:
    run = await site.launch("time-and-dns")
    with pytest.raises(OfficeBusy):
        await site.launch("site-check", DUC)
    (entry,) = await on_record(site, "office:ps")
    assert entry.after is not None
    assert (entry.actor, entry.after["refused"]) == ("duc", "playbook-office-busy")
    assert [kept.action for kept in await on_record(site, f"run:{run.id}")] == ["playbook.launched"]


async def test_a_typing_mistake_is_no_refusal(site: Site) -> None:
    with pytest.raises(BadArgument):
        await site.launch("time-and-dns", arguments={"dns_servers": "ns1"})
    assert await on_record(site, "office:ps") == []


async def test_a_run_keeps_which_devices_it_leaves_out(site: Site) -> None:
    run = await site.launch("site-check")
    assert run.targets == ("ps-rt1",)
    assert run.left_out == (LeftOut("ps-ups1", WhyLeftOut.NO_SSH),)


async def test_what_a_launch_would_meet_is_told_before_it(site: Site) -> None:
    notice = in_session(site)
    run = await site.launch("site-check")
    async with site.database.transaction() as tx:
        there = await prospect(HOA, "ps", tx, site.rooms)
        nothing_there = await prospect(HOA, "ld", tx, site.rooms)
        with pytest.raises(NotFound):
            await prospect(HOA, "nowhere", tx, site.rooms)
    assert ([one.device for one in there.targets], there.left_out) == (["ps-rt1"], run.left_out)
    assert there.other is not None
    assert there.other.id == run.id
    assert there.held is not None
    assert there.held.until == notice.until
    assert isinstance(nothing_there.hindrance, NoTargets)
    assert nothing_there.targets == ()


async def test_a_run_that_is_over_gives_the_office_back(site: Site) -> None:
    first = await site.launch("time-and-dns")
    async with site.database.transaction() as tx:
        assert (await cancel(DUC, first.id, tx)).state is RunState.CANCELLED
    assert (await site.launch("time-and-dns")).state is RunState.WAITING


async def test_a_change_is_refused_while_the_room_is_in_session_and_told_when_it_may_run(site: Site) -> None:
    notice = in_session(site)
    with pytest.raises(RoomInSession, match=re.escape("Giao ban tuần")) as refused:
        await site.launch("time-and-dns")
    assert refused.value.until == notice.until
    assert (await site.launch("time-and-dns", check=True)).state is RunState.WAITING, "a dry run cuts nobody off"


async def test_what_only_reads_runs_while_the_room_is_in_session(site: Site) -> None:
    in_session(site)
    assert (await site.launch("site-check")).state is RunState.WAITING


async def test_a_room_that_came_into_session_while_the_run_waited_stops_it(url: str, site: Site) -> None:
    run = await site.launch("time-and-dns")
    in_session(site)
    async with running(url, site.works):
        ended = await over(site, run.id)
    assert (ended.state, ended.why) == (RunState.REFUSED, Why.ROOM_IN_SESSION)
    assert ended.details["room"] == "Phòng họp Phan Sơn"
    assert await site.lines(run.id) == []


async def test_a_second_technician_lets_it_run_and_that_is_on_record(site: Site) -> None:
    in_session(site)
    held = await ask(site)
    async with site.database.transaction() as tx:
        let = await override(DUC, held, "  Đã báo  cuộc họp dừng. ", tx)
    assert (let.state, let.overridden_by, let.override_reason) == (RunState.WAITING, "duc", "Đã báo cuộc họp dừng.")
    async with site.database.transaction() as tx:
        entries = (await tx.session.scalars(select(AuditEntryRow).where(AuditEntryRow.target == f"run:{held}"))).all()
    assert [(entry.action, entry.actor, entry.reason) for entry in entries] == [
        ("playbook.asked", "hoa", ""),
        ("playbook.overridden", "duc", "Đã báo cuộc họp dừng."),
    ]
    with pytest.raises(RunNotHeld):
        async with site.database.transaction() as tx:
            await override(DUC, held, "again", tx)


async def test_an_overridden_run_begins_although_the_room_is_in_session(url: str, site: Site) -> None:
    in_session(site)
    held = await ask(site)
    async with site.database.transaction() as tx:
        await override(DUC, held, "The meeting has stopped.", tx)
    site.sshd.stop()  # that it began is the question, not what it does
    async with running(url, site.works):
        ended = await over(site, held)
    assert ended.started_at is not None
    assert ended.why is Why.HOST_UNREACHABLE


@pytest.mark.parametrize(
    ("actor", "reason", "error"),
    [
        (HOA, "I am in a hurry.", OverrideByTheLauncher),
        (LAN, "I am the official.", Refused),
        (system("command line"), "A script.", OverrideNotByAPerson),
        (DUC, "  ", OverrideWithoutReason),
    ],
    ids=["launcher", "official", "no person", "no reason"],
)
async def test_nobody_else_can_let_it_run(site: Site, actor: Actor, reason: str, error: type[Exception]) -> None:
    in_session(site)
    held = await ask(site)
    with pytest.raises(error):
        async with site.database.transaction() as tx:
            await override(actor, held, reason, tx)
    assert (await site.run(held)).state is RunState.HELD
    refusals = [entry for entry in await on_record(site, f"run:{held}") if entry.action == "playbook.override-refused"]
    assert [entry.actor for entry in refusals] == ([actor.name] if issubclass(error, Refused) else [])


async def test_a_held_run_does_not_take_the_office_and_is_not_let_past_a_run_that_has_it(site: Site) -> None:
    in_session(site)
    held = await ask(site)
    reading = await site.launch("site-check", DUC)
    with pytest.raises(OfficeBusy) as busy:
        async with site.database.transaction() as tx:
            await override(DUC, held, "The meeting has stopped.", tx)
    assert busy.value.fields["run"] == str(reading.id)


async def test_nothing_is_asked_for_when_nothing_stands_in_the_way(site: Site) -> None:
    with pytest.raises(OverrideNotNeeded):
        await ask(site)


async def test_what_cannot_be_run_is_said_before_anything_is_queued(site: Site) -> None:
    with pytest.raises(Refused):
        await site.launch("site-check", LAN)
    with pytest.raises(NotFound):
        await site.launch("no-such")
    with pytest.raises(NotFound):
        await site.launch("site-check", office="nowhere")
    with pytest.raises(NoTargets):
        await site.launch("site-check", office="ld")
    with pytest.raises(BadArgument, match="time_zone"):
        await site.launch("time-and-dns", arguments={"time_zone": "{{ lookup('pipe', 'id') }}"})
    async with site.database.transaction() as tx:
        assert (await runs(HOA, tx)).runs == []
