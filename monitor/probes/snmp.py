"""Polls devices by SNMP v1, v2c and v3: learns once what a device has, then asks for just that by name.

A lesson walks the index and label columns of the profile's tables and asks once for every way to every metric. It is
held at the first poll, on schedule, and in the same poll when the agent was started again or values went missing, for
then rows may have changed places. What fails is told as an `Outcome`; `snmp_session` says what is tried before.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from inventory.public import Profile
from kernel.clock import Clock, epoch_ms
from monitor.probes import snmp_plan
from monitor.probes.diagnose import Diagnosis, diagnose
from monitor.probes.knock import Knocker
from monitor.probes.port import Identity, Knock, Outcome, PollResult, Target
from monitor.probes.snmp_plan import UPTIME, Plan, Read, Rows, Value, Wanted
from monitor.probes.snmp_session import MOST_KEYS, Conversation, MasterKeys, NoAnswer, Remembered

SYS_DESCR = "1.3.6.1.2.1.1.1.0"
SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"
SYS_NAME = "1.3.6.1.2.1.1.5.0"

LEARN_EVERY = 60
"""Polls between two lessons on schedule: with one poll a minute, an hour."""

LEARN_AGAIN_AFTER = 5
"""Polls between two lessons at least: a device that always gives half a table is not walked at each poll."""

YOUNG_TICKS = 5 * 60 * 100
"""sysUpTime, hundredths of a second, below which an agent may not have filled its tables: it is learned again soon."""

DIAGNOSE_EVERY = 5
"""Silent polls between two diagnoses of the same silence: dead devices are many, and each diagnosis takes a timeout."""

_NAMED_MISSING = 3


@dataclass(slots=True)
class _Lesson:
    """What was found by walking, while its values are asked for the first time."""

    tables: list[Rows]
    wanted: tuple[Wanted, ...]
    forgives: bool
    waited: int


@dataclass(slots=True)
class _Device:
    """What is known of one device between its polls.

    Attributes:
        plan: What to ask; None until a lesson brought something.
        lesson: A lesson that has begun and is not settled.
        given: Metric and instance of each value that it gave in a lesson since the last one on schedule.
        lost: What of it the newest lesson does not list. It is missed until the next lesson on schedule: a port that
            vanished is told for an hour, then the device is so.
        polls_since_lesson: Polls since the last lesson was tried.
        learn_after: How many of them make the next lesson due.
    """

    target: Target
    profile: Profile
    remembered: Remembered = field(default_factory=Remembered)
    plan: Plan | None = None
    lesson: _Lesson | None = None
    given: frozenset[tuple[str, str]] = frozenset()
    lost: frozenset[tuple[str, str]] = frozenset()
    polls_since_lesson: int = 0
    learn_after: int = 0
    uptime_ticks: float | None = None
    silent_polls: int = 0
    gave_garbage: bool = False
    diagnosis: Diagnosis | None = None


class SnmpProbe:
    """The SNMP probe: one per process. It remembers what it learned of each device.

    Args:
        clock: For the time of polls and their length.
        learn_every: Polls of a device between two lessons on schedule.
    """

    def __init__(self, clock: Clock, *, learn_every: int = LEARN_EVERY) -> None:
        self._clock = clock
        self._learn_every = learn_every
        self._devices: dict[str, _Device] = {}
        self._keys = MasterKeys()
        self._knocker = Knocker()

    async def knock(self, target: Target) -> Knock:
        """Return whether anybody answers one small datagram within `target.timeout_s`."""
        return await self._knocker.knock(target)

    def forget(self, device: str) -> None:
        """Drop what was learned of `device`; unknown is fine."""
        self._devices.pop(device, None)

    async def poll(self, target: Target, profile: Profile) -> PollResult:
        """Return what one poll brought. Takes `target.deadline_s` at most, and a timeout more to diagnose silence.

        Raises:
            OSError: This machine has no socket or memory left: that says nothing about the device.
        """
        known = self._devices.get(target.device)
        if known is None or known.target != target or (known.profile is not profile and known.profile != profile):
            known = self._devices[target.device] = _Device(target, profile)
        known.target = target  # the same agent, asked with more patience or less
        known.lesson = None  # of a poll that was given up
        started_at_ms, started_s = epoch_ms(self._clock.now()), self._clock.monotonic_s()
        talk = Conversation(target, known.remembered, self._keys, self._clock, profile.quirks)
        fault = await self._still_garbage(known)
        try:
            if fault is None:
                async with asyncio.timeout(target.deadline_s):
                    await self._exchange(known, talk)
        except NoAnswer as no_answer:
            fault = no_answer
        except TimeoutError:
            fault = NoAnswer(Outcome.SILENT, f"not done within {target.deadline_s:g} s")
        known.gave_garbage = fault is not None and fault.outcome is Outcome.GARBAGE
        if known.lesson is not None and talk.values:
            # It broke off, but some agents hang at one object for ever: what came is what we ask from now on.
            self._settle(known, talk, complete=False)
        known.lesson = None
        if talk.values:
            return self._told(known, talk, fault, started_at_ms, started_s)
        outcome, why = (fault.outcome, fault.why) if fault else (Outcome.PARTIAL, "it answers nothing that was asked")
        if outcome is Outcome.SILENT:
            outcome, why = await self._diagnosed(known)
        else:
            known.silent_polls, known.diagnosis = 0, None
        return PollResult(
            device=target.device,
            started_at_ms=started_at_ms,
            duration_s=self._clock.monotonic_s() - started_s,
            outcome=outcome,
            asked=len(known.plan.keys) if known.plan else 1,
            instances=known.plan.instances if known.plan else (),
            why=why,
            traffic=talk.traffic,
        )

    async def identify(self, target: Target) -> Identity:
        """Return sysName, sysDescr and sysObjectID of the device (SNMPv2-MIB), within `target.deadline_s`."""
        talk = Conversation(target, Remembered(), self._keys, self._clock)
        outcome, why = Outcome.ANSWERED, ""
        try:
            async with asyncio.timeout(target.deadline_s):
                await talk.get([SYS_NAME, SYS_DESCR, SYS_OBJECT_ID])
        except NoAnswer as fault:
            outcome, why = fault.outcome, fault.why
        except TimeoutError:
            outcome, why = Outcome.SILENT, f"not done within {target.deadline_s:g} s"
        name, description, object_id = (
            snmp_plan.text(talk.values.get(oid), 1000) for oid in (SYS_NAME, SYS_DESCR, SYS_OBJECT_ID)
        )
        return Identity(outcome, name, description, object_id, why)

    async def _exchange(self, known: _Device, talk: Conversation) -> None:
        """Ask what is known, then learn where that is due. A failed lesson does not cost the values that were read."""
        known.polls_since_lesson += 1
        if known.plan is not None:
            await talk.get(known.plan.oids)
            if not self._must_learn(known, known.plan, talk):
                return
        known.remembered.most_keys = known.profile.quirks.values_a_request or MOST_KEYS
        on_schedule = known.polls_since_lesson >= known.learn_after == self._learn_every
        waited = known.learn_after
        known.polls_since_lesson, known.learn_after = 0, LEARN_AGAIN_AFTER
        tables = await _rows(known.profile, talk)
        wanted = snmp_plan.wanted(known.profile, tables, counter64=not known.target.v1)
        known.lesson = _Lesson(tables, wanted, on_schedule, waited)
        await talk.get(snmp_plan.every_oid(wanted, tables))
        self._settle(known, talk, complete=True)
        known.lesson = None

    def _must_learn(self, known: _Device, plan: Plan, talk: Conversation) -> bool:
        uptime = snmp_plan.number(talk.values.get(UPTIME))
        if uptime is not None and known.uptime_ticks is not None and uptime < known.uptime_ticks:
            # Started again: an ifIndex may now be another port, so nothing of the old plan may be believed.
            known.plan, known.uptime_ticks, known.lost = None, None, known.given
            return True
        if known.polls_since_lesson >= known.learn_after:
            return True
        return known.polls_since_lesson >= LEARN_AGAIN_AFTER and not plan.seen <= talk.values.keys()

    def _settle(self, known: _Device, talk: Conversation, *, complete: bool) -> None:
        lesson = known.lesson
        if lesson is None:
            return
        known.plan = snmp_plan.settle(known.profile, lesson.tables, lesson.wanted, talk.values)
        given = known.plan.given
        known.given = given if complete and lesson.forgives else known.given | given
        known.lost = known.given - given
        young = (snmp_plan.number(talk.values.get(UPTIME)) or 0) < YOUNG_TICKS
        if young or not complete:
            known.learn_after = LEARN_AGAIN_AFTER
        elif known.lost:
            # What was lost may come back soon, or never: look again, each time after twice as long.
            again = LEARN_AGAIN_AFTER if lesson.waited >= self._learn_every else 2 * lesson.waited
            known.learn_after = max(LEARN_AGAIN_AFTER, min(again, self._learn_every))
        else:
            known.learn_after = self._learn_every

    def _told(
        self, known: _Device, talk: Conversation, fault: NoAnswer | None, started_at_ms: int, started_s: float
    ) -> PollResult:
        """Return what the values say; the fault, if any, came after them."""
        known.silent_polls, known.diagnosis = 0, None
        uptime = snmp_plan.number(talk.values.get(UPTIME))
        known.uptime_ticks = uptime if uptime is not None else known.uptime_ticks
        plan = known.plan
        read = snmp_plan.read(plan, talk.values) if plan else Read((), {}, 0, ())
        asked = (len(plan.keys) if plan else 0) + len(known.lost)
        why = fault.why if fault else _missing(asked, read, known.lost)
        return PollResult(
            device=known.target.device,
            started_at_ms=started_at_ms,
            duration_s=self._clock.monotonic_s() - started_s,
            outcome=Outcome.PARTIAL if why else Outcome.ANSWERED,
            asked=max(1, asked),
            answered=read.answered,
            readings=read.readings,
            uptime_s=None if uptime is None else uptime / 100,
            discontinuities=read.discontinuities,
            instances=plan.instances if plan else (),
            why=why,
            traffic=talk.traffic,
        )

    async def _still_garbage(self, known: _Device) -> NoAnswer | None:
        """Return the fault of a device that gave garbage and still does; None for any other.

        Our own careful reader looks first, for the library panics at garbage, and each panic writes to standard error.
        """
        if not known.gave_garbage:
            return None
        outcome, why, _ = await diagnose(known.target)
        return NoAnswer(outcome, why) if outcome is Outcome.GARBAGE else None

    async def _diagnosed(self, known: _Device) -> tuple[Outcome, str]:
        """Return what the silence is, as of its last diagnosis."""
        if known.diagnosis is None or known.silent_polls % DIAGNOSE_EVERY == 0:
            known.diagnosis = await diagnose(known.target)
        known.silent_polls += 1
        outcome, why, _ = known.diagnosis
        return (Outcome.SILENT if outcome is Outcome.ANSWERED else outcome), why


async def _rows(profile: Profile, talk: Conversation) -> list[Rows]:
    """Return the rows that count of each table that the device has, with their labels."""
    walked: dict[str, dict[str, Value]] = {}

    async def column(oid: str) -> dict[str, Value]:
        if oid not in walked:
            walked[oid] = await talk.walk(oid)
        return walked[oid]

    tables = []
    for table in profile.tables:
        rows = list(await column(table.index.oid))
        if rows and table.rows is not None:
            judged = await column(table.rows.object.oid)
            rows = [row for row in rows if snmp_plan.counts(table.rows, judged.get(row))]
        names: list[dict[str, Value]] = []
        for label in table.labels if rows else ():
            names.append(await column(label.oid))
            if all(snmp_plan.text(names[-1].get(row)) for row in rows):
                break  # the best column names them all
        factors = {
            scaling.oid: {
                row: factor_of(number)
                for row, told in (await column(scaling.oid)).items()
                if (number := snmp_plan.number(told)) is not None
            }
            for scaling, factor_of in (snmp_plan.scaling_columns(table) if rows else ())
        }
        if rows:
            tables.append(snmp_plan.label_rows(table, rows, names, factors))
    return tables


def _missing(asked: int, read: Read, lost: frozenset[tuple[str, str]]) -> str:
    """Return in words what is missing, the first few by name; empty if nothing is."""
    names = [(key.metric, key.instance) for key in read.missing] + sorted(lost)
    if not names:
        return ""
    shown = ", ".join(" ".join(filter(None, name)) for name in names[:_NAMED_MISSING])
    return f"{len(names)} of {asked} values are missing: {shown}{' …' if len(names) > _NAMED_MISSING else ''}"
