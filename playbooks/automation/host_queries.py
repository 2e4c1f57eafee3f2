"""Read models of what a run said and did: its lines from any number on, its hosts, their differences, times of tasks.

Lines and hosts of devices that the actor may not see are cut off in the statement itself; numbers then have gaps.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select, true

from inventory.public import PLAYBOOKS_READ, day_of, visible_offices
from kernel.actors import Actor
from kernel.db.transaction import Transaction
from kernel.errors import NotFound
from playbooks.automation.models import PlaybookHostRow, PlaybookLineRow, PlaybookTaskRow, PlaybookWaveRow
from playbooks.automation.queries import hosts_seen, run_for
from playbooks.automation.runner.port import Difference, Kind
from playbooks.automation.runs import HostState

MOST_LINES: Final = 1000
MOST_HOSTS: Final = 500


@dataclass(frozen=True, slots=True)
class LineView:
    """One line of a run's log. `kind` is a word of `Kind`; `host` is empty for what is about all."""

    number: int
    at: datetime
    host: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class HostView:
    """A host of a run, and what was done to it.

    Attributes:
        differences: What changed; only where one asks for a whole run on one office (`run_hosts`).
        office: Code of its office.
        wave: Number of its wave in the plan.
        state: How it is.
        tries: How often it was begun.
        seconds: What its tasks took.
        task: The last task that was heard of.
        report: What the playbook handed over about it.
    """

    host: str
    ok: int
    changed: int
    failed: int
    skipped: int
    unreachable: bool
    differences: tuple[Difference, ...] = ()
    office: str = ""
    office_name: str = ""
    wave: int = 1
    state: HostState = HostState.WAITING
    tries: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float = 0.0
    task: str = ""
    report: Mapping[str, Any] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class HostPage:
    """A page of a run's hosts by their codes; `next_cursor` is None on the last."""

    hosts: list[HostView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class TaskTime:
    """How long a task of a wave took: in all, and at the host that was slowest."""

    wave: int
    number: int
    task: str
    hosts: int
    seconds: float
    longest_s: float
    slowest_host: str


async def run_lines(  # noqa: PLR0913 - each cuts the lines in its own way
    actor: Actor,
    run: uuid.UUID,
    tx: Transaction,
    *,
    after: int = 0,
    before: int | None = None,
    limit: int = 500,
    kinds: Collection[Kind] = (),
    host: str = "",
    query: str = "",
) -> list[LineView]:
    """Return lines of a run in order; empty if there are none yet.

    Args:
        actor: Who reads.
        run: Its id.
        tx: The transaction.
        after: Number of the last line that the reader has.
        before: The last lines before this number, and not the first ones after `after`.
        limit: Most lines, up to 1,000.
        kinds: Only these; empty: all.
        host: Only of this host.
        query: Only lines that hold these characters; capitals and small letters are the same.

    Raises:
        NotFound: There is no such run that `actor` may see.
    """
    await run_for(actor, run, tx)
    statement = select(PlaybookLineRow).where(
        PlaybookLineRow.run_id == run, PlaybookLineRow.line_no > after, _lines_seen(actor, run, tx)
    )
    if kinds:
        statement = statement.where(PlaybookLineRow.kind.in_([str(kind) for kind in kinds]))
    if host:
        statement = statement.where(PlaybookLineRow.host == host)
    if query:
        statement = statement.where(func.strpos(func.lower(PlaybookLineRow.text), func.lower(query)) > 0)
    number = PlaybookLineRow.line_no
    if before is None:
        statement = statement.order_by(number)
    else:
        statement = statement.where(number < before).order_by(number.desc())
    rows = (await tx.session.scalars(statement.limit(min(limit, MOST_LINES)))).all()
    return [
        LineView(row.line_no, row.at, row.host, row.kind, row.text) for row in (rows if before is None else rows[::-1])
    ]


async def run_hosts(actor: Actor, run: uuid.UUID, tx: Transaction) -> list[HostView]:
    """Return what a run did to each host, by name, with its differences; at most 500. NotFound as `run_for`."""
    page = await hosts_of_run(actor, run, tx, limit=MOST_HOSTS)
    rows = await tx.session.execute(
        select(PlaybookHostRow.host, PlaybookHostRow.diffs).where(
            PlaybookHostRow.run_id == run, PlaybookHostRow.host.in_([host.host for host in page.hosts])
        )
    )
    diffs: dict[str, list[dict[str, Any]]] = {row.host: row.diffs for row in rows}
    return [_with(host, diffs.get(host.host, ())) for host in page.hosts]


async def hosts_of_run(
    actor: Actor,
    run: uuid.UUID,
    tx: Transaction,
    *,
    state: HostState | None = None,
    wave: int | None = None,
    query: str = "",
    limit: int = 200,
    after: str | None = None,
) -> HostPage:
    """Return a page of a run's hosts by their codes, without differences.

    Args:
        actor: Who reads.
        run: Its id.
        tx: The transaction.
        state: Only those that are so.
        wave: Only those of this wave of the plan.
        query: Only those whose code or office holds it.
        limit: Most in this page, up to 500.
        after: Cursor of the page before.

    Raises:
        NotFound: There is no such run that `actor` may see.
    """
    await run_for(actor, run, tx)
    limit = min(limit, MOST_HOSTS)
    place = visible_offices(actor, day_of(tx.now()), PLAYBOOKS_READ)
    statement = (
        select(PlaybookHostRow, place.c.code, place.c.name)
        .join(place, place.c.id == PlaybookHostRow.office_id)
        .where(PlaybookHostRow.run_id == run)
        .order_by(PlaybookHostRow.host)
        .limit(limit + 1)
    )
    if state is not None:
        statement = statement.where(PlaybookHostRow.state == str(state))
    if wave is not None:
        statement = statement.where(PlaybookHostRow.wave == wave)
    if query:
        found = [func.strpos(func.lower(column), func.lower(query)) > 0
                 for column in (PlaybookHostRow.host, place.c.code, place.c.name)]  # fmt: skip
        statement = statement.where(or_(*found))
    if after is not None:
        statement = statement.where(PlaybookHostRow.host > after)
    rows = list(await tx.session.execute(statement))
    hosts = [_host(row, office, name) for row, office, name in rows[:limit]]
    return HostPage(hosts, hosts[-1].host if len(rows) > limit else None)


async def host_differences(actor: Actor, run: uuid.UUID, host: str, tx: Transaction) -> tuple[Difference, ...]:
    """Return what a run changed on one host, or would; NotFound if there is none that `actor` may see."""
    await run_for(actor, run, tx)
    place = visible_offices(actor, day_of(tx.now()), PLAYBOOKS_READ)
    seen = hosts_seen(actor, place)
    row = await tx.session.scalar(
        select(PlaybookHostRow).where(
            PlaybookHostRow.run_id == run, PlaybookHostRow.host == host, true() if seen is None else seen
        )
    )
    if row is None:
        raise NotFound(kind="device", code=host[:63])
    return tuple(Difference(**one) for one in row.diffs)


async def task_times(actor: Actor, run: uuid.UUID, tx: Transaction) -> list[TaskTime]:
    """Return how long the tasks of each wave took, in their order; whose slowest host they may not see has no name.

    NotFound as `run_for`.
    """
    await run_for(actor, run, tx)
    rows = await tx.session.execute(
        select(PlaybookTaskRow, PlaybookWaveRow.number)
        .join(PlaybookWaveRow, PlaybookWaveRow.id == PlaybookTaskRow.wave_id)
        .where(PlaybookWaveRow.run_id == run)
        .order_by(PlaybookWaveRow.id, PlaybookTaskRow.place)
    )
    sees_all = actor.may_everywhere(PLAYBOOKS_READ)
    return [
        TaskTime(wave, row.place, row.name, row.hosts, row.seconds, row.longest_s, row.slowest_host if sees_all else "")
        for row, wave in rows
    ]


def _lines_seen(actor: Actor, run: uuid.UUID, tx: Transaction) -> ColumnElement[bool]:
    place = visible_offices(actor, day_of(tx.now()), PLAYBOOKS_READ)
    seen = hosts_seen(actor, place)
    if seen is None:
        return true()
    hosts = select(PlaybookHostRow.host).where(and_(PlaybookHostRow.run_id == run, seen))
    return or_(PlaybookLineRow.host == "", PlaybookLineRow.host.in_(hosts))


def _host(row: PlaybookHostRow, office: str, office_name: str) -> HostView:
    return HostView(
        host=row.host,
        ok=row.ok,
        changed=row.changed,
        failed=row.failed,
        skipped=row.skipped,
        unreachable=row.unreachable,
        office=office,
        office_name=office_name,
        wave=row.wave,
        state=HostState(row.state),
        tries=row.tries,
        started_at=row.started_at,
        ended_at=row.ended_at,
        seconds=row.seconds,
        task=row.task,
        report=row.report,
    )


def _with(host: HostView, diffs: Collection[Mapping[str, Any]]) -> HostView:
    return replace(host, differences=tuple(Difference(**one) for one in diffs))
