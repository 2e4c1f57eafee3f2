"""Read models of runs: lists, one run, its lines from any number on, its hosts. Cut to what the actor may see."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, func, select

from inventory.public import AUDIT_READ, PLAYBOOKS_READ, day_of, visible_offices
from kernel.actors import Actor, Permission
from kernel.db.transaction import Transaction
from kernel.errors import BadInput, NotFound
from playbooks.automation.models import PlaybookHostRow, PlaybookLineRow, PlaybookRunRow
from playbooks.automation.runner.port import Difference, Kind
from playbooks.automation.runs import Coverage, RunState, Why, over
from playbooks.automation.targets import LeftOut, WhyLeftOut

MOST_A_PAGE = 200
MOST_LINES = 1000


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as others see it.

    Attributes:
        id: Its id.
        playbook: Name in the catalog; a playbook may be gone from it since.
        office: Code of the office.
        office_name: Its name.
        check: Whether it is a dry run.
        arguments: What the playbook was given.
        targets: Codes of the devices it goes to, as they were at the launch.
        left_out: The other devices of the office then, and why it does not go there.
        state: How it is.
        why: Why it ended so, where the state does not say it.
        details: More about `why`: `device`, or `room`, `meeting`, `until` (ISO 8601).
        launched_by_id: Their account; None for a part of the platform.
        launched_by: Sign-in name.
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

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it."""
        return over(self.state)


@dataclass(frozen=True, slots=True)
class RunPage:
    """A page of runs, the newest first; `next_cursor` is None on the last."""

    runs: list[RunView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class LineView:
    """One line of a run's log. `kind` is a word of `Kind`; `host` is empty for what is about all."""

    number: int
    at: datetime
    host: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class TallyView:
    """How many lines of one kind a run has said of one host; `last` is the number of the last of them."""

    host: str
    kind: Kind
    lines: int
    last: int


@dataclass(frozen=True, slots=True)
class HostView:
    """What a run did to one host."""

    host: str
    ok: int
    changed: int
    failed: int
    skipped: int
    unreachable: bool
    differences: tuple[Difference, ...]


async def runs(
    actor: Actor,
    tx: Transaction,
    *,
    office: str | None = None,
    playbook: str | None = None,
    state: RunState | None = None,
    limit: int = 50,
    after: str | None = None,
    permission: Permission = PLAYBOOKS_READ,
) -> RunPage:
    """Return a page of runs that `actor` may see, the newest first.

    Args:
        office: Only of this office.
        playbook: Only of this playbook.
        state: Only in this state.
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
    if after is not None:
        statement = statement.where(PlaybookRunRow.id < _read_cursor(after))
    found = [_view(row) for row in await tx.session.execute(statement)]
    return RunPage(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)


async def run_for(actor: Actor, run: uuid.UUID, tx: Transaction) -> RunView:
    """Return one run; NotFound if there is none that `actor` may see."""
    row = (await tx.session.execute(_runs(actor, day_of(tx.now())).where(PlaybookRunRow.id == run))).one_or_none()
    if row is None:
        raise NotFound(kind="run", code=run)
    return _view(row)


async def run_lines(
    actor: Actor,
    run: uuid.UUID,
    tx: Transaction,
    *,
    after: int = 0,
    limit: int = 500,
    kinds: Collection[Kind] = (),
    query: str = "",
) -> list[LineView]:
    """Return the lines of a run that come after line number `after`, in order; empty if there are none yet.

    Args:
        actor: Who reads.
        run: Its id.
        tx: The transaction.
        after: Number of the last line that the reader has.
        limit: Most lines, up to 1,000.
        kinds: Only these; empty: all.
        query: Only lines that hold these characters; capitals and small letters are the same.

    Raises:
        NotFound: There is no such run that `actor` may see.
    """
    await run_for(actor, run, tx)
    statement = select(PlaybookLineRow).where(PlaybookLineRow.run_id == run, PlaybookLineRow.line_no > after)
    if kinds:
        statement = statement.where(PlaybookLineRow.kind.in_([str(kind) for kind in kinds]))
    if query:
        statement = statement.where(func.strpos(func.lower(PlaybookLineRow.text), func.lower(query)) > 0)
    rows = await tx.session.scalars(statement.order_by(PlaybookLineRow.line_no).limit(min(limit, MOST_LINES)))
    return [LineView(row.line_no, row.at, row.host, row.kind, row.text) for row in rows]


async def run_tally(actor: Actor, run: uuid.UUID, tx: Transaction) -> list[TallyView]:
    """Return how many lines of a run there are of each host and kind; NotFound as `run_for`."""
    await run_for(actor, run, tx)
    line = PlaybookLineRow
    found = await tx.session.execute(
        select(line.host, line.kind, func.count(), func.max(line.line_no))
        .where(line.run_id == run)
        .group_by(line.host, line.kind)
        .order_by(line.host, line.kind)
    )
    return [TallyView(host, Kind(kind), lines, last) for host, kind, lines, last in found]


async def run_hosts(actor: Actor, run: uuid.UUID, tx: Transaction) -> list[HostView]:
    """Return what a run did to each host, by name; NotFound as `run_for`."""
    await run_for(actor, run, tx)
    rows = await tx.session.scalars(
        select(PlaybookHostRow).where(PlaybookHostRow.run_id == run).order_by(PlaybookHostRow.host)
    )
    return [
        HostView(
            host=row.host,
            ok=row.ok,
            changed=row.changed,
            failed=row.failed,
            skipped=row.skipped,
            unreachable=row.unreachable,
            differences=tuple(Difference(**one) for one in row.diffs),
        )
        for row in rows
    ]


def audited_runs(actor: Actor, tx: Transaction) -> Select[str]:
    """Return the statement for the runs of which `actor` may read the audit log, as it names them."""
    place = visible_offices(actor, day_of(tx.now()), AUDIT_READ)
    return select(func.concat("run:", PlaybookRunRow.id)).join(place, place.c.id == PlaybookRunRow.office_id)


def _runs(
    actor: Actor, as_of: date, office: str | None = None, permission: Permission = PLAYBOOKS_READ
) -> Select[PlaybookRunRow, str, str, int | None]:
    actor.require(permission)
    place = visible_offices(actor, as_of, permission)
    # Numbers have no gaps, so that the last one is the count.
    lines = (
        select(func.max(PlaybookLineRow.line_no))
        .where(PlaybookLineRow.run_id == PlaybookRunRow.id)
        .correlate(PlaybookRunRow)
        .scalar_subquery()
    )
    statement = select(PlaybookRunRow, place.c.code, place.c.name, lines).join(
        place, place.c.id == PlaybookRunRow.office_id
    )
    return statement if office is None else statement.where(place.c.code == office)


def _view(found: Row[PlaybookRunRow, str, str, int | None]) -> RunView:
    row, office, office_name, lines = found
    held = row.held_for or {}
    coverage = row.details.get("coverage")
    return RunView(
        id=row.id,
        playbook=row.playbook,
        office=office,
        office_name=office_name,
        check=row.check_mode,
        arguments=row.arguments,
        targets=tuple(row.targets),
        left_out=tuple(LeftOut(one["device"], WhyLeftOut(one["why"])) for one in row.left_out),
        state=RunState(row.state),
        why=Why(row.why),
        details={name: value for name, value in row.details.items() if name != "coverage"},
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
        coverage=None if coverage is None else Coverage(coverage["foretold"], tuple(coverage["untold"])),
    )


def _read_cursor(cursor: str) -> uuid.UUID:
    try:
        return uuid.UUID(cursor)
    except ValueError:
        raise BadInput(what="The cursor", why="it is not one that this list gave") from None
