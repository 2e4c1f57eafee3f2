"""Read models of runs: pages of them, and one with its waves. Cut to what the actor may see, in the statement itself.

A run on one office is seen by who sees that office; a rollout by who sees one of its devices, and they are told of
those alone: counts, hosts, lines and names of the others are cut off.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, Subquery, and_, exists, func, or_, select

from inventory.public import AUDIT_READ, PLAYBOOKS_READ, day_of, persons, visible_offices
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from playbooks.automation.guards import Hindrance
from playbooks.automation.models import PlaybookHostRow, PlaybookLineRow, PlaybookRunRow, PlaybookWaveRow
from playbooks.automation.runner.port import Kind
from playbooks.automation.runs import Coverage, HostState, Priority, RunState, Why, over
from playbooks.automation.targets import LeftOut, WhyLeftOut
from playbooks.automation.waves import WaveKind, WaveState

MOST_A_PAGE: Final = 200

GOING_ON: Final = (
    RunState.PROPOSED,
    RunState.HELD,
    RunState.WAITING,
    RunState.RUNNING,
    RunState.PAUSED,
    RunState.STOPPED,
)
NOT_WELL: Final = (RunState.FAILED, RunState.PARTLY, RunState.STOPPED, RunState.TIMED_OUT, RunState.INTERRUPTED)


class RunFilter(StrEnum):
    """Which runs a list is about."""

    MINE = "mine"
    GOING_ON = "going-on"
    WAITING_FOR_ME = "waiting-for-me"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WaveView:
    """A wave of the plan, or one of devices tried again (`number` 0), with how many of its devices are how.

    Attributes:
        soak_until: Until when health is looked at before the next one begins.
    """

    number: int
    kind: WaveKind
    state: WaveState
    devices: int
    counts: Mapping[HostState, int]
    started_at: datetime | None
    ended_at: datetime | None
    soak_until: datetime | None

    @property
    def done(self) -> int:
        """Devices done well."""
        return self.counts.get(HostState.DONE, 0)

    @property
    def failed(self) -> int:
        """Devices on which a task failed."""
        return self.counts.get(HostState.FAILED, 0)

    @property
    def unreachable(self) -> int:
        """Devices that do not answer, in their lane or given up."""
        return self.counts.get(HostState.UNREACHABLE, 0) + self.counts.get(HostState.EXPIRED, 0)

    @property
    def interrupted(self) -> int:
        """Devices of which nobody knows what was done."""
        return self.counts.get(HostState.INTERRUPTED, 0)


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as others see it.

    Attributes:
        id: Its id.
        playbook: Name in the catalog; a playbook may be gone from it since.
        office: Code of the office; empty for a rollout.
        office_name: Its name.
        check: Whether it is a dry run.
        arguments: What the playbook was given.
        targets: Codes of the devices of a run on one office, as they were at the launch; of a rollout ask its hosts.
        left_out: Devices that were meant, and why it does not go there.
        state: How it is.
        why: Why it ended or stopped so, where the state does not say it.
        details: More about `why`: `device`, or `room`, `meeting`, `until` (ISO 8601), or `alerts`, or `failed`, `of`.
        launched_by_id: Their account; None for a part of the platform.
        launched_by: Sign-in name; of those who did something, the fields that end in `_name` say what colleagues call
            them.
        launched_at: When.
        started_at: When a worker began it.
        ended_at: When it was over.
        held_room: The room in session that it waits for, or was let past; empty if none.
        held_meeting: Title of that meeting.
        held_until: When it may run without anybody's word.
        overridden_by: Who let it run in spite of that.
        override_reason: The reason they gave.
        cancelled_by: Who wanted it to end.
        lines: Lines of its log so far.
        coverage: Of a dry run that is over: how much it could foretell.
        devices: How many devices it goes to, of those that the reader may see.
        offices: At how many offices.
        wish: Who was meant: `units`, `offices`, `levels`, `roles`, `profiles`, `devices`, those that were named.
        note: Why it was launched.
        content: Hash of the playbooks' folder that was looked at.
        priority: Which run a site that is there for minutes gets first.
        waves: Those of the plan in order, and those of devices tried again.
        counts: How many devices are how.
        changed: How many devices it changed, or would.
        hindrances: What a rollout waits for, what holds up most first.
        approve_by: Until when it waits for approval.
        approved_by: Who approved it.
        approved_at: When.
        paused_by: Who paused it.
        expires_at: When devices that were not seen are given up.
        retry_of: The run whose failed devices it tries again.
        undo_of: The run that it takes back.
        tally: Lines of its log by kind.
        only_in_windows: Whether it goes on in maintenance windows only.
    """

    id: uuid.UUID
    playbook: str
    office: str
    office_name: str
    check: bool
    arguments: Mapping[str, Any]
    targets: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    state: RunState
    why: Why
    details: Mapping[str, Any]
    launched_by_id: uuid.UUID | None
    launched_by: str
    launched_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    held_room: str
    held_meeting: str
    held_until: datetime | None
    overridden_by: str | None
    override_reason: str
    cancelled_by: str | None
    lines: int
    coverage: Coverage | None
    devices: int = 1
    offices: int = 1
    wish: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    content: str = ""
    priority: Priority = Priority.ROUTINE
    waves: tuple[WaveView, ...] = ()
    counts: Mapping[HostState, int] = field(default_factory=dict)
    changed: int = 0
    hindrances: tuple[Hindrance, ...] = ()
    approve_by: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    paused_by: str | None = None
    expires_at: datetime | None = None
    retry_of: uuid.UUID | None = None
    undo_of: uuid.UUID | None = None
    tally: Mapping[Kind, int] = field(default_factory=dict)
    only_in_windows: bool = False
    launched_by_name: str = ""
    overridden_by_name: str | None = None
    cancelled_by_name: str | None = None
    approved_by_name: str | None = None
    paused_by_name: str | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it."""
        return over(self.state)

    @property
    def rollout(self) -> bool:
        """Whether it goes wave by wave and waits, and is not one now-or-never run on one office."""
        return not self.office


@dataclass(frozen=True, slots=True)
class RunPage:
    """A page of runs, the newest first; `next_cursor` is None on the last."""

    runs: list[RunView]
    next_cursor: str | None


async def runs(  # noqa: PLR0913 - each cuts the list in its own way
    actor: Actor,
    tx: Transaction,
    *,
    office: str | None = None,
    playbook: str | None = None,
    state: RunState | None = None,
    view: RunFilter | None = None,
    limit: int = 50,
    after: str | None = None,
    permission: Permission = PLAYBOOKS_READ,
) -> RunPage:
    """Return a page of runs that `actor` may see, the newest first.

    Args:
        office: Only those that go to this office.
        playbook: Only of this playbook.
        state: Only in this state.
        view: Only those that this says.
        limit: Most in this page, up to 200.
        after: Cursor of the page before.
        permission: Only at offices for which `actor` holds it.
    """
    limit = min(limit, MOST_A_PAGE)
    # Ids are made in the order of time.
    statement = _runs(actor, day_of(tx.now()), office, permission).order_by(PlaybookRunRow.id.desc()).limit(limit + 1)
    if playbook is not None:
        statement = statement.where(PlaybookRunRow.playbook == playbook)
    if state is not None:
        statement = statement.where(PlaybookRunRow.state == str(state))
    if view is not None:
        statement = statement.where(_viewed(view, actor))
    if after is not None:
        statement = statement.where(PlaybookRunRow.id < _read_cursor(after))
    rows = list(await tx.session.execute(statement))
    found = await _views(actor, rows[:limit], tx)
    return RunPage(found, str(found[-1].id) if len(rows) > limit else None)


async def run_for(actor: Actor, run: uuid.UUID, tx: Transaction) -> RunView:
    """Return one run; NotFound if there is none that `actor` may see."""
    row = (await tx.session.execute(_runs(actor, day_of(tx.now())).where(PlaybookRunRow.id == run))).one_or_none()
    if row is None:
        raise NotFound(kind="run", code=run)
    (found,) = await _views(actor, [row], tx)
    return found


async def offices_of_run(run: uuid.UUID, tx: Transaction) -> list[str]:
    """Return the codes of all offices that a rollout goes to: who steers it must be allowed to at each."""
    place = visible_offices(Actor(None, "rollouts", platform=True), day_of(tx.now()))
    found = (
        select(place.c.code)
        .join(PlaybookHostRow, PlaybookHostRow.office_id == place.c.id)
        .where(PlaybookHostRow.run_id == run)
        .distinct()
    )
    return list(await tx.session.scalars(found))


def audited_runs(actor: Actor, tx: Transaction) -> Select[str]:
    """Return the statement for the runs of which `actor` may read the audit log, as it names them.

    What a rollout did to a device is in that device's own log; the rollout's names all, and is for who sees all.
    """
    place = visible_offices(actor, day_of(tx.now()), AUDIT_READ)
    return select(func.concat("run:", PlaybookRunRow.id)).join(place, place.c.id == PlaybookRunRow.office_id)


def hosts_seen(actor: Actor, place: Subquery, permission: Permission = PLAYBOOKS_READ) -> ColumnElement[bool] | None:
    """Return the condition that `actor` may see a host of a run; None: every one."""
    return None if actor.may_everywhere(permission) else PlaybookHostRow.office_id.in_(select(place.c.id))


def _runs(
    actor: Actor, as_of: date, office: str | None = None, permission: Permission = PLAYBOOKS_READ
) -> Select[*tuple[Any, ...]]:
    actor.require(permission)
    place = visible_offices(actor, as_of, permission)
    # Numbers have no gaps, so that the last one is the count.
    lines = (
        select(func.max(PlaybookLineRow.line_no))
        .where(PlaybookLineRow.run_id == PlaybookRunRow.id)
        .correlate(PlaybookRunRow)
        .scalar_subquery()
    )
    row = PlaybookRunRow
    statement = select(
        row,
        place.c.code,
        place.c.name,
        lines,
        persons.called(row.launched_by_id, row.launched_by),
        persons.called(row.overridden_by_id, row.overridden_by),
        persons.called_by_name(row.cancelled_by),
        persons.called(row.approved_by_id, row.approved_by),
        persons.called_by_name(row.paused_by),
    ).outerjoin(place, place.c.id == row.office_id)
    seen = select(place.c.id)
    if office is not None:
        seen = seen.where(place.c.code == office)
    a_host = exists().where(PlaybookHostRow.run_id == PlaybookRunRow.id, PlaybookHostRow.office_id.in_(seen))
    own = place.c.id.is_not(None) if office is None else place.c.code == office
    return statement.where(or_(own, and_(PlaybookRunRow.office_id.is_(None), a_host)))


def _viewed(view: RunFilter, actor: Actor) -> ColumnElement[bool]:
    state = PlaybookRunRow.state
    match view:
        case RunFilter.MINE:
            return PlaybookRunRow.launched_by_id == actor.id
        case RunFilter.GOING_ON:
            return state.in_([str(one) for one in GOING_ON])
        case RunFilter.WAITING_FOR_ME:
            own = PlaybookRunRow.launched_by_id == actor.id
            decides = and_(state.in_([str(RunState.PROPOSED), str(RunState.HELD)]), ~func.coalesce(own, False))
            return or_(decides, and_(state.in_([str(RunState.PAUSED), str(RunState.STOPPED)]), own))
        case RunFilter.FAILED:
            return state.in_([str(one) for one in NOT_WELL])


@dataclass(slots=True)
class _Counts:
    """What is known of a run's devices: by wave of the plan and state, how many offices, how many changed."""

    by_wave: dict[int, Counter[HostState]] = field(default_factory=dict)
    offices: int = 0
    changed: int = 0


Found = Row[*tuple[Any, ...]]


async def _views(actor: Actor, rows: Sequence[Found], tx: Transaction) -> list[RunView]:
    """Return the runs with their waves: three statements, however many they are."""
    ids = [row[0].id for row in rows]
    place = visible_offices(actor, day_of(tx.now()), PLAYBOOKS_READ) if actor.may(PLAYBOOKS_READ) else None
    seen = None if place is None else hosts_seen(actor, place)
    of_runs = PlaybookHostRow.run_id.in_(ids) if seen is None else and_(PlaybookHostRow.run_id.in_(ids), seen)
    counts = {run: _Counts() for run in ids}  # hosts may appear between two statements
    for run, wave, state, number, changed in await tx.session.execute(
        select(
            PlaybookHostRow.run_id,
            PlaybookHostRow.wave,
            PlaybookHostRow.state,
            func.count(),
            func.count().filter(PlaybookHostRow.changed > 0),
        )
        .where(of_runs)
        .group_by(PlaybookHostRow.run_id, PlaybookHostRow.wave, PlaybookHostRow.state)
    ):
        own = counts[run]
        own.by_wave.setdefault(wave, Counter())[HostState(state)] += number
        own.changed += changed
    for run, offices in await tx.session.execute(
        select(PlaybookHostRow.run_id, func.count(PlaybookHostRow.office_id.distinct()))
        .where(of_runs)
        .group_by(PlaybookHostRow.run_id)
    ):
        counts[run].offices = offices
    waves: dict[uuid.UUID, list[PlaybookWaveRow]] = {}
    for wave_row in await tx.session.scalars(
        select(PlaybookWaveRow).where(PlaybookWaveRow.run_id.in_(ids)).order_by(PlaybookWaveRow.id)
    ):
        waves.setdefault(wave_row.run_id, []).append(wave_row)
    return [_view(row, counts[row[0].id], waves.get(row[0].id, []), actor, seen is None) for row in rows]


def _waves(
    row: PlaybookRunRow, counts: _Counts, rows: Sequence[PlaybookWaveRow], *, sees_all: bool
) -> tuple[WaveView, ...]:
    begun: dict[int, list[PlaybookWaveRow]] = {}
    for wave in rows:
        begun.setdefault(wave.number, []).append(wave)
    kinds = {one["number"]: WaveKind(one["kind"]) for one in row.plan.get("planned", ())}
    found = []
    for number, by_state in sorted(counts.by_wave.items()):
        own = begun.get(number, [])
        last = own[-1] if own else None
        kind = WaveKind(last.kind) if last else kinds.get(number, WaveKind.ALL)
        state = WaveState(last.state) if last else WaveState.WAITING
        found.append(
            WaveView(
                number, kind, state, by_state.total(), by_state,
                own[0].started_at if own else None, last.ended_at if last else None, last.soak_until if last else None,
            )
        )  # fmt: skip
    for lane in begun.get(0, ()) if sees_all else ():
        by_state = Counter({HostState(state): number for state, number in lane.counts.items()})
        found.append(
            WaveView(
                0, WaveKind.LANE, WaveState(lane.state), len(lane.hosts), by_state, lane.started_at, lane.ended_at,
                lane.soak_until,
            )
        )  # fmt: skip
    return tuple(found)


def _view(
    found: Found,
    counts: _Counts,
    waves: Sequence[PlaybookWaveRow],
    actor: Actor,
    sees_all: bool,  # noqa: FBT001
) -> RunView:
    row: PlaybookRunRow
    row, office, office_name, lines, *names = found
    launched_by_name, overridden_by_name, cancelled_by_name, approved_by_name, paused_by_name = names
    held = row.held_for or {}
    rollout = row.office_id is None
    # Names of places elsewhere are for who sees them all, and for who was told of them at the launch.
    told = not rollout or sees_all or (actor.id is not None and actor.id == row.launched_by_id)
    by_state = sum(counts.by_wave.values(), Counter[HostState]())
    hindrances = tuple(Hindrance.of_json(one) for one in row.hindrances)
    hidden = {"coverage", "stop"} | (set() if told else {"alerts", "device", "room", "meeting"})
    return RunView(
        id=row.id,
        playbook=row.playbook,
        office=office or "",
        office_name=office_name or "",
        check=row.check_mode,
        arguments=row.arguments,
        targets=tuple(row.targets),
        left_out=tuple(LeftOut(one["device"], WhyLeftOut(one["why"])) for one in row.left_out) if told else (),
        state=RunState(row.state),
        why=Why(row.why),
        details={name: value for name, value in row.details.items() if name not in hidden},
        launched_by_id=row.launched_by_id,
        launched_by=row.launched_by,
        launched_at=row.launched_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        held_room=held.get("room", ""),
        held_meeting=held.get("meeting", ""),
        held_until=datetime.fromisoformat(held["until"]) if held else None,
        overridden_by=row.overridden_by,
        override_reason=row.override_reason,
        cancelled_by=row.cancelled_by,
        lines=lines or 0,
        coverage=_coverage(row),
        devices=by_state.total() or (row.devices if told else 0),
        offices=counts.offices or (row.offices if told else 0),
        wish=row.wish if told else {},
        note=row.note,
        content=row.content,
        priority=Priority(row.priority),
        waves=_waves(row, counts, waves, sees_all=sees_all),
        counts=by_state,
        changed=counts.changed,
        hindrances=hindrances if told else tuple(Hindrance(one.kind, one.until, one.devices) for one in hindrances),
        approve_by=row.approve_by,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        paused_by=row.paused_by,
        expires_at=row.expires_at,
        retry_of=row.retry_of,
        undo_of=row.undo_of,
        tally={Kind(kind): number for kind, number in row.tally.items()},
        only_in_windows=bool(row.plan.get("only_in_windows")),
        launched_by_name=launched_by_name,
        overridden_by_name=overridden_by_name,
        cancelled_by_name=cancelled_by_name,
        approved_by_name=approved_by_name,
        paused_by_name=paused_by_name,
    )


def _coverage(row: PlaybookRunRow) -> Coverage | None:
    stored = row.details.get("coverage")
    if stored is None:
        return None
    told = stored.get("foretold") if "foretold" in stored else len(stored["told"])
    return Coverage(told, tuple(stored["untold"]))


def _read_cursor(cursor: str) -> uuid.UUID:
    try:
        return uuid.UUID(cursor)
    except ValueError:
        raise BadInput(what="The cursor", why="it is not one that this list gave") from None
